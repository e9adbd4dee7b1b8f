// SPDX-License-Identifier: MIT
/* What mkinspect export makes of a trace, where its readers are particular. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "perfetto_writer.h"
#include "trace_spans.h"

/* Times ----------------------------------------------------------------------------- */

/* Perfetto multiplies the double by 1000 and cuts off. */
static void assert_reads_as(double us, uint64_t ns)
{
	assert_int_equal((uint64_t)(us * 1000.0), ns);
	assert_true(fabs(us * 1000.0 - (double)ns) < 0.5);
}

static double member(struct json_object *event, const char *key)
{
	struct json_object *value;

	assert_true(json_object_object_get_ex(event, key, &value));
	return json_object_get_double(value);
}

/* Through text, as a reader gets it. */
static void check_time(uint64_t ns)
{
	const struct perfetto_track track = { 1, 1 };
	struct json_object *event = perfetto_span(track, "span", ns, ns / 3);
	struct json_object *read;

	assert_non_null(event);
	read = json_tokener_parse(json_object_to_json_string(event));
	assert_non_null(read);
	assert_reads_as(member(read, "ts"), ns);
	assert_reads_as(member(read, "dur"), ns / 3);
	json_object_put(read);
	json_object_put(event);
}

/* Each nanosecond of the first, and some up to a month. */
static void times_lose_no_nanosecond(void **state)
{
	(void)state;
	for (uint64_t ns = 0; ns < 20000; ns++)
		check_time(ns);
	for (uint64_t ns = 20000; ns < UINT64_C(2592000000000000); ns += ns / 1000 + 1)
		check_time(ns);
}

/* Dispatches ------------------------------------------------------------------------ */

#define PUT(TYPE, TIME)                                                         \
	{                                                                       \
		.event = {.type = MK_TRACE_DISPATCH_##TYPE, .time_ns = (TIME) } \
	}

/* In a trace that ends at 100 ns. */
static struct {
	size_t entry_count;
	struct trace_entry entries[5];
	size_t span_count;
	struct {
		uint64_t begin_ns, end_ns;
		enum span_end end;
	} spans[3];
} cases[] = {
	/* What is queued begins behind the oldest. */
	{ 4,
	  { PUT(BEGIN, 10), PUT(BEGIN, 20), PUT(END, 30), PUT(END, 40) },
	  2,
	  { { 10, 30, END_SEEN }, { 30, 40, END_SEEN } } },
	/* The first one's end was dropped. */
	{ 5,
	  { PUT(BEGIN, 10), PUT(BEGIN, 20), PUT(BEGIN, 30), PUT(END, 40), PUT(END, 50) },
	  3,
	  { { 10, 30, END_BY_REUSE }, { 30, 40, END_SEEN }, { 40, 50, END_SEEN } } },
	/* Of a process that was killed. */
	{ 2,
	  { PUT(BEGIN, 10), PUT(BEGIN, 20) },
	  2,
	  { { 10, 100, END_UNKNOWN }, { 100, 100, END_UNKNOWN } } },
};

static void dispatches_do_not_overlap(void **state)
{
	static const struct mk_geometry geometry = {
		.slots = 2,
		.window_slots = 2,
		.io_slots = 2,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trace trace = {
			.entries = cases[i].entries,
			.count = cases[i].entry_count,
			.part_count = 1,
			.end_ns = 100,
		};
		struct spans spans;

		assert_int_equal(spans_build(&trace, &geometry, &spans), 0);
		assert_int_equal(spans.count, cases[i].span_count);
		for (size_t j = 0; j < spans.count; j++) {
			assert_int_equal(spans.spans[j].kind, SPAN_DISPATCH);
			assert_int_equal(spans.spans[j].begin_ns,
					 cases[i].spans[j].begin_ns);
			assert_int_equal(spans.spans[j].end_ns, cases[i].spans[j].end_ns);
			assert_int_equal(spans.spans[j].end, cases[i].spans[j].end);
		}
		spans_free(&spans);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_lose_no_nanosecond),
		cmocka_unit_test(dispatches_do_not_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
