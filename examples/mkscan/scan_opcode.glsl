// SPDX-License-Identifier: MIT
/*
 * The scan opcode: runs a stretch of text through the automaton and counts the
 * states with an output that it comes through.  scan_opcode.c compiles this same
 * text as C for the reference executor, so keep to what both languages share.
 *
 * Two loops take turns.  The first takes a word of text at once and holds while
 * all four bytes lead to dense states, none of which has an output; it does not
 * branch on what it loads.  The second goes byte by byte, or link by link, where
 * states are sparse and at the text's ends.  What either has found is counted
 * behind both, because devices that run a branch whether it is taken or not have
 * to run it only then.
 *
 * Where the host has not put the text into the arena, the slot asks for it first and
 * waits.  An answer is told once, so it is noted in the arguments.
 *
 * A step is one pass of a loop.  A turn costs three besides: its own, and the
 * last pass of each inner loop, the one that finds nothing left to do.
 */
#include "scan_layout.h"

#define SCAN_STEPS_OF_A_TURN 3u
#define SCAN_STEPS_AT_LEAST  64u

/* Where to look the next byte up: in the root once a state has been sparse. */
#define SCAN_ROW(seen, state) \
	((((seen) & SCAN_REF_SPARSE) == 0u ? (state) : SCAN_ROOT) & SCAN_REF_WORD)

#define SCAN_IS_WHOLE(state, position, end) \
	(((state) & SCAN_REF_SPARSE) == 0u && ((position) & 3u) == 0u && \
	 (end) - (position) >= 4u)

/* Counts a state that was reached by the byte before an address. */
#define SCAN_COUNT(state, address) \
	if (((state) & SCAN_REF_OUTPUT) != 0u && \
	    (address) > call.args[SCAN_ARG_COUNT_FROM]) { \
		uint pattern = mk_arena_load(((state) & SCAN_REF_WORD) - 1u); \
		uint counter = call.args[SCAN_ARG_COUNTERS] + \
			       pattern * SCAN_COUNTER_WORDS; \
\
		if (mk_arena_add(counter, 1u) == 0xffffffffu) \
			mk_arena_add(counter + 1u, 1u); \
	}

MK_OPCODE(0x100, scan)
{
	uint position = call.args[SCAN_ARG_POSITION];
	uint state = call.args[SCAN_ARG_STATE];
	uint end = call.args[SCAN_ARG_END];
	uint steps = 0u;

	if (call.args[SCAN_ARG_TO_READ] != 0u) {
		uint answer = mk_io_answer(call);

		if (answer == MK_IO_STATUS_ERROR) {
			mk_arena_store(call.args[SCAN_ARG_OUTCOME], mk_io_reason(call));
			return MK_STATUS_FAULT;
		}
		if (answer != MK_IO_STATUS_OK)
			return mk_io_read(call, call.args[SCAN_ARG_FILE],
					  call.args[SCAN_ARG_BLOCK],
					  call.args[SCAN_ARG_OFFSET_LOW],
					  call.args[SCAN_ARG_OFFSET_HIGH],
					  call.args[SCAN_ARG_TO_READ]);
		call.args[SCAN_ARG_TO_READ] = 0u;
	}
	if (position < end)
		steps = mk_steps((end - position) / 4u + SCAN_STEPS_AT_LEAST);

	while (position < end && steps > SCAN_STEPS_OF_A_TURN) {
		bool whole = SCAN_IS_WHOLE(state, position, end);
		bool found = false;
		uint first = 0u, second = 0u, third = 0u;

		steps -= SCAN_STEPS_OF_A_TURN;
		while (whole && steps != 0u) {
			uint text = mk_arena_load(position >> 2u);
			uint row = state & SCAN_REF_WORD;

			first = mk_arena_load(row + (text & 255u));
			uint seen = first;
			row = SCAN_ROW(seen, first);
			second = mk_arena_load(row + ((text >> 8u) & 255u));
			seen |= second;
			row = SCAN_ROW(seen, second);
			third = mk_arena_load(row + ((text >> 16u) & 255u));
			seen |= third;
			row = SCAN_ROW(seen, third);
			uint fourth = mk_arena_load(row + (text >> 24u));
			seen |= fourth;

			steps -= 1u;
			whole = (seen & SCAN_REF_SPARSE) == 0u;
			if (whole) {
				state = fourth;
				position += 4u;
				found = (seen & SCAN_REF_OUTPUT) != 0u;
				whole = !found && end - position >= 4u;
			}
		}

		while (!whole && !found && position < end && steps != 0u) {
			uint text = mk_arena_load(position >> 2u);
			uint byte = (text >> ((position & 3u) * 8u)) & 255u;
			uint word = state & SCAN_REF_WORD;
			bool sparse = (state & SCAN_REF_SPARSE) != 0u;
			uint low = mk_arena_load(sparse ? word : word + byte);
			uint high = mk_arena_load(sparse ? word + 1u : word);
			uint judged = (low >> SCAN_BYTE_SHIFT) |
				      ((high >> SCAN_BYTE_SHIFT) << 4u);
			bool taken = !sparse || judged == byte;

			steps -= 1u;
			first = 0u;
			second = 0u;
			third = 0u;
			state = (sparse && taken ? high : low) & SCAN_REF_BITS;
			if (taken) {
				position += 1u;
				found = (state & SCAN_REF_OUTPUT) != 0u;
			}
			whole = SCAN_IS_WHOLE(state, position, end);
		}

		if (found) {
			SCAN_COUNT(first, position - 3u)
			SCAN_COUNT(second, position - 2u)
			SCAN_COUNT(third, position - 1u)
			SCAN_COUNT(state, position)
		}
	}

	call.args[SCAN_ARG_POSITION] = position;
	call.args[SCAN_ARG_STATE] = state;
	return position < end ? MK_STATUS_YIELD : MK_STATUS_DONE;
}
