// SPDX-License-Identifier: MIT
#include "abi.h"

#include <errno.h>
#include <string.h>

#include "error.h"
#include "words.h"

#define CONTROL_WORDS_MAX (UINT32_MAX - MK_CONTROL_OBSERVABLES)
#define RING_SLOTS_MAX	  (UINT32_MAX / MK_SLOT_WORDS)
#define LOG_RECORDS_MAX	  (UINT32_MAX / MK_LOG_RECORD_WORDS)
#define IO_SLOTS_MAX	  (UINT32_MAX / MK_IO_SLOT_WORDS)

#define LOG_RECORD_BYTES  (MK_LOG_RECORD_WORDS * MK_WORD_BYTES)

/* The table of a packed slot: its two counts, then two bytes an operation. */
#define PACKED_HEAD_BYTES  2
#define PACKED_ENTRY_BYTES 2
#define PACKED_OPERATIONS_MAX \
	((MK_SLOT_ARG_BYTES - PACKED_HEAD_BYTES) / PACKED_ENTRY_BYTES)

/* Sizes */

static int64_t region_bytes(const char *region, const char *unit, uint32_t count,
			    uint32_t limit, uint64_t head_bytes, uint64_t unit_bytes)
{
	if (count > limit)
		return mk_fail(EOVERFLOW,
			       "%s: %u %ss do not fit 32-bit word indices, "
			       "expected at most %u; ask for fewer",
			       region, count, unit, limit);
	return head_bytes + count * unit_bytes;
}

int64_t mk_control_bytes(uint32_t observable_words)
{
	return region_bytes("control", "observable word", observable_words,
			    CONTROL_WORDS_MAX, MK_CONTROL_MIN_BYTES, MK_WORD_BYTES);
}

int64_t mk_ring_bytes(uint32_t slots)
{
	return region_bytes("ring", "slot", slots, RING_SLOTS_MAX, 0, MK_SLOT_BYTES);
}

int64_t mk_debug_log_bytes(uint32_t records)
{
	return region_bytes("debug log", "record", records, LOG_RECORDS_MAX,
			    MK_LOG_RECORDS * MK_WORD_BYTES, LOG_RECORD_BYTES);
}

int64_t mk_io_queue_bytes(uint32_t slots)
{
	return region_bytes("io queue", "slot", slots, IO_SLOTS_MAX, 0, MK_IO_SLOT_BYTES);
}

/* Any ring that can exist leaves the words of its cq far below 2^32. */
static uint64_t cq_first_lease(uint32_t slots)
{
	uint64_t end = (uint64_t)MK_CQ_HEADER_WORDS + slots;
	uint64_t align = MK_CQ_LEASE_ALIGN_WORDS;

	return (end + align - 1) / align * align;
}

int64_t mk_cq_bytes(uint32_t slots, uint32_t window_slots)
{
	uint64_t windows;

	if (!window_slots)
		return mk_fail(
			EINVAL,
			"cq: windows of 0 slots, expected at least 1; the default is %u",
			MK_WINDOW_SLOTS_DEFAULT);
	windows = ((uint64_t)slots + window_slots - 1) / window_slots;
	return region_bytes(
		"cq", "ring slot", slots, RING_SLOTS_MAX,
		(cq_first_lease(slots) + windows * MK_CQ_LEASE_WORDS) * MK_WORD_BYTES, 0);
}

uint32_t mk_cq_first_lease(uint32_t slots)
{
	return slots > RING_SLOTS_MAX ? 0 : cq_first_lease(slots);
}

/* Encoders */

/*
 * Every encoder begins with a region of zeros.  The limit is judged first: what
 * exceeds it has no size to compare with.
 */
static int clear_region(const char *region, void *buffer, size_t length, uint32_t count,
			uint32_t limit, int64_t bytes)
{
	if (count > limit)
		return mk_fail(EOVERFLOW,
			       "%s: %u units asked for, the encoder takes at most %u; "
			       "ask for fewer",
			       region, count, limit);
	if (length != (uint64_t)bytes)
		return mk_fail(EINVAL,
			       "%s: the buffer has %zu bytes, expected exactly %lld; "
			       "take its size from the region's size function",
			       region, length, (long long)bytes);
	if (length)
		memset(buffer, 0, length);
	return 0;
}

static void fill_words(void *buffer, uint32_t first, uint32_t count, uint32_t value)
{
	for (uint32_t i = 0; i < count; i++)
		mk_store_word(buffer, first + i, value);
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

int mk_control_encode(void *buffer, size_t length, bool shutdown, uint32_t tenants,
		      uint32_t observable_words)
{
	int error = clear_region("control", buffer, length, observable_words,
				 MK_ENCODE_LIMIT, mk_control_bytes(observable_words));

	if (error)
		return error;
	mk_store_word(buffer, MK_CONTROL_SHUTDOWN, shutdown);
	mk_store_word(buffer, MK_CONTROL_TENANT_BASE, MK_CONTROL_TENANT_MASKS);
	fill_words(buffer, MK_CONTROL_TENANT_MASKS, min_u32(tenants, MK_TENANT_COUNT),
		   MK_TENANT_MASK_ALL);
	fill_words(buffer, MK_CONTROL_TENANT_QUOTAS,
		   min_u32(tenants, MK_TENANT_QUOTA_COUNT), MK_TENANT_QUOTA_DEFAULT);
	return 0;
}

int mk_ring_encode(void *buffer, size_t length, uint32_t slots)
{
	return clear_region("ring", buffer, length, slots, MK_ENCODE_LIMIT,
			    mk_ring_bytes(slots));
}

int mk_debug_log_encode(void *buffer, size_t length, uint32_t records)
{
	return clear_region("debug log", buffer, length, records, MK_ENCODE_LIMIT,
			    mk_debug_log_bytes(records));
}

int mk_io_queue_encode(void *buffer, size_t length, uint32_t slots)
{
	if (!slots)
		return mk_fail(EINVAL, "io queue: 0 slots asked for, expected 1 to %u",
			       MK_IO_SLOT_COUNT_DEFAULT);
	return clear_region("io queue", buffer, length, slots, MK_IO_SLOT_COUNT_DEFAULT,
			    mk_io_queue_bytes(slots));
}

void mk_priority_offsets(uint32_t slots, uint32_t offsets[MK_PRIORITY_COUNT + 1])
{
	uint32_t share = slots / MK_PRIORITY_COUNT;
	uint32_t first = 0;

	for (uint32_t priority = 0; priority < MK_PRIORITY_COUNT; priority++) {
		offsets[priority] = first;
		first += share;
		if (priority == MK_PRIORITY_NORMAL)
			first += slots % MK_PRIORITY_COUNT;
	}
	offsets[MK_PRIORITY_COUNT] = first;
}

/* Slots, laid out */

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
	if (opcode & MK_OP_RESERVED_BIT)
		return false;
	return opcode < MK_OP_SYSTEM_FIRST || opcode > MK_OP_SYSTEM_LAST;
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
		return mk_fail(EINVAL,
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

static void lay_out(uint32_t words[MK_SLOT_WORDS], uint32_t tenant,
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
		lay_out(words, tenant, item);
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
	if (length % MK_SLOT_BYTES || length / MK_SLOT_BYTES > RING_SLOTS_MAX)
		return mk_fail(
			EINVAL,
			"ring: has %zu bytes, expected whole slots of %u bytes and "
			"at most %u of them; pass the length that the ring was made with",
			length, MK_SLOT_BYTES, RING_SLOTS_MAX);
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

	lay_out(words, tenant, item);
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

/* IO queue */

int mk_check_io_queue(size_t length)
{
	if (length % MK_IO_SLOT_BYTES ||
	    length / MK_IO_SLOT_BYTES > MK_IO_SLOT_COUNT_DEFAULT)
		return mk_fail(
			EINVAL,
			"io queue: has %zu bytes, expected whole slots of %u bytes "
			"and at most %u of them; pass the length that the queue was "
			"made with",
			length, MK_IO_SLOT_BYTES, MK_IO_SLOT_COUNT_DEFAULT);
	return 0;
}

static int check_io_slot(size_t length, uint32_t slot)
{
	size_t slots = length / MK_IO_SLOT_BYTES;
	int error = mk_check_io_queue(length);

	if (error)
		return error;
	if (slot >= slots)
		return mk_fail(ERANGE,
			       "io queue: slot %u wanted, it has %zu; slots count from 0",
			       slot, slots);
	return 0;
}

static uint32_t load_io(const void *queue, size_t slot, uint32_t field)
{
	return mk_load_word(queue, slot * MK_IO_SLOT_WORDS + field);
}

static void store_io(void *queue, size_t slot, uint32_t field, uint32_t value)
{
	mk_store_word(queue, slot * MK_IO_SLOT_WORDS + field, value);
}

static int check_io_status(const void *queue, size_t length, uint32_t slot,
			   uint32_t expected, const char *name)
{
	uint32_t status;
	int error = check_io_slot(length, slot);

	if (error)
		return error;
	status = load_io(queue, slot, MK_IO_STATUS);
	if (status != expected)
		return mk_fail(EBUSY,
			       "io queue: slot %u has status 0x%x, expected 0x%x (%s); "
			       "take a slot in that state",
			       slot, status, expected, name);
	return 0;
}

static int publish_io(void *queue, size_t length, const struct mk_io_request *request)
{
	uint32_t slot = request->slot;
	int error = check_io_status(queue, length, slot, MK_STATUS_EMPTY, "EMPTY");

	if (error)
		return error;
	store_io(queue, slot, MK_IO_OP, request->op);
	store_io(queue, slot, MK_IO_SOURCE, request->source);
	store_io(queue, slot, MK_IO_DESTINATION, request->destination);
	store_io(queue, slot, MK_IO_OFFSET_LOW, request->offset);
	store_io(queue, slot, MK_IO_OFFSET_HIGH, request->offset >> 32);
	store_io(queue, slot, MK_IO_BYTE_COUNT, request->byte_count);
	store_io(queue, slot, MK_IO_TAG, request->tag);
	store_io(queue, slot, MK_IO_STATUS, MK_STATUS_PUBLISHED);
	return 0;
}

int mk_io_submit_read(void *queue, size_t length, uint32_t slot, uint32_t source,
		      uint32_t destination, uint32_t byte_count, uint32_t tag)
{
	struct mk_io_request request = {
		.slot = slot,
		.op = MK_IO_OP_READ,
		.source = source,
		.destination = destination,
		.byte_count = byte_count,
		.tag = tag,
	};

	return publish_io(queue, length, &request);
}

/* On the wire an ingest is a read whose source is 0. */
int mk_io_publish_ingest(void *queue, size_t length, uint32_t slot, uint32_t destination,
			 uint32_t byte_count, uint32_t tag)
{
	return mk_io_submit_read(queue, length, slot, 0, destination, byte_count, tag);
}

static void load_request(const void *queue, size_t slot, struct mk_io_request *request)
{
	request->slot = slot;
	request->op = load_io(queue, slot, MK_IO_OP);
	request->source = load_io(queue, slot, MK_IO_SOURCE);
	request->destination = load_io(queue, slot, MK_IO_DESTINATION);
	request->offset = (uint64_t)load_io(queue, slot, MK_IO_OFFSET_HIGH) << 32 |
			  load_io(queue, slot, MK_IO_OFFSET_LOW);
	request->byte_count = load_io(queue, slot, MK_IO_BYTE_COUNT);
	request->tag = load_io(queue, slot, MK_IO_TAG);
}

int64_t mk_io_claim(void *queue, size_t length, struct mk_io_request *requests,
		    size_t capacity)
{
	size_t claimed = 0;
	int error = mk_check_io_queue(length);

	if (error)
		return error;
	for (size_t slot = 0; slot < length / MK_IO_SLOT_BYTES && claimed < capacity;
	     slot++) {
		if (load_io(queue, slot, MK_IO_STATUS) != MK_STATUS_PUBLISHED)
			continue;
		load_request(queue, slot, &requests[claimed++]);
		store_io(queue, slot, MK_IO_STATUS, MK_STATUS_CLAIMED);
	}
	return claimed;
}

int mk_io_complete(void *queue, size_t length, const struct mk_io_answer *answers,
		   size_t count)
{
	int error = mk_check_io_queue(length);

	for (size_t i = 0; i < count && !error; i++)
		error = check_io_status(queue, length, answers[i].slot, MK_STATUS_CLAIMED,
					"CLAIMED");
	if (error)
		return error;
	for (size_t i = 0; i < count; i++)
		store_io(queue, answers[i].slot, MK_IO_STATUS,
			 answers[i].success ? MK_IO_STATUS_OK : MK_IO_STATUS_ERROR);
	return 0;
}

int mk_io_completion(const void *queue, size_t length, uint32_t slot,
		     struct mk_io_completion *completion)
{
	int recycled = mk_io_recycled(queue, length, slot);

	if (recycled)
		return recycled < 0 ? recycled : 0;
	completion->destination = load_io(queue, slot, MK_IO_DESTINATION);
	completion->byte_count = load_io(queue, slot, MK_IO_BYTE_COUNT);
	completion->tag = load_io(queue, slot, MK_IO_TAG);
	return 1;
}

int mk_io_recycled(const void *queue, size_t length, uint32_t slot)
{
	int error = check_io_slot(length, slot);

	if (error)
		return error;
	return load_io(queue, slot, MK_IO_STATUS) == MK_STATUS_EMPTY;
}

/* Strict decoders */

/*
 * A decoder needs the words that it reads and no others: readers of old have
 * always taken a control region cut short behind them.
 */
static int check_control(size_t length, const char *what, uint64_t first, uint32_t count)
{
	if (length % MK_WORD_BYTES)
		return mk_fail(
			EINVAL,
			"control: has %zu bytes, expected whole words of %zu bytes; "
			"pass the length that the region was made with",
			length, MK_WORD_BYTES);
	if (length / MK_WORD_BYTES < first + count)
		return mk_fail(ERANGE,
			       "control: %s ends at word %llu, the buffer has %zu words; "
			       "pass the whole region",
			       what, (unsigned long long)(first + count),
			       length / MK_WORD_BYTES);
	return 0;
}

static int load_control(const void *control, size_t length, const char *what,
			uint64_t word, uint32_t *value)
{
	int error = check_control(length, what, word, 1);

	if (!error)
		*value = mk_load_word(control, word);
	return error;
}

int mk_control_done_count(const void *control, size_t length, uint32_t *done_count)
{
	return load_control(control, length, "the done count", MK_CONTROL_DONE_COUNT,
			    done_count);
}

int mk_control_epoch(const void *control, size_t length, uint32_t *epoch)
{
	return load_control(control, length, "the epoch", MK_CONTROL_EPOCH, epoch);
}

int mk_control_observable(const void *control, size_t length, uint32_t index,
			  uint32_t *value)
{
	return load_control(control, length, "the observable",
			    (uint64_t)MK_CONTROL_OBSERVABLES + index, value);
}

int64_t mk_control_metrics(const void *control, size_t length,
			   struct mk_metric metrics[MK_METRIC_COUNT])
{
	int64_t found = 0;
	int error = check_control(length, "the table of metrics", MK_CONTROL_METRICS,
				  MK_METRIC_COUNT);

	if (error)
		return error;
	for (uint32_t opcode = 0; opcode < MK_METRIC_COUNT; opcode++) {
		uint32_t count = mk_load_word(control, MK_CONTROL_METRICS + opcode);

		if (count)
			metrics[found++] = (struct mk_metric){ opcode, count };
	}
	return found;
}

/* Records in a log, or a negative errno when the log is not well formed. */
static int64_t log_record_count(const void *log, size_t length)
{
	size_t words = length / MK_WORD_BYTES;
	uint32_t cursor;

	if (!words || length % MK_WORD_BYTES)
		return mk_fail(
			EINVAL,
			"debug log: has %zu bytes, expected a cursor and then whole "
			"words of %zu bytes; pass the length that the log was made with",
			length, MK_WORD_BYTES);
	cursor = mk_load_word(log, MK_LOG_CURSOR);
	if (cursor % MK_LOG_RECORD_WORDS || cursor > words - MK_LOG_RECORDS)
		return mk_fail(
			EINVAL,
			"debug log: the cursor is %u, expected a multiple of %u and "
			"at most %zu words; the log was overwritten or cut, encode "
			"it afresh",
			cursor, MK_LOG_RECORD_WORDS, words - MK_LOG_RECORDS);
	return cursor / MK_LOG_RECORD_WORDS;
}

int64_t mk_debug_log_read(const void *log, size_t length, struct mk_log_record *records,
			  size_t capacity)
{
	int64_t count = log_record_count(log, length);

	if (count < 0 || (!records && !capacity))
		return count;
	if ((uint64_t)count > capacity)
		return mk_fail(ENOSPC,
			       "debug log: holds %lld records, there is room for %zu; "
			       "ask with no room at all for the number, then make room",
			       (long long)count, capacity);
	for (size_t i = 0; i < (size_t)count; i++) {
		size_t word = MK_LOG_RECORDS + i * MK_LOG_RECORD_WORDS;

		records[i].format = mk_load_word(log, word);
		for (uint32_t arg = 0; arg < MK_LOG_RECORD_WORDS - 1; arg++)
			records[i].args[arg] = mk_load_word(log, word + 1 + arg);
	}
	return count;
}
