/* SPDX-License-Identifier: MIT */
/*
 * Stands in the place of shaders/ordering.glsl, for a kernel that is cut off in its midst:
 * from the moment at which a word of the state is set no store and no addition lands, by
 * whichever worker and in whichever operation, as when a device loses its power.  What a
 * dispatch leaves then is what a reset may leave: slots that are CLAIMED, effects without
 * their completion, and completions that are told in part.
 */
#include "ordering_itself.glsl"
#include "reset_power.h"

#undef MK_STORE_RELAXED
#undef MK_STORE_RELEASE
#undef MK_ADD

#define MK_HAS_POWER() (MK_LOAD_RELAXED(state[RESET_POWER_CUT]) == 0u)

#define MK_STORE_RELAXED(word, value)                                                     \
	do {                                                                              \
		if (MK_HAS_POWER())                                                       \
			atomicStore(word, value, gl_ScopeDevice, gl_StorageSemanticsNone, \
				    gl_SemanticsRelaxed);                                 \
	} while (false)
#define MK_STORE_RELEASE(word, value)                                                     \
	do {                                                                              \
		if (MK_HAS_POWER())                                                       \
			atomicStore(word, value, gl_ScopeDevice,                          \
				    gl_StorageSemanticsBuffer,                            \
				    gl_SemanticsRelease | gl_SemanticsMakeAvailable);     \
	} while (false)
#define MK_ADD(word, value)                                                               \
	atomicAdd(word, MK_HAS_POWER() ? (value) : 0u, gl_ScopeDevice,                     \
		  gl_StorageSemanticsNone, gl_SemanticsRelaxed)
