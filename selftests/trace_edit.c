// SPDX-License-Identifier: MIT
/*
 * Makes a trace that is wrong, though well-formed:
 *
 *   trace_edit FROM TO publish N VALUE        first argument of the N-th ATOMIC_ADD
 *   trace_edit FROM TO epoch N WORD VALUE     an observable of the N-th new epoch
 *   trace_edit FROM TO memory WORD VALUE      an observable at the end
 *   trace_edit FROM TO completion N FAULT     how the N-th that was waited for ended
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "trace_record.h"

struct edit {
	const char *what;
	uint32_t numbers[3];
	uint32_t seen;
	uint32_t changed;
};

static void die(const char *why)
{
	fprintf(stderr, "trace_edit: %s\n", why);
	exit(EXIT_FAILURE);
}

static void edit_publish(struct edit *edit, struct mk_trace_publish_record *record)
{
	if (record->words[MK_SLOT_OPCODE] != MK_OP_ATOMIC_ADD ||
	    ++edit->seen != edit->numbers[0])
		return;
	record->words[MK_SLOT_ARGS] = edit->numbers[1];
	edit->changed++;
}

static void edit_completion(struct edit *edit, struct mk_trace_completion_record *record)
{
	/* When one is seen late is a matter of time, and a fence may have told of it. */
	if (record->flags & MK_TRACE_SEEN_LATE || ++edit->seen != edit->numbers[0])
		return;
	record->status = MK_STATUS_FAULT;
	record->fault = (uint16_t)edit->numbers[1];
	edit->changed++;
}

static void edit_epoch(struct edit *edit, struct mk_trace_epoch_record *record)
{
	uint32_t *words = (uint32_t *)(record + 1);

	if (++edit->seen != edit->numbers[0] || edit->numbers[1] >= record->count)
		return;
	words[edit->numbers[1]] = edit->numbers[2];
	edit->changed++;
}

static void edit_memory(struct edit *edit, struct mk_trace_data_record *record)
{
	uint32_t *words = (uint32_t *)(record + 1);

	if (!record->more || record->where != MK_REGION_CONTROL || record->offset)
		return;
	words[MK_CONTROL_OBSERVABLES + edit->numbers[0]] = edit->numbers[1];
	edit->changed++;
}

static void edit_record(struct edit *edit, void *record)
{
	const struct mk_trace_head *head = record;

	if (head->type == MK_TRACE_PUBLISH && !strcmp(edit->what, "publish"))
		edit_publish(edit, record);
	else if (head->type == MK_TRACE_COMPLETION && !strcmp(edit->what, "completion"))
		edit_completion(edit, record);
	else if (head->type == MK_TRACE_EPOCH && !strcmp(edit->what, "epoch"))
		edit_epoch(edit, record);
	else if (head->type == MK_TRACE_MEMORY && !strcmp(edit->what, "memory"))
		edit_memory(edit, record);
}

static void edit_block(struct edit *edit, uint8_t *records, size_t bytes)
{
	for (size_t at = 0; at < bytes;) {
		edit_record(edit, records + at);
		at += ((struct mk_trace_head *)(void *)(records + at))->units *
		      MK_TRACE_UNIT;
	}
}

/* False at the end of the file. */
static bool take_block(struct edit *edit, FILE *from, FILE *to)
{
	size_t bound = ZSTD_compressBound(MK_TRACE_BLOCK_MAX);
	uint8_t *records = malloc(MK_TRACE_BLOCK_MAX);
	uint8_t *block = malloc(bound);
	uint32_t header[2];
	size_t bytes;
	bool has_block = fread(header, sizeof(header), 1, from) == 1;

	if (!records || !block)
		die("no memory");
	if (has_block) {
		if (header[1] > bound || fread(block, header[1], 1, from) != 1)
			die("no whole block");
		bytes = ZSTD_decompress(records, MK_TRACE_BLOCK_MAX, block, header[1]);
		if (ZSTD_isError(bytes))
			die(ZSTD_getErrorName(bytes));
		edit_block(edit, records, bytes);
		bytes = ZSTD_compress(block, bound, records, bytes, 1);
		header[1] = (uint32_t)bytes;
		if (ZSTD_isError(bytes) || fwrite(header, sizeof(header), 1, to) != 1 ||
		    fwrite(block, bytes, 1, to) != 1)
			die("cannot write");
	}
	free(records);
	free(block);
	return has_block;
}

int main(int argc, char **argv)
{
	struct edit edit = { 0 };
	FILE *from, *to;

	if (argc < 6 || argc > 7) {
		fprintf(stderr, "usage: trace_edit FROM TO WHAT NUMBER...\n");
		return 64;
	}
	edit.what = argv[3];
	for (int i = 4; i < argc; i++)
		edit.numbers[i - 4] = (uint32_t)strtoul(argv[i], NULL, 0);
	from = fopen(argv[1], "re");
	to = fopen(argv[2], "we");
	if (!from || !to)
		die("cannot open the files");
	while (take_block(&edit, from, to))
		;
	fclose(from);
	if (fclose(to))
		die("cannot write");
	if (edit.changed != 1)
		die("there is no such record");
	return EXIT_SUCCESS;
}
