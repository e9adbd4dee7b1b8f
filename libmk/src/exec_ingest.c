// SPDX-License-Identifier: MIT
#include "exec_io.h"

/* The words of an io slot that are the handler's arguments: all but the status. */
static const uint32_t argument_words[] = {
	MK_IO_OP,	   MK_IO_SOURCE,     MK_IO_DESTINATION, MK_IO_OFFSET_LOW,
	MK_IO_OFFSET_HIGH, MK_IO_BYTE_COUNT, MK_IO_TAG,
};
#define ARGUMENTS    (sizeof(argument_words) / sizeof(argument_words[0]))
#define TAG_ARGUMENT (ARGUMENTS - 1)

static mk_word *io_word(const struct mk_executor *executor, uint32_t io_slot,
			uint32_t word)
{
	return mk_io_word(executor->context, io_slot, word);
}

static void store_status(const struct mk_executor *executor, uint32_t io_slot,
			 uint32_t status)
{
	atomic_store_explicit(io_word(executor, io_slot, MK_IO_STATUS), status,
			      memory_order_release);
}

/* Whether its handler is suspended, so that its words are arguments. */
static void store_suspended(const struct mk_executor *executor, uint32_t io_slot,
			    bool suspended)
{
	atomic_store_explicit(mk_io_state(executor->context, io_slot, MK_STATE_IO_OWNER),
			      suspended, memory_order_release);
}

static void load_arguments(const struct mk_executor *executor, uint32_t io_slot,
			   uint32_t *args)
{
	for (uint32_t i = 0; i < ARGUMENTS; i++)
		args[i] = atomic_load_explicit(io_word(executor, io_slot,
						       argument_words[i]),
					       memory_order_relaxed);
}

static void store_arguments(const struct mk_executor *executor, uint32_t io_slot,
			    const uint32_t *args)
{
	for (uint32_t i = 0; i < ARGUMENTS; i++)
		atomic_store_explicit(io_word(executor, io_slot, argument_words[i]),
				      args[i], memory_order_relaxed);
}

/* Effects come before EMPTY, and that before it is counted. */
static void end(struct mk_executor *executor, uint32_t io_slot, uint32_t fault,
		uint32_t tag)
{
	if (fault) {
		mk_executor_log(executor, MK_LOG_FORMAT_INGEST_FAULT, fault, io_slot,
				tag);
		mk_counter_add(executor->context, MK_CQ_FAULTS, 1);
	}
	store_status(executor, io_slot, MK_STATUS_EMPTY);
	atomic_thread_fence(memory_order_release);
	mk_counter_add(executor->context, MK_CQ_IO_INGESTS, 1);
}

static uint32_t call_handler(struct mk_executor *executor, struct mk_call *call)
{
	uint32_t status;

	if (!executor->ingest) {
		call->fault = MK_FAULT_OPCODE;
		return MK_STATUS_FAULT;
	}
	/* There is no slot of the ring that could wait for an answer. */
	mk_io_forbid(executor);
	status = executor->ingest(call);
	if (!call->fault && status != MK_STATUS_DONE && status != MK_STATUS_YIELD &&
	    status != MK_STATUS_REQUEUE)
		call->fault = MK_FAULT_HANDLER;
	return call->fault ? MK_STATUS_FAULT : status;
}

void mk_ingest_execute(struct mk_executor *executor, uint32_t io_slot)
{
	struct mk_call call = { .slot = io_slot, .executor = executor };
	uint32_t tag, status;

	load_arguments(executor, io_slot, call.args);
	tag = call.args[TAG_ARGUMENT];
	store_status(executor, io_slot, MK_STATUS_CLAIMED);
	store_suspended(executor, io_slot, false);
	/* CLAIMED is visible before the first effect is. */
	atomic_thread_fence(memory_order_release);
	status = call_handler(executor, &call);
	if (status == MK_STATUS_DONE || status == MK_STATUS_FAULT) {
		end(executor, io_slot, call.fault, tag);
	} else {
		store_arguments(executor, io_slot, call.args);
		store_suspended(executor, io_slot, true);
	}
}

/* How far its handler came is not known, unless it was suspended. */
bool mk_ingest_recover(struct mk_executor *executor, uint32_t io_slot)
{
	uint32_t args[ARGUMENTS];

	if (atomic_load_explicit(io_word(executor, io_slot, MK_IO_STATUS),
				 memory_order_acquire) != MK_STATUS_CLAIMED ||
	    atomic_load_explicit(mk_io_state(executor->context, io_slot,
					     MK_STATE_IO_OWNER),
				 memory_order_acquire))
		return false;
	load_arguments(executor, io_slot, args);
	end(executor, io_slot, MK_FAULT_INTERRUPTED, args[TAG_ARGUMENT]);
	return true;
}
