// SPDX-License-Identifier: MIT
/* Vectors that are lists of operations on one buffer: rings and io queues. */
#include <stdlib.h>
#include <string.h>

#include <mk/abi.h>
#include <mk/error.h>

#include "abi_vectors.h"
#include "words.h"

typedef int64_t (*op_fn)(struct vectors *v, struct json_object *op,
			 struct buffer *buffer);

struct op {
	const char *name;
	op_fn run;
	bool has_ok;
};

static const struct op *find_op(const struct op *ops, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(ops[i].name, name))
			return &ops[i];
	}
	return NULL;
}

/* An operation that is refused leaves every byte as it was. */
static void run_op(struct vectors *v, const struct op *op, struct json_object *json,
		   struct buffer *buffer)
{
	void *before = vectors_alloc(buffer->length);
	int64_t result;

	memcpy(before, buffer->bytes, buffer->length);
	result = op->run(v, json, buffer);
	if (op->has_ok)
		expect_ok(v, json, result);
	else if (result < 0)
		vectors_fail(v, "%s: error %lld (%s)", op->name, (long long)result,
			     mk_error_text());
	if (result < 0)
		vectors_expect_bytes(v, "the buffer after a refusal", buffer->bytes,
				     buffer->length, before, buffer->length);
	free(before);
}

static void run_ops(struct vectors *v, struct json_object *line, const struct op *ops,
		    size_t op_count, struct buffer *buffer)
{
	struct json_object *list = vectors_array(v, line, "ops");

	for (size_t i = 0; i < json_object_array_length(list) && !vectors_failed(v);
	     i++) {
		struct json_object *json = json_object_array_get_idx(list, i);
		const char *name = vectors_string(v, json, "op");
		const struct op *op = find_op(ops, op_count, name);

		if (op)
			run_op(v, op, json, buffer);
		else
			vectors_fail(v, "operation '%s' is unknown", name);
	}
}

/* A word that the device, or a test, writes. */
static void device_store(struct vectors *v, struct buffer *buffer, uint32_t slot,
			 uint32_t slot_words, uint32_t field, uint32_t value)
{
	uint64_t word = (uint64_t)slot * slot_words + field;

	if (word < buffer->length / MK_WORD_BYTES)
		mk_store_word(buffer->bytes, word, value);
	else
		vectors_fail(v, "the device writes to slot %u, which is outside", slot);
}

/* ring */

struct items {
	struct mk_item *items;
	uint32_t *args;
	size_t count;
};

static struct json_object *item_args(struct vectors *v, struct json_object *list,
				     size_t index)
{
	return vectors_array(v, json_object_array_get_idx(list, index), "args");
}

static struct items items_from_json(struct vectors *v, struct json_object *list)
{
	struct items items = { .count = json_object_array_length(list) };
	size_t total = 0;
	uint32_t *next;

	for (size_t i = 0; i < items.count; i++)
		total += json_object_array_length(item_args(v, list, i));
	items.items = vectors_alloc(items.count * sizeof(*items.items));
	items.args = next = vectors_alloc(total * sizeof(*items.args));
	for (size_t i = 0; i < items.count; i++) {
		struct json_object *json = json_object_array_get_idx(list, i);
		struct json_object *args = item_args(v, list, i);
		size_t arg_count = json_object_array_length(args);

		vectors_fields(v, json, "opcode", "args", NULL);
		items.items[i].opcode = vectors_u32(v, json, "opcode");
		items.items[i].arg_count = arg_count;
		items.items[i].args = next;
		for (size_t arg = 0; arg < arg_count; arg++)
			*next++ = vectors_u32_at(v, args, arg);
	}
	return items;
}

static void items_free(struct items *items)
{
	free(items->items);
	free(items->args);
}

static int64_t ring_publish(struct vectors *v, struct json_object *op,
			    struct buffer *ring)
{
	struct json_object *list = vectors_array(v, op, "args");
	size_t count = json_object_array_length(list);
	uint32_t *args = vectors_alloc(count * sizeof(*args));
	struct mk_item item = { vectors_u32(v, op, "opcode"), count, args };
	int result;

	vectors_fields(v, op, "op", "slot", "tenant", "opcode", "args", "ok", NULL);
	for (size_t i = 0; i < count; i++)
		args[i] = vectors_u32_at(v, list, i);
	result = mk_ring_publish(ring->bytes, ring->length, vectors_u32(v, op, "slot"),
				 vectors_u32(v, op, "tenant"), &item);
	free(args);
	return result;
}

static int64_t ring_publish_packed(struct vectors *v, struct json_object *op,
				   struct buffer *ring)
{
	struct items items = items_from_json(v, vectors_array(v, op, "ops"));
	int result = mk_ring_publish_packed(ring->bytes, ring->length,
					    vectors_u32(v, op, "slot"),
					    vectors_u32(v, op, "tenant"), items.items,
					    items.count);

	vectors_fields(v, op, "op", "slot", "tenant", "ops", "ok", NULL);
	items_free(&items);
	return result;
}

static int64_t ring_publish_batch(struct vectors *v, struct json_object *op,
				  struct buffer *ring)
{
	struct items items = items_from_json(v, vectors_array(v, op, "items"));
	int64_t used = mk_ring_publish_batch(ring->bytes, ring->length,
					     vectors_u32(v, op, "slot"),
					     vectors_u32(v, op, "tenant"), items.items,
					     items.count, vectors_u32(v, op, "tag"));

	vectors_fields(v, op, "op", "slot", "tenant", "items", "tag", "ok", "consumed",
		       NULL);
	vectors_expect(v, "consumed", used < 0 ? 0 : used,
		       vectors_int(v, op, "consumed"));
	items_free(&items);
	return used;
}

static int64_t ring_publish_work_items(struct vectors *v, struct json_object *op,
				       struct buffer *ring)
{
	struct json_object *list = vectors_array(v, op, "items");
	size_t count = json_object_array_length(list);
	struct mk_work_item *items = vectors_alloc(count * sizeof(*items));
	int result;

	vectors_fields(v, op, "op", "slot", "tenant", "items", "ok", NULL);
	for (size_t i = 0; i < count; i++) {
		struct json_object *json = json_object_array_get_idx(list, i);

		vectors_fields(v, json, "op_handle", "input", "output", "param", NULL);
		items[i].opcode = vectors_u32(v, json, "op_handle");
		items[i].input = vectors_u32(v, json, "input");
		items[i].output = vectors_u32(v, json, "output");
		items[i].param = vectors_u32(v, json, "param");
	}
	result = mk_ring_publish_work_items(ring->bytes, ring->length,
					    vectors_u32(v, op, "slot"),
					    vectors_u32(v, op, "tenant"), items, count);
	free(items);
	return result;
}

static int64_t ring_device_status(struct vectors *v, struct json_object *op,
				  struct buffer *ring)
{
	vectors_fields(v, op, "op", "slot", "status", NULL);
	device_store(v, ring, vectors_u32(v, op, "slot"), MK_SLOT_WORDS, MK_SLOT_STATUS,
		     vectors_u32(v, op, "status"));
	return 0;
}

static const struct op ring_ops[] = {
	{ "publish", ring_publish, true },
	{ "publish_packed", ring_publish_packed, true },
	{ "batch_publish", ring_publish_batch, true },
	{ "publish_work_items", ring_publish_work_items, true },
	{ "device_status", ring_device_status, false },
};

void run_ring(struct vectors *v, struct json_object *line)
{
	uint32_t slots = vectors_u32(v, line, "slots");
	struct buffer ring = buffer_of_size(v, mk_ring_bytes(slots));

	vectors_fields(v, line, "case", "slots", "ops", "done", "ring", NULL);
	vectors_expect(v, "encoding", mk_ring_encode(ring.bytes, ring.length, slots), 0);
	run_ops(v, line, ring_ops, COUNT(ring_ops), &ring);
	vectors_expect(v, "done", mk_ring_done_slots(ring.bytes, ring.length),
		       vectors_int(v, line, "done"));
	vectors_expect_hex(v, line, "ring", ring.bytes, ring.length);
	buffer_free(&ring);
}

/* io_queue */

static int64_t io_submit_read(struct vectors *v, struct json_object *op,
			      struct buffer *queue)
{
	vectors_fields(v, op, "op", "slot", "src", "dst", "bytes", "tag", "ok", NULL);
	return mk_io_submit_read(queue->bytes, queue->length, vectors_u32(v, op, "slot"),
				 vectors_u32(v, op, "src"), vectors_u32(v, op, "dst"),
				 vectors_u32(v, op, "bytes"), vectors_u32(v, op, "tag"));
}

static int64_t io_publish_ingest(struct vectors *v, struct json_object *op,
				 struct buffer *queue)
{
	vectors_fields(v, op, "op", "slot", "dst", "bytes", "tag", "ok", NULL);
	return mk_io_publish_ingest(queue->bytes, queue->length,
				    vectors_u32(v, op, "slot"), vectors_u32(v, op, "dst"),
				    vectors_u32(v, op, "bytes"),
				    vectors_u32(v, op, "tag"));
}

static void expect_request(struct vectors *v, const struct mk_io_request *request,
			   struct json_object *expected)
{
	vectors_expect(v, "fields of a request", 7, json_object_array_length(expected));
	vectors_expect(v, "slot", request->slot, vectors_u32_at(v, expected, 0));
	vectors_expect(v, "op", request->op, vectors_u32_at(v, expected, 1));
	vectors_expect(v, "source", request->source, vectors_u32_at(v, expected, 2));
	vectors_expect(v, "destination", request->destination,
		       vectors_u32_at(v, expected, 3));
	vectors_expect_u64(v, "offset", request->offset, vectors_u64_at(v, expected, 4));
	vectors_expect(v, "bytes", request->byte_count, vectors_u32_at(v, expected, 5));
	vectors_expect(v, "tag", request->tag, vectors_u32_at(v, expected, 6));
}

static int64_t io_claim(struct vectors *v, struct json_object *op, struct buffer *queue)
{
	struct mk_io_request requests[MK_IO_SLOT_COUNT_DEFAULT];
	struct json_object *list = vectors_array(v, op, "requests");
	int64_t count =
		mk_io_claim(queue->bytes, queue->length, requests, COUNT(requests));

	vectors_fields(v, op, "op", "requests", NULL);
	vectors_expect(v, "requests", count, json_object_array_length(list));
	for (int64_t i = 0; i < count && !vectors_failed(v); i++)
		expect_request(v, &requests[i], vectors_array_at(v, list, i));
	return count;
}

static int64_t io_complete(struct vectors *v, struct json_object *op,
			   struct buffer *queue)
{
	struct json_object *list = vectors_array(v, op, "slots");
	size_t count = json_object_array_length(list);
	struct mk_io_answer *answers = vectors_alloc(count * sizeof(*answers));
	int result;

	vectors_fields(v, op, "op", "slots", "ok", NULL);
	for (size_t i = 0; i < count; i++) {
		struct json_object *pair = vectors_array_at(v, list, i);

		vectors_expect(v, "fields of an answer", 2,
			       json_object_array_length(pair));
		answers[i].slot = vectors_u32_at(v, pair, 0);
		answers[i].success = vectors_bool_at(v, pair, 1);
	}
	result = mk_io_complete(queue->bytes, queue->length, answers, count);
	free(answers);
	return result;
}

static int64_t io_device_status(struct vectors *v, struct json_object *op,
				struct buffer *queue)
{
	uint32_t slot = vectors_u32(v, op, "slot");

	vectors_fields(v, op, "op", "slot", "status", "offset_hi", NULL);
	device_store(v, queue, slot, MK_IO_SLOT_WORDS, MK_IO_STATUS,
		     vectors_u32(v, op, "status"));
	device_store(v, queue, slot, MK_IO_SLOT_WORDS, MK_IO_OFFSET_HIGH,
		     vectors_u32(v, op, "offset_hi"));
	return 0;
}

static const struct op io_ops[] = {
	{ "submit_read", io_submit_read, true },
	{ "publish_ingest", io_publish_ingest, true },
	{ "claim", io_claim, false },
	{ "complete", io_complete, true },
	{ "device_status", io_device_status, false },
};

static void expect_completion(struct vectors *v, const struct buffer *queue,
			      uint32_t slot, struct json_object *list)
{
	struct mk_io_completion completion;
	int found = mk_io_completion(queue->bytes, queue->length, slot, &completion);
	struct json_object *expected;

	if (!json_object_array_get_idx(list, slot)) {
		vectors_expect(v, "completion of a slot without one", found, 0);
		return;
	}
	expected = vectors_array_at(v, list, slot);
	vectors_expect(v, "completion", found, 1);
	vectors_expect(v, "fields of a completion", 3,
		       json_object_array_length(expected));
	if (vectors_failed(v))
		return;
	vectors_expect(v, "destination of a completion", completion.destination,
		       vectors_u32_at(v, expected, 0));
	vectors_expect(v, "bytes of a completion", completion.byte_count,
		       vectors_u32_at(v, expected, 1));
	vectors_expect(v, "tag of a completion", completion.tag,
		       vectors_u32_at(v, expected, 2));
}

static void expect_io_slots(struct vectors *v, struct json_object *line,
			    const struct buffer *queue, uint32_t slots)
{
	struct json_object *completions = vectors_array(v, line, "completions");
	struct json_object *recycled = vectors_array(v, line, "recycled");

	vectors_expect(v, "completions", slots, json_object_array_length(completions));
	vectors_expect(v, "recycled", slots, json_object_array_length(recycled));
	for (uint32_t slot = 0; slot < slots && !vectors_failed(v); slot++) {
		expect_completion(v, queue, slot, completions);
		vectors_expect(v, "recycled",
			       mk_io_recycled(queue->bytes, queue->length, slot),
			       vectors_bool_at(v, recycled, slot));
	}
}

void run_io_queue(struct vectors *v, struct json_object *line)
{
	uint32_t slots = vectors_u32(v, line, "slots");
	struct buffer queue = buffer_of_size(v, mk_io_queue_bytes(slots));
	int error = mk_io_queue_encode(queue.bytes, queue.length, slots);

	expect_ok(v, line, error);
	if (error) {
		vectors_fields(v, line, "case", "slots", "ok", NULL);
	} else {
		vectors_fields(v, line, "case", "slots", "ok", "ops", "completions",
			       "recycled", "queue", NULL);
		run_ops(v, line, io_ops, COUNT(io_ops), &queue);
		expect_io_slots(v, line, &queue, slots);
		vectors_expect_hex(v, line, "queue", queue.bytes, queue.length);
	}
	buffer_free(&queue);
}
