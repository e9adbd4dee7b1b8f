/* SPDX-License-Identifier: MIT */
/*
 * Executing slots, in two ways.  The quick one takes all slots of a block at once and
 * knows the operations that are over at once and do not fail; the whole one knows all.
 *
 * They are apart because of devices that run both sides of every branch and mask
 * the results: there, code costs time wherever it stands in a loop, taken or not.
 */

/*
 * The slot of this lane in the block that was found, and its status.  Of a device across
 * a bus each load takes long, so there the look has got the first quarter of the slot
 * with its status, in one load that is not divided.
 */
uint mk_found_slot, mk_found_status;
uvec4 mk_found_header;
uint mk_found_word, mk_found_entry;
/* Whether it is one for mk_execute_whole(). */
bool mk_found_slow;
/* What a look at the io queue has found: an ingest, or the answer to a slot's request. */
bool mk_found_ingest;
uint mk_found_io_slot, mk_found_answer;

uint mk_tenant_mask(uint tenant)
{
	return MK_LOAD_RELAXED(control[MK_CONTROL_TENANT_MASKS + tenant]);
}

/*
 * Across a bus a worker keeps a bit for each tenant that is not masked, and looks again
 * now and then.  Who masks a tenant waits until all workers have done so.
 */
uint mk_open_tenants;

void mk_read_masks()
{
	uint bits = 0u;

	for (uint first = 0u; first < MK_TENANT_COUNT; first += mk_lanes) {
		uint tenant = first + mk_lane;
		bool is_open = tenant < MK_TENANT_COUNT && mk_tenant_mask(tenant) != 0u;

		/* Of a subgroup of up to 64 lanes these are all that count. */
		bits |= subgroupBallot(is_open).x << first;
	}
	mk_open_tenants = bits;
	mk_spend(MK_TENANT_COUNT / mk_lanes + 1u);
}

bool mk_tenant_is_masked(uint tenant)
{
	if (tenant >= MK_TENANT_COUNT)
		return false;
	if (mk_split)
		return (mk_open_tenants >> tenant & 1u) == 0u;
	return mk_tenant_mask(tenant) == 0u;
}

/* What is written at once to a control word; @writes says by which lanes. */
void mk_write_quickly(bool writes, uint opcode, uvec2 args)
{
	MK_RELEASE();
	if (writes && opcode == MK_OP_STORE_U32)
		MK_STORE_RELAXED(control[args.y], args.x);
	if (writes && opcode == MK_OP_ATOMIC_ADD)
		MK_ADD(control[args.y], args.x);
	MK_RELEASE();
}

void mk_count_quickly(uint slot, uint opcode, uint tenant)
{
	mk_quick_metrics += uvec3(opcode == MK_OP_NOP, opcode == MK_OP_STORE_U32,
				  opcode == MK_OP_ATOMIC_ADD);
	mk_done++;
	mk_count_claim(slot, MK_STATUS_PUBLISHED, tenant);
}

/* In one memory.  Returns whether this lane has executed its slot. */
bool mk_execute_quickly_in_place()
{
	uint slot = mk_found_slot;
	bool is_ready = mk_status_is_ready(mk_found_status);
	bool quick = false, writes = false;
	uint opcode = MK_OP_NOP, tenant = 0u, entry = 0u;
	uvec2 args = uvec2(0u);

	MK_ACQUIRE();
	if (is_ready) {
		entry = MK_PROGRESS_WORD(slot, MK_STATE_ENTRY);
		args.x = MK_PAYLOAD_WORD(slot, MK_SLOT_ARGS);
		args.y = MK_PAYLOAD_WORD(slot, MK_SLOT_ARGS + 1u);
		opcode = MK_PAYLOAD_WORD(slot, MK_SLOT_OPCODE);
		tenant = MK_PAYLOAD_WORD(slot, MK_SLOT_TENANT);
		writes = opcode == MK_OP_STORE_U32 || opcode == MK_OP_ATOMIC_ADD;
		is_ready = !mk_tenant_is_masked(tenant);
		quick = is_ready && mk_found_status == MK_STATUS_PUBLISHED &&
			tenant < MK_TENANT_COUNT &&
			(opcode == MK_OP_NOP || writes && mk_is_observable(args.y));
	}
	mk_found_slow = is_ready && !quick;
	if (quick)
		entry = mk_claim(slot, mk_found_status, 0u, entry);
	if (subgroupAny(quick && writes))
		mk_write_quickly(quick, opcode, args);
	if (quick) {
		mk_complete(slot, MK_STATUS_DONE, 0u, entry);
		mk_count_quickly(slot, opcode, tenant);
	}
	return quick;
}

/*
 * From an inbox across a bus, where each wait adds to the answer's time.  What has no
 * effect is answered at once.  Else the claim is on its way while the arguments come.
 *
 * There is no acquire between the look and the words of the slot that are loaded here:
 * these loads are issued when the look's is over, and none is served by a cache of this
 * worker's.
 */
bool mk_execute_quickly_from_inbox()
{
	uint slot = mk_found_slot;
	uint opcode = mk_found_header.y, tenant = mk_found_header.z;
	uint entry = mk_entry_of_use(mk_found_status, mk_found_word, mk_found_entry);
	bool is_ready = mk_status_is_ready(mk_found_status);
	bool is_open = !mk_tenant_is_masked(tenant);
	bool is_new = mk_found_status == MK_STATUS_PUBLISHED && is_open &&
		      tenant < MK_TENANT_COUNT;
	bool quick = is_new && opcode == MK_OP_NOP;
	bool writes = is_new && (opcode == MK_OP_STORE_U32 || opcode == MK_OP_ATOMIC_ADD);

	if (quick)
		mk_complete(slot, MK_STATUS_DONE, 0u, entry);
	if (subgroupAny(writes)) {
		uvec2 args = uvec2(0u);

		if (writes) {
			mk_claim(slot, mk_found_status, mk_found_word, mk_found_entry);
			args = MK_ARGS_QUAD(slot, 0u).xy;
			writes = mk_is_observable(args.y);
		}
		mk_write_quickly(writes, opcode, args);
		if (writes)
			mk_complete(slot, MK_STATUS_DONE, 0u, entry);
		quick = quick || writes;
	}
	if (quick)
		mk_count_quickly(slot, opcode, tenant);
	/* It may have been authorised since: then the next look finds it. */
	if (subgroupAny(is_ready && !is_open))
		mk_read_masks();
	mk_found_slow = is_ready && is_open && !quick;
	return quick;
}

/*
 * Execute what can be executed quickly of the block that was found, by all lanes
 * together.  Returns whether this lane has executed its slot.
 */
bool mk_execute_quickly()
{
	return mk_split ? mk_execute_quickly_from_inbox() : mk_execute_quickly_in_place();
}

/* No loop: a driver may count its iterations against ours. */
uint[MK_SLOT_ARG_COUNT] mk_load_args(uint slot)
{
	uint first = slot * MK_SLOT_WORDS + MK_SLOT_ARGS;

	return uint[](ring[first], ring[first + 1u], ring[first + 2u], ring[first + 3u],
		      ring[first + 4u], ring[first + 5u], ring[first + 6u],
		      ring[first + 7u], ring[first + 8u], ring[first + 9u],
		      ring[first + 10u], ring[first + 11u]);
}

/* A fence that waits for others stays PUBLISHED and is looked at again. */
bool mk_must_wait(mk_call call, uint status)
{
	bool is_io = call.opcode == MK_OP_IO_FENCE && status == MK_STATUS_PUBLISHED;
	uint items = is_io ? call.args[4] : call.args[0];

	return call.tenant < MK_TENANT_COUNT &&
	       (is_io || call.opcode == MK_OP_BATCH_FENCE) && items <= call.slot &&
	       !mk_fence_is_ready(call.slot, items);
}

void mk_end(mk_call call, uint status, uint entry)
{
	MK_PROGRESS_WORD(call.slot, MK_STATE_PROGRESS) = 0u;
	MK_PROGRESS_WORD(call.slot, MK_STATE_INNER) = 0u;
	if (status == MK_STATUS_DONE) {
		mk_done++;
	} else {
		mk_log(MK_LOG_FORMAT_FAULT, mk_fault, call.opcode, call.slot * MK_SLOT_WORDS);
		mk_counter_add(MK_CQ_FAULTS, 1u);
	}
	MK_RELEASE();
	mk_complete(call.slot, status, mk_fault, entry);
}

void mk_store_args(mk_call call)
{
	mk_spend(MK_SLOT_ARG_COUNT);
	for (uint i = 0u; i < MK_SLOT_ARG_COUNT; i++)
		MK_PAYLOAD_WORD(call.slot, MK_SLOT_ARGS + i) = call.args[i];
}

/* The same in three stores, since a fence waits for each. */
void mk_store_args_across(mk_call call)
{
	MK_ARGS_QUAD(call.slot, 0u) =
		uvec4(call.args[0], call.args[1], call.args[2], call.args[3]);
	MK_ARGS_QUAD(call.slot, 1u) =
		uvec4(call.args[4], call.args[5], call.args[6], call.args[7]);
	MK_ARGS_QUAD(call.slot, 2u) =
		uvec4(call.args[8], call.args[9], call.args[10], call.args[11]);
}

/* What of the io queue belongs to a slot that waits, as it is loaded with the slot. */
struct mk_waiting {
	uint request; /* plus 1 */
	uint answer;
	uint lap; /* of the request in the outbox */
};

/* A slot as it is loaded before it is worked on. */
struct mk_loaded {
	mk_call call;
	mk_waiting waiting;
	uint entry;
};

/*
 * The slot that waits for an answer which this lane will find, as it was suspended.  All that
 * it is until then is in this lane, so across a bus it is not loaded again: nobody else
 * works on a slot that waits.  No dispatch finds what the one before kept.
 */
mk_loaded mk_kept_slot;
/* The answer was found, and it is claimed. */
bool mk_kept_goes_on;

void mk_forget_kept_slot()
{
	mk_kept_slot.waiting.request = 0u;
	mk_kept_goes_on = false;
}

void mk_keep_slot(mk_call call, uint entry)
{
	if ((mk_io_asked - 1u) % mk_lanes == mk_lane)
		mk_kept_slot = mk_loaded(
			call, mk_waiting(mk_io_asked, MK_STATUS_EMPTY, mk_io_lap), entry);
}

/* As soon as an answer is found, so that CLAIMED is on its way before a fence waits for it. */
void mk_claim_kept_slot()
{
	if (mk_kept_slot.waiting.request != mk_found_io_slot + 1u)
		return;
	if (mk_kept_slot.call.slot != mk_found_slot ||
	    mk_tenant_is_masked(mk_kept_slot.call.tenant)) {
		/* It is loaded when it goes on. */
		mk_forget_kept_slot();
		return;
	}
	mk_kept_goes_on = true;
	mk_kept_slot.entry =
		mk_claim(mk_found_slot, MK_STATUS_WAIT_IO, 0u, mk_kept_slot.entry);
}

/*
 * By all lanes, of a block of which slots were executed that were @ready: one of them may
 * be a slot that somebody keeps, published anew by a producer that did not wait for its end.
 */
void mk_forget_executed(uint block, bool ready)
{
	uint slot = mk_kept_slot.call.slot;
	uvec4 lanes = subgroupBallot(ready);

	if (slot / mk_lanes == block && subgroupBallotBitExtract(lanes, slot % mk_lanes))
		mk_forget_kept_slot();
}

mk_loaded mk_take_kept_slot()
{
	mk_loaded loaded = mk_kept_slot;

	mk_forget_kept_slot();
	return loaded;
}

/* A slot that goes on later keeps its arguments as its operation left them. */
void mk_suspend(mk_call call, uint status, uint entry)
{
	if (mk_split)
		mk_store_args_across(call);
	else
		mk_store_args(call);
	if (status == MK_STATUS_WAIT_IO)
		MK_PROGRESS_WORD(call.slot, MK_STATE_IO) = mk_io_asked;
	if (!mk_split || status != MK_STATUS_WAIT_IO)
		MK_RELEASE();
	entry = entry & ~MK_CQ_ENTRY_STATUS_MASK | status;
	MK_STORE_RELAXED(MK_PROGRESS_WORD(call.slot, MK_STATE_ENTRY), entry);
	if (!mk_split)
		MK_STORE_RELEASE(MK_STATUS_WORD(call.slot), status);
	if (status != MK_STATUS_WAIT_IO)
		return;
	mk_publish_request();
	if (mk_split)
		mk_keep_slot(call, entry);
}

mk_waiting mk_load_waiting(uint slot)
{
	return mk_waiting(MK_LOAD_RELAXED(MK_PROGRESS_WORD(slot, MK_STATE_IO)),
			  MK_LOAD_RELAXED(MK_IO_QUEUE_WORD(mk_found_io_slot, MK_IO_STATUS)),
			  MK_LOAD_RELAXED(MK_IO_LAP_WORD(mk_found_io_slot)));
}

/*
 * A slot across a bus, in as few loads as can be.  As in mk_execute_quickly_from_inbox()
 * none is served by a cache of this worker's.
 */
mk_call mk_load_slot_across(uint slot)
{
	uvec4 header = MK_HEADER_QUAD(slot), a = MK_ARGS_QUAD(slot, 0u),
	      b = MK_ARGS_QUAD(slot, 1u), c = MK_ARGS_QUAD(slot, 2u);
	mk_call call;

	call.slot = slot;
	call.opcode = header[MK_SLOT_OPCODE];
	call.tenant = header[MK_SLOT_TENANT];
	call.args = uint[](a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w, c.x, c.y, c.z, c.w);
	return call;
}

mk_call mk_load_slot(uint slot)
{
	mk_call call;

	call.slot = slot;
	call.opcode = MK_PAYLOAD_WORD(slot, MK_SLOT_OPCODE);
	call.tenant = MK_PAYLOAD_WORD(slot, MK_SLOT_TENANT);
	call.args = mk_load_args(slot);
	return call;
}

/*
 * Across a bus a look finds an answer by its owner alone.  Whether that waits for it, and
 * may go on, is seen now.  A request whose owner does not know of it is nobody's.
 */
bool mk_is_answered(uint entry, mk_waiting waiting, uint tenant)
{
	if (!mk_is_io_answer(waiting.answer))
		return false;
	if ((entry & MK_CQ_ENTRY_STATUS_MASK) == MK_STATUS_WAIT_IO &&
	    waiting.request == mk_found_io_slot + 1u)
		return !mk_tenant_is_masked(tenant);
	mk_free_request(mk_found_io_slot);
	return false;
}

mk_loaded mk_load_whole(uint slot, uint status)
{
	mk_loaded loaded;

	loaded.entry = MK_LOAD_RELAXED(MK_PROGRESS_WORD(slot, MK_STATE_ENTRY));
	loaded.waiting = mk_waiting(0u, 0u, 0u);
	if (status == MK_STATUS_WAIT_IO)
		loaded.waiting = mk_load_waiting(slot);
	if (mk_split)
		loaded.call = mk_load_slot_across(slot);
	else
		loaded.call = mk_load_slot(slot);
	return loaded;
}

/* Work on a slot whose tenant may run; returns its status, unchanged if it waits. */
uint mk_execute_whole(uint slot, uint status)
{
	/* Asked in three places: with all in one branch a chain of reads was slower on an H200. */
	bool is_claimed = mk_split && mk_kept_goes_on;
	mk_loaded loaded;
	if (is_claimed)
		loaded = mk_take_kept_slot();
	else
		loaded = mk_load_whole(slot, status);
	mk_call call = loaded.call;
	mk_waiting waiting = loaded.waiting;
	uint entry = loaded.entry;
	if (mk_split && status == MK_STATUS_WAIT_IO && !is_claimed &&
	    !mk_is_answered(entry, waiting, call.tenant))
		return status;
	if (!is_claimed && mk_must_wait(call, status))
		return status;

	uint opcode = call.opcode, tenant = call.tenant;
	uint before = status;
	if (!is_claimed)
		entry = mk_claim(slot, status, mk_found_word, entry);
	/* CLAIMED before the effects; and what the host gave with its word before its use. */
	if (mk_split)
		MK_ACQUIRE_RELEASE_FENCE();
	else
		MK_RELEASE();
	mk_fault = 0u;
	mk_begin_io(slot);
	if (status == MK_STATUS_WAIT_IO)
		mk_take_answer(slot, mk_found_io_slot, mk_found_answer, waiting.lap);
	status = call.tenant < MK_TENANT_COUNT ? mk_execute(call) :
						 mk_fault_with(MK_FAULT_TENANT);
	/* A handler may have written over them. */
	call.slot = slot;
	call.opcode = opcode;
	call.tenant = tenant;
	if (status == MK_STATUS_DONE || status == MK_STATUS_FAULT)
		mk_end(call, status, entry);
	else
		mk_suspend(call, status, entry);
	/* Nobody waits for this. */
	mk_end_io();
	mk_count_claim(slot, before, tenant);
	return status;
}
