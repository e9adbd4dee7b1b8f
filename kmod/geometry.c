// SPDX-License-Identifier: GPL-2.0-only
#include "geometry.h"

#include <linux/align.h>
#include <linux/errno.h>
#include <linux/math.h>

static bool is_over_limit(const struct mk_geometry_words *geometry)
{
	return geometry->slots > MK_ENCODE_LIMIT ||
	       geometry->log_records > MK_ENCODE_LIMIT ||
	       geometry->io_slots > MK_ENCODE_LIMIT ||
	       geometry->observable_words > MK_ENCODE_LIMIT;
}

int mk_geometry_check(const struct mk_geometry_words *geometry)
{
	if (!geometry->slots || !geometry->window_slots || !geometry->log_records ||
	    !geometry->io_slots)
		return -EINVAL;
	if (is_over_limit(geometry))
		return -EOVERFLOW;
	if (geometry->window_slots > geometry->slots ||
	    geometry->io_request_slots > geometry->io_slots)
		return -EINVAL;
	return 0;
}

u32 mk_geometry_windows(const struct mk_geometry_words *geometry)
{
	return DIV_ROUND_UP(geometry->slots, geometry->window_slots);
}

u64 mk_geometry_first_lease(const struct mk_geometry_words *geometry)
{
	u32 word = MK_CQ_HEADER_WORDS + geometry->slots;

	return sizeof(u32) * (u64)ALIGN(word, MK_CQ_LEASE_ALIGN_WORDS);
}

void mk_geometry_leases(const struct mk_geometry_words *geometry,
			struct mk_lease_array arrays[MK_LEASE_ARRAY_COUNT])
{
	arrays[0] = (struct mk_lease_array){
		.first = mk_geometry_first_lease(geometry),
		.count = mk_geometry_windows(geometry),
	};
	arrays[1] = (struct mk_lease_array){
		.first = sizeof(u32) * MK_CQ_INGEST_LEASES,
		.count = MK_CQ_INGEST_LEASE_COUNT,
	};
}

u64 mk_geometry_bytes(const struct mk_geometry_words *geometry, u32 region)
{
	switch (region) {
	case MK_REGION_CONTROL:
		return sizeof(u32) *
		       ((u64)MK_CONTROL_OBSERVABLES + geometry->observable_words);
	case MK_REGION_RING:
		return (u64)MK_SLOT_BYTES * geometry->slots;
	case MK_REGION_DEBUG_LOG:
		return sizeof(u32) * ((u64)MK_LOG_RECORDS +
				      (u64)MK_LOG_RECORD_WORDS * geometry->log_records);
	case MK_REGION_IO_QUEUE:
		return (u64)MK_IO_SLOT_BYTES * geometry->io_slots;
	case MK_REGION_CQ:
		return mk_geometry_first_lease(geometry) +
		       sizeof(u64) * (u64)mk_geometry_windows(geometry);
	default:
		return 0;
	}
}

u64 mk_lease_orphaned(u64 lease, u32 number)
{
	return lower_32_bits(lease) == number ? lease & ~(u64)U32_MAX : lease;
}

bool mk_role_is_known(u32 role)
{
	return role >= MK_ROLE_OWNER && role <= MK_ROLE_PUMP;
}

/* Each role may do what the ones after it may, up to the observer's. */
bool mk_role_may_become(u32 role, u32 wanted)
{
	if (wanted == MK_ROLE_PUMP)
		return role <= MK_ROLE_ENGINE;
	if (role == MK_ROLE_PUMP)
		return wanted == MK_ROLE_OBSERVER;
	return wanted > MK_ROLE_OWNER && wanted >= role;
}

bool mk_role_may_write(u32 role, const struct mk_geometry_words *geometry, u32 memory,
		       u64 offset)
{
	if (role == MK_ROLE_OWNER || role == MK_ROLE_ENGINE)
		return true;
	if (role != MK_ROLE_PRODUCER)
		return false;
	switch (memory) {
	case MK_REGION_RING:
	case MK_REGION_CQ:
		return true;
	case MK_REGION_IO_QUEUE:
		/* Who could write a request could forge one. */
		return offset >= (u64)MK_IO_SLOT_BYTES * geometry->io_request_slots;
	default:
		return memory >= MK_MEMORY_ARENA(0);
	}
}

int mk_range_check(u64 mapped_bytes, u64 offset, u64 *size)
{
	if (!PAGE_ALIGNED(offset) || !PAGE_ALIGNED(*size))
		return -EINVAL;
	if (offset >= mapped_bytes || *size > mapped_bytes - offset)
		return -ERANGE;
	if (!*size)
		*size = mapped_bytes - offset;
	return 0;
}
