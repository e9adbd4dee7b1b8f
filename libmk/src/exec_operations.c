// SPDX-License-Identifier: MIT
#include "exec_cpu.h"

#include "exec_io.h"

static const struct mk_outcome done = { MK_STATUS_DONE, 0 };
static const struct mk_outcome yield = { MK_STATUS_YIELD, 0 };

static struct mk_outcome fault(uint32_t code)
{
	return (struct mk_outcome){ MK_STATUS_FAULT, code };
}

uint32_t mk_executor_steps(struct mk_executor *executor, uint32_t wanted)
{
	uint32_t granted = wanted < executor->slice ? wanted : executor->slice;

	executor->slice -= granted;
	return granted;
}

/* Memory ----------------------------------------------------------------- */

static uint32_t observable_words(const struct mk_executor *executor)
{
	return executor->context->geometry.observable_words;
}

static uint32_t control_words(const struct mk_executor *executor)
{
	return MK_CONTROL_OBSERVABLES + observable_words(executor);
}

/* What operations may write: control words by their index in the region. */
static bool is_observable(const struct mk_executor *executor, uint32_t word)
{
	return word >= MK_CONTROL_OBSERVABLES && word < control_words(executor);
}

/* The device's view of a control word; the host's memory is its own here. */
static mk_word *control_word(const struct mk_executor *executor, uint32_t word)
{
	return mk_control_word(executor->context, word);
}

static uint32_t load(const struct mk_executor *executor, uint32_t word)
{
	return atomic_load_explicit(control_word(executor, word), memory_order_relaxed);
}

static void store(const struct mk_executor *executor, uint32_t word, uint32_t value)
{
	atomic_store_explicit(control_word(executor, word), value, memory_order_relaxed);
}

static uint32_t add(const struct mk_executor *executor, uint32_t word, uint32_t value)
{
	return atomic_fetch_add_explicit(control_word(executor, word), value,
					 memory_order_relaxed);
}

static uint32_t arena_words(const struct mk_executor *executor)
{
	return (uint32_t)(executor->context->geometry.arena_bytes / sizeof(uint32_t));
}

static mk_word *arena_word(const struct mk_executor *executor, uint32_t word)
{
	return executor->context->arena + word;
}

static uint32_t load_state(const struct mk_executor *executor, uint32_t slot,
			   uint32_t word)
{
	return atomic_load_explicit(mk_slot_state(executor->context, slot, word),
				    memory_order_relaxed);
}

static void store_state(const struct mk_executor *executor, uint32_t slot, uint32_t word,
			uint32_t value)
{
	atomic_store_explicit(mk_slot_state(executor->context, slot, word), value,
			      memory_order_relaxed);
}

void mk_executor_log(struct mk_executor *executor, uint32_t format, uint32_t a,
		     uint32_t b, uint32_t c)
{
	struct mk_context *context = executor->context;
	mk_word *log = context->regions[MK_REGION_DEBUG_LOG];
	mk_word *reserved = mk_state_word(context, MK_STATE_LOG_RESERVED);
	uint32_t record = atomic_load_explicit(reserved, memory_order_relaxed);
	mk_word *words;

	if (record < context->geometry.log_records)
		record = atomic_fetch_add_explicit(reserved, 1, memory_order_relaxed);
	if (record >= context->geometry.log_records) {
		mk_counter_add(context, MK_CQ_LOG_DROPPED, 1);
		return;
	}
	words = &log[MK_LOG_RECORDS + record * MK_LOG_RECORD_WORDS];
	atomic_store_explicit(&words[0], format, memory_order_relaxed);
	atomic_store_explicit(&words[1], a, memory_order_relaxed);
	atomic_store_explicit(&words[2], b, memory_order_relaxed);
	atomic_store_explicit(&words[3], c, memory_order_relaxed);
	/* The cursor counts finished records, so that it never passes the end. */
	atomic_fetch_add_explicit(&log[MK_LOG_CURSOR], MK_LOG_RECORD_WORDS,
				  memory_order_release);
}

/* Operations ------------------------------------------------------------- */

static struct mk_outcome store_u32(struct mk_executor *executor, const uint32_t *args)
{
	if (!is_observable(executor, args[1]))
		return fault(MK_FAULT_RANGE);
	store(executor, args[1], args[0]);
	return done;
}

static struct mk_outcome atomic_add(struct mk_executor *executor, const uint32_t *args)
{
	if (!is_observable(executor, args[1]))
		return fault(MK_FAULT_RANGE);
	add(executor, args[1], args[0]);
	return done;
}

static struct mk_outcome load_u32(struct mk_executor *executor, const uint32_t *args)
{
	if (args[0] >= control_words(executor) || args[1] >= observable_words(executor))
		return fault(MK_FAULT_RANGE);
	store(executor, MK_CONTROL_OBSERVABLES + args[1], load(executor, args[0]));
	return done;
}

static struct mk_outcome compare_swap(struct mk_executor *executor, const uint32_t *args)
{
	uint32_t old = args[1];

	/* The old value goes to the observable whose index is that word's index. */
	if (!is_observable(executor, args[0]) || args[0] >= observable_words(executor))
		return fault(MK_FAULT_RANGE);
	atomic_compare_exchange_strong_explicit(control_word(executor, args[0]), &old,
						args[2], memory_order_relaxed,
						memory_order_relaxed);
	store(executor, MK_CONTROL_OBSERVABLES + args[0], old);
	return done;
}

/* Whether [first, first + count) lies below @end. */
static bool range_fits(uint32_t first, uint32_t count, uint32_t end)
{
	return first <= end && count <= end - first;
}

static struct mk_outcome copy(struct mk_executor *executor, uint32_t slot,
			      const uint32_t *args)
{
	uint32_t from = args[0], to = args[1], count = args[2];
	uint32_t progress, steps;

	if (!range_fits(from, count, control_words(executor)) ||
	    !range_fits(to, count, control_words(executor)) ||
	    to < MK_CONTROL_OBSERVABLES)
		return fault(MK_FAULT_RANGE);
	progress = load_state(executor, slot, MK_STATE_PROGRESS);
	if (progress > count)
		progress = count;
	steps = mk_executor_steps(executor, count - progress);
	for (uint32_t i = progress; i < progress + steps; i++)
		store(executor, to + i, load(executor, from + i));
	progress += steps;
	if (progress == count)
		return done;
	store_state(executor, slot, MK_STATE_PROGRESS, progress);
	return yield;
}

static struct mk_outcome dfa_step(struct mk_executor *executor, const uint32_t *args)
{
	uint64_t entry = (uint64_t)args[0] * 256 + args[1] + args[2];

	if (entry >= arena_words(executor) || args[3] >= observable_words(executor))
		return fault(MK_FAULT_RANGE);
	store(executor, MK_CONTROL_OBSERVABLES + args[3],
	      atomic_load_explicit(arena_word(executor, (uint32_t)entry),
				   memory_order_relaxed));
	return done;
}

/* Items seen complete stay seen, so that a fence looks at each just once. */
bool mk_fence_is_ready(struct mk_executor *executor, uint32_t slot, uint32_t items)
{
	uint32_t progress = load_state(executor, slot, MK_STATE_PROGRESS);

	if (progress > items)
		progress = items;
	while (progress < items && mk_executor_steps(executor, 1) &&
	       mk_status_is_final(
		       mk_slot_status(executor->context, slot - items + progress)))
		progress++;
	store_state(executor, slot, MK_STATE_PROGRESS, progress);
	return progress == items;
}

static struct mk_outcome batch_fence(struct mk_executor *executor, uint32_t slot,
				     const uint32_t *args)
{
	if (args[0] > slot)
		return fault(MK_FAULT_FENCE);
	if (!observable_words(executor))
		return fault(MK_FAULT_RANGE);
	if (!mk_fence_is_ready(executor, slot, args[0]))
		return yield;
	add(executor, MK_CONTROL_EPOCH, 1);
	store(executor, MK_CONTROL_OBSERVABLES, args[1]);
	return done;
}

static struct mk_outcome shut_down(struct mk_executor *executor)
{
	if (!(executor->context->geometry.flags & MK_CONTEXT_ALLOW_SHUTDOWN))
		return fault(MK_FAULT_PERMISSION);
	store(executor, MK_CONTROL_SHUTDOWN, 1);
	return done;
}

static struct mk_outcome call_handler(struct mk_executor *executor, struct mk_work *work,
				      mk_handler handler)
{
	struct mk_call call = {
		.opcode = work->opcode,
		.tenant = work->tenant,
		.slot = work->slot,
		.executor = executor,
	};
	uint32_t status;

	for (uint32_t i = 0; i < MK_SLOT_ARG_COUNT; i++)
		call.args[i] = work->args[i];
	status = handler(&call);
	for (uint32_t i = 0; i < MK_SLOT_ARG_COUNT; i++)
		work->args[i] = call.args[i];

	if (!call.fault && status == MK_STATUS_WAIT_IO && executor->io.asked)
		return (struct mk_outcome){ status, 0 };
	mk_io_withdraw(executor);
	if (call.fault)
		return fault(call.fault);
	if (status == MK_STATUS_DONE || status == MK_STATUS_YIELD ||
	    status == MK_STATUS_REQUEUE)
		return (struct mk_outcome){ status, 0 };
	return fault(MK_FAULT_HANDLER);
}

static struct mk_outcome users_operation(struct mk_executor *executor,
					 struct mk_work *work)
{
	for (size_t i = 0; i < executor->handler_count; i++)
		if (executor->handlers[i].opcode == work->opcode)
			return call_handler(executor, work,
					    executor->handlers[i].handler);
	return fault(MK_FAULT_OPCODE);
}

/* A built-in operation asks once, and ends as it is answered. */
static struct mk_outcome operate_io(struct mk_executor *executor,
				    const struct mk_io_wish *wish)
{
	if (executor->io.answer == MK_IO_STATUS_OK)
		return done;
	if (executor->io.answer == MK_IO_STATUS_ERROR)
		return fault(MK_FAULT_IO);
	return (struct mk_outcome){ mk_io_ask(executor, wish), 0 };
}

static struct mk_outcome transfer(struct mk_executor *executor, uint32_t op,
				  const uint32_t *args)
{
	return operate_io(executor, &(struct mk_io_wish){ op, args[0], args[1], args[2],
							  args[3], args[4], args[5] });
}

/* The slots before it have ended: that is looked at before it is claimed. */
static struct mk_outcome io_fence(struct mk_executor *executor, uint32_t slot,
				  const uint32_t *args)
{
	if (args[4] > slot)
		return fault(MK_FAULT_FENCE);
	return operate_io(executor, &(struct mk_io_wish){ MK_IO_OP_FENCE, args[0],
							  args[1], 0, 0, 0, args[5] });
}

/* The host knows how long the resource is, and where it goes. */
static struct mk_outcome load_miss(struct mk_executor *executor, uint32_t resource)
{
	return operate_io(executor, &(struct mk_io_wish){ MK_IO_OP_READ, resource,
							  resource, 0, 0, 0, resource });
}

static struct mk_outcome operate(struct mk_executor *executor, struct mk_work *work)
{
	const uint32_t *args = work->args;

	switch (work->opcode) {
	case MK_OP_NOP:
		return done;
	case MK_OP_STORE_U32:
		return store_u32(executor, args);
	case MK_OP_ATOMIC_ADD:
		return atomic_add(executor, args);
	case MK_OP_LOAD_U32:
		return load_u32(executor, args);
	case MK_OP_COMPARE_SWAP:
		return compare_swap(executor, args);
	case MK_OP_MEMCPY:
		return copy(executor, work->slot, args);
	case MK_OP_DFA_STEP:
		return dfa_step(executor, args);
	case MK_OP_BATCH_FENCE:
		return batch_fence(executor, work->slot, args);
	case MK_OP_IO_READ:
		return transfer(executor, MK_IO_OP_READ, args);
	case MK_OP_IO_WRITE:
		return transfer(executor, MK_IO_OP_WRITE, args);
	case MK_OP_IO_FENCE:
		return io_fence(executor, work->slot, args);
	case MK_OP_LOAD_MISS:
		return load_miss(executor, args[0]);
	case MK_OP_PRINTF:
		mk_executor_log(executor, args[0], args[1], args[2],
				work->slot * MK_SLOT_WORDS);
		return done;
	case MK_OP_SHUTDOWN:
		return shut_down(executor);
	default:
		return users_operation(executor, work);
	}
}

/* Metrics count operations that executed, inner ones too. */
static struct mk_outcome operate_counted(struct mk_executor *executor,
					 struct mk_work *work)
{
	struct mk_outcome outcome = operate(executor, work);

	if (outcome.status == MK_STATUS_DONE && work->opcode < MK_METRIC_COUNT)
		add(executor, MK_CONTROL_METRICS + work->opcode, 1);
	return outcome;
}

/* Packed slots ------------------------------------------------------------ */

static uint32_t packed_byte(const struct mk_work *work, uint32_t index)
{
	return work->args[index / 4] >> index % 4 * 8 & 0xff;
}

static uint32_t inner_offset(const struct mk_work *work, uint32_t inner)
{
	return packed_byte(work, 2 + 2 * inner + 1);
}

struct packed_layout {
	uint32_t count;	    /* inner operations */
	uint32_t arg_words; /* of all of them */
	uint32_t first_arg; /* words of the table before them */
};

/* The whole layout is checked before anything has an effect. */
static bool read_layout(const struct mk_work *work, struct packed_layout *layout)
{
	uint32_t last = 0;

	layout->count = packed_byte(work, 0);
	layout->arg_words = packed_byte(work, 1);
	layout->first_arg = (2 + 2 * layout->count + 3) / 4;
	if (layout->first_arg + layout->arg_words > MK_SLOT_ARG_COUNT)
		return false;
	for (uint32_t i = 0; i < layout->count; i++) {
		uint32_t offset = inner_offset(work, i);

		if (offset < last || offset > layout->arg_words)
			return false;
		last = offset;
	}
	return true;
}

static void unpack(const struct mk_work *work, const struct packed_layout *layout,
		   uint32_t index, struct mk_work *inner, uint32_t *arg_count)
{
	uint32_t begin = inner_offset(work, index);
	uint32_t end = index + 1 < layout->count ? inner_offset(work, index + 1) :
						   layout->arg_words;

	*arg_count = end - begin;
	*inner = (struct mk_work){
		.slot = work->slot,
		.tenant = work->tenant,
		.opcode = packed_byte(work, 2 + 2 * index),
	};
	for (uint32_t i = 0; i < *arg_count; i++)
		inner->args[i] = work->args[layout->first_arg + begin + i];
}

/* A handler inside a packed slot keeps its state in the arguments it was given. */
static void keep_args(struct mk_work *work, const struct packed_layout *layout,
		      uint32_t index, const struct mk_work *inner, uint32_t arg_count)
{
	uint32_t begin = layout->first_arg + inner_offset(work, index);

	for (uint32_t i = 0; i < arg_count; i++)
		work->args[begin + i] = inner->args[i];
}

static struct mk_outcome execute_packed(struct mk_executor *executor,
					struct mk_work *work)
{
	struct packed_layout layout;
	uint32_t index;

	if (!read_layout(work, &layout))
		return fault(MK_FAULT_PACKED);
	for (index = load_state(executor, work->slot, MK_STATE_INNER);
	     index < layout.count; index++) {
		struct mk_outcome outcome;
		struct mk_work inner;
		uint32_t arg_count;

		unpack(work, &layout, index, &inner, &arg_count);
		outcome = operate_counted(executor, &inner);
		/* An answer is for the operation that has asked. */
		executor->io.answer = 0;
		if (outcome.status == MK_STATUS_FAULT)
			return outcome;
		if (outcome.status != MK_STATUS_DONE) {
			keep_args(work, &layout, index, &inner, arg_count);
			store_state(executor, work->slot, MK_STATE_INNER, index);
			return outcome;
		}
		store_state(executor, work->slot, MK_STATE_PROGRESS, 0);
	}
	return done;
}

struct mk_outcome mk_execute(struct mk_executor *executor, struct mk_work *work)
{
	if (work->opcode == MK_OP_PACKED_SLOT)
		return execute_packed(executor, work);
	return operate_counted(executor, work);
}

/* What handlers may do ----------------------------------------------------- */

uint32_t mk_call_steps(struct mk_call *call, uint32_t wanted)
{
	return mk_executor_steps(call->executor, wanted);
}

uint32_t mk_call_arena_words(struct mk_call *call)
{
	return arena_words(call->executor);
}

static mk_word *checked_arena(struct mk_call *call, uint32_t word)
{
	if (word < arena_words(call->executor))
		return arena_word(call->executor, word);
	call->fault = MK_FAULT_RANGE;
	return NULL;
}

static mk_word *checked_observable(struct mk_call *call, uint32_t index)
{
	if (index < observable_words(call->executor))
		return control_word(call->executor, MK_CONTROL_OBSERVABLES + index);
	call->fault = MK_FAULT_RANGE;
	return NULL;
}

static uint32_t load_checked(const mk_word *word)
{
	return word ? atomic_load_explicit(word, memory_order_relaxed) : 0;
}

static void store_checked(mk_word *word, uint32_t value)
{
	if (word)
		atomic_store_explicit(word, value, memory_order_relaxed);
}

static uint32_t add_checked(mk_word *word, uint32_t value)
{
	return word ? atomic_fetch_add_explicit(word, value, memory_order_relaxed) : 0;
}

uint32_t mk_call_arena_load(struct mk_call *call, uint32_t word)
{
	return load_checked(checked_arena(call, word));
}

void mk_call_arena_store(struct mk_call *call, uint32_t word, uint32_t value)
{
	store_checked(checked_arena(call, word), value);
}

uint32_t mk_call_arena_add(struct mk_call *call, uint32_t word, uint32_t value)
{
	return add_checked(checked_arena(call, word), value);
}

uint32_t mk_call_observable_load(struct mk_call *call, uint32_t index)
{
	return load_checked(checked_observable(call, index));
}

void mk_call_observable_store(struct mk_call *call, uint32_t index, uint32_t value)
{
	store_checked(checked_observable(call, index), value);
}

uint32_t mk_call_observable_add(struct mk_call *call, uint32_t index, uint32_t value)
{
	return add_checked(checked_observable(call, index), value);
}
