// SPDX-License-Identifier: MIT
/* Strict decoders of the control region and the debug log. */
#include "abi.h"

#include <errno.h>

#include "error.h"
#include "words.h"

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
