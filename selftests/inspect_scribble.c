// SPDX-License-Identifier: MIT
/*
 * A context for test_mkinspect_scribble.sh whose words change at random, all of them and
 * all the time, until standard input ends.  Those that say what it is change for
 * moments only, so that it can also be attached to.
 */
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mk/mk.h>

#define MEMORIES	(MK_MEMORY_ARENA(0) + 1)
#define HEADER_WORDS	8u
#define WORDS_AT_A_TIME 4096
#define BROKEN_EVERY	64

/* Words by which a context is known. */
struct header {
	uint32_t control[MK_CONTROL_ARENA_BYTES_HIGH - MK_CONTROL_MAGIC + 1];
	uint32_t cq[HEADER_WORDS];
};

static uint64_t seed;

/* As in selftests/live.c, which is for tests with cmocka. */
static uint32_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

static bool is_header(uint32_t memory, size_t word)
{
	if (memory == MK_REGION_CONTROL)
		return word >= MK_CONTROL_MAGIC && word <= MK_CONTROL_ARENA_BYTES_HIGH;
	return memory == MK_REGION_CQ && word < HEADER_WORDS;
}

static void scribble(struct mk_context *context, uint32_t memory, bool spares_header)
{
	size_t bytes;
	_Atomic uint32_t *words = mk_context_memory(context, memory, &bytes);
	size_t count = bytes / sizeof(*words);

	for (int i = 0; i < WORDS_AT_A_TIME && count; i++) {
		uint32_t value = next_random();
		size_t word = next_random() % count;

		/* Small ones mean more. */
		if (value & 1)
			value >>= 16 + value % 16;
		if (!spares_header || !is_header(memory, word))
			atomic_store_explicit(&words[word], value, memory_order_relaxed);
	}
}

static uint32_t *words_of(struct mk_context *context, uint32_t memory)
{
	return mk_context_memory(context, memory, NULL);
}

static void keep(struct mk_context *context, struct header *header)
{
	memcpy(header->control, words_of(context, MK_REGION_CONTROL) + MK_CONTROL_MAGIC,
	       sizeof(header->control));
	memcpy(header->cq, words_of(context, MK_REGION_CQ), sizeof(header->cq));
}

static void mend(struct mk_context *context, const struct header *header)
{
	memcpy(words_of(context, MK_REGION_CONTROL) + MK_CONTROL_MAGIC, header->control,
	       sizeof(header->control));
	memcpy(words_of(context, MK_REGION_CQ), header->cq, sizeof(header->cq));
}

int main(int argc, char **argv)
{
	const struct mk_geometry geometry = { .size = sizeof(geometry),
					      .slots = 256,
					      .observable_words = 64,
					      .arena_bytes = 8192,
					      .backing = MK_BACKING_MEMFD };
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	struct mk_context *context;
	struct header header;

	seed = argc > 1 ? strtoull(argv[1], NULL, 0) | 1 : 1;
	if (mk_context_create(&geometry, &context)) {
		fprintf(stderr, "inspect_scribble: %s\n", mk_error_text());
		return EXIT_FAILURE;
	}
	keep(context, &header);
	printf("ready\n");
	fflush(stdout);
	for (uint64_t round = 0; !poll(&input, 1, 0); round++) {
		bool breaks = round % BROKEN_EVERY == 0;

		for (uint32_t i = 0; i < MEMORIES; i++)
			scribble(context, i, !breaks);
		if (breaks)
			mend(context, &header);
	}
	mk_context_close(context);
	return 0;
}
