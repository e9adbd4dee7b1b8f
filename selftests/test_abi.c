// SPDX-License-Identifier: MIT
/*
 * The pure functions where the vectors do not reach: one way of being refused a
 * test, the limits of every size, and the edges of every layout.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <mk/abi.h>
#include <mk/error.h>
#include <mk/readback.h>

#include "words.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

#define SLOTS		4
#define RING_BYTES	(SLOTS * MK_SLOT_BYTES)
#define QUEUE_BYTES	(SLOTS * MK_IO_SLOT_BYTES)
#define LOG_BYTES	(4 + 16 * MK_LOG_RECORD_CAPACITY_DEFAULT)

#define USER_OPCODE	1000u
#define RESERVED_OPCODE 0xfff3u

/* Buffers at odd addresses, and a copy to compare with after a refusal. */
struct fixture {
	char ring_memory[1 + RING_BYTES];
	char queue_memory[1 + QUEUE_BYTES];
	char ring_before[RING_BYTES];
	char queue_before[QUEUE_BYTES];
	void *ring;
	void *queue;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->ring = f->ring_memory + 1;
	f->queue = f->queue_memory + 1;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static void set_ring_status(struct fixture *f, uint32_t slot, uint32_t status)
{
	mk_store_word(f->ring, slot * MK_SLOT_WORDS + MK_SLOT_STATUS, status);
}

static uint32_t ring_word(struct fixture *f, uint32_t slot, uint32_t word)
{
	return mk_load_word(f->ring, slot * MK_SLOT_WORDS + word);
}

static uint32_t ring_byte(struct fixture *f, uint32_t slot, uint32_t byte)
{
	const uint8_t *args =
		(uint8_t *)f->ring + slot * MK_SLOT_BYTES + 4 * MK_SLOT_ARGS;

	return args[byte];
}

static void set_io_status(struct fixture *f, uint32_t slot, uint32_t status)
{
	mk_store_word(f->queue, slot * MK_IO_SLOT_WORDS + MK_IO_STATUS, status);
}

static uint32_t io_status(struct fixture *f, uint32_t slot)
{
	return mk_load_word(f->queue, slot * MK_IO_SLOT_WORDS + MK_IO_STATUS);
}

static void remember(struct fixture *f)
{
	memcpy(f->ring_before, f->ring, RING_BYTES);
	memcpy(f->queue_before, f->queue, QUEUE_BYTES);
}

/* The call was refused with this error, said why, and changed nothing. */
static void assert_refused(struct fixture *f, int64_t result, int error)
{
	assert_int_equal(result, -error);
	assert_true(strlen(mk_error_text()) > 20);
	assert_memory_equal(f->ring_before, f->ring, RING_BYTES);
	assert_memory_equal(f->queue_before, f->queue, QUEUE_BYTES);
}

static void assert_text_has(const char *part)
{
	if (!strstr(mk_error_text(), part))
		fail_msg("'%s' is not in '%s'", part, mk_error_text());
}

/* Sizes */

static void size_control_limits(void **state)
{
	(void)state;
	assert_int_equal(mk_control_bytes(0), 640);
	assert_int_equal(mk_control_bytes(1), 644);
	assert_int_equal(mk_control_bytes(UINT32_MAX - 160), 4LL * UINT32_MAX);
	assert_int_equal(mk_control_bytes(UINT32_MAX - 159), -EOVERFLOW);
	assert_int_equal(mk_control_bytes(UINT32_MAX), -EOVERFLOW);
	assert_text_has("control");
}

static void size_ring_limits(void **state)
{
	(void)state;
	assert_int_equal(mk_ring_bytes(0), 0);
	assert_int_equal(mk_ring_bytes(268435455), 17179869120);
	assert_int_equal(mk_ring_bytes(268435456), -EOVERFLOW);
	assert_int_equal(mk_ring_bytes(UINT32_MAX), -EOVERFLOW);
	assert_text_has("ring");
}

static void size_debug_log_limits(void **state)
{
	(void)state;
	assert_int_equal(mk_debug_log_bytes(0), 4);
	assert_int_equal(mk_debug_log_bytes(64), 1028);
	assert_int_equal(mk_debug_log_bytes(1073741823), 17179869172);
	assert_int_equal(mk_debug_log_bytes(1073741824), -EOVERFLOW);
	assert_text_has("debug log");
}

static void size_io_queue_limits(void **state)
{
	(void)state;
	assert_int_equal(mk_io_queue_bytes(0), 0);
	assert_int_equal(mk_io_queue_bytes(64), 2048);
	assert_int_equal(mk_io_queue_bytes(536870911), 17179869152);
	assert_int_equal(mk_io_queue_bytes(536870912), -EOVERFLOW);
	assert_text_has("io queue");
}

static void size_cq_limits(void **state)
{
	(void)state;
	assert_int_equal(mk_cq_bytes(0, 32), 4096);
	/* One entry ends a line of 16, 17 begin the next; windows round up. */
	assert_int_equal(mk_cq_bytes(1, 32), 4096 + 64 + 8);
	assert_int_equal(mk_cq_bytes(16, 32), 4096 + 64 + 8);
	assert_int_equal(mk_cq_bytes(17, 16), 4096 + 128 + 2 * 8);
	assert_int_equal(mk_cq_bytes(32, UINT32_MAX), 4096 + 128 + 8);
	assert_int_equal(mk_cq_bytes(268435455, 1),
			 4096 + 4LL * 268435456 + 8LL * 268435455);
	assert_int_equal(mk_cq_bytes(268435456, 32), -EOVERFLOW);
	assert_text_has("cq");
	assert_int_equal(mk_cq_bytes(UINT32_MAX, 1), -EOVERFLOW);
}

static void size_cq_needs_windows(void **state)
{
	(void)state;
	assert_int_equal(mk_cq_bytes(64, 0), -EINVAL);
	assert_text_has("windows of 0 slots");
}

static void size_cq_first_lease(void **state)
{
	(void)state;
	assert_int_equal(mk_cq_first_lease(0), 1024);
	assert_int_equal(mk_cq_first_lease(1), 1040);
	assert_int_equal(mk_cq_first_lease(16), 1040);
	assert_int_equal(mk_cq_first_lease(17), 1056);
	assert_int_equal(mk_cq_first_lease(268435455), 1024 + 268435456);
	assert_int_equal(mk_cq_first_lease(268435456), 0);
	assert_int_equal(mk_cq_first_lease(UINT32_MAX), 0);
}

/* Encoders */

static void encode_control_refuses_other_length(void **state)
{
	char control[648];

	(void)state;
	memset(control, 0x55, sizeof(control));
	assert_int_equal(mk_control_encode(control, 640, false, 1, 1), -EINVAL);
	assert_int_equal(mk_control_encode(control, 648, false, 1, 1), -EINVAL);
	assert_text_has("648 bytes, expected exactly 644");
	for (size_t i = 0; i < sizeof(control); i++)
		assert_int_equal(control[i], 0x55);
}

static void encode_control_refuses_too_many(void **state)
{
	(void)state;
	assert_int_equal(mk_control_encode(NULL, 0, false, 1, MK_ENCODE_LIMIT + 1),
			 -EOVERFLOW);
	assert_int_equal(mk_control_encode(NULL, 0, false, 1, UINT32_MAX), -EOVERFLOW);
	assert_text_has("at most 1048576");
}

static void encode_control_bounds_tenants(void **state)
{
	char memory[1 + 640];
	void *control = memory + 1;

	(void)state;
	assert_int_equal(mk_control_encode(control, 640, true, UINT32_MAX, 0), 0);
	assert_int_equal(mk_load_word(control, MK_CONTROL_SHUTDOWN), 1);
	assert_int_equal(mk_load_word(control, 31), MK_TENANT_MASK_ALL);
	assert_int_equal(mk_load_word(control, 32), MK_TENANT_QUOTA_DEFAULT);
	assert_int_equal(mk_load_word(control, 63), MK_TENANT_QUOTA_DEFAULT);
	for (uint32_t word = 64; word < 160; word++)
		assert_int_equal(mk_load_word(control, word), 0);
}

static void encode_ring_refuses_too_many(void **state)
{
	(void)state;
	assert_int_equal(mk_ring_encode(NULL, 0, MK_ENCODE_LIMIT + 1), -EOVERFLOW);
	assert_text_has("ring");
}

static void encode_ring_refuses_other_length(void **state)
{
	struct fixture *f = *state;

	remember(f);
	assert_refused(f, mk_ring_encode(f->ring, RING_BYTES - 1, SLOTS), EINVAL);
}

static void encode_ring_of_no_slots(void **state)
{
	(void)state;
	assert_int_equal(mk_ring_encode(NULL, 0, 0), 0);
}

static void encode_log_refuses_too_many(void **state)
{
	(void)state;
	assert_int_equal(mk_debug_log_encode(NULL, 0, MK_ENCODE_LIMIT + 1), -EOVERFLOW);
	assert_text_has("debug log");
}

static void encode_io_queue_refuses_none(void **state)
{
	(void)state;
	assert_int_equal(mk_io_queue_encode(NULL, 0, 0), -EINVAL);
	assert_text_has("0 slots");
}

static void encode_io_queue_refuses_65(void **state)
{
	char queue[65 * MK_IO_SLOT_BYTES];

	(void)state;
	assert_int_equal(mk_io_queue_encode(queue, sizeof(queue), 65), -EOVERFLOW);
	assert_text_has("at most 64");
	assert_int_equal(mk_io_queue_encode(queue, 64 * MK_IO_SLOT_BYTES, 64), 0);
}

static void priority_offsets_at_the_limit(void **state)
{
	uint32_t offsets[MK_PRIORITY_COUNT + 1];
	const uint32_t share = UINT32_MAX / 5;

	(void)state;
	mk_priority_offsets(UINT32_MAX, offsets);
	for (uint32_t i = 0; i <= MK_PRIORITY_COUNT; i++)
		assert_int_equal(offsets[i], i * share);
	mk_priority_offsets(UINT32_MAX - 1, offsets);
	assert_int_equal(offsets[MK_PRIORITY_LOW] - offsets[MK_PRIORITY_NORMAL],
			 share - 1 + 4);
	assert_int_equal(offsets[MK_PRIORITY_COUNT], UINT32_MAX - 1);
}

/* Opcodes */

static void opcodes_publishable(void **state)
{
	static const uint32_t taken[] = {
		0,
		7,
		8,
		0xff,
		0xffef,
		0xfff0,
		0xfff1,
		0xfff2,
		0xfffd,
		0xfffe,
		0x10000,
		1u << 30,
		0x7fffffff,
		MK_OP_PACKED_SLOT,
		MK_OP_SHUTDOWN,
	};
	static const uint32_t refused[] = {
		0xfff3, 0xfffc, 0xffff, 0x80000000, 0x80000002, 0xfffffffe,
	};

	(void)state;
	for (size_t i = 0; i < COUNT(taken); i++)
		assert_true(mk_opcode_publishable(taken[i]));
	for (size_t i = 0; i < COUNT(refused); i++)
		assert_false(mk_opcode_publishable(refused[i]));
}

static void load_miss_fills_an_item(void **state)
{
	struct mk_item item;
	uint32_t args[2];

	(void)state;
	mk_load_miss(&item, args, 77, true);
	assert_int_equal(item.opcode, MK_OP_LOAD_MISS);
	assert_int_equal(item.arg_count, 2);
	assert_ptr_equal(item.args, args);
	assert_int_equal(args[0], 77);
	assert_int_equal(args[1], 1);
}

/* Publishing */

static const uint32_t thirteen[13] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 };
static const struct mk_item plain = { USER_OPCODE, 12, thirteen };

static void publish_writes_a_slot(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mk_ring_publish(f->ring, RING_BYTES, 3, 9, &plain), 0);
	assert_int_equal(ring_word(f, 3, MK_SLOT_STATUS), MK_STATUS_PUBLISHED);
	assert_int_equal(ring_word(f, 3, MK_SLOT_OPCODE), USER_OPCODE);
	assert_int_equal(ring_word(f, 3, MK_SLOT_TENANT), 9);
	assert_int_equal(ring_word(f, 3, MK_SLOT_PRIORITY), MK_PRIORITY_NORMAL);
	for (uint32_t i = 0; i < MK_SLOT_ARG_COUNT; i++)
		assert_int_equal(ring_word(f, 3, MK_SLOT_ARGS + i), i + 1);
}

static void publish_clears_a_done_slot(void **state)
{
	struct fixture *f = *state;
	struct mk_item item = { MK_OP_NOP, 0, NULL };

	memset(f->ring, 0xff, RING_BYTES);
	set_ring_status(f, 1, MK_STATUS_DONE);
	assert_int_equal(mk_ring_publish(f->ring, RING_BYTES, 1, UINT32_MAX, &item), 0);
	assert_int_equal(ring_word(f, 1, MK_SLOT_TENANT), UINT32_MAX);
	for (uint32_t i = 0; i < MK_SLOT_ARG_COUNT; i++)
		assert_int_equal(ring_word(f, 1, MK_SLOT_ARGS + i), 0);
	assert_int_equal(ring_word(f, 0, MK_SLOT_PRIORITY), UINT32_MAX);
	assert_int_equal(ring_word(f, 2, MK_SLOT_STATUS), UINT32_MAX);
}

static void publish_refuses_every_busy_status(void **state)
{
	static const uint32_t busy[] = { 1, 2, 4, 5, 6, 7, 8, 0x10, UINT32_MAX };
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(busy); i++) {
		set_ring_status(f, 2, busy[i]);
		remember(f);
		assert_refused(f, mk_ring_publish(f->ring, RING_BYTES, 2, 0, &plain),
			       EBUSY);
	}
	assert_text_has("slot 2");
}

static void publish_refuses_a_slot_outside(void **state)
{
	struct fixture *f = *state;

	assert_refused(f, mk_ring_publish(f->ring, RING_BYTES, SLOTS, 0, &plain), ERANGE);
	assert_refused(f, mk_ring_publish(f->ring, RING_BYTES, UINT32_MAX, 0, &plain),
		       ERANGE);
	assert_refused(f, mk_ring_publish(f->ring, 0, 0, 0, &plain), ERANGE);
}

static void publish_refuses_half_a_slot(void **state)
{
	struct fixture *f = *state;

	assert_refused(f, mk_ring_publish(f->ring, RING_BYTES - 1, 0, 0, &plain), EINVAL);
	assert_refused(f, mk_ring_publish(f->ring, 4, 0, 0, &plain), EINVAL);
	assert_text_has("4 bytes");
}

static void publish_refuses_a_ring_too_long(void **state)
{
	struct fixture *f = *state;

	if (sizeof(size_t) < 8)
		skip();
	assert_refused(f, mk_ring_publish(f->ring, (size_t)17179869184ull, 0, 0, &plain),
		       EINVAL);
}

static void publish_refuses_13_arguments(void **state)
{
	struct fixture *f = *state;
	struct mk_item item = { MK_OP_NOP, 13, thirteen };

	assert_refused(f, mk_ring_publish(f->ring, RING_BYTES, 0, 0, &item), EINVAL);
	assert_text_has("13 arguments");
	item.arg_count = UINT32_MAX;
	assert_refused(f, mk_ring_publish(f->ring, RING_BYTES, 0, 0, &item), EINVAL);
}

static void publish_refuses_a_reserved_opcode(void **state)
{
	struct fixture *f = *state;
	struct mk_item item = { RESERVED_OPCODE, 0, NULL };

	assert_refused(f, mk_ring_publish(f->ring, RING_BYTES, 0, 0, &item), EINVAL);
	assert_text_has("0xfff3");
}

static void slot_encode_changes_nothing_on_error(void **state)
{
	uint32_t words[MK_SLOT_WORDS] = { [0] = 42, [15] = 43 };
	struct mk_item item = { RESERVED_OPCODE, 0, NULL };

	(void)state;
	assert_int_equal(mk_slot_encode(words, 0, &item), -EINVAL);
	item.opcode = 256;
	assert_int_equal(mk_slot_encode_packed(words, 0, &item, 1), -EINVAL);
	assert_int_equal(words[0], 42);
	assert_int_equal(words[15], 43);
}

static void done_slots_counts(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mk_ring_done_slots(f->ring, RING_BYTES), 0);
	set_ring_status(f, 0, MK_STATUS_DONE);
	set_ring_status(f, 3, MK_STATUS_DONE);
	set_ring_status(f, 1, MK_STATUS_FAULT);
	assert_int_equal(mk_ring_done_slots(f->ring, RING_BYTES), 2);
	assert_int_equal(mk_ring_done_slots(f->ring, 0), 0);
	assert_int_equal(mk_ring_done_slots(f->ring, 63), -EINVAL);
}

/* Packed slots */

static void packed_fits_exactly(void **state)
{
	struct fixture *f = *state;
	/* One operation: a table of one word, so eleven arguments are left. */
	struct mk_item one = { 255, 11, thirteen };

	assert_int_equal(mk_ring_publish_packed(f->ring, RING_BYTES, 0, 5, &one, 1), 0);
	assert_int_equal(ring_word(f, 0, MK_SLOT_OPCODE), MK_OP_PACKED_SLOT);
	assert_int_equal(ring_word(f, 0, MK_SLOT_TENANT), 5);
	assert_int_equal(ring_word(f, 0, MK_SLOT_ARGS), 0x00ff0b01);
	assert_int_equal(ring_word(f, 0, MK_SLOT_ARGS + 1), 1);
	assert_int_equal(ring_word(f, 0, MK_SLOT_WORDS - 1), 11);
}

static void packed_refuses_a_word_too_many(void **state)
{
	struct fixture *f = *state;
	struct mk_item one = { 255, 12, thirteen };
	struct mk_item two[2] = { { 1, 6, thirteen }, { 2, 5, thirteen } };

	assert_refused(f, mk_ring_publish_packed(f->ring, RING_BYTES, 0, 0, &one, 1),
		       EINVAL);
	assert_refused(f, mk_ring_publish_packed(f->ring, RING_BYTES, 0, 0, two, 2),
		       EINVAL);
	assert_text_has("operation 1 has 5 argument words");
	one.arg_count = UINT32_MAX;
	assert_refused(f, mk_ring_publish_packed(f->ring, RING_BYTES, 0, 0, &one, 1),
		       EINVAL);
}

static void packed_offsets_grow(void **state)
{
	struct fixture *f = *state;
	struct mk_item ops[3] = { { 1, 2, thirteen },
				  { 2, 0, NULL },
				  { 3, 3, thirteen } };
	static const uint8_t table[] = { 3, 5, 1, 0, 2, 2, 3, 2 };

	assert_int_equal(mk_ring_publish_packed(f->ring, RING_BYTES, 1, 0, ops, 3), 0);
	for (uint32_t i = 0; i < COUNT(table); i++)
		assert_int_equal(ring_byte(f, 1, i), table[i]);
	assert_int_equal(ring_word(f, 1, MK_SLOT_ARGS + 2), 1);
	assert_int_equal(ring_word(f, 1, MK_SLOT_ARGS + 6), 3);
	assert_int_equal(ring_word(f, 1, MK_SLOT_ARGS + 7), 0);
}

static void packed_table_fills_the_slot(void **state)
{
	struct fixture *f = *state;
	struct mk_item ops[24] = { { 0 } };

	for (uint32_t i = 0; i < COUNT(ops); i++)
		ops[i].opcode = i;
	assert_int_equal(mk_ring_publish_packed(f->ring, RING_BYTES, 0, 0, ops, 23), 0);
	assert_int_equal(ring_byte(f, 0, 0), 23);
	assert_int_equal(ring_byte(f, 0, 1), 0);
	assert_int_equal(ring_byte(f, 0, 46), 22);
	assert_int_equal(ring_byte(f, 0, 47), 0);
	remember(f);
	assert_refused(f, mk_ring_publish_packed(f->ring, RING_BYTES, 1, 0, ops, 24),
		       EINVAL);
	assert_refused(f,
		       mk_ring_publish_packed(f->ring, RING_BYTES, 1, 0, ops, SIZE_MAX),
		       EINVAL);
}

static void packed_of_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mk_ring_publish_packed(f->ring, RING_BYTES, 0, 0, NULL, 0), 0);
	assert_int_equal(ring_word(f, 0, MK_SLOT_OPCODE), MK_OP_PACKED_SLOT);
	for (uint32_t i = 0; i < MK_SLOT_ARG_COUNT; i++)
		assert_int_equal(ring_word(f, 0, MK_SLOT_ARGS + i), 0);
}

static void packed_refuses_wide_opcodes(void **state)
{
	struct fixture *f = *state;
	struct mk_item ops[2] = { { 255, 0, NULL }, { 256, 0, NULL } };

	assert_refused(f, mk_ring_publish_packed(f->ring, RING_BYTES, 0, 0, ops, 2),
		       EINVAL);
	assert_text_has("operation 1");
	ops[1].opcode = MK_OP_SHUTDOWN;
	assert_refused(f, mk_ring_publish_packed(f->ring, RING_BYTES, 0, 0, ops, 2),
		       EINVAL);
}

static void packed_refuses_a_busy_slot(void **state)
{
	struct fixture *f = *state;

	set_ring_status(f, 0, MK_STATUS_CLAIMED);
	remember(f);
	assert_refused(f, mk_ring_publish_packed(f->ring, RING_BYTES, 0, 0, NULL, 0),
		       EBUSY);
}

/* Batches and work items */

static const struct mk_item three[3] = {
	{ MK_OP_STORE_U32, 2, thirteen },
	{ USER_OPCODE, 0, NULL },
	{ MK_OP_PACKED_SLOT, 12, thirteen },
};

static void batch_fills_the_ring(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mk_ring_publish_batch(f->ring, RING_BYTES, 0, 7, three, 3, 99),
			 4);
	assert_int_equal(ring_word(f, 2, MK_SLOT_OPCODE), MK_OP_PACKED_SLOT);
	assert_int_equal(ring_word(f, 3, MK_SLOT_OPCODE), MK_OP_BATCH_FENCE);
	assert_int_equal(ring_word(f, 3, MK_SLOT_TENANT), 7);
	assert_int_equal(ring_word(f, 3, MK_SLOT_ARGS), 3);
	assert_int_equal(ring_word(f, 3, MK_SLOT_ARGS + 1), 99);
	assert_int_equal(ring_word(f, 3, MK_SLOT_ARGS + 2), 0);
}

static void batch_of_nothing_is_a_fence(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mk_ring_publish_batch(f->ring, RING_BYTES, 3, 0, NULL, 0, 5), 1);
	assert_int_equal(ring_word(f, 3, MK_SLOT_OPCODE), MK_OP_BATCH_FENCE);
	assert_int_equal(ring_word(f, 3, MK_SLOT_ARGS), 0);
}

static void batch_does_not_wrap(void **state)
{
	struct fixture *f = *state;

	assert_refused(f, mk_ring_publish_batch(f->ring, RING_BYTES, 1, 0, three, 3, 0),
		       ERANGE);
	assert_refused(f,
		       mk_ring_publish_batch(f->ring, RING_BYTES, SLOTS, 0, NULL, 0, 0),
		       ERANGE);
	assert_text_has("does not wrap");
}

static void batch_refuses_absurd_counts(void **state)
{
	struct fixture *f = *state;

	assert_refused(
		f, mk_ring_publish_batch(f->ring, RING_BYTES, 0, 0, three, SIZE_MAX, 0),
		ERANGE);
	assert_refused(f,
		       mk_ring_publish_batch(f->ring, RING_BYTES, 1, 0, three,
					     SIZE_MAX - 1, 0),
		       ERANGE);
	assert_refused(f,
		       mk_ring_publish_batch(f->ring, RING_BYTES, UINT32_MAX, 0, three,
					     SIZE_MAX - UINT32_MAX, 0),
		       ERANGE);
}

static void batch_refuses_a_busy_fence_slot(void **state)
{
	struct fixture *f = *state;

	set_ring_status(f, 3, MK_STATUS_YIELD);
	remember(f);
	assert_refused(f, mk_ring_publish_batch(f->ring, RING_BYTES, 0, 0, three, 3, 0),
		       EBUSY);
}

static void batch_checks_the_last_item_first(void **state)
{
	struct fixture *f = *state;
	struct mk_item items[3] = { three[0], three[1], { 0xffff, 0, NULL } };

	assert_refused(f, mk_ring_publish_batch(f->ring, RING_BYTES, 0, 0, items, 3, 0),
		       EINVAL);
	items[2] = (struct mk_item){ MK_OP_NOP, 13, thirteen };
	assert_refused(f, mk_ring_publish_batch(f->ring, RING_BYTES, 0, 0, items, 3, 0),
		       EINVAL);
}

static void work_items_fill_the_ring(void **state)
{
	struct fixture *f = *state;
	struct mk_work_item items[SLOTS] = {
		[3] = { USER_OPCODE, 10, 20, 30 },
	};

	assert_int_equal(
		mk_ring_publish_work_items(f->ring, RING_BYTES, 0, 2, items, SLOTS), 0);
	assert_int_equal(ring_word(f, 3, MK_SLOT_OPCODE), USER_OPCODE);
	assert_int_equal(ring_word(f, 3, MK_SLOT_ARGS), 10);
	assert_int_equal(ring_word(f, 3, MK_SLOT_ARGS + 1), 20);
	assert_int_equal(ring_word(f, 3, MK_SLOT_ARGS + 2), 30);
	assert_int_equal(ring_word(f, 3, MK_SLOT_ARGS + 3), 0);
}

static void work_items_of_nothing(void **state)
{
	struct fixture *f = *state;

	set_ring_status(f, 0, MK_STATUS_CLAIMED);
	remember(f);
	assert_int_equal(mk_ring_publish_work_items(f->ring, RING_BYTES, 0, 0, NULL, 0),
			 0);
	assert_int_equal(
		mk_ring_publish_work_items(f->ring, RING_BYTES, SLOTS, 0, NULL, 0), 0);
	assert_refused(
		f, mk_ring_publish_work_items(f->ring, RING_BYTES, SLOTS + 1, 0, NULL, 0),
		ERANGE);
}

static void work_items_refuse_the_ring_end(void **state)
{
	struct fixture *f = *state;
	struct mk_work_item items[2] = { { 0 } };

	assert_refused(f, mk_ring_publish_work_items(f->ring, RING_BYTES, 3, 0, items, 2),
		       ERANGE);
	assert_refused(
		f, mk_ring_publish_work_items(f->ring, RING_BYTES, 1, 0, items, SIZE_MAX),
		ERANGE);
}

static void work_items_refuse_a_busy_slot(void **state)
{
	struct fixture *f = *state;
	struct mk_work_item items[2] = { { 0 } };

	set_ring_status(f, 1, MK_STATUS_FAULT);
	remember(f);
	assert_refused(f, mk_ring_publish_work_items(f->ring, RING_BYTES, 0, 0, items, 2),
		       EBUSY);
}

static void work_items_refuse_a_reserved_opcode(void **state)
{
	struct fixture *f = *state;
	struct mk_work_item items[2] = { { 0 }, { .opcode = RESERVED_OPCODE } };

	assert_refused(f, mk_ring_publish_work_items(f->ring, RING_BYTES, 0, 0, items, 2),
		       EINVAL);
}

/* IO queue */

static void io_needs_an_empty_slot(void **state)
{
	static const uint32_t busy[] = { 1, 2, 3, 4, 0x10, 0x11, UINT32_MAX };
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(busy); i++) {
		set_io_status(f, 1, busy[i]);
		remember(f);
		assert_refused(f, mk_io_submit_read(f->queue, QUEUE_BYTES, 1, 1, 2, 3, 4),
			       EBUSY);
		assert_refused(f, mk_io_publish_ingest(f->queue, QUEUE_BYTES, 1, 2, 3, 4),
			       EBUSY);
	}
	assert_text_has("slot 1");
}

static void io_refuses_a_slot_outside(void **state)
{
	struct fixture *f = *state;
	struct mk_io_completion completion;

	assert_refused(f, mk_io_submit_read(f->queue, QUEUE_BYTES, SLOTS, 1, 2, 3, 4),
		       ERANGE);
	assert_refused(f,
		       mk_io_publish_ingest(f->queue, QUEUE_BYTES, UINT32_MAX, 2, 3, 4),
		       ERANGE);
	assert_refused(f, mk_io_recycled(f->queue, QUEUE_BYTES, SLOTS), ERANGE);
	assert_refused(f, mk_io_completion(f->queue, QUEUE_BYTES, SLOTS, &completion),
		       ERANGE);
	assert_text_has("slot 4");
}

static void io_refuses_half_a_slot(void **state)
{
	struct fixture *f = *state;
	struct mk_io_request request;

	assert_refused(f, mk_io_submit_read(f->queue, QUEUE_BYTES - 4, 0, 1, 2, 3, 4),
		       EINVAL);
	assert_refused(f, mk_io_claim(f->queue, QUEUE_BYTES - 1, &request, 1), EINVAL);
	assert_refused(f, mk_io_complete(f->queue, QUEUE_BYTES - 1, NULL, 0), EINVAL);
	assert_refused(f, mk_io_recycled(f->queue, 31, 0), EINVAL);
}

static void io_refuses_65_slots(void **state)
{
	struct fixture *f = *state;
	char queue[65 * MK_IO_SLOT_BYTES] = { 0 };
	struct mk_io_request request;

	assert_refused(f, mk_io_claim(queue, sizeof(queue), &request, 1), EINVAL);
	assert_text_has("at most 64");
	assert_int_equal(mk_io_claim(queue, 64 * MK_IO_SLOT_BYTES, &request, 1), 0);
}

static void io_claim_stops_at_capacity(void **state)
{
	struct fixture *f = *state;
	struct mk_io_request requests[SLOTS];

	for (uint32_t slot = 1; slot < SLOTS; slot++)
		assert_int_equal(mk_io_submit_read(f->queue, QUEUE_BYTES, slot, 10 + slot,
						   2, 3, 4),
				 0);
	assert_int_equal(mk_io_claim(f->queue, QUEUE_BYTES, NULL, 0), 0);
	assert_int_equal(io_status(f, 1), MK_STATUS_PUBLISHED);
	assert_int_equal(mk_io_claim(f->queue, QUEUE_BYTES, requests, 2), 2);
	assert_int_equal(requests[0].slot, 1);
	assert_int_equal(requests[1].slot, 2);
	assert_int_equal(requests[1].source, 12);
	assert_int_equal(io_status(f, 2), MK_STATUS_CLAIMED);
	assert_int_equal(io_status(f, 3), MK_STATUS_PUBLISHED);
	assert_int_equal(mk_io_claim(f->queue, QUEUE_BYTES, requests, SLOTS), 1);
	assert_int_equal(requests[0].slot, 3);
}

static void io_claim_takes_a_whole_queue(void **state)
{
	char memory[1 + 64 * MK_IO_SLOT_BYTES];
	void *queue = memory + 1;
	size_t length = sizeof(memory) - 1;
	struct mk_io_request requests[65];

	(void)state;
	assert_int_equal(mk_io_queue_encode(queue, length, 64), 0);
	for (uint32_t slot = 64; slot-- > 0;)
		assert_int_equal(mk_io_publish_ingest(queue, length, slot, slot, 1, 1),
				 0);
	assert_int_equal(mk_io_claim(queue, length, requests, 65), 64);
	for (uint32_t slot = 0; slot < 64; slot++) {
		assert_int_equal(requests[slot].slot, slot);
		assert_int_equal(requests[slot].op, MK_IO_OP_READ);
		assert_int_equal(requests[slot].source, 0);
		assert_int_equal(requests[slot].destination, slot);
	}
}

static void io_submit_clears_the_offset(void **state)
{
	struct fixture *f = *state;
	struct mk_io_request request;

	memset(f->queue, 0xff, QUEUE_BYTES);
	set_io_status(f, 0, MK_STATUS_EMPTY);
	assert_int_equal(mk_io_submit_read(f->queue, QUEUE_BYTES, 0, 1, 2, 3, 4), 0);
	assert_int_equal(mk_io_claim(f->queue, QUEUE_BYTES, &request, 1), 1);
	assert_int_equal(request.offset, 0);
	assert_int_equal(request.op, MK_IO_OP_READ);
}

static void io_complete_is_all_or_nothing(void **state)
{
	struct fixture *f = *state;
	struct mk_io_answer answers[2] = { { 0, true }, { 1, true } };

	set_io_status(f, 0, MK_STATUS_CLAIMED);
	set_io_status(f, 1, MK_STATUS_PUBLISHED);
	remember(f);
	assert_refused(f, mk_io_complete(f->queue, QUEUE_BYTES, answers, 2), EBUSY);
	answers[1].slot = SLOTS;
	assert_refused(f, mk_io_complete(f->queue, QUEUE_BYTES, answers, 2), ERANGE);
	answers[1].slot = UINT32_MAX;
	assert_refused(f, mk_io_complete(f->queue, QUEUE_BYTES, answers, 2), ERANGE);
}

static void io_complete_answers(void **state)
{
	struct fixture *f = *state;
	struct mk_io_answer answers[] = {
		{ 0, true }, { 1, false }, { 2, false }, { 2, true }
	};

	for (uint32_t slot = 0; slot < 3; slot++)
		set_io_status(f, slot, MK_STATUS_CLAIMED);
	assert_int_equal(mk_io_complete(f->queue, QUEUE_BYTES, answers, 4), 0);
	assert_int_equal(io_status(f, 0), MK_IO_STATUS_OK);
	assert_int_equal(io_status(f, 1), MK_IO_STATUS_ERROR);
	assert_int_equal(io_status(f, 2), MK_IO_STATUS_OK);
	assert_int_equal(io_status(f, 3), MK_STATUS_EMPTY);
	remember(f);
	assert_refused(f, mk_io_complete(f->queue, QUEUE_BYTES, answers, 1), EBUSY);
	assert_int_equal(mk_io_complete(f->queue, QUEUE_BYTES, NULL, 0), 0);
}

static void io_completion_of_a_slot(void **state)
{
	struct fixture *f = *state;
	struct mk_io_completion completion = { 0 };

	assert_int_equal(mk_io_completion(f->queue, QUEUE_BYTES, 0, &completion), 0);
	assert_int_equal(mk_io_recycled(f->queue, QUEUE_BYTES, 0), 1);
	assert_int_equal(mk_io_publish_ingest(f->queue, QUEUE_BYTES, 0, 2, 3, 4), 0);
	assert_int_equal(mk_io_completion(f->queue, QUEUE_BYTES, 0, &completion), 1);
	assert_int_equal(mk_io_recycled(f->queue, QUEUE_BYTES, 0), 0);
	assert_int_equal(completion.destination, 2);
	assert_int_equal(completion.byte_count, 3);
	assert_int_equal(completion.tag, 4);
}

/* Strict decoders */

static void control_refuses_broken_words(void **state)
{
	char control[645] = { 0 };
	struct mk_metric metrics[MK_METRIC_COUNT];
	uint32_t value = 42;

	(void)state;
	assert_int_equal(mk_control_done_count(control, 645, &value), -EINVAL);
	assert_int_equal(mk_control_epoch(control, 643, &value), -EINVAL);
	assert_int_equal(mk_control_observable(control, 645, 0, &value), -EINVAL);
	assert_int_equal(mk_control_metrics(control, 645, metrics), -EINVAL);
	assert_text_has("645 bytes");
	assert_int_equal(value, 42);
}

static void control_needs_the_words_it_reads(void **state)
{
	char memory[1 + 644] = { 0 };
	void *control = memory + 1;
	struct mk_metric metrics[MK_METRIC_COUNT];
	uint32_t value = 42;

	(void)state;
	assert_int_equal(mk_control_done_count(control, 0, &value), -ERANGE);
	assert_int_equal(mk_control_done_count(control, 4, &value), -ERANGE);
	assert_int_equal(mk_control_metrics(control, 508, metrics), -ERANGE);
	assert_int_equal(mk_control_epoch(control, 512, &value), -ERANGE);
	assert_int_equal(mk_control_observable(control, 640, 0, &value), -ERANGE);
	assert_int_equal(mk_control_observable(control, 644, 1, &value), -ERANGE);
	assert_int_equal(value, 42);
	assert_int_equal(mk_control_done_count(control, 8, &value), 0);
	assert_int_equal(mk_control_metrics(control, 512, metrics), 0);
	assert_int_equal(mk_control_epoch(control, 516, &value), 0);
	assert_int_equal(mk_control_observable(control, 644, 0, &value), 0);
}

/* An index that would wrap round to a word inside the buffer. */
static void control_index_does_not_wrap(void **state)
{
	char control[644] = { 0 };
	uint32_t value;

	(void)state;
	assert_int_equal(mk_control_observable(control, 644, UINT32_MAX, &value),
			 -ERANGE);
	assert_int_equal(mk_control_observable(control, 644, UINT32_MAX - 159, &value),
			 -ERANGE);
	assert_int_equal(mk_control_observable(control, 644, 1u << 30, &value), -ERANGE);
	assert_text_has("the observable");
}

static void control_metrics_ascend(void **state)
{
	char memory[1 + 640] = { 0 };
	void *control = memory + 1;
	struct mk_metric metrics[MK_METRIC_COUNT];

	(void)state;
	mk_store_word(control, MK_CONTROL_METRICS, 5);
	mk_store_word(control, MK_CONTROL_METRICS + 31, UINT32_MAX);
	assert_int_equal(mk_control_metrics(control, 640, metrics), 2);
	assert_int_equal(metrics[0].opcode, 0);
	assert_int_equal(metrics[0].count, 5);
	assert_int_equal(metrics[1].opcode, 31);
	assert_int_equal(metrics[1].count, UINT32_MAX);
}

static void log_refuses_broken_words(void **state)
{
	char log[23] = { 0 };

	(void)state;
	assert_int_equal(mk_debug_log_read(log, 0, NULL, 0), -EINVAL);
	assert_int_equal(mk_debug_log_read(log, 3, NULL, 0), -EINVAL);
	assert_int_equal(mk_debug_log_read(log, 23, NULL, 0), -EINVAL);
	assert_text_has("23 bytes");
}

static void log_refuses_a_cursor_past_the_end(void **state)
{
	char memory[1 + 36] = { 0 };
	void *log = memory + 1;

	(void)state;
	mk_store_word(log, MK_LOG_CURSOR, 8);
	assert_int_equal(mk_debug_log_read(log, 36, NULL, 0), 2);
	assert_int_equal(mk_debug_log_read(log, 32, NULL, 0), -EINVAL);
	mk_store_word(log, MK_LOG_CURSOR, 12);
	assert_int_equal(mk_debug_log_read(log, 36, NULL, 0), -EINVAL);
	mk_store_word(log, MK_LOG_CURSOR, 0xfffffffc);
	assert_int_equal(mk_debug_log_read(log, 36, NULL, 0), -EINVAL);
	assert_text_has("4294967292");
}

static void log_refuses_a_cursor_in_a_record(void **state)
{
	char memory[1 + 36] = { 0 };
	void *log = memory + 1;

	(void)state;
	mk_store_word(log, MK_LOG_CURSOR, 6);
	assert_int_equal(mk_debug_log_read(log, 36, NULL, 0), -EINVAL);
	assert_text_has("multiple of 4");
}

static void log_needs_room(void **state)
{
	char memory[1 + 36] = { 0 };
	void *log = memory + 1;
	struct mk_log_record records[2] = { { .format = 42 } };

	(void)state;
	for (uint32_t word = 0; word < 9; word++)
		mk_store_word(log, word, word ? word : 8);
	assert_int_equal(mk_debug_log_read(log, 36, records, 1), -ENOSPC);
	assert_int_equal(records[0].format, 42);
	assert_int_equal(mk_debug_log_read(log, 36, records, 2), 2);
	assert_int_equal(records[0].format, 1);
	assert_int_equal(records[1].format, 5);
	assert_int_equal(records[1].args[2], 8);
}

/* Readback */

struct readback_fixture {
	char control[644];
	char ring[RING_BYTES];
	char log[LOG_BYTES];
	char queue[QUEUE_BYTES];
	struct mk_buffer buffers[MK_READBACK_BUFFERS];
	char store[MK_READBACK_BUFFERS][2048];
	struct mk_readback storage;
	struct mk_readback_shape shape;
};

static struct mk_buffer buffer_of(void *data, size_t length)
{
	return (struct mk_buffer){ data, length, length };
}

static int set_up_readback(void **state)
{
	struct readback_fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	memset(f->ring, 0x11, sizeof(f->ring));
	f->buffers[MK_REGION_CONTROL] = buffer_of(f->control, sizeof(f->control));
	f->buffers[MK_REGION_RING] = buffer_of(f->ring, sizeof(f->ring));
	f->buffers[MK_REGION_DEBUG_LOG] = buffer_of(f->log, sizeof(f->log));
	f->buffers[MK_REGION_IO_QUEUE] = buffer_of(f->queue, sizeof(f->queue));
	for (uint32_t i = 0; i < MK_READBACK_BUFFERS; i++)
		f->storage.buffers[i] = (struct mk_buffer){
			.data = f->store[i],
			.length = 7,
			.capacity = sizeof(f->store[i]),
		};
	f->shape.slots = SLOTS;
	f->shape.records = MK_LOG_RECORD_CAPACITY_DEFAULT;
	*state = f;
	return 0;
}

/* All three ways in refuse it alike and change neither side. */
static void assert_readback_refused(struct readback_fixture *f, size_t count,
				    const char *name)
{
	struct mk_readback readback = { .buffers[0].length = 42 };
	struct readback_fixture before = *f;

	assert_int_equal(mk_readback_decode(f->buffers, count, &f->shape, &readback),
			 -EINVAL);
	assert_text_has(name);
	assert_int_equal(readback.buffers[0].length, 42);
	assert_int_equal(mk_readback_decode_into(f->buffers, count, &f->shape,
						 &f->storage),
			 -EINVAL);
	assert_int_equal(mk_readback_drain(f->buffers, count, &f->shape, &f->storage),
			 -EINVAL);
	assert_memory_equal(&before, f, sizeof(before));
}

static void readback_is_a_view(void **state)
{
	struct readback_fixture *f = *state;
	struct mk_readback readback;
	struct mk_readback_counters counters;

	assert_int_equal(mk_readback_decode(f->buffers, 4, &f->shape, &readback), 0);
	assert_ptr_equal(readback.buffers[MK_REGION_IO_QUEUE].data, f->queue);
	assert_int_equal(mk_readback_slot_count(&readback), SLOTS);
	mk_readback_counters(&readback, &counters);
	assert_int_equal(counters.control_bytes, 644);
	assert_int_equal(counters.ring_bytes, RING_BYTES);
	assert_int_equal(counters.debug_log_bytes, 1028);
	assert_int_equal(counters.io_queue_bytes, QUEUE_BYTES);
	assert_int_equal(counters.total_bytes, 644 + RING_BYTES + 1028 + QUEUE_BYTES);
}

static void readback_refuses_another_number_of_buffers(void **state)
{
	struct readback_fixture *f = *state;

	assert_readback_refused(f, 0, "0 buffers");
	assert_readback_refused(f, 3, "3 buffers");
	assert_readback_refused(f, 5, "5 buffers");
	assert_readback_refused(f, SIZE_MAX, "buffers");
}

static void readback_refuses_a_short_control(void **state)
{
	struct readback_fixture *f = *state;

	f->buffers[MK_REGION_CONTROL].length = 636;
	assert_readback_refused(f, 4, "control: has 636 bytes");
}

static void readback_refuses_control_in_broken_words(void **state)
{
	struct readback_fixture *f = *state;

	f->buffers[MK_REGION_CONTROL].length = 642;
	assert_readback_refused(f, 4, "control: has 642 bytes");
}

static void readback_refuses_another_ring(void **state)
{
	struct readback_fixture *f = *state;

	f->buffers[MK_REGION_RING].length = RING_BYTES - MK_SLOT_BYTES;
	assert_readback_refused(f, 4, "ring: has 192 bytes, expected 256 for 4 slots");
}

static void readback_refuses_another_log(void **state)
{
	struct readback_fixture *f = *state;

	f->buffers[MK_REGION_DEBUG_LOG].length = 1012;
	assert_readback_refused(f, 4, "debug log: has 1012 bytes, expected 1028");
}

static void readback_refuses_half_an_io_slot(void **state)
{
	struct readback_fixture *f = *state;

	f->buffers[MK_REGION_IO_QUEUE].length = QUEUE_BYTES - 1;
	assert_readback_refused(f, 4, "io queue: has 127 bytes");
}

static void readback_refuses_65_io_slots(void **state)
{
	struct readback_fixture *f = *state;

	f->buffers[MK_REGION_IO_QUEUE].length = 65 * MK_IO_SLOT_BYTES;
	assert_readback_refused(f, 4, "io queue: has 2080 bytes");
}

static void readback_refuses_an_impossible_shape(void **state)
{
	struct readback_fixture *f = *state;

	f->shape.slots = UINT32_MAX;
	assert_readback_refused(f, 4, "ring: no buffer holds");
	f->shape.slots = SLOTS;
	f->shape.records = UINT32_MAX;
	assert_readback_refused(f, 4, "debug log: no buffer holds");
}

static void readback_copies(void **state)
{
	struct readback_fixture *f = *state;

	assert_int_equal(mk_readback_decode_into(f->buffers, 4, &f->shape, &f->storage),
			 0);
	for (uint32_t i = 0; i < MK_READBACK_BUFFERS; i++) {
		assert_ptr_equal(f->storage.buffers[i].data, f->store[i]);
		assert_int_equal(f->storage.buffers[i].length, f->buffers[i].length);
		assert_int_equal(f->storage.buffers[i].capacity, 2048);
		assert_memory_equal(f->store[i], f->buffers[i].data,
				    f->buffers[i].length);
	}
}

static void readback_copy_needs_room(void **state)
{
	struct readback_fixture *f = *state;
	struct readback_fixture before;

	f->storage.buffers[MK_REGION_IO_QUEUE].capacity = QUEUE_BYTES - 1;
	before = *f;
	assert_int_equal(mk_readback_decode_into(f->buffers, 4, &f->shape, &f->storage),
			 -ENOSPC);
	assert_text_has("io queue: the storage has room for 127 bytes, 128 are needed");
	assert_memory_equal(&before, f, sizeof(before));
}

static void readback_copies_an_empty_ring(void **state)
{
	struct readback_fixture *f = *state;

	f->shape.slots = 0;
	f->buffers[MK_REGION_RING] = buffer_of(NULL, 0);
	f->storage.buffers[MK_REGION_RING] = buffer_of(NULL, 0);
	assert_int_equal(mk_readback_decode_into(f->buffers, 4, &f->shape, &f->storage),
			 0);
	assert_int_equal(mk_readback_slot_count(&f->storage), 0);
}

static void readback_drain_keeps_the_allocation(void **state)
{
	struct readback_fixture *f = *state;

	assert_int_equal(mk_readback_drain(f->buffers, 4, &f->shape, &f->storage), 0);
	assert_ptr_equal(f->storage.buffers[MK_REGION_RING].data, f->ring);
	assert_int_equal(f->storage.buffers[MK_REGION_RING].length, RING_BYTES);
	for (uint32_t i = 0; i < MK_READBACK_BUFFERS; i++) {
		assert_ptr_equal(f->buffers[i].data, f->store[i]);
		assert_int_equal(f->buffers[i].length, 0);
		assert_int_equal(f->buffers[i].capacity, 2048);
	}
	/* The next round: the former storage is filled and swapped back. */
	f->buffers[MK_REGION_CONTROL].length = 640;
	f->buffers[MK_REGION_RING].length = RING_BYTES;
	f->buffers[MK_REGION_DEBUG_LOG].length = LOG_BYTES;
	f->buffers[MK_REGION_IO_QUEUE].length = QUEUE_BYTES;
	assert_int_equal(mk_readback_drain(f->buffers, 4, &f->shape, &f->storage), 0);
	assert_ptr_equal(f->buffers[MK_REGION_RING].data, f->ring);
	assert_ptr_equal(f->storage.buffers[MK_REGION_RING].data,
			 f->store[MK_REGION_RING]);
}

#define buffer_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define readback_test(name) \
	cmocka_unit_test_setup_teardown(name, set_up_readback, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(size_control_limits),
		cmocka_unit_test(size_ring_limits),
		cmocka_unit_test(size_debug_log_limits),
		cmocka_unit_test(size_io_queue_limits),
		cmocka_unit_test(size_cq_limits),
		cmocka_unit_test(size_cq_needs_windows),
		cmocka_unit_test(size_cq_first_lease),
		cmocka_unit_test(encode_control_refuses_other_length),
		cmocka_unit_test(encode_control_refuses_too_many),
		cmocka_unit_test(encode_control_bounds_tenants),
		cmocka_unit_test(encode_ring_refuses_too_many),
		buffer_test(encode_ring_refuses_other_length),
		cmocka_unit_test(encode_ring_of_no_slots),
		cmocka_unit_test(encode_log_refuses_too_many),
		cmocka_unit_test(encode_io_queue_refuses_none),
		cmocka_unit_test(encode_io_queue_refuses_65),
		cmocka_unit_test(priority_offsets_at_the_limit),
		cmocka_unit_test(opcodes_publishable),
		cmocka_unit_test(load_miss_fills_an_item),
		buffer_test(publish_writes_a_slot),
		buffer_test(publish_clears_a_done_slot),
		buffer_test(publish_refuses_every_busy_status),
		buffer_test(publish_refuses_a_slot_outside),
		buffer_test(publish_refuses_half_a_slot),
		buffer_test(publish_refuses_a_ring_too_long),
		buffer_test(publish_refuses_13_arguments),
		buffer_test(publish_refuses_a_reserved_opcode),
		cmocka_unit_test(slot_encode_changes_nothing_on_error),
		buffer_test(done_slots_counts),
		buffer_test(packed_fits_exactly),
		buffer_test(packed_refuses_a_word_too_many),
		buffer_test(packed_offsets_grow),
		buffer_test(packed_table_fills_the_slot),
		buffer_test(packed_of_nothing),
		buffer_test(packed_refuses_wide_opcodes),
		buffer_test(packed_refuses_a_busy_slot),
		buffer_test(batch_fills_the_ring),
		buffer_test(batch_of_nothing_is_a_fence),
		buffer_test(batch_does_not_wrap),
		buffer_test(batch_refuses_absurd_counts),
		buffer_test(batch_refuses_a_busy_fence_slot),
		buffer_test(batch_checks_the_last_item_first),
		buffer_test(work_items_fill_the_ring),
		buffer_test(work_items_of_nothing),
		buffer_test(work_items_refuse_the_ring_end),
		buffer_test(work_items_refuse_a_busy_slot),
		buffer_test(work_items_refuse_a_reserved_opcode),
		buffer_test(io_needs_an_empty_slot),
		buffer_test(io_refuses_a_slot_outside),
		buffer_test(io_refuses_half_a_slot),
		buffer_test(io_refuses_65_slots),
		buffer_test(io_claim_stops_at_capacity),
		cmocka_unit_test(io_claim_takes_a_whole_queue),
		buffer_test(io_submit_clears_the_offset),
		buffer_test(io_complete_is_all_or_nothing),
		buffer_test(io_complete_answers),
		buffer_test(io_completion_of_a_slot),
		cmocka_unit_test(control_refuses_broken_words),
		cmocka_unit_test(control_needs_the_words_it_reads),
		cmocka_unit_test(control_index_does_not_wrap),
		cmocka_unit_test(control_metrics_ascend),
		cmocka_unit_test(log_refuses_broken_words),
		cmocka_unit_test(log_refuses_a_cursor_past_the_end),
		cmocka_unit_test(log_refuses_a_cursor_in_a_record),
		cmocka_unit_test(log_needs_room),
		readback_test(readback_is_a_view),
		readback_test(readback_refuses_another_number_of_buffers),
		readback_test(readback_refuses_a_short_control),
		readback_test(readback_refuses_control_in_broken_words),
		readback_test(readback_refuses_another_ring),
		readback_test(readback_refuses_another_log),
		readback_test(readback_refuses_half_an_io_slot),
		readback_test(readback_refuses_65_io_slots),
		readback_test(readback_refuses_an_impossible_shape),
		readback_test(readback_copies),
		readback_test(readback_copy_needs_room),
		readback_test(readback_copies_an_empty_ring),
		readback_test(readback_drain_keeps_the_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
