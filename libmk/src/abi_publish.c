// SPDX-License-Identifier: MIT
/* Slots: how an operation is laid out, and publishing into a ring that nobody runs. */
#include "abi.h"

#include <errno.h>
#include <string.h>

#include "error.h"
#include "words.h"

/* The table of a packed slot: its two counts, then two bytes an operation. */
#define PACKED_HEAD_BYTES  2
#define PACKED_ENTRY_BYTES 2
#define PACKED_OPERATIONS_MAX \
	((MK_SLOT_ARG_BYTES - PACKED_HEAD_BYTES) / PACKED_ENTRY_BYTES)

/* Slots, laid out */

bool mk_opcode_is_users(uint32_t opcode)
{
	return opcode > MK_OP_BUILTIN_LAST && !(opcode & MK_OP_RESERVED_BIT) &&
	       (opcode < MK_OP_SYSTEM_FIRST || opcode > MK_OP_SYSTEM_LAST);
}

bool mk_opcode_publishable(uint32_t opcode)
{
	switch (opcode) {
	case MK_OP_IO_READ:
	case MK_OP_IO_WRITE:
	case MK_OP_IO_FENCE:
	case MK_OP_LOAD_MISS:
	case MK_OP_PRINTF:
	case MK_OP_PACKED_SLOT:
	case MK_OP_SHUTDOWN:
		return true;
	}
	return opcode <= MK_OP_BUILTIN_LAST || mk_opcode_is_users(opcode);
}

static int check_opcode(uint32_t opcode)
{
	if (mk_opcode_publishable(opcode))
		return 0;
	return mk_fail(
		EINVAL,
		"opcode 0x%x is reserved, expected a built-in or one of the users'; "
		"users' opcodes lie in %u to 0x%x and 0x%x to 0x%x",
		opcode, MK_OP_BUILTIN_LAST + 1, MK_OP_SYSTEM_FIRST - 1,
		MK_OP_SYSTEM_LAST + 1, MK_OP_RESERVED_BIT - 1);
}

static int check_args_pointer(const struct mk_item *item)
{
	if (item->arg_count && !item->args)
		return mk_fail(
			EINVAL,
			"opcode 0x%x: %u arguments, but no pointer to them; set args",
			item->opcode, item->arg_count);
	return 0;
}

int mk_item_check(const struct mk_item *item)
{
	int ret = check_args_pointer(item);

	if (ret)
		return ret;
	if (item->arg_count > MK_SLOT_ARG_COUNT)
		return mk_fail(EINVAL,
			       "opcode 0x%x: %u arguments, a slot holds at most %u; "
			       "pass fewer, or an index to where they lie",
			       item->opcode, item->arg_count, MK_SLOT_ARG_COUNT);
	return check_opcode(item->opcode);
}

/* A slot without arguments, in the host's byte order. */
static void lay_out_head(uint32_t words[MK_SLOT_WORDS], uint32_t opcode, uint32_t tenant)
{
	memset(words, 0, MK_SLOT_BYTES);
	words[MK_SLOT_STATUS] = MK_STATUS_PUBLISHED;
	words[MK_SLOT_OPCODE] = opcode;
	words[MK_SLOT_TENANT] = tenant;
	words[MK_SLOT_PRIORITY] = MK_PRIORITY_NORMAL;
}

static void lay_out_args(uint32_t *words, const struct mk_item *item)
{
	for (uint32_t i = 0; i < item->arg_count; i++)
		words[i] = item->args[i];
}

void mk_slot_lay_out(uint32_t words[MK_SLOT_WORDS], uint32_t tenant,
		     const struct mk_item *item)
{
	lay_out_head(words, item->opcode, tenant);
	lay_out_args(words + MK_SLOT_ARGS, item);
}

int mk_slot_encode(uint32_t words[MK_SLOT_WORDS], uint32_t tenant,
		   const struct mk_item *item)
{
	int error = mk_item_check(item);

	if (!error)
		mk_slot_lay_out(words, tenant, item);
	return error;
}

static uint32_t packed_table_words(size_t count)
{
	size_t bytes = PACKED_HEAD_BYTES + PACKED_ENTRY_BYTES * count;

	return (bytes + MK_WORD_BYTES - 1) / MK_WORD_BYTES;
}

static int check_packed(const struct mk_item *operations, size_t count)
{
	uint32_t used;

	if (count > PACKED_OPERATIONS_MAX)
		return mk_fail(EINVAL,
			       "packed slot: %zu operations, their table alone holds at "
			       "most %u; spread them over more slots",
			       count, PACKED_OPERATIONS_MAX);
	used = packed_table_words(count);
	for (size_t i = 0; i < count; i++) {
		if (operations[i].opcode > UINT8_MAX)
			return mk_fail(
				EINVAL,
				"packed slot: operation %zu has opcode 0x%x, "
				"expected at most 0x%x; publish it in a slot of its own",
				i, operations[i].opcode, UINT8_MAX);
		if (operations[i].arg_count > MK_SLOT_ARG_COUNT - used)
			return mk_fail(
				EINVAL,
				"packed slot: operation %zu has %u argument words, "
				"only %u of %u words are left; spread the operations "
				"over more slots",
				i, operations[i].arg_count, MK_SLOT_ARG_COUNT - used,
				MK_SLOT_ARG_COUNT);
		if (check_args_pointer(&operations[i]))
			return -EINVAL;
		used += operations[i].arg_count;
	}
	return 0;
}

static void set_byte(uint32_t *words, size_t index, uint8_t value)
{
	words[index / MK_WORD_BYTES] |= (uint32_t)value << (index % MK_WORD_BYTES * 8);
}

static void lay_out_packed(uint32_t words[MK_SLOT_WORDS], uint32_t tenant,
			   const struct mk_item *operations, size_t count)
{
	uint32_t *table = words + MK_SLOT_ARGS;
	uint32_t *args = table + packed_table_words(count);
	uint32_t offset = 0;

	lay_out_head(words, MK_OP_PACKED_SLOT, tenant);
	for (size_t i = 0; i < count; i++) {
		size_t entry = PACKED_HEAD_BYTES + PACKED_ENTRY_BYTES * i;

		set_byte(table, entry, operations[i].opcode);
		set_byte(table, entry + 1, offset);
		lay_out_args(args + offset, &operations[i]);
		offset += operations[i].arg_count;
	}
	set_byte(table, 0, count);
	set_byte(table, 1, offset);
}

int mk_slot_encode_packed(uint32_t words[MK_SLOT_WORDS], uint32_t tenant,
			  const struct mk_item *operations, size_t count)
{
	int error = check_packed(operations, count);

	if (!error)
		lay_out_packed(words, tenant, operations, count);
	return error;
}

void mk_load_miss(struct mk_item *item, uint32_t args[2], uint32_t resource,
		  bool prefetch)
{
	args[0] = resource;
	args[1] = prefetch;
	item->opcode = MK_OP_LOAD_MISS;
	item->arg_count = 2;
	item->args = args;
}

/* Publishing */

static int check_ring(size_t length)
{
	if (length % MK_SLOT_BYTES || length / MK_SLOT_BYTES > MK_RING_SLOTS_MAX)
		return mk_fail(
			EINVAL,
			"ring: has %zu bytes, expected whole slots of %u bytes and "
			"at most %u of them; pass the length that the ring was made with",
			length, MK_SLOT_BYTES, MK_RING_SLOTS_MAX);
	return 0;
}

static uint32_t slot_status(const void *ring, size_t slot)
{
	return mk_load_word(ring, slot * MK_SLOT_WORDS + MK_SLOT_STATUS);
}

/* Whether a publish may take the slots from @start on. */
static int check_free(const void *ring, size_t length, uint32_t start, size_t count)
{
	size_t slots = length / MK_SLOT_BYTES;
	int error = check_ring(length);

	if (error)
		return error;
	if (start > slots || count > slots - start)
		return mk_fail(ERANGE,
			       "ring: %zu slots wanted from slot %u on, it has %zu; "
			       "start lower or publish fewer, a batch does not wrap",
			       count, start, slots);
	for (size_t slot = start; slot < start + count; slot++) {
		uint32_t status = slot_status(ring, slot);

		if (status != MK_STATUS_EMPTY && status != MK_STATUS_DONE)
			return mk_fail(
				EBUSY,
				"ring: slot %zu has status %u, expected %u (EMPTY) or "
				"%u (DONE); wait for it or take another slot",
				slot, status, MK_STATUS_EMPTY, MK_STATUS_DONE);
	}
	return 0;
}

/* The status goes last: it is what makes the other words count. */
static void store_slot(void *ring, size_t slot, const uint32_t words[MK_SLOT_WORDS])
{
	size_t base = slot * MK_SLOT_WORDS;

	for (uint32_t i = MK_SLOT_STATUS + 1; i < MK_SLOT_WORDS; i++)
		mk_store_word(ring, base + i, words[i]);
	mk_store_word(ring, base + MK_SLOT_STATUS, words[MK_SLOT_STATUS]);
}

/* For an item and a slot that have been checked. */
static void publish_item(void *ring, size_t slot, uint32_t tenant,
			 const struct mk_item *item)
{
	uint32_t words[MK_SLOT_WORDS];

	mk_slot_lay_out(words, tenant, item);
	store_slot(ring, slot, words);
}

int mk_ring_publish(void *ring, size_t length, uint32_t slot, uint32_t tenant,
		    const struct mk_item *item)
{
	int error = check_free(ring, length, slot, 1);

	if (!error)
		error = mk_item_check(item);
	if (!error)
		publish_item(ring, slot, tenant, item);
	return error;
}

int mk_ring_publish_packed(void *ring, size_t length, uint32_t slot, uint32_t tenant,
			   const struct mk_item *operations, size_t count)
{
	uint32_t words[MK_SLOT_WORDS];
	int error = check_free(ring, length, slot, 1);

	if (!error)
		error = mk_slot_encode_packed(words, tenant, operations, count);
	if (!error)
		store_slot(ring, slot, words);
	return error;
}

int64_t mk_ring_publish_batch(void *ring, size_t length, uint32_t start, uint32_t tenant,
			      const struct mk_item *items, size_t count, uint32_t tag)
{
	/* One more for the fence; SIZE_MAX is out of range with or without it. */
	size_t used = count < SIZE_MAX ? count + 1 : count;
	uint32_t fence_args[] = { count, tag };
	struct mk_item fence = { MK_OP_BATCH_FENCE, 2, fence_args };
	int error = check_free(ring, length, start, used);

	for (size_t i = 0; i < count && !error; i++)
		error = mk_item_check(&items[i]);
	if (error)
		return error;
	for (size_t i = 0; i < count; i++)
		publish_item(ring, start + i, tenant, &items[i]);
	publish_item(ring, start + count, tenant, &fence);
	return used;
}

int mk_ring_publish_work_items(void *ring, size_t length, uint32_t start, uint32_t tenant,
			       const struct mk_work_item *items, size_t count)
{
	int error = check_free(ring, length, start, count);

	for (size_t i = 0; i < count && !error; i++)
		error = check_opcode(items[i].opcode);
	if (error)
		return error;
	for (size_t i = 0; i < count; i++) {
		uint32_t args[] = { items[i].input, items[i].output, items[i].param };
		struct mk_item item = { items[i].opcode, 3, args };

		publish_item(ring, start + i, tenant, &item);
	}
	return 0;
}

int64_t mk_ring_done_slots(const void *ring, size_t length)
{
	int64_t done = 0;
	int error = check_ring(length);

	if (error)
		return error;
	for (size_t slot = 0; slot < length / MK_SLOT_BYTES; slot++)
		done += slot_status(ring, slot) == MK_STATUS_DONE;
	return done;
}
