/* SPDX-License-Identifier: MIT */
/*
 * Loads and stores of words that are shared with the host or with other workers:
 * Documentation/memory-ordering.rst has what each is relied on for.
 */

#define MK_LOAD_RELAXED(word)                                                             \
	atomicLoad(word, gl_ScopeDevice, gl_StorageSemanticsNone, gl_SemanticsRelaxed)
#define MK_STORE_RELAXED(word, value)                                                     \
	atomicStore(word, value, gl_ScopeDevice, gl_StorageSemanticsNone,                 \
		    gl_SemanticsRelaxed)
#define MK_STORE_RELEASE(word, value)                                                     \
	atomicStore(word, value, gl_ScopeDevice, gl_StorageSemanticsBuffer,               \
		    gl_SemanticsRelease | gl_SemanticsMakeAvailable)
#define MK_ADD(word, value)                                                               \
	atomicAdd(word, value, gl_ScopeDevice, gl_StorageSemanticsNone,                   \
		  gl_SemanticsRelaxed)

/* What was stored before is visible on the device, and to the host, before what follows. */
#define MK_RELEASE()                                                                      \
	memoryBarrier(gl_ScopeDevice, gl_StorageSemanticsBuffer,                          \
		      gl_SemanticsRelease | gl_SemanticsMakeAvailable)
/* After a relaxed load has seen a word: so is what was stored before it. */
#define MK_ACQUIRE()                                                                      \
	memoryBarrier(gl_ScopeDevice, gl_StorageSemanticsBuffer,                          \
		      gl_SemanticsAcquire | gl_SemanticsMakeVisible)
/* Both. */
#define MK_ACQUIRE_RELEASE                                                                \
	gl_SemanticsAcquireRelease | gl_SemanticsMakeAvailable | gl_SemanticsMakeVisible
#define MK_ACQUIRE_RELEASE_FENCE()                                                        \
	memoryBarrier(gl_ScopeDevice, gl_StorageSemanticsBuffer, MK_ACQUIRE_RELEASE)
