// SPDX-License-Identifier: MIT
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "utf8.h"

/*
 * One object:
 *   schema_version  1; another one when a reader of this one would go wrong
 *   patterns        in the order given: count, pattern (missing when it is no
 *                   UTF-8), hex (its bytes, always there)
 *   bytes, files    scanned; without what failed
 *   failed_files    what could not be scanned whole: name and hex, as for patterns
 *   io              "host" or "device": who reads, as --io asks
 *   statistics      of the engine, the automaton, the slots; keys may be added
 */
#define SCHEMA_VERSION 1

/* Takes the value, also when it fails. */
static int add(struct json_object *object, const char *key, struct json_object *value)
{
	if (value && json_object_object_add(object, key, value) == 0)
		return 0;
	json_object_put(value);
	return -ENOMEM;
}

static struct json_object *hexadecimal(const uint8_t *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	char *text = malloc(2 * length + 1);
	struct json_object *string = NULL;

	if (!text)
		return NULL;
	for (size_t i = 0; i < length; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	string = json_object_new_string_len(text, 2 * length);
	free(text);
	return string;
}

/*
 * Bytes that are no text have no form as a JSON string: then the key is missing,
 * and "hex", which is always there, says what they are.
 */
static int add_bytes(struct json_object *object, const char *key, const uint8_t *bytes,
		     size_t length)
{
	int error = 0;

	if (utf8_is_valid(bytes, length))
		error = add(object, key,
			    json_object_new_string_len((const char *)bytes, length));
	return error ? error : add(object, "hex", hexadecimal(bytes, length));
}

static int add_patterns(struct json_object *array, const struct report *report)
{
	int error = 0;

	for (size_t i = 0; !error && i < report->patterns->given_count; i++) {
		const struct byte_string *pattern = &report->patterns->given[i];
		uint64_t count = report->counts[report->patterns->place[i]];
		struct json_object *object = json_object_new_object();

		if (!object || json_object_array_add(array, object) != 0) {
			json_object_put(object);
			return -ENOMEM;
		}
		error = add(object, "count", json_object_new_uint64(count));
		if (!error)
			error = add_bytes(object, "pattern", pattern->bytes,
					  pattern->length);
	}
	return error;
}

static int add_failed_files(struct json_object *array, const struct report *report)
{
	int error = 0;

	for (size_t i = 0; !error && i < report->failed_count; i++) {
		const char *name = report->failed_files[i];
		struct json_object *object = json_object_new_object();

		if (!object || json_object_array_add(array, object) != 0) {
			json_object_put(object);
			return -ENOMEM;
		}
		error = add_bytes(object, "name", (const uint8_t *)name, strlen(name));
	}
	return error;
}

static int add_statistics(struct json_object *object, const struct report *report)
{
	const struct scanner_statistics *scan = &report->statistics;
	const struct mk_engine_info *engine = &report->engine;
	int error = 0;

	error |= add(object, "device", json_object_new_string(engine->device));
	error |= add(object, "driver", json_object_new_string(engine->driver));
	error |= add(object, "placement", json_object_new_string(engine->placement));
	error |= add(object, "workgroups", json_object_new_uint64(engine->workgroups));
	error |= add(object, "live_workgroups",
		     json_object_new_uint64(engine->live_workgroups));
	error |= add(object, "dispatches", json_object_new_uint64(engine->dispatches));
	error |= add(object, "parks", json_object_new_uint64(engine->parks));
	error |= add(object, "automaton_states", json_object_new_uint64(scan->states));
	error |= add(object, "automaton_bytes",
		     json_object_new_uint64(scan->automaton_bytes));
	error |= add(object, "arena_bytes", json_object_new_uint64(scan->arena_bytes));
	error |= add(object, "blocks", json_object_new_uint64(scan->blocks));
	error |= add(object, "block_bytes", json_object_new_uint64(scan->block_bytes));
	error |= add(object, "fixed_buffers",
		     json_object_new_boolean(scan->fixed_buffers));
	error |= add(object, "io_requests", json_object_new_uint64(scan->io_requests));
	error |= add(object, "files_read_by_host",
		     json_object_new_uint64(scan->files_read_by_host));
	error |= add(object, "slots", json_object_new_uint64(scan->slots));
	error |=
		add(object, "slots_at_once", json_object_new_uint64(scan->slots_at_once));
	error |=
		add(object, "overlap_bytes", json_object_new_uint64(scan->overlap_bytes));
	error |=
		add(object, "scan_wait_seconds", json_object_new_double(scan->scan_wait));
	error |=
		add(object, "read_wait_seconds", json_object_new_double(scan->read_wait));
	error |= add(object, "start_seconds",
		     json_object_new_double(report->start_seconds));
	error |= add(object, "seconds", json_object_new_double(report->seconds));
	return error ? -ENOMEM : 0;
}

static int fill(struct json_object *root, const struct report *report)
{
	struct json_object *patterns = json_object_new_array();
	struct json_object *failed = json_object_new_array();
	struct json_object *statistics = json_object_new_object();
	int error = 0;

	error |= add(root, "schema_version", json_object_new_int(SCHEMA_VERSION));
	error |= add(root, "patterns", patterns);
	error |= add(root, "bytes", json_object_new_uint64(report->statistics.bytes));
	error |= add(root, "files", json_object_new_uint64(report->file_count));
	error |= add(root, "failed_files", failed);
	error |= add(root, "io", json_object_new_string(report_io(report)));
	error |= add(root, "statistics", statistics);
	if (!error)
		error = add_patterns(patterns, report);
	if (!error)
		error = add_failed_files(failed, report);
	if (!error)
		error = add_statistics(statistics, report);
	return error;
}

int report_json(const struct report *report, FILE *stream)
{
	struct json_object *root = json_object_new_object();
	const char *text = NULL;

	if (root && fill(root, report) == 0)
		text = json_object_to_json_string_ext(
			root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text)
		fprintf(stream, "%s\n", text);
	json_object_put(root);
	return text ? 0 : -ENOMEM;
}
