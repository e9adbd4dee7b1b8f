/* SPDX-License-Identifier: MIT */
/*
 * Memory in which a store becomes visible later than it was made, for the models that
 * include this.
 *
 * A store is pending until it lands in its word, where all see it.  Pending stores land
 * at any time and in any order, but for what a fence demands: who fences waits until its
 * own have landed.  (So it goes on later than with a real fence, which only holds back
 * the stores behind it; to others that looks the same.)  A second store to a word takes
 * the place of the first if that has not landed, as in a write-combining buffer.
 *
 * That is weaker than x86 with cached memory, where stores land in order, and as weak as
 * write-combining memory across a bus, ARM, and Vulkan's memory model.
 */

#define NONE 255

/* A word, and the pending store of the one side that stores there. */
#define WORD(name)		byte name; byte name##_pending = NONE;
/* The pending store of another side. */
#define SECOND_WRITER(pending)	byte pending = NONE;

#define STORE(name, value)	name##_pending = (value)
#define HAS_LANDED(name)	(name##_pending == NONE)

/* The same for an array of words. */
#define WORDS(name, size)		byte name[size]; byte name##_pending[size] = NONE;
#define SECOND_WRITERS(pending, size)	byte pending[size] = NONE;
#define STORE_AT(name, i, value)	name##_pending[i] = (value)
#define HAS_LANDED_AT(name, i)		(name##_pending[i] == NONE)

/* Alternatives of the process that lands stores. */
#define LAND(name)		LAND_AS(name##_pending, name)
#define LAND_AS(pending, word)	LAND_IF(true, pending, word)
#define LAND_AT(name, i)	LAND_AS(name##_pending[i], name[i])
#define LAND_IF(condition, pending, word)                                                 \
	:: d_step { (condition) && pending != NONE -> word = pending; pending = NONE }

/* The store of one who has died lands now or never. */
#define LAND_OR_LOSE(name)	LAND_OR_LOSE_AS(name##_pending, name)
#define LAND_OR_LOSE_AS(pending, word)                                                    \
	if                                                                                \
	:: pending != NONE -> word = pending                                              \
	:: true                                                                           \
	fi;                                                                               \
	pending = NONE
