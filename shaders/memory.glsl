/* SPDX-License-Identifier: MIT */
/*
 * The memory of a context as the device sees it, and how it is touched.
 *
 * All of it is shared with the host, so every access is either an atomic with
 * the ordering it needs, or an ordinary one to a nonprivate buffer that an
 * acquire or release orders.  An acquire makes the host's words visible and a
 * release makes ours available: without these two the loads that follow may be
 * served from a stale cache.
 */

/*
 * Whether the memories are on two sides of a bus: the cq, which the host polls, in the
 * host's memory, and all others in the device's own.  Else they are all the same to
 * the device.
 */
layout(constant_id = 1) const bool mk_split = false;

#include "linux/mk_abi.h"
#include "state_layout.h"
#include "ordering.glsl"

layout(set = 0, binding = 0, std430) nonprivate buffer Control { uint control[]; };
layout(set = 0, binding = 1, std430) nonprivate buffer Ring { uint ring[]; };
/* The same, and others below, in fours, each of which one load gets whole. */
layout(set = 0, binding = 1, std430) nonprivate volatile buffer RingQuads { uvec4 ring_quads[]; };
layout(set = 0, binding = 2, std430) nonprivate buffer DebugLog { uint debug_log[]; };
layout(set = 0, binding = 3, std430) nonprivate buffer IoQueue { uint io_queue[]; };
layout(set = 0, binding = 3, std430) nonprivate volatile buffer IoQuads { uvec4 io_quads[]; };
layout(set = 0, binding = 4, std430) nonprivate buffer Cq { uint cq[]; };
/* What is stored in fours here goes to the host as it is, with no release behind it. */
layout(set = 0, binding = 4, std430) devicecoherent volatile buffer CqQuads { uvec4 cq_quads[]; };
layout(set = 0, binding = 5, std430) nonprivate buffer State { uint state[]; };
layout(set = 0, binding = 6, std430) nonprivate buffer Arena { uint arena[]; };

/* As struct kernel_parameters in vk_kernel.c. */
layout(push_constant) uniform Parameters {
	uint steps;		/* loop iterations of one worker */
	uint idle_looks;	/* looks without work after which it is idle */
	uint flags;		/* MK_DISPATCH_* */
	uint slot_count;
	uint window_slots;
	uint window_count;
	uint log_records;
	uint observable_words;
	uint arena_words;
	uint context_flags;	/* MK_CONTEXT_* */
	uint io_request_slots;	/* the first ones of the io queue */
	uint io_slots;		/* all of them */
} parameters;

/* Which lane of its worker this is, of mk_lanes. */
uint mk_lane;
/* Which worker this is, and of how many. */
uint mk_worker;
uint mk_workers;

/* A slot's status and words. */
#define MK_STATUS_WORD(slot)	     ring[(slot) * MK_SLOT_WORDS + MK_SLOT_STATUS]
#define MK_PAYLOAD_WORD(slot, word)  ring[(slot) * MK_SLOT_WORDS + (word)]
#define MK_SLOT_QUADS	     (MK_SLOT_WORDS / 4u)
#define MK_HEADER_QUAD(slot) ring_quads[(slot) * MK_SLOT_QUADS]
#define MK_ARGS_QUAD(slot, i) ring_quads[(slot) * MK_SLOT_QUADS + MK_SLOT_ARGS / 4u + (i)]
#define MK_IO_QUEUE_WORD(io_slot, word) io_queue[(io_slot) * MK_IO_SLOT_WORDS + (word)]
#define MK_OUTBOX_QUAD(io_slot, i)                                                        \
	cq_quads[MK_CQ_IO_OUTBOX / 4u + (io_slot) * (MK_CQ_IO_OUTBOX_WORDS / 4u) + (i)]
#define MK_IO_OWNER_WORD(io_slot)                                                         \
	state[MK_STATE_IO_SLOT_WORD(parameters.slot_count, parameters.window_count, io_slot,     \
				    MK_STATE_IO_OWNER)]
#define MK_IO_LAP_WORD(io_slot)                                                           \
	state[MK_STATE_IO_SLOT_WORD(parameters.slot_count, parameters.window_count, io_slot,     \
				    MK_STATE_IO_LAP)]
#define MK_PROGRESS_WORD(slot, array)                                                     \
	state[MK_STATE_SLOT_WORD(parameters.slot_count, slot, array)]

/*
 * A slot's status from its first word and the entry that the device keeps of it.  In
 * an inbox the host publishes anew with another count than the entry's.
 */
uint mk_status_from(uint word, uint entry)
{
	if (!mk_split)
		return word;
	if ((word & (1u << MK_INBOX_COUNT_SHIFT) - 1u) == MK_STATUS_PUBLISHED &&
	    word >> MK_INBOX_COUNT_SHIFT != entry >> MK_CQ_ENTRY_COUNT_SHIFT)
		return MK_STATUS_PUBLISHED;
	return entry & MK_CQ_ENTRY_STATUS_MASK;
}

/* Behind a MK_ACQUIRE() what was done before the status was stored is visible. */
uint mk_load_status(uint slot)
{
	uint word = MK_LOAD_RELAXED(MK_STATUS_WORD(slot));

	if (!mk_split)
		return word;
	return mk_status_from(word,
			      MK_LOAD_RELAXED(MK_PROGRESS_WORD(slot, MK_STATE_ENTRY)));
}

bool mk_status_is_final(uint status)
{
	return status == MK_STATUS_EMPTY || status == MK_STATUS_DONE ||
	       status == MK_STATUS_FAULT;
}

bool mk_status_is_ready(uint status)
{
	return status == MK_STATUS_PUBLISHED || status == MK_STATUS_YIELD ||
	       status == MK_STATUS_REQUEUE;
}

/* Where a counter in the device's line of the cq is gathered, when the cq is across a bus. */
#define MK_COUNTER_WORD(word) state[MK_STATE_COUNTERS + (word) - MK_CQ_HEARTBEAT]

/*
 * Add to a counter in the device's line of the cq.  Where the cq is across a bus the
 * device adds in its own memory, and one worker shows the sums: see mk_show_counters().
 */
uint mk_counter_add(uint word, uint value)
{
	if (mk_split)
		return MK_ADD(MK_COUNTER_WORD(word), value);
	return MK_ADD(cq[word], value);
}

/* Append a record to the debug log, or count it as dropped. */
void mk_log(uint format, uint a, uint b, uint c)
{
	uint record = MK_LOAD_RELAXED(state[MK_STATE_LOG_RESERVED]);

	if (record < parameters.log_records)
		record = MK_ADD(state[MK_STATE_LOG_RESERVED], 1u);
	if (record >= parameters.log_records) {
		mk_counter_add(MK_CQ_LOG_DROPPED, 1u);
		return;
	}
	uint word = MK_LOG_RECORDS + record * MK_LOG_RECORD_WORDS;
	debug_log[word] = format;
	debug_log[word + 1u] = a;
	debug_log[word + 2u] = b;
	debug_log[word + 3u] = c;
	/* The cursor counts finished records, so that it never passes the end. */
	atomicAdd(debug_log[MK_LOG_CURSOR], MK_LOG_RECORD_WORDS, gl_ScopeDevice,
		  gl_StorageSemanticsBuffer,
		  gl_SemanticsRelease | gl_SemanticsMakeAvailable);
}
