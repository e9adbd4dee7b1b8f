/* SPDX-License-Identifier: MIT */
/*
 * Requests for io.  An operation takes a request slot and writes what it wants there.
 * When it has given its lane away by WAIT_IO, the request is published; when the host
 * has answered, the slot is executed again and the operation is told the answer.
 * Documentation/abi.rst has the protocol; libmk/src/exec_io.c says the same in C.
 */

/* The slot plus 1 whose operation runs; 0: none that may ask. */
uint mk_io_asker;
/* The request slot plus 1 that it has taken in this call; 0: none. */
uint mk_io_asked;
/*
 * The one plus 1 whose answer it has; 0: none.  It is not free for others until the
 * operation has asked again, in that one, or the call is over.
 */
uint mk_io_kept;
/* The answer that it is called with: 0 or MK_IO_STATUS_*, and why. */
uint mk_io_answered;
uint mk_io_why;

/*
 * What was asked for, where the outbox has room for it: the words of the io slot, with 0 for
 * the status and that as the last; then the record of the outbox.
 */
struct mk_request {
	uvec4 first;
	uvec4 last;
};

mk_request mk_record;
bool mk_has_record;

/* Others want request slots, and none was free when this worker looked last. */
bool mk_io_is_scarce;

/* How often the request slot that was taken in this call was in the outbox. */
uint mk_io_lap;

/* Request slots that are looked at for a free one before others have their turn. */
#define MK_IO_TAKE_STEPS 64u

bool mk_has_outbox(uint request)
{
	return mk_split && request < MK_CQ_IO_OUTBOX_SLOTS;
}

bool mk_is_io_answer(uint status)
{
	return status == MK_IO_STATUS_OK || status == MK_IO_STATUS_ERROR;
}

/* Most that are looked at may be taken: a load is cheaper than a swap. */
bool mk_take_if_free(uint request, uint asker)
{
	return MK_LOAD_RELAXED(MK_IO_OWNER_WORD(request)) == 0u &&
	       atomicCompSwap(MK_IO_OWNER_WORD(request), 0u, asker, gl_ScopeDevice,
			      gl_StorageSemanticsNone, gl_SemanticsRelaxed,
			      gl_StorageSemanticsNone, gl_SemanticsRelaxed) == 0u;
}

/*
 * Take a free request slot.  Returns it plus 1, or 0: none was found.
 *
 * Across a bus those are sought that have room in the outbox, while there are such: the host
 * takes some microseconds longer to find a request elsewhere.  Each begins at another one,
 * by how many others have one already, so who asks again and again gets the same slot, where
 * the host looks first.
 */
uint mk_take_request(uint asker)
{
	uint count = parameters.io_request_slots, request, taken = 0u;
	uint with_outbox = mk_split ? min(count, MK_CQ_IO_OUTBOX_SLOTS) : 0u;

	if (MK_LOAD_RELAXED(state[MK_STATE_IO_TAKEN]) >= count)
		return 0u;
	request = MK_ADD(state[MK_STATE_IO_TAKEN], 1u);
	if (request < with_outbox)
		count = with_outbox;
	else
		request = MK_ADD(state[MK_STATE_IO_CURSOR], 1u) % count;
	uint tries = min(count, MK_IO_TAKE_STEPS);
	while (taken == 0u && tries != 0u && mk_steps(1u) != 0u) {
		if (mk_take_if_free(request, asker))
			taken = request + 1u;
		request = request + 1u < count ? request + 1u : 0u;
		tries--;
	}
	if (taken == 0u)
		MK_ADD(state[MK_STATE_IO_TAKEN], 0xffffffffu);
	if (mk_split && taken != 0u)
		mk_io_lap = MK_LOAD_RELAXED(MK_IO_LAP_WORD(taken - 1u));
	/* Who had it before is done with its words. */
	MK_ACQUIRE();
	return taken;
}

/* By who has it, and is done with its words.  Its status is EMPTY. */
void mk_leave_request(uint request)
{
	MK_RELEASE();
	MK_STORE_RELAXED(MK_IO_OWNER_WORD(request), 0u);
	MK_ADD(state[MK_STATE_IO_TAKEN], 0xffffffffu);
}

/* The same: nobody waits for it any more, or it was not published. */
void mk_free_request(uint request)
{
	MK_STORE_RELAXED(MK_IO_QUEUE_WORD(request, MK_IO_STATUS), MK_STATUS_EMPTY);
	mk_leave_request(request);
}

/* What an operation returns to wait for an answer, or for its turn to ask. */
uint mk_ask(uint op, uint source, uint destination, uint offset_low, uint offset_high,
	    uint bytes, uint tag)
{
	if (mk_io_asker == 0u) {
		mk_fault = MK_FAULT_HANDLER;
		return MK_STATUS_FAULT;
	}
	if (mk_io_asked == 0u) {
		mk_io_asked = mk_io_kept;
		mk_io_kept = 0u;
	}
	if (mk_io_asked == 0u)
		mk_io_asked = mk_take_request(mk_io_asker);
	if (mk_io_asked == 0u)
		return MK_STATUS_REQUEUE;

	uint request = mk_io_asked - 1u;
	if (mk_has_outbox(request)) {
		mk_record = mk_request(uvec4(op, source, destination, offset_low),
				       uvec4(offset_high, bytes, tag, 0u));
		return MK_STATUS_WAIT_IO;
	}
	MK_IO_QUEUE_WORD(request, MK_IO_OP) = op;
	MK_IO_QUEUE_WORD(request, MK_IO_SOURCE) = source;
	MK_IO_QUEUE_WORD(request, MK_IO_DESTINATION) = destination;
	MK_IO_QUEUE_WORD(request, MK_IO_OFFSET_LOW) = offset_low;
	MK_IO_QUEUE_WORD(request, MK_IO_OFFSET_HIGH) = offset_high;
	MK_IO_QUEUE_WORD(request, MK_IO_BYTE_COUNT) = bytes;
	MK_IO_QUEUE_WORD(request, MK_IO_TAG) = tag;
	return MK_STATUS_WAIT_IO;
}

/* An operation that took a request slot and does not wait gives it back. */
void mk_withdraw()
{
	if (mk_io_asked != 0u)
		mk_free_request(mk_io_asked - 1u);
	mk_io_asked = 0u;
}

/*
 * The slot that asked is WAIT_IO already, and its words are where it goes on from.  Who
 * sees the count finds the request.
 */
void mk_publish_request_in_place(uint request)
{
	MK_RELEASE();
	MK_STORE_RELAXED(MK_IO_QUEUE_WORD(request, MK_IO_STATUS), MK_STATUS_PUBLISHED);
	MK_RELEASE();
	mk_counter_add(MK_CQ_IO_REQUESTS, 1u);
}

/* Across a bus the count is shown later, and the host goes by a hint. */
void mk_give_hint(uint request, uint n)
{
	MK_STORE_RELAXED(cq[MK_CQ_IO_HINTS + n % MK_CQ_IO_HINT_COUNT],
			 n + 1u << MK_CQ_IO_HINT_SLOT_BITS |
				 min(request, MK_CQ_IO_HINT_SLOT_NONE));
	mk_counter_add(MK_CQ_IO_REQUESTS, 1u);
}

void mk_publish_request_by_hint(uint request)
{
	/* Ahead of the fence, which takes as long. */
	uint n = MK_ADD(state[MK_STATE_IO_HINTS], 1u);

	MK_RELEASE();
	MK_STORE_RELAXED(MK_IO_QUEUE_WORD(request, MK_IO_STATUS), MK_STATUS_PUBLISHED);
	MK_RELEASE();
	mk_give_hint(request, n);
}

/* The words of a record: libmk/src/io_outbox.h says what they are. */
mk_request mk_pack_record(mk_request words, uint lap)
{
	const uint shift = MK_CQ_IO_OUTBOX_LAP_SHIFT, low = (1u << shift) - 1u;
	uvec4 high = words.first >> shift << uvec4(0u, 4u, 8u, 12u) |
		     words.last >> shift << uvec4(16u, 20u, 24u, 0u);

	words.last.w = high.x | high.y | high.z | high.w;
	return mk_request(words.first & low | lap << shift, words.last & low | lap << shift);
}

/* PUBLISHED says nothing here without the record, which mk_send_records() sends. */
void mk_publish_request_by_record(uint request)
{
	uint quad = request * MK_IO_SLOT_WORDS / 4u;
	uvec4 last = mk_record.last;

	mk_has_record = true;
	io_quads[quad] = mk_record.first;
	io_quads[quad + 1u] = uvec4(last.x, last.y, MK_STATUS_PUBLISHED, last.z);
	mk_io_lap++;
	MK_STORE_RELAXED(MK_IO_LAP_WORD(request), mk_io_lap);
	mk_record = mk_pack_record(mk_record, mk_io_lap);
}

void mk_publish_request()
{
	uint request = mk_io_asked - 1u;

	if (mk_has_outbox(request))
		mk_publish_request_by_record(request);
	else if (mk_split)
		mk_publish_request_by_hint(request);
	else
		mk_publish_request_in_place(request);
}

/* Before a lane may publish. */
void mk_begin_records()
{
	mk_has_record = false;
}

/*
 * By all lanes together, after some of them have published by records: one fence for all
 * of what they have stored.  Each record is two stores, as few as can be, so that it
 * crosses the bus at once.
 */
void mk_send_records()
{
	if (!subgroupAny(mk_has_record))
		return;
	subgroupBarrier();
	MK_RELEASE();
	if (mk_has_record) {
		uint request = mk_io_asked - 1u;

		MK_OUTBOX_QUAD(request, 0u) = mk_record.first;
		MK_OUTBOX_QUAD(request, 1u) = mk_record.last;
		/* Nobody waits for the hint. */
		mk_give_hint(request, MK_ADD(state[MK_STATE_IO_HINTS], 1u));
	}
}

/* What a slot's operation is to know of io. */
void mk_begin_io(uint slot)
{
	mk_io_asker = slot + 1u;
	mk_io_asked = mk_io_kept = mk_io_answered = mk_io_why = 0u;
}

/*
 * The same when the request that it waits for was answered.  It may ask in the same one,
 * unless others want one that is free.
 */
void mk_take_answer(uint slot, uint request, uint answer, uint lap)
{
	mk_io_lap = lap;
	mk_io_answered = answer;
	if (answer == MK_IO_STATUS_ERROR)
		mk_io_why = MK_IO_QUEUE_WORD(request, MK_IO_REASON);
	MK_PROGRESS_WORD(slot, MK_STATE_IO) = 0u;
	MK_STORE_RELAXED(MK_IO_QUEUE_WORD(request, MK_IO_STATUS), MK_STATUS_EMPTY);
	if (mk_io_is_scarce)
		mk_leave_request(request);
	else
		mk_io_kept = request + 1u;
}

/* The operation has returned. */
void mk_end_io()
{
	if (mk_io_kept != 0u)
		mk_leave_request(mk_io_kept - 1u);
	mk_io_kept = 0u;
}

/*
 * Across a bus what is counted is shown in the cq, where the host looks for requests.
 * One does that at a time, else the cq could be set back.  Who finds another one at it
 * leaves it to that one, who shows once more; and the house-keeping shows what a
 * showing that went on for long has left.
 */
#define MK_SHOW_PASSES 4u

/* By one lane.  Returns whether what was counted before is shown. */
bool mk_show_io_counters()
{
	uint passes = 0u, seen = 1u, before;

	if (atomicAdd(state[MK_STATE_IO_SHOWING], 1u, gl_ScopeDevice,
		      gl_StorageSemanticsBuffer, MK_ACQUIRE_RELEASE) != 0u)
		return false;
	do {
		MK_STORE_RELAXED(cq[MK_CQ_IO_REQUESTS],
				 MK_LOAD_RELAXED(MK_COUNTER_WORD(MK_CQ_IO_REQUESTS)));
		MK_STORE_RELAXED(cq[MK_CQ_IO_INGESTS],
				 MK_LOAD_RELAXED(MK_COUNTER_WORD(MK_CQ_IO_INGESTS)));
		passes++;
		before = seen;
		seen = atomicCompSwap(state[MK_STATE_IO_SHOWING], before, 0u, gl_ScopeDevice,
				      gl_StorageSemanticsBuffer, MK_ACQUIRE_RELEASE,
				      gl_StorageSemanticsBuffer,
				      gl_SemanticsAcquire | gl_SemanticsMakeVisible);
	} while (seen != before && passes < MK_SHOW_PASSES);
	if (seen != before)
		atomicExchange(state[MK_STATE_IO_SHOWING], 0u, gl_ScopeDevice,
			       gl_StorageSemanticsBuffer,
			       gl_SemanticsRelease | gl_SemanticsMakeAvailable);
	return true;
}

/* What handlers call ---------------------------------------------------------------- */

/*
 * A handler returns what these return: MK_STATUS_WAIT_IO when it has asked, or
 * MK_STATUS_REQUEUE when no request slot was free; then it is called again later, and
 * asks again.  The tag of its requests is its slot's index.
 */
uint mk_io_read(inout mk_call call, uint source, uint destination, uint offset_low,
		uint offset_high, uint bytes)
{
	return mk_ask(MK_IO_OP_READ, source, destination, offset_low, offset_high, bytes,
		      call.slot);
}

uint mk_io_write(inout mk_call call, uint source, uint destination, uint offset_low,
		 uint offset_high, uint bytes)
{
	return mk_ask(MK_IO_OP_WRITE, source, destination, offset_low, offset_high, bytes,
		      call.slot);
}

uint mk_io_fence(inout mk_call call, uint source, uint destination)
{
	return mk_ask(MK_IO_OP_FENCE, source, destination, 0u, 0u, 0u, call.slot);
}

/*
 * How the host answered: MK_IO_STATUS_OK or MK_IO_STATUS_ERROR in the call that follows
 * an answer, 0 in all others.
 */
uint mk_io_answer(mk_call call)
{
	return mk_io_answered;
}

/* Why it was an ERROR: MK_IO_REASON_*. */
uint mk_io_reason(mk_call call)
{
	return mk_io_why;
}
