// SPDX-License-Identifier: MIT
/*
 * Run the library's pure functions on vectors that an independent implementation
 * of the wire format made.  Everything in a vector is checked, and what this
 * program does not know of is a failure.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mk/abi.h>
#include <mk/error.h>
#include <mk/readback.h>

#include "abi_vectors.h"

/* No vector asks for more; one that does is broken, not slow. */
#define BYTES_MAX (1LL << 30)

struct buffer buffer_of_size(struct vectors *v, int64_t length)
{
	struct buffer buffer = { 0 };

	if (length < 0 || length > BYTES_MAX) {
		vectors_fail(v, "no buffer of %lld bytes", (long long)length);
		length = 0;
	}
	buffer.memory = vectors_alloc(length + 1);
	buffer.bytes = buffer.memory + 1;
	buffer.length = length;
	/* Not zeros: an encoder must not rely on finding them. */
	memset(buffer.bytes, 0xa5, length);
	return buffer;
}

static struct buffer buffer_from_hex(struct vectors *v, struct json_object *object,
				     const char *name)
{
	size_t length;
	void *bytes = vectors_hex(v, object, name, &length);
	struct buffer buffer = buffer_of_size(v, length);

	memcpy(buffer.bytes, bytes, buffer.length);
	free(bytes);
	return buffer;
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->memory);
}

static bool all_zero(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

void expect_ok(struct vectors *v, struct json_object *object, int64_t result)
{
	bool ok = vectors_bool(v, object, "ok");

	if (ok && result < 0)
		vectors_fail(v, "ok: had error %lld (%s), expected success",
			     (long long)result, mk_error_text());
	if (!ok && result >= 0)
		vectors_fail(v, "ok: had %lld, expected an error", (long long)result);
	if (!ok && !*mk_error_text())
		vectors_fail(v, "an error without a text");
}

/* encode_control */

static void run_encode_control(struct vectors *v, struct json_object *line)
{
	bool shutdown = vectors_bool(v, line, "shutdown");
	uint32_t tenants = vectors_u32(v, line, "tenants");
	uint32_t observable = vectors_u32(v, line, "observable");
	bool ok = vectors_bool(v, line, "ok");
	/* A size that is refused has no buffer; the encoder must say so first. */
	struct buffer control = buffer_of_size(v, ok ? mk_control_bytes(observable) : 0);
	int result = mk_control_encode(control.bytes, control.length, shutdown, tenants,
				       observable);

	expect_ok(v, line, result);
	if (ok) {
		vectors_fields(v, line, "case", "shutdown", "tenants", "observable", "ok",
			       "bytes", "head", "tail_zero", NULL);
		vectors_expect(v, "bytes", control.length, vectors_int(v, line, "bytes"));
	} else {
		vectors_fields(v, line, "case", "shutdown", "tenants", "observable", "ok",
			       NULL);
		vectors_expect(v, "the error", result, -EOVERFLOW);
	}
	if (ok && !vectors_failed(v)) {
		vectors_expect_hex(v, line, "head", control.bytes, MK_CONTROL_MIN_BYTES);
		vectors_expect(v, "tail_zero",
			       all_zero(control.bytes + MK_CONTROL_MIN_BYTES,
					control.length - MK_CONTROL_MIN_BYTES),
			       vectors_bool(v, line, "tail_zero"));
	}
	buffer_free(&control);
}

/* sizes */

typedef int (*encode_fn)(void *buffer, size_t length, uint32_t count);

static void expect_encodes(struct vectors *v, const char *what, encode_fn encode,
			   uint32_t count, int64_t bytes, bool expected)
{
	struct buffer buffer = buffer_of_size(v, expected ? bytes : 0);
	int result = encode(buffer.bytes, buffer.length, count);

	vectors_expect(v, what, result, expected ? 0 : -EOVERFLOW);
	if (expected && !all_zero(buffer.bytes, buffer.length))
		vectors_fail(v, "%s: not all zero", what);
	buffer_free(&buffer);
}

static int64_t size_or_minus_one(int64_t bytes)
{
	return bytes < 0 ? -1 : bytes;
}

static void run_sizes(struct vectors *v, struct json_object *line)
{
	uint32_t slots = vectors_u32(v, line, "slots");
	uint32_t records = vectors_u32(v, line, "records");
	int64_t ring_bytes = size_or_minus_one(mk_ring_bytes(slots));
	int64_t debug_bytes = size_or_minus_one(mk_debug_log_bytes(records));

	vectors_fields(v, line, "case", "slots", "ring_bytes", "ring_encodes", "records",
		       "debug_bytes", "debug_encodes", NULL);
	vectors_expect(v, "ring_bytes", ring_bytes, vectors_int(v, line, "ring_bytes"));
	vectors_expect(v, "debug_bytes", debug_bytes,
		       vectors_int(v, line, "debug_bytes"));
	expect_encodes(v, "ring_encodes", mk_ring_encode, slots, ring_bytes,
		       vectors_bool(v, line, "ring_encodes"));
	expect_encodes(v, "debug_encodes", mk_debug_log_encode, records, debug_bytes,
		       vectors_bool(v, line, "debug_encodes"));
}

/* read_debug_log */

static void expect_record(struct vectors *v, const struct mk_log_record *record,
			  struct json_object *expected)
{
	vectors_expect(v, "words of a record", MK_LOG_RECORD_WORDS,
		       json_object_array_length(expected));
	vectors_expect(v, "fmt_id", record->format, vectors_u32_at(v, expected, 0));
	for (size_t i = 0; i < COUNT(record->args); i++)
		vectors_expect(v, "argument of a record", record->args[i],
			       vectors_u32_at(v, expected, 1 + i));
}

static void expect_records(struct vectors *v, struct json_object *line,
			   const struct buffer *log, int64_t count)
{
	struct json_object *list = vectors_array(v, line, "records");
	struct mk_log_record *records = vectors_alloc(count * sizeof(*records));

	vectors_fields(v, line, "case", "bytes", "ok", "records", NULL);
	vectors_expect(v, "records", count, json_object_array_length(list));
	vectors_expect(v, "records read",
		       mk_debug_log_read(log->bytes, log->length, records, count), count);
	for (int64_t i = 0; i < count && !vectors_failed(v); i++)
		expect_record(v, &records[i], vectors_array_at(v, list, i));
	free(records);
}

static void run_read_debug_log(struct vectors *v, struct json_object *line)
{
	struct buffer log = buffer_from_hex(v, line, "bytes");
	int64_t count = mk_debug_log_read(log.bytes, log.length, NULL, 0);

	expect_ok(v, line, count);
	if (count < 0)
		vectors_fields(v, line, "case", "bytes", "ok", NULL);
	else
		expect_records(v, line, &log, count);
	buffer_free(&log);
}

/* read_control */

/* The value that a decoder returned, -1 on error. */
static int64_t decoded(int error, uint32_t value)
{
	return error ? -1 : (int64_t)value;
}

static void expect_metrics(struct vectors *v, struct json_object *line,
			   const struct buffer *control)
{
	struct mk_metric metrics[MK_METRIC_COUNT];
	int64_t count = mk_control_metrics(control->bytes, control->length, metrics);
	struct json_object *list;

	if (count < 0) {
		if (json_object_object_get(line, "metrics"))
			vectors_fail(v, "metrics: had an error (%s), expected none",
				     mk_error_text());
		return;
	}
	list = vectors_array(v, line, "metrics");
	vectors_expect(v, "metrics", count, json_object_array_length(list));
	for (int64_t i = 0; i < count && !vectors_failed(v); i++) {
		struct json_object *pair = vectors_array_at(v, list, i);

		vectors_expect(v, "fields of a metric", 2,
			       json_object_array_length(pair));
		vectors_expect(v, "opcode", metrics[i].opcode,
			       vectors_u32_at(v, pair, 0));
		vectors_expect(v, "count", metrics[i].count, vectors_u32_at(v, pair, 1));
	}
}

static void run_read_control(struct vectors *v, struct json_object *line)
{
	struct buffer control = buffer_from_hex(v, line, "bytes");
	uint32_t index = vectors_u32(v, line, "index");
	uint32_t value = 0;
	int error;

	vectors_fields(v, line, "case", "bytes", "index", "done_count", "epoch",
		       "observable", "metrics", NULL);
	error = mk_control_done_count(control.bytes, control.length, &value);
	vectors_expect(v, "done_count", decoded(error, value),
		       vectors_int(v, line, "done_count"));
	error = mk_control_epoch(control.bytes, control.length, &value);
	vectors_expect(v, "epoch", decoded(error, value), vectors_int(v, line, "epoch"));
	error = mk_control_observable(control.bytes, control.length, index, &value);
	vectors_expect(v, "observable", decoded(error, value),
		       vectors_int(v, line, "observable"));
	expect_metrics(v, line, &control);
	buffer_free(&control);
}

/* priority_offsets */

static void run_priority_offsets(struct vectors *v, struct json_object *line)
{
	struct json_object *expected = vectors_array(v, line, "offsets");
	uint32_t offsets[MK_PRIORITY_COUNT + 1];

	vectors_fields(v, line, "case", "slots", "offsets", NULL);
	vectors_expect(v, "offsets", COUNT(offsets), json_object_array_length(expected));
	mk_priority_offsets(vectors_u32(v, line, "slots"), offsets);
	for (size_t i = 0; i < COUNT(offsets); i++)
		vectors_expect(v, "offset", offsets[i], vectors_u32_at(v, expected, i));
}

/* readback */

static void expect_readback(struct vectors *v, struct json_object *line,
			    const struct mk_readback *readback)
{
	struct mk_readback_counters counters;

	mk_readback_counters(readback, &counters);
	vectors_expect(v, "slot_count", mk_readback_slot_count(readback),
		       vectors_int(v, line, "slot_count"));
	vectors_expect(v, "total_bytes", counters.total_bytes,
		       vectors_int(v, line, "total_bytes"));
}

/* What is valid is a matter of lengths alone: the buffers need no memory. */
static void run_readback(struct vectors *v, struct json_object *line)
{
	struct json_object *lengths = vectors_array(v, line, "lengths");
	size_t count = json_object_array_length(lengths);
	struct mk_buffer *buffers = vectors_alloc(count * sizeof(*buffers));
	struct mk_readback_shape shape = {
		.slots = vectors_u32(v, line, "slots"),
		.records = MK_LOG_RECORD_CAPACITY_DEFAULT,
	};
	struct mk_readback readback;
	int error;

	for (size_t i = 0; i < count; i++) {
		size_t length = vectors_u64_at(v, lengths, i);

		buffers[i] = (struct mk_buffer){ .length = length, .capacity = length };
	}
	error = mk_readback_decode(buffers, count, &shape, &readback);
	expect_ok(v, line, error);
	if (error) {
		vectors_fields(v, line, "case", "lengths", "slots", "ok", NULL);
	} else {
		vectors_fields(v, line, "case", "lengths", "slots", "ok", "slot_count",
			       "total_bytes", NULL);
		expect_readback(v, line, &readback);
	}
	free(buffers);
}

static const struct {
	const char *name;
	vectors_case run;
} cases[] = {
	{ "encode_control", run_encode_control },
	{ "sizes", run_sizes },
	{ "ring", run_ring },
	{ "read_debug_log", run_read_debug_log },
	{ "read_control", run_read_control },
	{ "io_queue", run_io_queue },
	{ "priority_offsets", run_priority_offsets },
	{ "readback", run_readback },
};

static void run_case(struct vectors *v, struct json_object *line)
{
	const char *name = vectors_string(v, line, "case");

	for (size_t i = 0; i < COUNT(cases); i++) {
		if (!strcmp(cases[i].name, name)) {
			cases[i].run(v, line);
			return;
		}
	}
	vectors_fail(v, "case '%s' is unknown", name);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s FILE\n", argv[0]);
		return EXIT_FAILURE;
	}
	return vectors_run(argv[1], 1, run_case);
}
