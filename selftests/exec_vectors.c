// SPDX-License-Identifier: MIT
/*
 * Run programs for the resident kernel whose outcome does not depend on the order
 * in which slots run, and compare everything that they leave behind.
 */
#define _GNU_SOURCE
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mk/mk.h>

#include "vectors.h"

#define TIMEOUT_NS 60000000000u

static struct mk_engine_options engine_options = { .size = sizeof(engine_options) };

struct run {
	struct vectors *v;
	struct json_object *line;
	struct json_object *ring; /* of the line: what to publish */
	uint32_t slots;
	uint32_t observables;
	struct mk_context *context;
	struct mk_readback readback; /* what it left behind */
};

/* Any call of the library that should succeed. */
static bool ok(struct run *run, const char *call, int ret)
{
	if (ret)
		vectors_fail(run->v, "%s: %s (%s)", call, mk_error_text(),
			     strerror(-ret));
	return !ret;
}

/* Set up -------------------------------------------------------------------- */

static bool is_disabled(struct run *run, struct json_object *disabled, uint32_t tenant)
{
	for (size_t i = 0; i < json_object_array_length(disabled); i++)
		if (vectors_u32_at(run->v, disabled, i) == tenant)
			return true;
	return false;
}

static bool set_tenants(struct run *run)
{
	struct json_object *disabled = vectors_array(run->v, run->line, "disabled");
	uint32_t tenants = vectors_u32(run->v, run->line, "tenants");
	bool good = true;

	for (uint32_t tenant = 0; tenant < MK_TENANT_COUNT && good; tenant++) {
		bool enabled = tenant < tenants && !is_disabled(run, disabled, tenant);

		good = ok(run, "mk_context_set_tenant",
			  mk_context_set_tenant(run->context, tenant,
						enabled ? MK_TENANT_MASK_ALL : 0));
	}
	return good;
}

static bool preset(struct run *run)
{
	struct json_object *presets = vectors_array(run->v, run->line, "preset");
	bool good = true;

	for (size_t i = 0; i < json_object_array_length(presets) && good; i++) {
		struct json_object *pair = vectors_array_at(run->v, presets, i);

		good = ok(run, "mk_context_set_observable",
			  mk_context_set_observable(run->context,
						    vectors_u32_at(run->v, pair, 0),
						    vectors_u32_at(run->v, pair, 1)));
	}
	return good;
}

static bool publish_slot(struct run *run, void *ring, uint32_t slot,
			 struct json_object *entry)
{
	struct json_object *args = vectors_array(run->v, entry, "args");
	uint32_t words[MK_SLOT_ARG_COUNT] = { 0 };
	struct mk_item item = {
		.opcode = vectors_u32(run->v, entry, "opcode"),
		.arg_count = (uint32_t)json_object_array_length(args),
		.args = words,
	};

	vectors_fields(run->v, entry, "opcode", "args", "tenant", "status", NULL);
	for (uint32_t i = 0; i < item.arg_count && i < MK_SLOT_ARG_COUNT; i++)
		words[i] = vectors_u32_at(run->v, args, i);
	return ok(run, "mk_ring_publish",
		  mk_ring_publish(ring, run->slots * MK_SLOT_BYTES, slot,
				  vectors_u32(run->v, entry, "tenant"), &item));
}

/* A vector says which slot holds what, so this goes past the live producer. */
static bool publish_ring(struct run *run)
{
	void *ring = mk_context_memory(run->context, MK_REGION_RING, NULL);
	bool is_inbox = !strcmp(mk_context_backing(run->context), "device");
	uint32_t *first_words = ring;
	bool good = true;

	for (uint32_t slot = 0; slot < run->slots && good; slot++) {
		struct json_object *entry = json_object_array_get_idx(run->ring, slot);

		if (entry)
			good = publish_slot(run, ring, slot, entry);
		if (good && entry && is_inbox)
			first_words[slot * MK_SLOT_WORDS] |= 1u << MK_INBOX_COUNT_SHIFT;
	}
	return good;
}

/* Run ----------------------------------------------------------------------- */

static uint32_t expected_status(struct run *run, uint32_t slot)
{
	struct json_object *entry = json_object_array_get_idx(run->ring, slot);

	return entry ? vectors_u32(run->v, entry, "status") : MK_STATUS_EMPTY;
}

static bool wait_for_slots(struct run *run)
{
	for (uint32_t slot = 0; slot < run->slots; slot++) {
		struct mk_ticket ticket = { .slot = slot, .count = 1 };
		uint32_t status = expected_status(run, slot);
		int ret;

		if (status != MK_STATUS_DONE && status != MK_STATUS_FAULT)
			continue;
		ret = mk_context_wait(run->context, &ticket, TIMEOUT_NS);
		if (ret < 0)
			return ok(run, "mk_context_wait", ret);
	}
	return true;
}

static bool execute(struct run *run)
{
	struct mk_engine *engine;
	bool good;

	if (!ok(run, "mk_engine_start",
		mk_engine_start(run->context, &engine_options, &engine)))
		return false;
	good = wait_for_slots(run);
	if (!ok(run, "mk_engine_stop", mk_engine_stop(engine, TIMEOUT_NS)))
		/* A dispatch still runs on the context's memory, so it must stay. */
		exit(EXIT_FAILURE);
	return good;
}

/* Compare ------------------------------------------------------------------- */

static const struct mk_buffer *buffer(const struct run *run, uint32_t region)
{
	return &run->readback.buffers[region];
}

static bool read_back(struct run *run)
{
	const size_t bytes[MK_READBACK_BUFFERS] = {
		(size_t)mk_control_bytes(run->observables),
		(size_t)mk_ring_bytes(run->slots),
		(size_t)mk_debug_log_bytes(MK_LOG_RECORD_CAPACITY_DEFAULT),
		(size_t)mk_io_queue_bytes(MK_IO_SLOT_COUNT_DEFAULT),
	};
	const struct mk_readback_shape shape = {
		.slots = run->slots,
		.records = MK_LOG_RECORD_CAPACITY_DEFAULT,
	};
	struct mk_readback view;

	for (uint32_t i = 0; i < MK_READBACK_BUFFERS; i++)
		run->readback.buffers[i] = (struct mk_buffer){
			.data = vectors_alloc(bytes[i]),
			.capacity = bytes[i],
		};
	return ok(run, "mk_context_readback",
		  mk_context_readback(run->context, &run->readback)) &&
	       ok(run, "mk_readback_decode",
		  mk_readback_decode(run->readback.buffers, MK_READBACK_BUFFERS, &shape,
				     &view));
}

static void compare_statuses(struct run *run)
{
	const uint32_t *words = buffer(run, MK_REGION_RING)->data;

	for (uint32_t slot = 0; slot < run->slots; slot++) {
		char what[32];

		snprintf(what, sizeof(what), "status of slot %u", slot);
		vectors_expect(run->v, what, words[slot * MK_SLOT_WORDS],
			       expected_status(run, slot));
	}
}

static void compare_counts(struct run *run, struct json_object *expect)
{
	const struct mk_buffer *control = buffer(run, MK_REGION_CONTROL);
	uint32_t done_count = 0, epoch = 0;
	struct mk_counters counters;

	mk_context_counters(run->context, &counters);
	mk_control_done_count(control->data, control->length, &done_count);
	mk_control_epoch(control->data, control->length, &epoch);
	vectors_expect(run->v, "done_count", done_count,
		       vectors_int(run->v, expect, "done_count"));
	vectors_expect(run->v, "slots done", (int64_t)counters.slots_done, done_count);
	vectors_expect(run->v, "faults", counters.faults,
		       vectors_int(run->v, expect, "faults"));
	vectors_expect(run->v, "epoch", epoch, vectors_int(run->v, expect, "epoch"));
}

static bool is_ignored(struct run *run, struct json_object *ignore, uint32_t index)
{
	for (size_t i = 0; i < json_object_array_length(ignore); i++)
		if (vectors_u32_at(run->v, ignore, i) == index)
			return true;
	return false;
}

static void compare_observables(struct run *run, struct json_object *expect)
{
	struct json_object *values = vectors_array(run->v, expect, "observables");
	struct json_object *ignore = vectors_array(run->v, expect, "ignore");
	const struct mk_buffer *control = buffer(run, MK_REGION_CONTROL);

	vectors_expect(run->v, "observables", json_object_array_length(values),
		       run->observables);
	for (uint32_t i = 0; i < run->observables && !vectors_failed(run->v); i++) {
		uint32_t value = 0;
		char what[32];

		if (is_ignored(run, ignore, i))
			continue;
		snprintf(what, sizeof(what), "observable %u", i);
		mk_control_observable(control->data, control->length, i, &value);
		vectors_expect(run->v, what, value, vectors_u32_at(run->v, values, i));
	}
}

static void compare_metrics(struct run *run, struct json_object *expect)
{
	const struct mk_buffer *control = buffer(run, MK_REGION_CONTROL);
	struct json_object *pairs = vectors_array(run->v, expect, "metrics");
	struct mk_metric metrics[MK_METRIC_COUNT];
	int64_t count = mk_control_metrics(control->data, control->length, metrics);

	vectors_expect(run->v, "opcodes counted", count,
		       (int64_t)json_object_array_length(pairs));
	for (int64_t i = 0; i < count && !vectors_failed(run->v); i++) {
		struct json_object *pair = vectors_array_at(run->v, pairs, (size_t)i);
		char what[40];

		snprintf(what, sizeof(what), "executions of opcode %u",
			 metrics[i].opcode);
		vectors_expect(run->v, what, metrics[i].opcode,
			       vectors_u32_at(run->v, pair, 0));
		vectors_expect(run->v, what, metrics[i].count,
			       vectors_u32_at(run->v, pair, 1));
	}
}

static int compare_records(const void *left, const void *right)
{
	const uint32_t *a = left, *b = right;

	for (uint32_t i = 0; i < MK_LOG_RECORD_WORDS; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

static void compare_log(struct run *run, struct json_object *expect)
{
	const struct mk_buffer *log = buffer(run, MK_REGION_DEBUG_LOG);
	struct json_object *wanted = vectors_array(run->v, expect, "records");
	struct mk_log_record records[MK_LOG_RECORD_CAPACITY_DEFAULT];
	int64_t in_all = mk_debug_log_read(log->data, log->length, records,
					   MK_LOG_RECORD_CAPACITY_DEFAULT);
	size_t count = 0;

	vectors_expect(run->v, "records in all", in_all,
		       vectors_int(run->v, expect, "records_in_all"));
	for (int64_t i = 0; i < in_all; i++)
		if (records[i].format != MK_LOG_FORMAT_FAULT)
			records[count++] = records[i];
	qsort(records, count, sizeof(records[0]), compare_records);
	vectors_expect(run->v, "records of PRINTF", (int64_t)count,
		       (int64_t)json_object_array_length(wanted));
	for (size_t i = 0; i < count && !vectors_failed(run->v); i++) {
		struct json_object *record = vectors_array_at(run->v, wanted, i);
		const uint32_t *words = (const uint32_t *)&records[i];

		for (uint32_t word = 0; word < MK_LOG_RECORD_WORDS; word++)
			vectors_expect(run->v, "a word of a record", words[word],
				       vectors_u32_at(run->v, record, word));
	}
}

static void compare(struct run *run)
{
	struct json_object *expect;

	if (!json_object_object_get_ex(run->line, "expect", &expect)) {
		vectors_fail(run->v, "no field \"expect\"");
		return;
	}
	vectors_fields(run->v, expect, "done_count", "faults", "epoch", "observables",
		       "ignore", "metrics", "records", "records_in_all", NULL);
	compare_statuses(run);
	compare_counts(run, expect);
	compare_observables(run, expect);
	compare_metrics(run, expect);
	compare_log(run, expect);
}

/* One line ------------------------------------------------------------------ */

static void run_line(struct vectors *v, struct json_object *line)
{
	struct run run = {
		.v = v,
		.line = line,
		.ring = vectors_array(v, line, "ring"),
		.slots = vectors_u32(v, line, "slots"),
		.observables = vectors_u32(v, line, "observable"),
	};
	const struct mk_geometry geometry = {
		.size = sizeof(geometry),
		.engine = engine_options.kind,
		.slots = run.slots,
		.observable_words = run.observables,
	};

	vectors_fields(v, line, "case", "slots", "observable", "tenants", "disabled",
		       "preset", "ring", "expect", NULL);
	if (strcmp(vectors_string(v, line, "case"), "exec"))
		vectors_fail(v, "the case is not \"exec\"");
	if (json_object_array_length(run.ring) != run.slots)
		vectors_fail(v, "a ring of %zu entries for %u slots",
			     json_object_array_length(run.ring), run.slots);
	if (vectors_failed(v) ||
	    !ok(&run, "mk_context_create", mk_context_create(&geometry, &run.context)))
		return;
	if (set_tenants(&run) && preset(&run) && publish_ring(&run) && execute(&run) &&
	    read_back(&run))
		compare(&run);
	for (uint32_t i = 0; i < MK_READBACK_BUFFERS; i++)
		free(run.readback.buffers[i].data);
	mk_context_close(run.context);
}

/* Command line -------------------------------------------------------------- */

enum {
	OPTION_ENGINE = 'e',
	OPTION_WORKGROUPS = 'w',
	OPTION_IMPORT = 'i',
	OPTION_DEVICE = 'd',
	OPTION_EVERY = 'n',
};

static const struct argp_option options[] = {
	{ "engine", OPTION_ENGINE, "cpu|vulkan", 0, "What executes (default: vulkan)",
	  0 },
	{ "workgroups", OPTION_WORKGROUPS, "N", 0,
	  "Workgroups, or host threads (default: one less than the cores)", 0 },
	{ "import", OPTION_IMPORT, "auto|dma-buf|host-pointer", 0,
	  "How memory reaches the Vulkan device (default: auto)", 0 },
	{ "device", OPTION_DEVICE, "DEVICE", 0, "As mkbench has it", 0 },
	{ "every", OPTION_EVERY, "N", 0,
	  "Run one vector of each N only: for slow machines", 0 },
	{ 0 },
};

struct arguments {
	const char *file;
	size_t every;
};

static uint32_t number(struct argp_state *state, const char *argument, const char *what,
		       uint32_t least, uint32_t most)
{
	char *end;
	unsigned long value = strtoul(argument, &end, 10);

	if (*end || end == argument || value < least || value > most)
		argp_error(state, "%s %s: expected %u to %u", what, argument, least,
			   most);
	return (uint32_t)value;
}

static int choose(struct argp_state *state, const char *argument,
		  const char *const *names)
{
	for (int i = 0; names[i]; i++)
		if (!strcmp(argument, names[i]))
			return i;
	argp_error(state, "\"%s\" is none of the choices; see --help", argument);
	return 0;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	static const char *const engines[] = { "vulkan", "cpu", NULL };
	static const char *const imports[] = { "auto", "dma-buf", "host-pointer", NULL };
	struct arguments *arguments = state->input;

	switch (key) {
	case OPTION_ENGINE:
		engine_options.kind =
			(enum mk_engine_kind)choose(state, argument, engines);
		return 0;
	case OPTION_IMPORT:
		engine_options.import = (enum mk_import)choose(state, argument, imports);
		return 0;
	case OPTION_DEVICE:
		engine_options.device = argument;
		return 0;
	case OPTION_WORKGROUPS:
		engine_options.workgroups =
			number(state, argument, "--workgroups", 0, 65535);
		return 0;
	case OPTION_EVERY:
		arguments->every = number(state, argument, "--every", 1, UINT32_MAX);
		return 0;
	case ARGP_KEY_ARG:
		if (arguments->file)
			argp_error(state, "one file of vectors at a time");
		arguments->file = argument;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "no file of vectors given");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "FILE",
		.doc = "Run execution vectors through an engine.\v"
		       "Example: exec_vectors --engine cpu --workgroups 2 exec.jsonl",
	};
	struct arguments arguments = { .every = 1 };

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	return vectors_run(arguments.file, arguments.every, run_line);
}
