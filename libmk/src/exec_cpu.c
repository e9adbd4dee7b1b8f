// SPDX-License-Identifier: MIT
#include "exec_cpu.h"

#include <sched.h>

#include "deadline.h"
#include "exec_io.h"
#include "runnable.h"

/* Completion --------------------------------------------------------------- */

/* An inbox is the host's alone: the device keeps the status with its entry. */
static void store_status(const struct mk_context *context, uint32_t slot, uint32_t status)
{
	/* Release: what the operation did is visible to who sees the status. */
	if (!context->split)
		atomic_store_explicit(mk_slot_word(context, slot), status,
				      memory_order_release);
}

static uint32_t entry_of(uint32_t count, struct mk_outcome outcome)
{
	return count << MK_CQ_ENTRY_COUNT_SHIFT |
	       outcome.fault << MK_CQ_ENTRY_FAULT_SHIFT | outcome.status;
}

static void keep_entry(const struct mk_context *context, uint32_t slot, uint32_t entry)
{
	atomic_store_explicit(mk_slot_state(context, slot, MK_STATE_ENTRY), entry,
			      memory_order_release);
}

static void show_entry(const struct mk_context *context, uint32_t slot, uint32_t entry)
{
	atomic_store_explicit(mk_cq_word(context, MK_CQ_HEADER_WORDS + slot), entry,
			      memory_order_release);
}

static uint32_t count(mk_word *word, uint32_t value)
{
	return atomic_fetch_add_explicit(word, value, memory_order_relaxed);
}

static void count_done(struct mk_executor *executor)
{
	struct mk_context *context = executor->context;

	count(mk_control_word(context, MK_CONTROL_DONE_COUNT), 1);
	if (mk_counter_add(context, MK_CQ_SLOTS_DONE_LOW, 1) == UINT32_MAX)
		mk_counter_add(context, MK_CQ_SLOTS_DONE_HIGH, 1);
}

static void count_fault(struct mk_executor *executor, const struct mk_work *work,
			uint32_t code)
{
	mk_executor_log(executor, MK_LOG_FORMAT_FAULT, code, work->opcode,
			work->slot * MK_SLOT_WORDS);
	mk_counter_add(executor->context, MK_CQ_FAULTS, 1);
}

static void clear_state(struct mk_executor *executor, uint32_t slot)
{
	const struct mk_context *context = executor->context;

	atomic_store_explicit(mk_slot_state(context, slot, MK_STATE_PROGRESS), 0,
			      memory_order_relaxed);
	atomic_store_explicit(mk_slot_state(context, slot, MK_STATE_INNER), 0,
			      memory_order_relaxed);
}

/*
 * Effects and counters, then the status, then the cq entry.  Fences go by the status.
 * Producers go by the entry, and may publish anew as soon as they see it.
 */
static void complete(struct mk_executor *executor, const struct mk_work *work,
		     struct mk_outcome outcome)
{
	struct mk_context *context = executor->context;
	uint32_t entry =
		entry_of(mk_entry_count(mk_slot_entry(context, work->slot)), outcome);

	clear_state(executor, work->slot);
	if (outcome.status == MK_STATUS_DONE)
		count_done(executor);
	else
		count_fault(executor, work, outcome.fault);
	keep_entry(context, work->slot, entry);
	store_status(context, work->slot, outcome.status);
	show_entry(context, work->slot, entry);
}

/* A slot that goes on later keeps its arguments as its operation left them. */
static void suspend(struct mk_executor *executor, const struct mk_work *work,
		    struct mk_outcome outcome)
{
	mk_word *words =
		&executor->context->regions[MK_REGION_RING]
					   [work->slot * MK_SLOT_WORDS + MK_SLOT_ARGS];
	bool waits = outcome.status == MK_STATUS_WAIT_IO;

	for (uint32_t i = 0; i < MK_SLOT_ARG_COUNT; i++)
		atomic_store_explicit(&words[i], work->args[i], memory_order_relaxed);
	if (waits)
		atomic_store_explicit(mk_slot_state(executor->context, work->slot,
						    MK_STATE_IO),
				      executor->io.asked, memory_order_relaxed);
	keep_entry(executor->context, work->slot,
		   entry_of(mk_entry_count(mk_slot_entry(executor->context, work->slot)),
			    outcome));
	store_status(executor->context, work->slot, outcome.status);
	if (waits)
		mk_io_publish(executor);
}

/* Claiming ----------------------------------------------------------------- */

/* Where a slot lies decides its priority; offsets of 0 mean there are none. */
static uint32_t slot_priority(const struct mk_executor *executor, uint32_t slot)
{
	uint32_t priority = MK_PRIORITY_CRITICAL;

	if (!mk_control_load(executor->context,
			     MK_CONTROL_PRIORITY_OFFSETS + MK_PRIORITY_COUNT))
		return MK_PRIORITY_NORMAL;
	while (priority < MK_PRIORITY_IDLE &&
	       slot >= mk_control_load(executor->context,
				       MK_CONTROL_PRIORITY_OFFSETS + priority + 1))
		priority++;
	return priority;
}

/* Quotas and fairness are counted, not enforced. */
static void count_claim(struct mk_executor *executor, const struct mk_work *work)
{
	struct mk_context *context = executor->context;
	uint32_t priority = slot_priority(executor, work->slot);

	executor->streak = priority <= MK_PRIORITY_HIGH ? executor->streak + 1 : 0;
	if (mk_control_load(context, MK_CONTROL_STARVATION) != executor->streak)
		mk_control_store(context, MK_CONTROL_STARVATION, executor->streak);
	count(mk_control_word(context, MK_CONTROL_PRIORITY_FAIRNESS + priority), 1);
	count(mk_control_word(context, MK_CONTROL_TENANT_FAIRNESS +
					       work->tenant % MK_TENANT_FAIRNESS_COUNT),
	      1);
}

static void load_work(const struct mk_executor *executor, uint32_t slot,
		      struct mk_work *work)
{
	work->slot = slot;
	work->opcode = mk_slot_payload(executor->context, slot, MK_SLOT_OPCODE);
	work->tenant = mk_slot_payload(executor->context, slot, MK_SLOT_TENANT);
	for (uint32_t i = 0; i < MK_SLOT_ARG_COUNT; i++)
		work->args[i] =
			mk_slot_payload(executor->context, slot, MK_SLOT_ARGS + i);
}

static struct mk_outcome run_work(struct mk_executor *executor, struct mk_work *work)
{
	if (work->tenant >= MK_TENANT_COUNT)
		return (struct mk_outcome){ MK_STATUS_FAULT, MK_FAULT_TENANT };
	return mk_execute(executor, work);
}

/* A fence that waits for others stays PUBLISHED and is looked at again. */
static bool must_wait(struct mk_executor *executor, const struct mk_work *work,
		      uint32_t status)
{
	uint32_t items;

	return work->tenant < MK_TENANT_COUNT &&
	       mk_is_fence(work->opcode, status, work->args, &items) &&
	       items <= work->slot && !mk_fence_is_ready(executor, work->slot, items);
}

static void claim(const struct mk_context *context, uint32_t slot, uint32_t status)
{
	uint32_t count = mk_entry_count(mk_slot_entry(context, slot));

	/* In an inbox the host says what the count will be. */
	if (status == MK_STATUS_PUBLISHED && context->split)
		count = atomic_load_explicit(mk_slot_word(context, slot),
					     memory_order_relaxed) >>
			MK_INBOX_COUNT_SHIFT;
	else if (status == MK_STATUS_PUBLISHED)
		count = (count + 1) & MK_CQ_ENTRY_COUNT_MASK;
	keep_entry(context, slot,
		   entry_of(count, (struct mk_outcome){ .status = MK_STATUS_CLAIMED }));
	store_status(context, slot, MK_STATUS_CLAIMED);
}

static uint32_t work_on(struct mk_executor *executor, uint32_t slot, uint32_t status)
{
	struct mk_outcome outcome;
	struct mk_work work;

	load_work(executor, slot, &work);
	if (!mk_tenant_may_run(executor->context, work.tenant) ||
	    must_wait(executor, &work, status))
		return status;

	claim(executor->context, slot, status);
	/* CLAIMED is visible before the first effect is. */
	atomic_thread_fence(memory_order_release);
	if (status == MK_STATUS_PUBLISHED)
		count_claim(executor, &work);
	mk_io_begin(executor, slot, status);
	outcome = run_work(executor, &work);
	mk_io_finish(executor);
	if (outcome.status == MK_STATUS_DONE || outcome.status == MK_STATUS_FAULT)
		complete(executor, &work, outcome);
	else
		suspend(executor, &work, outcome);
	executor->executions++;
	executor->idle = 0;
	return outcome.status;
}

/* Scheduling --------------------------------------------------------------- */

/* A place in the windows that a worker owns. */
struct place {
	uint32_t window;
	uint32_t first; /* slot of the window */
	uint32_t size;
};

static struct place window_place(const struct mk_executor *executor, uint32_t window)
{
	return (struct place){
		.window = window,
		.first = mk_window_first(executor->context, window),
		.size = mk_window_size(executor->context, window),
	};
}

static struct place next_window(const struct mk_executor *executor, struct place place)
{
	uint32_t next = place.window + executor->workers;

	if (next >= executor->context->window_count)
		next = executor->worker;
	return window_place(executor, next);
}

static mk_word *window_state(const struct mk_executor *executor, uint32_t window,
			     uint32_t word)
{
	const struct mk_context *context = executor->context;

	return mk_state_word(context,
			     MK_STATE_WINDOW_WORD(context->geometry.slots, window, word));
}

/* The slot of a window in which something is expected next. */
static mk_word *expected_word(const struct mk_executor *executor, struct place place)
{
	return window_state(executor, place.window, MK_STATE_EXPECTED);
}

/* Go on where a former dispatch ended, as near as its workers' windows allow. */
static struct place begin_in_order(const struct mk_executor *executor, uint32_t *offset)
{
	uint32_t slot = atomic_load_explicit(window_state(executor, executor->worker,
							  MK_STATE_IN_ORDER),
					     memory_order_relaxed);
	uint32_t window = slot / executor->context->geometry.window_slots;
	struct place place;

	if (window >= executor->context->window_count)
		window = executor->context->window_count - 1;
	window += executor->worker - window % executor->workers;
	if (window >= executor->context->window_count)
		window = executor->worker;
	place = window_place(executor, window);
	*offset = slot % executor->context->geometry.window_slots;
	if (*offset >= place.size)
		*offset = 0;
	return place;
}

static void end_in_order(const struct mk_executor *executor, struct place place,
			 uint32_t offset)
{
	atomic_store_explicit(window_state(executor, executor->worker, MK_STATE_IN_ORDER),
			      place.first + offset, memory_order_relaxed);
}

static void begin_slice(struct mk_executor *executor)
{
	executor->slice = executor->budget < MK_SLICE_STEPS ? executor->budget :
							      MK_SLICE_STEPS;
	executor->budget -= executor->slice;
}

static void end_slice(struct mk_executor *executor)
{
	executor->budget += executor->slice;
	executor->slice = 0;
}

/* Look at one slot.  Returns its status when it was worked on, else EMPTY. */
static uint32_t look(struct mk_executor *executor, struct place place, uint32_t offset)
{
	uint32_t slot = place.first + offset;
	uint32_t status = mk_slot_status(executor->context, slot);
	uint32_t before = executor->executions;

	if (!mk_status_is_ready(status))
		return MK_STATUS_EMPTY;
	begin_slice(executor);
	status = work_on(executor, slot, status);
	end_slice(executor);
	if (executor->executions == before)
		return MK_STATUS_EMPTY;

	/* A slot that yielded is looked at again first, or its successor. */
	if (status != MK_STATUS_YIELD)
		offset = offset + 1 < place.size ? offset + 1 : 0;
	atomic_store_explicit(expected_word(executor, place), offset,
			      memory_order_relaxed);
	return status;
}

static uint32_t expected_offset(const struct mk_executor *executor, struct place place)
{
	uint32_t offset = atomic_load_explicit(expected_word(executor, place),
					       memory_order_relaxed);

	return offset < place.size ? offset : 0;
}

/* The io queue ------------------------------------------------------------- */

/*
 * A look takes in a block of io slots.  Answers belong to the worker that has the slot
 * which waits for them, so while there are such slots it looks at all requests.  An
 * ingest belongs to block % workers, of those workers that have windows.
 */
#define IO_BLOCK_SLOTS	   8u
#define ROUNDS_PER_IO_LOOK 8u

static uint32_t io_blocks(const struct mk_executor *executor)
{
	return (executor->context->geometry.io_slots - 1) / IO_BLOCK_SLOTS + 1;
}

static bool worker_has_slot(const struct mk_executor *executor, uint32_t slot)
{
	return slot / executor->context->geometry.window_slots % executor->workers ==
	       executor->worker;
}

static bool worker_has_ingests(const struct mk_executor *executor, uint32_t block)
{
	uint32_t windows = executor->context->window_count;
	uint32_t workers = executor->workers < windows ? executor->workers : windows;

	return block % workers == executor->worker;
}

/* One of its own blocks is among the first ones, if it has any. */
static bool worker_has_any_ingests(const struct mk_executor *executor)
{
	const struct mk_geometry *geometry = &executor->context->geometry;
	uint32_t block = geometry->io_request_slots / IO_BLOCK_SLOTS;

	if (geometry->io_request_slots == geometry->io_slots)
		return false;
	for (uint32_t i = 0; i < executor->workers && block < io_blocks(executor); i++)
		if (worker_has_ingests(executor, block++))
			return true;
	return false;
}

static void work_on_answer(struct mk_executor *executor, uint32_t request)
{
	uint32_t slot;

	if (!mk_io_find_waiting(executor, request, worker_has_slot, &slot))
		return;
	begin_slice(executor);
	work_on(executor, slot, MK_STATUS_WAIT_IO);
	end_slice(executor);
}

static void work_on_ingest(struct mk_executor *executor, uint32_t io_slot)
{
	if (!worker_has_ingests(executor, io_slot / IO_BLOCK_SLOTS) ||
	    !mk_ingest_is_ready(executor->context, io_slot))
		return;
	begin_slice(executor);
	mk_ingest_execute(executor, io_slot);
	end_slice(executor);
	executor->executions++;
	executor->idle = 0;
}

static void look_at_io(struct mk_executor *executor)
{
	const struct mk_geometry *geometry = &executor->context->geometry;
	uint32_t io_slot = executor->io.block * IO_BLOCK_SLOTS;

	for (uint32_t i = 0; i < IO_BLOCK_SLOTS && io_slot < geometry->io_slots;
	     i++, io_slot++)
		if (io_slot < geometry->io_request_slots)
			work_on_answer(executor, io_slot);
		else
			work_on_ingest(executor, io_slot);
	if (++executor->io.block >= io_blocks(executor))
		executor->io.block = 0;
}

/* Somebody waits for answers, and perhaps a slot of this worker. */
static void see_who_waits(struct mk_executor *executor)
{
	executor->io.waits =
		atomic_load_explicit(mk_state_word(executor->context, MK_STATE_IO_TAKEN),
				     memory_order_relaxed) != 0;
}

/* Go on where a former dispatch ended. */
static void begin_looking_at_io(struct mk_executor *executor)
{
	uint32_t io_slot = atomic_load_explicit(window_state(executor, executor->worker,
							     MK_STATE_IO_IN_ORDER),
						memory_order_relaxed);

	executor->io.block = io_slot / IO_BLOCK_SLOTS;
	if (executor->io.block >= io_blocks(executor))
		executor->io.block = 0;
	see_who_waits(executor);
}

static void end_looking_at_io(const struct mk_executor *executor)
{
	atomic_store_explicit(window_state(executor, executor->worker,
					   MK_STATE_IO_IN_ORDER),
			      executor->io.block * IO_BLOCK_SLOTS, memory_order_relaxed);
}

/* Rounds ------------------------------------------------------------------- */

static bool must_leave(const struct mk_executor *executor)
{
	return mk_control_load(executor->context, MK_CONTROL_SHUTDOWN) ||
	       atomic_load_explicit(mk_state_word(executor->context, MK_STATE_LEAVE),
				    memory_order_relaxed);
}

static void leave(const struct mk_executor *executor)
{
	atomic_store_explicit(mk_state_word(executor->context, MK_STATE_LEAVE), 1,
			      memory_order_relaxed);
}

/* When every worker has found nothing for long, the dispatch is over. */
static void vote(struct mk_executor *executor, uint32_t idle_looks)
{
	mk_word *idle_workers = mk_state_word(executor->context, MK_STATE_IDLE_WORKERS);
	bool idle = executor->idle >= idle_looks;

	if (idle == executor->voted_idle)
		return;
	executor->voted_idle = idle;
	if (!idle)
		atomic_fetch_sub_explicit(idle_workers, 1, memory_order_relaxed);
	else if (atomic_fetch_add_explicit(idle_workers, 1, memory_order_relaxed) + 1 ==
		 executor->workers)
		leave(executor);
}

static void beat(struct mk_executor *executor)
{
	if (!executor->worker)
		mk_counter_add(executor->context, MK_CQ_HEARTBEAT, 1);
}

/* Workers may be more than cores, and producers want to run too. */
static void relax(const struct mk_executor *executor)
{
	enum { HOT_ROUNDS = 256, ROUNDS_PER_YIELD = 64 };

	if (executor->idle <= HOT_ROUNDS)
		return;
	if (executor->idle % ROUNDS_PER_YIELD)
		mk_cpu_relax();
	else
		sched_yield();
}

/*
 * After a claim at CRITICAL or HIGH the windows are gone through from the first
 * again, which lies in the highest priority; but not for ever.
 */
static bool has_urgent_turn(const struct mk_executor *executor)
{
	return executor->streak && executor->streak < MK_STARVATION_THRESHOLD;
}

/* Every fourth round goes on in order; the io queue is looked at besides. */
static uint32_t rounds_to_see_all(const struct mk_executor *executor)
{
	const struct mk_context *context = executor->context;
	uint32_t windows =
		(context->window_count - executor->worker + executor->workers - 1) /
		executor->workers;
	uint32_t rounds = 4 * windows * context->geometry.window_slots;
	uint32_t io_rounds = ROUNDS_PER_IO_LOOK * (io_blocks(executor) + 1);

	return rounds > io_rounds ? rounds : io_rounds;
}

/*
 * Each round looks at one slot, by turns: where something was found last; what is
 * expected next in one window after the other; and again; and every slot in order,
 * since a producer may use its slots as it likes and some linger.
 */
static void work(struct mk_executor *executor, uint32_t idle_looks)
{
	enum { ROUNDS_PER_BEAT = 1024 };
	uint32_t looks_at_all = rounds_to_see_all(executor);
	bool has_ingests = worker_has_any_ingests(executor);
	struct place hot = window_place(executor, executor->worker), next = hot;
	uint32_t every_offset;
	struct place every = begin_in_order(executor, &every_offset);

	/* Who votes idle has seen all of its slots. */
	if (idle_looks < looks_at_all)
		idle_looks = looks_at_all;
	begin_looking_at_io(executor);
	for (uint32_t round = 0; executor->budget > MK_LOOK_STEPS; round++) {
		uint32_t turn = round & 3, offset = every_offset, status;
		struct place place = hot;

		executor->budget--;
		executor->idle++;
		if (round % ROUNDS_PER_BEAT == 0) {
			beat(executor);
			see_who_waits(executor);
		}
		if (round % ROUNDS_PER_IO_LOOK == 0 &&
		    (has_ingests || executor->io.waits))
			look_at_io(executor);
		if (turn == 0 && must_leave(executor))
			break;
		if (turn == 1) {
			place = next;
			next = next_window(executor, next);
		} else if (turn == 3) {
			place = every;
			if (++every_offset == every.size) {
				every_offset = 0;
				every = next_window(executor, every);
			}
		}
		if (turn != 3)
			offset = expected_offset(executor, place);
		status = look(executor, place, offset);
		if (status != MK_STATUS_EMPTY) {
			/* One that is requeued gives way to other windows. */
			hot = status == MK_STATUS_REQUEUE ? next_window(executor, place) :
							    place;
			if (has_urgent_turn(executor))
				next = window_place(executor, executor->worker);
		}
		vote(executor, idle_looks);
		relax(executor);
	}
	end_in_order(executor, every, every_offset);
	end_looking_at_io(executor);
	/* Nobody looks at our windows now, so the others leave as well. */
	leave(executor);
}

void mk_executor_run(struct mk_executor *executor, uint32_t steps, uint32_t idle_looks)
{
	executor->budget = steps;
	executor->idle = 0;
	executor->voted_idle = false;
	if (executor->worker < executor->context->window_count) {
		work(executor, idle_looks);
	} else {
		executor->idle = idle_looks;
		vote(executor, idle_looks);
	}
}

/* Recovery ----------------------------------------------------------------- */

static void interrupt(struct mk_executor *executor, uint32_t slot)
{
	const struct mk_context *context = executor->context;
	struct mk_work work;

	load_work(executor, slot, &work);
	keep_entry(context, slot,
		   entry_of((mk_entry_count(mk_cq_entry(context, slot)) + 1) &
				    MK_CQ_ENTRY_COUNT_MASK,
			    (struct mk_outcome){ .status = MK_STATUS_CLAIMED }));
	complete(executor, &work,
		 (struct mk_outcome){ MK_STATUS_FAULT, MK_FAULT_INTERRUPTED });
}

/* @entry is of a later use than @shown; one that is behind was lost on its way to memory. */
static bool is_ahead(uint32_t entry, uint32_t shown)
{
	uint32_t ahead = (mk_entry_count(entry) - mk_entry_count(shown)) &
			 MK_CQ_ENTRY_COUNT_MASK;

	return ahead && ahead <= MK_CQ_ENTRY_COUNT_MASK / 2;
}

/*
 * What a killed engine, or a device that was lost, left of a slot.  Returns whether it was
 * interrupted.
 */
static bool recover_slot(struct mk_executor *executor, uint32_t slot)
{
	const struct mk_context *context = executor->context;
	uint32_t status = mk_slot_status(context, slot);
	uint32_t entry = mk_slot_entry(context, slot);
	uint32_t shown = mk_cq_entry(context, slot);
	uint32_t kept = entry & MK_CQ_ENTRY_STATUS_MASK;
	bool is_shown = !is_ahead(entry, shown);
	bool has_ended = !is_shown && (kept == MK_STATUS_DONE || kept == MK_STATUS_FAULT);

	if (status == MK_STATUS_PUBLISHED || (context->split && is_shown)) {
		/*
		 * It may have been counted and not claimed.  Or it has ended, and what the
		 * device kept of that was lost: of an inbox it is not stored first.
		 */
		keep_entry(context, slot, shown);
	} else if (has_ended) {
		/* The engine died between its last stores. */
		store_status(context, slot, kept);
		show_entry(context, slot, entry);
	} else if (status == MK_STATUS_CLAIMED) {
		interrupt(executor, slot);
		return true;
	}
	return false;
}

/* Records that were given out and not finished are given out again. */
static void recover_log(struct mk_context *context)
{
	const mk_word *log = context->regions[MK_REGION_DEBUG_LOG];
	uint32_t records =
		atomic_load_explicit(&log[MK_LOG_CURSOR], memory_order_relaxed) /
		MK_LOG_RECORD_WORDS;

	atomic_store_explicit(mk_state_word(context, MK_STATE_LOG_RESERVED), records,
			      memory_order_relaxed);
}

uint32_t mk_recover(struct mk_context *context)
{
	struct mk_executor executor = { .context = context, .workers = 1 };
	uint32_t interrupted = 0;

	recover_log(context);
	for (uint32_t slot = 0; slot < context->geometry.slots; slot++)
		interrupted += recover_slot(&executor, slot);
	return interrupted + mk_io_recover(&executor);
}
