// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of geometry.c.  Expected numbers are written out, as Documentation/abi.rst
 * has them, and not computed in the same way again.
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/string.h>

#include <kunit/test.h>

#include "geometry.h"

static const struct mk_geometry_words usual = {
	.slots = 1024,
	.window_slots = 32,
	.log_records = 64,
	.io_slots = 64,
	.io_request_slots = 32,
	.observable_words = 0,
};

static const struct mk_geometry_words smallest = {
	.slots = 1,
	.window_slots = 1,
	.log_records = 1,
	.io_slots = 1,
};

/* With windows of one slot, so that there are as many leases as there can be. */
static const struct mk_geometry_words largest = {
	.slots = MK_ENCODE_LIMIT,
	.window_slots = 1,
	.log_records = MK_ENCODE_LIMIT,
	.io_slots = MK_ENCODE_LIMIT,
	.io_request_slots = MK_ENCODE_LIMIT,
	.observable_words = MK_ENCODE_LIMIT,
};

/* Geometries --------------------------------------------------------------- */

static void geometry_is_taken(struct kunit *test)
{
	struct mk_geometry_words one_window = usual;

	one_window.window_slots = one_window.slots;
	KUNIT_EXPECT_EQ(test, mk_geometry_check(&usual), 0);
	KUNIT_EXPECT_EQ(test, mk_geometry_check(&smallest), 0);
	KUNIT_EXPECT_EQ(test, mk_geometry_check(&largest), 0);
	KUNIT_EXPECT_EQ(test, mk_geometry_check(&one_window), 0);
}

/* One word of a usual geometry is another. */
struct bad_word {
	size_t offset;
	u32 value;
	int error;
};

#define BAD(word, value, error)                                        \
	{                                                              \
		offsetof(struct mk_geometry_words, word), value, error \
	}

static const struct bad_word bad_words[] = {
	BAD(slots, 0, -EINVAL),
	BAD(window_slots, 0, -EINVAL),
	BAD(log_records, 0, -EINVAL),
	BAD(io_slots, 0, -EINVAL),
	BAD(slots, MK_ENCODE_LIMIT + 1, -EOVERFLOW),
	BAD(log_records, MK_ENCODE_LIMIT + 1, -EOVERFLOW),
	BAD(io_slots, MK_ENCODE_LIMIT + 1, -EOVERFLOW),
	BAD(observable_words, MK_ENCODE_LIMIT + 1, -EOVERFLOW),
	BAD(slots, U32_MAX, -EOVERFLOW),
	BAD(log_records, U32_MAX, -EOVERFLOW),
	BAD(io_slots, U32_MAX, -EOVERFLOW),
	BAD(observable_words, U32_MAX, -EOVERFLOW),
	BAD(window_slots, 1025, -EINVAL),
	BAD(window_slots, U32_MAX, -EINVAL),
	BAD(io_request_slots, 65, -EINVAL),
	BAD(io_request_slots, U32_MAX, -EINVAL),
};

static void geometry_is_refused(struct kunit *test)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad_words); i++) {
		const struct bad_word *bad = &bad_words[i];
		struct mk_geometry_words geometry = usual;

		memcpy((char *)&geometry + bad->offset, &bad->value, sizeof(u32));
		KUNIT_EXPECT_EQ_MSG(test, mk_geometry_check(&geometry), bad->error,
				    "word %zu is %u", bad->offset / sizeof(u32),
				    bad->value);
	}
}

/* Sizes -------------------------------------------------------------------- */

static void expect_sizes(struct kunit *test, const struct mk_geometry_words *geometry,
			 const u64 bytes[MK_REGION_COUNT])
{
	u32 region;

	for (region = 0; region < MK_REGION_COUNT; region++)
		KUNIT_EXPECT_EQ_MSG(test, mk_geometry_bytes(geometry, region),
				    bytes[region], "region %u", region);
	KUNIT_EXPECT_EQ(test, mk_geometry_bytes(geometry, MK_REGION_COUNT), 0);
	KUNIT_EXPECT_EQ(test, mk_geometry_bytes(geometry, U32_MAX), 0);
}

static void sizes_of_usual(struct kunit *test)
{
	static const u64 bytes[] = { 640, 65536, 1028, 2048, 8448 };

	expect_sizes(test, &usual, bytes);
	KUNIT_EXPECT_EQ(test, mk_geometry_windows(&usual), 32);
	KUNIT_EXPECT_EQ(test, mk_geometry_first_lease(&usual), 8192);
}

/* The leases begin on the line after the one entry. */
static void sizes_of_smallest(struct kunit *test)
{
	static const u64 bytes[] = { 640, 64, 20, 32, 4168 };

	expect_sizes(test, &smallest, bytes);
	KUNIT_EXPECT_EQ(test, mk_geometry_windows(&smallest), 1);
	KUNIT_EXPECT_EQ(test, mk_geometry_first_lease(&smallest), 4160);
}

static void sizes_of_largest(struct kunit *test)
{
	static const u64 bytes[] = { 4194944, 67108864, 16777220, 33554432, 12587008 };

	expect_sizes(test, &largest, bytes);
	KUNIT_EXPECT_EQ(test, mk_geometry_windows(&largest), MK_ENCODE_LIMIT);
	KUNIT_EXPECT_EQ(test, mk_geometry_first_lease(&largest), 4198400);
}

/* The last window has fewer slots and is one nevertheless. */
static void last_window_is_counted(struct kunit *test)
{
	struct mk_geometry_words geometry = usual;

	geometry.slots = 33;
	KUNIT_EXPECT_EQ(test, mk_geometry_windows(&geometry), 2);
	KUNIT_EXPECT_EQ(test, mk_geometry_first_lease(&geometry), 4288);
	KUNIT_EXPECT_EQ(test, mk_geometry_bytes(&geometry, MK_REGION_CQ), 4304);
}

static void leases_are_aligned(struct kunit *test)
{
	struct mk_geometry_words geometry = usual;

	for (geometry.slots = 1; geometry.slots <= 64; geometry.slots++) {
		u64 lease = mk_geometry_first_lease(&geometry);
		u64 entries_end = 4096 + 4 * geometry.slots;

		KUNIT_EXPECT_EQ(test, lease % 64, 0);
		KUNIT_EXPECT_GE(test, lease, entries_end);
		KUNIT_EXPECT_LT(test, lease, entries_end + 64);
	}
}

/* Those of ingest slots are in the header, behind all that has a name there. */
static void leases_are_found(struct kunit *test)
{
	struct mk_lease_array arrays[MK_LEASE_ARRAY_COUNT];

	mk_geometry_leases(&usual, arrays);
	KUNIT_EXPECT_EQ(test, arrays[0].first, 8192);
	KUNIT_EXPECT_EQ(test, arrays[0].count, 32);
	KUNIT_EXPECT_EQ(test, arrays[1].first, 512);
	KUNIT_EXPECT_EQ(test, arrays[1].count, 256);

	mk_geometry_leases(&largest, arrays);
	KUNIT_EXPECT_EQ(test, arrays[0].first, 4198400);
	KUNIT_EXPECT_EQ(test, arrays[0].count, MK_ENCODE_LIMIT);
	KUNIT_EXPECT_EQ(test, arrays[1].first, 512);
	KUNIT_EXPECT_EQ(test, arrays[1].count, 256);
}

/* There is a lease for each slot that is no request's, whatever their number. */
static void ingest_groups_fit_their_leases(struct kunit *test)
{
	u32 slots;

	KUNIT_EXPECT_EQ(test, MK_INGEST_GROUP_SLOTS(1u), 8);
	KUNIT_EXPECT_EQ(test, MK_INGEST_GROUP_SLOTS(2048u), 8);
	KUNIT_EXPECT_EQ(test, MK_INGEST_GROUP_SLOTS(2049u), 9);
	KUNIT_EXPECT_EQ(test, MK_INGEST_GROUP_SLOTS(MK_ENCODE_LIMIT), 4096);
	for (slots = 1; slots <= 10000; slots++)
		KUNIT_EXPECT_GE(test, 256 * MK_INGEST_GROUP_SLOTS(slots), slots);
}

/* Leases ------------------------------------------------------------------- */

static void lease_is_orphaned(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, mk_lease_orphaned(0x0000000500000007ULL, 7),
			0x0000000500000000ULL);
	KUNIT_EXPECT_EQ(test, mk_lease_orphaned(0xffffffffffffffffULL, U32_MAX),
			0xffffffff00000000ULL);
	KUNIT_EXPECT_EQ(test, mk_lease_orphaned(0x0000000000000007ULL, 7), 0);
}

static void lease_of_another_stays(struct kunit *test)
{
	static const u64 leases[] = {
		0x0000000500000008ULL, /* held by another file */
		0x0000000700000008ULL, /* whose generation is our number */
		0x0000000500000000ULL, /* free */
		0,
		0xffffffffffffffffULL,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(leases); i++)
		KUNIT_EXPECT_EQ(test, mk_lease_orphaned(leases[i], 7), leases[i]);
}

/* Roles -------------------------------------------------------------------- */

static void roles_are_known(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, mk_role_is_known(0));
	KUNIT_EXPECT_TRUE(test, mk_role_is_known(MK_ROLE_OWNER));
	KUNIT_EXPECT_TRUE(test, mk_role_is_known(MK_ROLE_ENGINE));
	KUNIT_EXPECT_TRUE(test, mk_role_is_known(MK_ROLE_PRODUCER));
	KUNIT_EXPECT_TRUE(test, mk_role_is_known(MK_ROLE_OBSERVER));
	KUNIT_EXPECT_TRUE(test, mk_role_is_known(MK_ROLE_PUMP));
	KUNIT_EXPECT_FALSE(test, mk_role_is_known(MK_ROLE_PUMP + 1));
	KUNIT_EXPECT_FALSE(test, mk_role_is_known(U32_MAX));
}

static void roles_never_grow(struct kunit *test)
{
	/* Rows: what the file is; columns: what is wanted; both from the owner on. */
	static const bool may[5][5] = {
		{ false, true, true, true, true },
		{ false, true, true, true, true },
		{ false, false, true, true, false },
		{ false, false, false, true, false },
		{ false, false, false, true, false },
	};
	u32 role, wanted;

	for (role = MK_ROLE_OWNER; role <= MK_ROLE_PUMP; role++)
		for (wanted = MK_ROLE_OWNER; wanted <= MK_ROLE_PUMP; wanted++)
			KUNIT_EXPECT_EQ_MSG(test, mk_role_may_become(role, wanted),
					    may[role - 1][wanted - 1], "%u wants %u",
					    role, wanted);
}

/* Bit n of @may: the role may write memory n. */
static void expect_writes(struct kunit *test, u32 role, u32 may)
{
	u32 memory;

	for (memory = 0; memory < MK_MEMORY_COUNT; memory++)
		KUNIT_EXPECT_EQ_MSG(test, mk_role_may_write(role, &usual, memory, 0),
				    (bool)(may & BIT(memory)), "role %u, memory %u", role,
				    memory);
}

static void roles_may_write(struct kunit *test)
{
	u32 arenas = GENMASK(MK_MEMORY_COUNT - 1, MK_MEMORY_ARENA(0));

	expect_writes(test, MK_ROLE_OWNER, U32_MAX);
	expect_writes(test, MK_ROLE_ENGINE, U32_MAX);
	expect_writes(test, MK_ROLE_PRODUCER,
		      BIT(MK_REGION_RING) | BIT(MK_REGION_CQ) | arenas);
	expect_writes(test, MK_ROLE_OBSERVER, 0);
	expect_writes(test, MK_ROLE_PUMP, 0);
}

/* 4096 bytes hold 128 slots. */
static void producer_writes_no_request(struct kunit *test)
{
	struct mk_geometry_words geometry = usual;
	const u32 role = MK_ROLE_PRODUCER, memory = MK_REGION_IO_QUEUE;

	geometry.io_slots = 512;
	geometry.io_request_slots = 0;
	KUNIT_EXPECT_TRUE(test, mk_role_may_write(role, &geometry, memory, 0));

	geometry.io_request_slots = 1;
	KUNIT_EXPECT_FALSE(test, mk_role_may_write(role, &geometry, memory, 0));
	KUNIT_EXPECT_TRUE(test, mk_role_may_write(role, &geometry, memory, 4096));

	geometry.io_request_slots = 128;
	KUNIT_EXPECT_FALSE(test, mk_role_may_write(role, &geometry, memory, 0));
	KUNIT_EXPECT_TRUE(test, mk_role_may_write(role, &geometry, memory, 4096));

	geometry.io_request_slots = 129;
	KUNIT_EXPECT_FALSE(test, mk_role_may_write(role, &geometry, memory, 4096));
	KUNIT_EXPECT_TRUE(test, mk_role_may_write(role, &geometry, memory, 8192));

	geometry.io_request_slots = 512;
	KUNIT_EXPECT_FALSE(test, mk_role_may_write(role, &geometry, memory, 12288));
}

/* Views -------------------------------------------------------------------- */

struct view {
	u64 offset;
	u64 size;
	int error;
	u64 result;
};

/* Of a memory of eight pages. */
static const struct view views[] = {
	{ 0, 0, 0, 8 * PAGE_SIZE },
	{ 0, 8 * PAGE_SIZE, 0, 8 * PAGE_SIZE },
	{ PAGE_SIZE, 0, 0, 7 * PAGE_SIZE },
	{ 7 * PAGE_SIZE, PAGE_SIZE, 0, PAGE_SIZE },
	{ 7 * PAGE_SIZE, 0, 0, PAGE_SIZE },
	{ 1, 0, -EINVAL },
	{ 0, 1, -EINVAL },
	{ PAGE_SIZE - 1, PAGE_SIZE, -EINVAL },
	{ U64_MAX, 0, -EINVAL },
	{ 0, U64_MAX, -EINVAL },
	{ 8 * PAGE_SIZE, 0, -ERANGE },
	{ 8 * PAGE_SIZE, PAGE_SIZE, -ERANGE },
	{ 0, 9 * PAGE_SIZE, -ERANGE },
	{ 7 * PAGE_SIZE, 2 * PAGE_SIZE, -ERANGE },
	/* Sums of these wrap. */
	{ PAGE_SIZE, -PAGE_SIZE, -ERANGE },
	{ -PAGE_SIZE, PAGE_SIZE, -ERANGE },
	{ -PAGE_SIZE, 0, -ERANGE },
	{ 4 * PAGE_SIZE, -2 * PAGE_SIZE, -ERANGE },
};

static void views_are_checked(struct kunit *test)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(views); i++) {
		const struct view *view = &views[i];
		u64 size = view->size;
		int error = mk_range_check(8 * PAGE_SIZE, view->offset, &size);

		KUNIT_EXPECT_EQ_MSG(test, error, view->error, "view %zu", i);
		if (!error)
			KUNIT_EXPECT_EQ_MSG(test, size, view->result, "view %zu", i);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(geometry_is_taken),
	KUNIT_CASE(geometry_is_refused),
	KUNIT_CASE(sizes_of_usual),
	KUNIT_CASE(sizes_of_smallest),
	KUNIT_CASE(sizes_of_largest),
	KUNIT_CASE(last_window_is_counted),
	KUNIT_CASE(leases_are_aligned),
	KUNIT_CASE(leases_are_found),
	KUNIT_CASE(ingest_groups_fit_their_leases),
	KUNIT_CASE(lease_is_orphaned),
	KUNIT_CASE(lease_of_another_stays),
	KUNIT_CASE(roles_are_known),
	KUNIT_CASE(roles_never_grow),
	KUNIT_CASE(roles_may_write),
	KUNIT_CASE(producer_writes_no_request),
	KUNIT_CASE(views_are_checked),
	{},
};

static struct kunit_suite suite = {
	.name = "mk",
	.test_cases = cases,
};

kunit_test_suite(suite);
