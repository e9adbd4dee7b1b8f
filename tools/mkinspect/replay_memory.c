// SPDX-License-Identifier: MIT
#include "replay_memory.h"

#include <stdlib.h>
#include <string.h>

#include "common/complain.h"

#define ARENA MK_MEMORY_ARENA(0)

/* Moments -------------------------------------------------------------------------- */

static bool is_memory(const struct trace_entry *entry, bool is_end)
{
	return entry->event.type == MK_TRACE_MEMORY &&
	       (entry->event.data.is_end != 0) == is_end;
}

static struct memory_moment moment_of(const struct trace_entry *entry)
{
	return (struct memory_moment){ true, entry->part, entry->event.time_ns };
}

struct memory_moment memory_first(const struct trace *trace)
{
	for (size_t i = 0; i < trace->count; i++)
		if (is_memory(&trace->entries[i], false))
			return moment_of(&trace->entries[i]);
	return (struct memory_moment){ 0 };
}

struct memory_moment memory_last(const struct trace *trace)
{
	for (size_t i = trace->count; i-- > 0;)
		if (is_memory(&trace->entries[i], true))
			return moment_of(&trace->entries[i]);
	return (struct memory_moment){ 0 };
}

/* The next piece of a memory from entry *@index on; NULL: there is none. */
static const struct mk_trace_data *next_piece(const struct trace *trace,
					      const struct memory_moment *moment,
					      uint32_t memory, size_t *index)
{
	for (; moment->exists && *index < trace->count; ++*index) {
		const struct trace_entry *entry = &trace->entries[*index];

		if (entry->event.type == MK_TRACE_MEMORY && entry->part == moment->part &&
		    entry->event.time_ns == moment->time_ns &&
		    entry->event.data.memory == memory)
			return &trace->entries[(*index)++].event.data;
	}
	return NULL;
}

static uint32_t word_of(const struct mk_trace_data *piece, uint64_t byte)
{
	uint32_t word;

	memcpy(&word, (const char *)piece->data + (byte - piece->offset), sizeof(word));
	return word;
}

uint32_t memory_control_word(const struct trace *trace,
			     const struct memory_moment *moment, uint32_t word)
{
	uint64_t byte = (uint64_t)word * sizeof(word);
	const struct mk_trace_data *piece;
	size_t index = 0;

	while ((piece = next_piece(trace, moment, MK_REGION_CONTROL, &index)))
		if (byte >= piece->offset && piece->bytes >= sizeof(word) &&
		    byte - piece->offset <= piece->bytes - sizeof(word))
			return word_of(piece, byte);
	return 0;
}

/* Restoring ------------------------------------------------------------------------ */

static int restore_observables(const struct mk_trace_data *piece,
			       struct mk_context *context)
{
	const uint64_t first = (uint64_t)MK_CONTROL_OBSERVABLES * sizeof(uint32_t);
	uint64_t byte = piece->offset < first ? first : piece->offset;
	int ret = 0;

	for (; !ret && byte + sizeof(uint32_t) <= piece->offset + piece->bytes;
	     byte += sizeof(uint32_t)) {
		uint32_t value = word_of(piece, byte);

		if (value)
			ret = mk_context_set_observable(
				context, (uint32_t)((byte - first) / sizeof(uint32_t)),
				value);
	}
	return ret;
}

static int restore_settings(const struct trace *trace, const struct memory_moment *moment,
			    struct mk_context *context)
{
	uint32_t offsets[MK_PRIORITY_COUNT + 1];
	int ret = 0;

	for (uint32_t tenant = 0; !ret && tenant < MK_TENANT_COUNT; tenant++)
		ret = mk_context_set_tenant(
			context, tenant,
			memory_control_word(trace, moment,
					    MK_CONTROL_TENANT_MASKS + tenant));
	for (uint32_t i = 0; i <= MK_PRIORITY_COUNT; i++)
		offsets[i] = memory_control_word(trace, moment,
						 MK_CONTROL_PRIORITY_OFFSETS + i);
	if (!ret && offsets[MK_PRIORITY_COUNT])
		ret = mk_context_set_priorities(context, offsets);
	return ret;
}

int memory_restore(const struct trace *trace, const struct memory_moment *moment,
		   struct mk_context *context)
{
	char *arena = mk_context_arena(context);
	const struct mk_trace_data *piece;
	size_t index = 0;
	int ret = restore_settings(trace, moment, context);

	while (!ret && (piece = next_piece(trace, moment, MK_REGION_CONTROL, &index)))
		ret = restore_observables(piece, context);
	if (ret)
		return complain("cannot put the memory as it was", ret);
	index = 0;
	while (arena && (piece = next_piece(trace, moment, ARENA, &index)))
		memcpy(arena + piece->offset, piece->data, piece->bytes);
	return 0;
}

/* Comparing ------------------------------------------------------------------------ */

static void compare_observables(const struct mk_trace_data *piece,
				struct mk_context *context, uint32_t epoch,
				struct replay_result *result)
{
	const uint64_t first = (uint64_t)MK_CONTROL_OBSERVABLES * sizeof(uint32_t);
	uint64_t byte = piece->offset < first ? first : piece->offset;

	for (; byte + sizeof(uint32_t) <= piece->offset + piece->bytes;
	     byte += sizeof(uint32_t)) {
		uint32_t index = (uint32_t)((byte - first) / sizeof(uint32_t));
		uint32_t expected = word_of(piece, byte);
		uint32_t had = 0;

		if (mk_context_observable(context, index, &had))
			return;
		result->observables++;
		if (had != expected)
			result_add(result, &(struct difference){
						   .kind = DIFFERENT_OBSERVABLE,
						   .at_end = true,
						   .epoch = epoch,
						   .index = index,
						   .expected = expected,
						   .had = had,
					   });
	}
}

static void compare_arena(const struct mk_trace_data *piece, const char *arena,
			  uint32_t epoch, struct replay_result *result)
{
	uint64_t end = piece->offset + piece->bytes;

	result->arena_words += piece->bytes / sizeof(uint32_t);
	if (!memcmp(arena + piece->offset, piece->data, piece->bytes))
		return;
	for (uint64_t byte = piece->offset; byte + sizeof(uint32_t) <= end;
	     byte += sizeof(uint32_t)) {
		uint32_t expected = word_of(piece, byte);
		uint32_t had;

		memcpy(&had, arena + byte, sizeof(had));
		if (had != expected)
			result_add(result, &(struct difference){
						   .kind = DIFFERENT_ARENA,
						   .at_end = true,
						   .epoch = epoch,
						   .index = byte / sizeof(uint32_t),
						   .expected = expected,
						   .had = had,
					   });
	}
}

void memory_compare(const struct trace *trace, const struct memory_moment *moment,
		    struct mk_context *context, uint32_t epoch,
		    struct replay_result *result)
{
	const char *arena = mk_context_arena(context);
	const struct mk_trace_data *piece;
	size_t index = 0;

	result->has_end = moment->exists;
	while ((piece = next_piece(trace, moment, MK_REGION_CONTROL, &index)))
		compare_observables(piece, context, epoch, result);
	index = 0;
	while (arena && (piece = next_piece(trace, moment, ARENA, &index)))
		compare_arena(piece, arena, epoch, result);
}
