// SPDX-License-Identifier: MIT
#include "line_store.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "error.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

/* What is stored in a row: operations of one tenant, with the counts of their slots. */
struct run {
	uint32_t tenant;
	const struct mk_item *items;
	const uint32_t *counts;
	size_t count;
};

/* The first word of a slot in an inbox. */
static inline uint32_t published_with(uint32_t completed)
{
	return MK_STATUS_PUBLISHED | (completed + 1) << MK_INBOX_COUNT_SHIFT;
}

static void store_payload(mk_word *line, const uint32_t words[MK_SLOT_WORDS])
{
	/* Nobody looks at these words until the status says so. */
	memcpy((void *)&line[MK_SLOT_OPCODE], &words[MK_SLOT_OPCODE],
	       MK_SLOT_BYTES - MK_SLOT_OPCODE * sizeof(*words));
}

static void store_first_word(mk_word *line, uint32_t word)
{
	atomic_store_explicit(&line[MK_SLOT_STATUS], word, memory_order_release);
}

/* In cached memory ---------------------------------------------------------- */

static void store_cached(mk_word *line, const uint32_t words[MK_SLOT_WORDS])
{
	store_payload(line, words);
	store_first_word(line, words[MK_SLOT_STATUS]);
}

static void store_run_cached(mk_word *line, const struct run *run, bool is_inbox)
{
	uint32_t words[MK_SLOT_WORDS];

	for (size_t i = 0; i < run->count; i++) {
		mk_slot_lay_out(words, run->tenant, &run->items[i]);
		if (is_inbox)
			words[MK_SLOT_STATUS] = published_with(run->counts[i]);
		store_cached(&line[i * MK_SLOT_WORDS], words);
	}
}

/* In parts ------------------------------------------------------------------ */

static void store_in_parts(mk_word *line, const uint32_t *words)
{
	mk_write_fence();
	store_payload(line, words);
	mk_write_fence();
	store_first_word(line, words[MK_SLOT_STATUS]);
}

static void store_run_in_parts(mk_word *line, const struct run *run)
{
	uint32_t words[MK_SLOT_WORDS];

	mk_write_fence();
	for (size_t i = 0; i < run->count; i++) {
		mk_slot_lay_out(words, run->tenant, &run->items[i]);
		store_payload(&line[i * MK_SLOT_WORDS], words);
	}
	mk_write_fence();
	for (size_t i = 0; i < run->count; i++)
		store_first_word(&line[i * MK_SLOT_WORDS],
				 published_with(run->counts[i]));
}

/* Whole --------------------------------------------------------------------- */

#if defined(__x86_64__)

#define MK_TARGET(features) __attribute__((target(features)))

/*
 * What mk_slot_lay_out() does, in a register.  Arguments that are masked out are not
 * read, so the address may lie before the array.
 */
MK_TARGET("avx512f")
static inline __m512i lay_out(const struct run *run, size_t index)
{
	const struct mk_item *item = &run->items[index];
	__mmask16 mask = (__mmask16)(((1u << item->arg_count) - 1) << MK_SLOT_ARGS);
	const void *args =
		(const void *)((uintptr_t)item->args - MK_SLOT_ARGS * sizeof(uint32_t));
	__m128i head = _mm_set_epi32(MK_PRIORITY_NORMAL, (int)run->tenant,
				     (int)item->opcode,
				     (int)published_with(run->counts[index]));

	return _mm512_inserti32x4(_mm512_maskz_loadu_epi32(mask, args), head, 0);
}

MK_TARGET("avx512f")
static void store_run_streaming(mk_word *line, const struct run *run)
{
	mk_write_fence();
	for (size_t i = 0; i < run->count; i++)
		_mm512_stream_si512((__m512i *)(void *)&line[i * MK_SLOT_WORDS],
				    lay_out(run, i));
}

MK_TARGET("avx512f")
static void store_streaming(mk_word *line, const uint32_t *words)
{
	mk_write_fence();
	_mm512_stream_si512((__m512i *)(void *)line, _mm512_loadu_si512(words));
}

MK_TARGET("avx512f,movdir64b")
static void store_run_direct(mk_word *line, const struct run *run)
{
	/* What is more goes faster through the buffers, and lingers there no longer. */
	enum { LONGEST_RUN = 4 };
	_Alignas(MK_SLOT_BYTES) __m512i whole;

	if (run->count > LONGEST_RUN) {
		store_run_streaming(line, run);
		return;
	}
	mk_write_fence();
	for (size_t i = 0; i < run->count; i++) {
		whole = lay_out(run, i);
		_movdir64b((void *)&line[i * MK_SLOT_WORDS], &whole);
	}
}

MK_TARGET("movdir64b")
static void store_direct(mk_word *line, const uint32_t *words)
{
	mk_write_fence();
	_movdir64b((void *)line, words);
}

static bool has_avx512(void)
{
	return __builtin_cpu_supports("avx512f");
}

static bool has_movdir64b(void)
{
	unsigned int eax, ebx, ecx, edx;

	return has_avx512() && __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) &&
	       ecx >> 28 & 1;
}

#endif

/* Choice -------------------------------------------------------------------- */

static bool always(void)
{
	return true;
}

#if !defined(__x86_64__)
static bool never(void)
{
	return false;
}
#endif

/* Ways to store lines in write-combining memory: the first that is there is the one. */
static const struct line_store {
	const char *name;
	bool (*is_there)(void);
	void (*run)(mk_word *line, const struct run *run);
	void (*words)(mk_word *line, const uint32_t *words);
} line_stores[] = {
#if defined(__x86_64__)
	{ "MOVDIR64B", has_movdir64b, store_run_direct, store_direct },
	{ "AVX-512", has_avx512, store_run_streaming, store_streaming },
#else
	{ "MOVDIR64B", never, NULL, NULL },
	{ "AVX-512", never, NULL, NULL },
#endif
	{ "SFENCE", always, store_run_in_parts, store_in_parts },
};

static const struct line_store *chosen;
static pthread_once_t once = PTHREAD_ONCE_INIT;

#define LINE_STORE_COUNT (sizeof(line_stores) / sizeof(line_stores[0]))

/* NULL: none was asked for. */
static const char *wanted_name(void)
{
	const char *name = getenv("MK_LINE_STORE");

	return name && *name ? name : NULL;
}

static void choose(void)
{
	const char *wanted = wanted_name();

	for (size_t i = 0; i < LINE_STORE_COUNT; i++) {
		const struct line_store *store = &line_stores[i];

		if (!store->is_there())
			continue;
		if (!chosen || (wanted && !strcmp(wanted, store->name)))
			chosen = store;
	}
}

static const struct line_store *line_store(void)
{
	pthread_once(&once, choose);
	return chosen;
}

const char *mk_line_store_name(void)
{
	return line_store()->name;
}

int mk_line_store_is_asked_for(void)
{
	const char *wanted = wanted_name();

	if (!wanted || !strcmp(wanted, mk_line_store_name()))
		return wanted != NULL;
	for (size_t i = 0; i < LINE_STORE_COUNT; i++)
		if (!strcmp(wanted, line_stores[i].name))
			return mk_fail(EOPNOTSUPP,
				       "the environment variable MK_LINE_STORE is "
				       "\"%s\", which this processor lacks; leave it "
				       "unset for \"%s\"",
				       wanted, mk_line_store_name());
	return mk_fail(EINVAL,
		       "the environment variable MK_LINE_STORE is \"%s\"; it is "
		       "MOVDIR64B, AVX-512 or SFENCE",
		       wanted);
}

void mk_slots_store(const struct mk_context *context, uint32_t slot, uint32_t tenant,
		    const struct mk_item *items, size_t count, const uint32_t *counts)
{
	const struct run run = { tenant, items, counts, count };
	mk_word *line = mk_slot_word(context, slot);

	if (context->write_combining)
		line_store()->run(line, &run);
	else
		store_run_cached(line, &run, context->split);
}

void mk_slot_store_words(const struct mk_context *context, uint32_t slot,
			 uint32_t words[MK_SLOT_WORDS], uint32_t count)
{
	mk_word *line = mk_slot_word(context, slot);

	if (context->split)
		words[MK_SLOT_STATUS] = published_with(count);
	if (context->write_combining)
		line_store()->words(line, words);
	else
		store_cached(line, words);
}
