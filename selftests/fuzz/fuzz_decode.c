// SPDX-License-Identifier: MIT
/*
 * Any words as a context's memories: the input is a geometry, how many words each memory
 * has, and these, so that memories are also shorter than their geometry says.
 */
#include <stdlib.h>
#include <string.h>

#include "decoders.h"

#define HEAD_WORDS (8 + VIEW_MEMORIES + 1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* Each memory a copy of its own, so that a word too far is seen. */
static struct view_memory copy(const uint32_t **at, size_t *left, uint32_t wanted)
{
	uint32_t count = wanted % 4096 < *left ? wanted % 4096 : (uint32_t)*left;
	uint32_t *words = malloc(count ? count * sizeof(*words) : 1);

	if (!words)
		abort();
	memcpy(words, *at, count * sizeof(*words));
	*at += count;
	*left -= count;
	return (struct view_memory){ words, count };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	size_t left = bytes / sizeof(uint32_t);
	uint32_t *words = malloc(bytes + 1);
	struct mk_snapshot_info info = { 0 };
	struct view view = { .info = &info };
	const uint32_t *at = words + HEAD_WORDS;

	if (!words)
		abort();
	memcpy(words, data, bytes);
	if (left >= HEAD_WORDS) {
		left -= HEAD_WORDS;
		info.geometry.slots = words[0] % 4096;
		info.geometry.window_slots = words[1] % 64;
		info.geometry.log_records = words[2] % 256;
		info.geometry.io_slots = words[3] % 256;
		info.geometry.io_request_slots = words[4] % 256;
		info.geometry.observable_words = words[5] % 256;
		info.is_split = words[6] & 1;
		for (uint32_t i = 0; i < VIEW_MEMORIES; i++)
			view.memories[i] = copy(&at, &left, words[8 + i]);
		view.ring = view.memories[MK_REGION_RING];
		view.changed = copy(&at, &left, words[8 + VIEW_MEMORIES]);
		decode_all(&view);
		for (uint32_t i = 0; i < VIEW_MEMORIES; i++)
			free((void *)view.memories[i].words);
		free((void *)view.changed.words);
	}
	free(words);
	return 0;
}
