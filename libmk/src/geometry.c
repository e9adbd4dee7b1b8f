// SPDX-License-Identifier: MIT
#include "geometry.h"

#include <errno.h>

#include <mk/abi.h>

#include <state_layout.h>

#include "error.h"

void mk_geometry_fill(struct mk_geometry *geometry)
{
	geometry->size = sizeof(*geometry);
	if (!geometry->slots)
		geometry->slots = 1024;
	if (!geometry->window_slots)
		geometry->window_slots = MK_WINDOW_SLOTS_DEFAULT;
	if (geometry->window_slots > geometry->slots)
		geometry->window_slots = geometry->slots;
	if (!geometry->log_records)
		geometry->log_records = MK_LOG_RECORD_CAPACITY_DEFAULT;
	if (!geometry->io_slots)
		geometry->io_slots = MK_IO_SLOT_COUNT_DEFAULT;
	if (!geometry->io_request_slots)
		geometry->io_request_slots = (geometry->io_slots + 1) / 2;
	if (!geometry->tenants)
		geometry->tenants = 1;
}

static int check_limit(const char *what, uint64_t have, uint64_t limit)
{
	if (have > limit)
		return mk_fail(EOVERFLOW,
			       "%llu %s exceed the limit of %llu; ask for fewer",
			       (unsigned long long)have, what, (unsigned long long)limit);
	return 0;
}

int mk_geometry_check(const struct mk_geometry *geometry)
{
	int ret = check_limit("ring slots", geometry->slots, MK_ENCODE_LIMIT);

	if (!ret)
		ret = check_limit("debug records", geometry->log_records,
				  MK_ENCODE_LIMIT);
	if (!ret)
		ret = check_limit("observable words", geometry->observable_words,
				  MK_ENCODE_LIMIT);
	if (!ret)
		ret = check_limit("io slots", geometry->io_slots, MK_ENCODE_LIMIT);
	if (!ret)
		ret = check_limit("tenants", geometry->tenants, MK_TENANT_COUNT);
	if (!ret)
		/* Arena words are indexed by 32 bits. */
		ret = check_limit("arena bytes", geometry->arena_bytes,
				  sizeof(uint32_t) * (uint64_t)UINT32_MAX);
	if (ret)
		return ret;
	if (!geometry->slots || !geometry->window_slots || !geometry->log_records ||
	    !geometry->io_slots)
		return mk_fail(EINVAL,
			       "a geometry without slots, window, debug records or io "
			       "slots; each is at least 1");
	if (geometry->window_slots > geometry->slots)
		return mk_fail(EINVAL,
			       "a window of %u slots in a ring of %u; a window is part "
			       "of the ring",
			       geometry->window_slots, geometry->slots);
	if (geometry->io_request_slots > geometry->io_slots)
		return mk_fail(EINVAL,
			       "%u io request slots of %u io slots; the requests' are "
			       "part of all",
			       geometry->io_request_slots, geometry->io_slots);
	if (geometry->flags & ~MK_CONTEXT_ALLOW_SHUTDOWN)
		return mk_fail(EINVAL, "unknown context flags 0x%x; known are 0x%x",
			       geometry->flags, MK_CONTEXT_ALLOW_SHUTDOWN);
	return 0;
}

uint32_t mk_geometry_windows(const struct mk_geometry *geometry)
{
	return (geometry->slots - 1) / geometry->window_slots + 1;
}

static size_t state_bytes(const struct mk_geometry *geometry)
{
	return sizeof(uint32_t) *
	       MK_STATE_IO_SLOT_WORD((size_t)geometry->slots,
				     (size_t)mk_geometry_windows(geometry),
				     (size_t)geometry->io_slots, 0);
}

void mk_geometry_sizes(const struct mk_geometry *geometry, size_t bytes[MK_MEMORIES])
{
	bytes[MK_REGION_CONTROL] = (size_t)mk_control_bytes(geometry->observable_words);
	bytes[MK_REGION_RING] = (size_t)mk_ring_bytes(geometry->slots);
	bytes[MK_REGION_DEBUG_LOG] = (size_t)mk_debug_log_bytes(geometry->log_records);
	bytes[MK_REGION_IO_QUEUE] = (size_t)mk_io_queue_bytes(geometry->io_slots);
	bytes[MK_REGION_CQ] =
		(size_t)mk_cq_bytes(geometry->slots, geometry->window_slots);
	bytes[MK_MEMORY_STATE] = state_bytes(geometry);
	bytes[MK_ARENA] = geometry->arena_bytes;
}
