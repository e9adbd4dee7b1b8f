// SPDX-License-Identifier: MIT
/*
 * The automaton and the scan handler against plain matching, on random inputs
 * over small alphabets, where everything overlaps with everything.
 *
 * There is no engine here: this file stands in for the executor that the handler
 * is called by, grants as few steps as a test likes, and fails the test on an
 * address outside the arena.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "automaton.h"
#include "patterns.h"
#include "scan_layout.h"
#include "scan_opcode.h"

#define WORDS_MAX (1u << 25)

struct mk_executor {
	uint32_t *arena;
	uint32_t words;
	uint32_t steps_at_a_time; /* granted in one call */
	uint64_t steps;		  /* granted in all */

	bool is_full; /* no request slot is free */
	uint32_t asked[5];
	uint32_t asked_count;
	uint32_t answer; /* 0, MK_IO_STATUS_* */
	uint32_t reason;
};

uint32_t mk_call_steps(struct mk_call *call, uint32_t wanted)
{
	uint32_t granted = call->executor->steps_at_a_time;

	if (granted > wanted)
		granted = wanted;
	call->executor->steps += granted;
	return granted;
}

uint32_t mk_call_arena_load(struct mk_call *call, uint32_t word)
{
	assert_in_range(word, 0, call->executor->words - 1);
	return call->executor->arena[word];
}

uint32_t mk_call_arena_add(struct mk_call *call, uint32_t word, uint32_t value)
{
	uint32_t before = mk_call_arena_load(call, word);

	call->executor->arena[word] = before + value;
	return before;
}

void mk_call_arena_store(struct mk_call *call, uint32_t word, uint32_t value)
{
	assert_in_range(word, 0, call->executor->words - 1);
	call->executor->arena[word] = value;
}

uint32_t mk_call_io_read(struct mk_call *call, uint32_t source, uint32_t destination,
			 uint32_t offset_low, uint32_t offset_high, uint32_t bytes)
{
	const uint32_t asked[] = { source, destination, offset_low, offset_high, bytes };

	if (call->executor->is_full)
		return MK_STATUS_REQUEUE;
	memcpy(call->executor->asked, asked, sizeof(asked));
	call->executor->asked_count++;
	return MK_STATUS_WAIT_IO;
}

uint32_t mk_call_io_answer(const struct mk_call *call)
{
	return call->executor->answer;
}

uint32_t mk_call_io_reason(const struct mk_call *call)
{
	return call->executor->reason;
}

/* xorshift: the same inputs in every run. */
static uint64_t random_state = 88172645463325252u;

static uint32_t random_below(uint32_t end)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state >> 16) % end;
}

static void random_bytes(uint8_t *bytes, size_t length, uint32_t alphabet)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = alphabet == 256 ? random_below(256) :
					     'a' + random_below(alphabet);
}

static uint64_t plain_count(const struct byte_string *pattern, const uint8_t *text,
			    size_t length, size_t count_from)
{
	uint64_t count = 0;

	for (size_t end = pattern->length; end <= length; end++) {
		if (end > count_from && memcmp(text + end - pattern->length,
					       pattern->bytes, pattern->length) == 0)
			count++;
	}
	return count;
}

/* An arena with the automaton, the counters and the text, in this order. */
struct scan {
	struct automaton automaton;
	struct mk_executor executor;
	uint32_t counters;
	uint32_t text;
	uint64_t *counts;
};

static void scan_open(struct scan *scan, const struct pattern_list *list,
		      uint32_t dense_states, size_t text_bytes)
{
	int error = automaton_build(&scan->automaton, list->sorted, list->sorted_count,
				    dense_states, WORDS_MAX);

	assert_int_equal(error, 0);
	scan->counters = scan->automaton.words;
	scan->text = scan->counters + list->sorted_count * SCAN_COUNTER_WORDS;
	/* The handler may look up to a row beyond where it is. */
	scan->executor.words = scan->text + (text_bytes + 3) / 4 + SCAN_DENSE_WORDS;
	scan->executor.arena = calloc(scan->executor.words, sizeof(uint32_t));
	assert_non_null(scan->executor.arena);
	automaton_encode(&scan->automaton, scan->executor.arena);
	scan->counts = calloc(list->sorted_count, sizeof(*scan->counts));
	assert_non_null(scan->counts);
}

/* One slot: scan a part of the text, yielding as the executor's grants have it. */
static void scan_run(struct scan *scan, size_t begin, size_t end, size_t count_from)
{
	struct mk_call call = {
		.executor = &scan->executor,
		.opcode = SCAN_OPCODE,
		.args = {
			[SCAN_ARG_POSITION] = scan->text * 4 + begin,
			[SCAN_ARG_STATE] = SCAN_ROOT,
			[SCAN_ARG_END] = scan->text * 4 + end,
			[SCAN_ARG_COUNT_FROM] = scan->text * 4 + count_from,
			[SCAN_ARG_COUNTERS] = scan->counters,
		},
	};
	uint32_t status;

	do {
		status = scan_handler(&call);
	} while (status == MK_STATUS_YIELD);
	assert_int_equal(status, MK_STATUS_DONE);
}

static void scan_counts(struct scan *scan)
{
	const uint32_t *counter = scan->executor.arena + scan->counters;

	for (uint32_t i = 0; i < scan->automaton.pattern_count; i++, counter += 2)
		scan->counts[i] = counter[0] | (uint64_t)counter[1] << 32;
	assert_int_equal(automaton_propagate(&scan->automaton, scan->counts), 0);
}

static void scan_close(struct scan *scan)
{
	automaton_free(&scan->automaton);
	free(scan->executor.arena);
	free(scan->counts);
}

static void expect_plain_counts(const struct pattern_list *list, const uint8_t *text,
				size_t length, uint32_t dense_states, uint32_t steps)
{
	struct scan scan = { .executor.steps_at_a_time = steps };
	size_t begin = random_below(8), count_from = begin + random_below(8);

	if (count_from > length)
		begin = count_from = 0;
	scan_open(&scan, list, dense_states, length);
	memcpy(scan.executor.arena + scan.text, text, length);
	scan_run(&scan, begin, length, count_from);
	scan_counts(&scan);
	for (size_t i = 0; i < list->given_count; i++)
		assert_int_equal(scan.counts[list->place[i]],
				 plain_count(&list->given[i], text + begin,
					     length - begin, count_from - begin));
	scan_close(&scan);
}

static void random_patterns(struct pattern_list *list, uint32_t count, uint32_t longest,
			    uint32_t alphabet)
{
	uint8_t bytes[PATTERN_BYTES_MAX];

	for (uint32_t i = 0; i < count; i++) {
		uint32_t length = 1 + random_below(longest);

		random_bytes(bytes, length, alphabet);
		assert_int_equal(pattern_list_add(list, bytes, length, "test"), 0);
	}
	assert_int_equal(pattern_list_sort(list), 0);
}

static void test_random(void **unused)
{
	static const uint32_t alphabets[] = { 1, 2, 3, 8, 256 };
	static const uint32_t dense_states[] = { 0, 3, AUTOMATON_DENSE_STATES };
	uint8_t text[600];

	(void)unused;
	for (int round = 0; round < 3000; round++) {
		struct pattern_list list = { 0 };
		uint32_t alphabet = alphabets[round % 5];
		size_t length = random_below(sizeof(text));

		random_bytes(text, length, alphabet);
		random_patterns(&list, 1 + random_below(20), 1 + random_below(9),
				alphabet);
		expect_plain_counts(&list, text, length, dense_states[round % 3],
				    5 + random_below(300));
		pattern_list_free(&list);
	}
}

static void test_thousands(void **unused)
{
	static const uint32_t alphabets[] = { 2, 4, 256 };
	static uint8_t text[20000];

	(void)unused;
	for (int round = 0; round < 6; round++) {
		struct pattern_list list = { 0 };

		random_bytes(text, sizeof(text), alphabets[round % 3]);
		random_patterns(&list, 3000, 30, alphabets[round % 3]);
		expect_plain_counts(&list, text, sizeof(text),
				    round < 3 ? 0 : AUTOMATON_DENSE_STATES, 10000);
		pattern_list_free(&list);
	}
}

/* Every prefix of a run fails into the next shorter one. */
static void test_longest(void **unused)
{
	static uint8_t text[30000];
	uint8_t run[PATTERN_BYTES_MAX];
	struct pattern_list list = { 0 };

	(void)unused;
	memset(text, 'a', sizeof(text));
	memset(run, 'a', sizeof(run));
	for (size_t at = PATTERN_BYTES_MAX + 10; at < sizeof(text); at += 4099)
		text[at] = 'b';
	assert_int_equal(pattern_list_add(&list, run, PATTERN_BYTES_MAX, "test"), 0);
	assert_int_equal(pattern_list_add(&list, run, PATTERN_BYTES_MAX - 1, "test"), 0);
	run[PATTERN_BYTES_MAX - 1] = 'b';
	assert_int_equal(pattern_list_add(&list, run, PATTERN_BYTES_MAX, "test"), 0);
	assert_int_equal(pattern_list_sort(&list), 0);
	expect_plain_counts(&list, text, sizeof(text), 0, 10000);
	expect_plain_counts(&list, text, sizeof(text), AUTOMATON_DENSE_STATES, 10000);
	pattern_list_free(&list);
}

/* A scan must not fail through a long run of states again for each byte. */
static void test_steps_are_linear(void **unused)
{
	static uint8_t text[1 << 20];
	struct scan scan = { .executor.steps_at_a_time = 1u << 20 };
	uint8_t run[PATTERN_BYTES_MAX];
	struct pattern_list list = { 0 };

	(void)unused;
	memset(run, 'a', sizeof(run));
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 1500 == 1499 ? 'b' : 'a';
	assert_int_equal(pattern_list_add(&list, run, sizeof(run), "test"), 0);
	assert_int_equal(pattern_list_sort(&list), 0);
	scan_open(&scan, &list, 0, sizeof(text));
	memcpy(scan.executor.arena + scan.text, text, sizeof(text));
	scan_run(&scan, 0, sizeof(text), 0);
	assert_true(scan.executor.steps < 4 * sizeof(text));
	scan_close(&scan);
	pattern_list_free(&list);
}

/* Counts beyond 32 bits go into the counter's upper word. */
static void test_carry(void **unused)
{
	struct scan scan = { .executor.steps_at_a_time = 100 };
	struct pattern_list list = { 0 };

	(void)unused;
	assert_int_equal(pattern_list_add(&list, "a", 1, "test"), 0);
	assert_int_equal(pattern_list_sort(&list), 0);
	scan_open(&scan, &list, AUTOMATON_DENSE_STATES, 4);
	scan.executor.arena[scan.counters] = UINT32_MAX - 1;
	memcpy(scan.executor.arena + scan.text, "aaaa", 4);
	scan_run(&scan, 0, 4, 0);
	scan_counts(&scan);
	assert_int_equal(scan.counts[0], UINT32_MAX + UINT64_C(3));
	scan_close(&scan);
	pattern_list_free(&list);
}

/* A slot that asks for its text, "aaaaaaaa", which comes when @answer is OK. */
struct asking {
	struct scan scan;
	struct pattern_list list;
	struct mk_call call;
	uint32_t outcome;
};

static void asking_open(struct asking *asking)
{
	struct scan *scan = &asking->scan;

	*asking = (struct asking){ .scan.executor.steps_at_a_time = 4 };
	assert_int_equal(pattern_list_add(&asking->list, "aa", 2, "test"), 0);
	assert_int_equal(pattern_list_sort(&asking->list), 0);
	scan_open(scan, &asking->list, AUTOMATON_DENSE_STATES, 12);
	asking->outcome = scan->text + 2;
	asking->call = (struct mk_call){
		.executor = &scan->executor,
		.opcode = SCAN_OPCODE,
		.args = {
			[SCAN_ARG_POSITION] = scan->text * 4,
			[SCAN_ARG_STATE] = SCAN_ROOT,
			[SCAN_ARG_END] = scan->text * 4 + 8,
			[SCAN_ARG_COUNT_FROM] = scan->text * 4,
			[SCAN_ARG_COUNTERS] = scan->counters,
			[SCAN_ARG_OUTCOME] = asking->outcome,
			[SCAN_ARG_FILE] = 11,
			[SCAN_ARG_BLOCK] = 12,
			[SCAN_ARG_OFFSET_LOW] = 13,
			[SCAN_ARG_OFFSET_HIGH] = 14,
			[SCAN_ARG_TO_READ] = 8,
		},
	};
}

static void asking_close(struct asking *asking)
{
	scan_close(&asking->scan);
	pattern_list_free(&asking->list);
}

static void test_asks_before_it_scans(void **unused)
{
	const uint32_t wanted[] = { 11, 12, 13, 14, 8 };
	struct mk_executor *executor;
	struct asking asking;
	uint32_t status;

	(void)unused;
	asking_open(&asking);
	executor = &asking.scan.executor;
	executor->is_full = true;
	assert_int_equal(scan_handler(&asking.call), MK_STATUS_REQUEUE);
	executor->is_full = false;
	assert_int_equal(scan_handler(&asking.call), MK_STATUS_WAIT_IO);
	assert_memory_equal(executor->asked, wanted, sizeof(wanted));
	memcpy(executor->arena + asking.scan.text, "aaaaaaaa", 8);
	/* An answer is told in one call only, and there are more. */
	executor->answer = MK_IO_STATUS_OK;
	status = scan_handler(&asking.call);
	assert_int_equal(status, MK_STATUS_YIELD);
	executor->answer = 0;
	while (status == MK_STATUS_YIELD)
		status = scan_handler(&asking.call);
	assert_int_equal(status, MK_STATUS_DONE);
	assert_int_equal(executor->asked_count, 1);
	scan_counts(&asking.scan);
	assert_int_equal(asking.scan.counts[0], 7);
	assert_int_equal(executor->arena[asking.outcome], 0);
	asking_close(&asking);
}

static void test_error_is_a_fault_with_its_reason(void **unused)
{
	struct mk_executor *executor;
	struct asking asking;

	(void)unused;
	asking_open(&asking);
	executor = &asking.scan.executor;
	memcpy(executor->arena + asking.scan.text, "aaaaaaaa", 8);
	executor->answer = MK_IO_STATUS_ERROR;
	executor->reason = MK_IO_REASON_END_OF_FILE;
	assert_int_equal(scan_handler(&asking.call), MK_STATUS_FAULT);
	assert_int_equal(executor->arena[asking.outcome], MK_IO_REASON_END_OF_FILE);
	scan_counts(&asking.scan);
	assert_int_equal(asking.scan.counts[0], 0);
	assert_int_equal(executor->asked_count, 0);
	asking_close(&asking);
}

static void test_long_random_patterns_stay_compact(void **unused)
{
	struct pattern_list list = { 0 };
	struct automaton automaton;
	uint8_t bytes[PATTERN_BYTES_MAX];

	(void)unused;
	for (int i = 0; i < 1024; i++) {
		random_bytes(bytes, sizeof(bytes), 256);
		assert_int_equal(pattern_list_add(&list, bytes, sizeof(bytes), "test"),
				 0);
	}
	assert_int_equal(pattern_list_sort(&list), 0);
	assert_int_equal(automaton_build(&automaton, list.sorted, list.sorted_count, 0,
					 WORDS_MAX),
			 0);
	assert_in_range(automaton.state_count, 4000000, 4u << 20);
	assert_true(automaton.words < 2.2 * automaton.state_count);
	automaton_free(&automaton);
	assert_int_equal(automaton_build(&automaton, list.sorted, list.sorted_count, 0,
					 WORDS_MAX / 8),
			 -E2BIG);
	automaton_free(&automaton);
	pattern_list_free(&list);
}

static void test_lengths_are_checked(void **unused)
{
	uint8_t bytes[PATTERN_BYTES_MAX + 1] = { 0 };
	struct pattern_list list = { 0 };

	(void)unused;
	assert_int_equal(pattern_list_add(&list, bytes, 0, "test"), -EINVAL);
	assert_int_equal(pattern_list_add(&list, bytes, sizeof(bytes), "test"), -EINVAL);
	assert_int_equal(pattern_list_add(&list, bytes, sizeof(bytes) - 1, "test"), 0);
	pattern_list_free(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_thousands),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_steps_are_linear),
		cmocka_unit_test(test_asks_before_it_scans),
		cmocka_unit_test(test_error_is_a_fault_with_its_reason),
		cmocka_unit_test(test_carry),
		cmocka_unit_test(test_long_random_patterns_stay_compact),
		cmocka_unit_test(test_lengths_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
