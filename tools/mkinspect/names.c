// SPDX-License-Identifier: MIT
#include "names.h"

#include <stddef.h>
#include <strings.h>

#include <mk/context.h>
#include <mk/snapshot.h>

struct name {
	uint32_t value;
	const char *name;
};

#define COUNT(array)		(sizeof(array) / sizeof((array)[0]))
#define FIND_NAME(names, v)	find_name(names, COUNT(names), v)
#define FIND_VALUE(names, n, v) find_value(names, COUNT(names), n, v)

static const char *find_name(const struct name *names, size_t count, uint32_t value)
{
	for (size_t i = 0; i < count; i++)
		if (names[i].value == value)
			return names[i].name;
	return NULL;
}

static bool find_value(const struct name *names, size_t count, const char *name,
		       uint32_t *value)
{
	for (size_t i = 0; i < count; i++) {
		if (strcasecmp(names[i].name, name))
			continue;
		*value = names[i].value;
		return true;
	}
	return false;
}

static const struct name statuses[] = {
	{ MK_STATUS_EMPTY, "EMPTY" },	  { MK_STATUS_PUBLISHED, "PUBLISHED" },
	{ MK_STATUS_CLAIMED, "CLAIMED" }, { MK_STATUS_DONE, "DONE" },
	{ MK_STATUS_WAIT_IO, "WAIT_IO" }, { MK_STATUS_YIELD, "YIELD" },
	{ MK_STATUS_REQUEUE, "REQUEUE" }, { MK_STATUS_FAULT, "FAULT" },
};

static const struct name opcodes[] = {
	{ MK_OP_NOP, "NOP" },
	{ MK_OP_STORE_U32, "STORE_U32" },
	{ MK_OP_ATOMIC_ADD, "ATOMIC_ADD" },
	{ MK_OP_LOAD_U32, "LOAD_U32" },
	{ MK_OP_COMPARE_SWAP, "COMPARE_SWAP" },
	{ MK_OP_MEMCPY, "MEMCPY" },
	{ MK_OP_DFA_STEP, "DFA_STEP" },
	{ MK_OP_BATCH_FENCE, "BATCH_FENCE" },
	{ MK_OP_IO_READ, "IO_READ" },
	{ MK_OP_IO_WRITE, "IO_WRITE" },
	{ MK_OP_IO_FENCE, "IO_FENCE" },
	{ MK_OP_LOAD_MISS, "LOAD_MISS" },
	{ MK_OP_PRINTF, "PRINTF" },
	{ MK_OP_PACKED_SLOT, "PACKED_SLOT" },
	{ MK_OP_SHUTDOWN, "SHUTDOWN" },
};

static const struct name priorities[] = {
	{ MK_PRIORITY_CRITICAL, "CRITICAL" }, { MK_PRIORITY_HIGH, "HIGH" },
	{ MK_PRIORITY_NORMAL, "NORMAL" },     { MK_PRIORITY_LOW, "LOW" },
	{ MK_PRIORITY_IDLE, "IDLE" },
};

static const struct name faults[] = {
	{ MK_FAULT_OPCODE, "OPCODE" },
	{ MK_FAULT_RANGE, "RANGE" },
	{ MK_FAULT_PACKED, "PACKED" },
	{ MK_FAULT_TENANT, "TENANT" },
	{ MK_FAULT_PERMISSION, "PERMISSION" },
	{ MK_FAULT_IO, "IO" },
	{ MK_FAULT_INTERRUPTED, "INTERRUPTED" },
	{ MK_FAULT_HANDLER, "HANDLER" },
	{ MK_FAULT_FENCE, "FENCE" },
};

static const struct name io_ops[] = {
	{ MK_IO_OP_READ, "READ" },
	{ MK_IO_OP_WRITE, "WRITE" },
	{ MK_IO_OP_FENCE, "FENCE" },
};

static const struct name io_statuses[] = {
	{ MK_STATUS_EMPTY, "EMPTY" },	  { MK_STATUS_PUBLISHED, "PUBLISHED" },
	{ MK_STATUS_CLAIMED, "CLAIMED" }, { MK_STATUS_DONE, "DONE" },
	{ MK_IO_STATUS_OK, "OK" },	  { MK_IO_STATUS_ERROR, "ERROR" },
};

static const struct name io_reasons[] = {
	{ MK_IO_REASON_OPERATION, "OPERATION" },
	{ MK_IO_REASON_UNKNOWN_HANDLE, "UNKNOWN_HANDLE" },
	{ MK_IO_REASON_STALE_HANDLE, "STALE_HANDLE" },
	{ MK_IO_REASON_WRONG_HANDLE, "WRONG_HANDLE" },
	{ MK_IO_REASON_PERMISSION, "PERMISSION" },
	{ MK_IO_REASON_RANGE, "RANGE" },
	{ MK_IO_REASON_LENGTH, "LENGTH" },
	{ MK_IO_REASON_END_OF_FILE, "END_OF_FILE" },
	{ MK_IO_REASON_SYSTEM, "SYSTEM" },
	{ MK_IO_REASON_CANCELLED, "CANCELLED" },
	{ MK_IO_REASON_CALLBACK, "CALLBACK" },
};

static const struct name engine_states[] = {
	{ MK_ENGINE_IDLE, "IDLE" },	{ MK_ENGINE_RUNNING, "RUNNING" },
	{ MK_ENGINE_PARKED, "PARKED" }, { MK_ENGINE_STOPPED, "STOPPED" },
	{ MK_ENGINE_LOST, "LOST" },
};

static const struct name backings[] = {
	{ MK_BACKING_MEMFD, "memfd" },
	{ MK_BACKING_KMOD, "kmod" },
	{ MK_BACKING_DEVICE, "device" },
};

static const struct name roles[] = {
	{ MK_ROLE_OWNER, "owner" },	  { MK_ROLE_ENGINE, "engine" },
	{ MK_ROLE_PRODUCER, "producer" }, { MK_ROLE_OBSERVER, "observer" },
	{ MK_ROLE_PUMP, "pump" },
};

static const struct name reasons[] = {
	{ MK_SNAPSHOT_ASKED, "asked" },
	{ MK_SNAPSHOT_LOST, "lost" },
	{ MK_SNAPSHOT_SIGNAL, "signal" },
};

static const struct name memories[] = {
	{ MK_REGION_CONTROL, "control" }, { MK_REGION_RING, "ring" },
	{ MK_REGION_DEBUG_LOG, "log" },	  { MK_REGION_IO_QUEUE, "ioq" },
	{ MK_REGION_CQ, "cq" },		  { MK_MEMORY_STATE, "state" },
	{ MK_MEMORY_ARENA(0), "arena" },
};

const char *name_status(uint32_t status)
{
	return FIND_NAME(statuses, status);
}

const char *name_builtin(uint32_t opcode)
{
	return FIND_NAME(opcodes, opcode);
}

const char *name_opcode(uint32_t opcode)
{
	const char *name = name_builtin(opcode);

	if (!name && opcode > MK_OP_BUILTIN_LAST && !(opcode & MK_OP_RESERVED_BIT) &&
	    (opcode < MK_OP_SYSTEM_FIRST || opcode > MK_OP_SYSTEM_LAST))
		return "user";
	return name;
}

const char *name_priority(uint32_t priority)
{
	return FIND_NAME(priorities, priority);
}

const char *name_fault(uint32_t code)
{
	return FIND_NAME(faults, code);
}

const char *name_io_op(uint32_t op)
{
	return FIND_NAME(io_ops, op);
}

const char *name_io_status(uint32_t status)
{
	return FIND_NAME(io_statuses, status);
}

const char *name_io_reason(uint32_t reason)
{
	return FIND_NAME(io_reasons, reason);
}

const char *name_engine_state(uint32_t state)
{
	return FIND_NAME(engine_states, state);
}

const char *name_backing(uint32_t kind)
{
	return FIND_NAME(backings, kind);
}

const char *name_role(uint32_t role)
{
	return FIND_NAME(roles, role);
}

const char *name_reason(uint32_t reason)
{
	return FIND_NAME(reasons, reason);
}

const char *name_memory(uint32_t memory)
{
	return FIND_NAME(memories, memory);
}

bool find_status(const char *name, uint32_t *status)
{
	return FIND_VALUE(statuses, name, status);
}

bool find_opcode(const char *name, uint32_t *opcode)
{
	return FIND_VALUE(opcodes, name, opcode);
}

bool find_priority(const char *name, uint32_t *priority)
{
	return FIND_VALUE(priorities, name, priority);
}
