// SPDX-License-Identifier: MIT
#include "line_store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

typedef void (*store_items_function)(mk_word *line, uint32_t tenant,
				     const struct mk_item *items, size_t count);
typedef void (*store_words_function)(mk_word *line, const uint32_t *words);

struct line_store {
	const char *name;
	store_items_function items;
	store_words_function words;
};

/* In cached memory ---------------------------------------------------------- */

static void store_payload(mk_word *line, const uint32_t words[MK_SLOT_WORDS])
{
	/* Nobody looks at these words until the status says so. */
	memcpy((void *)&line[MK_SLOT_OPCODE], &words[MK_SLOT_OPCODE],
	       MK_SLOT_BYTES - MK_SLOT_OPCODE * sizeof(*words));
}

static void store_cached(mk_word *line, const uint32_t words[MK_SLOT_WORDS])
{
	store_payload(line, words);
	atomic_store_explicit(&line[MK_SLOT_STATUS], words[MK_SLOT_STATUS],
			      memory_order_release);
}

static void store_items_cached(mk_word *line, uint32_t tenant,
			       const struct mk_item *items, size_t count)
{
	uint32_t words[MK_SLOT_WORDS];

	for (size_t i = 0; i < count; i++) {
		mk_slot_lay_out(words, tenant, &items[i]);
		store_cached(&line[i * MK_SLOT_WORDS], words);
	}
}

/* In parts ------------------------------------------------------------------ */

static void store_in_parts(mk_word *line, const uint32_t words[MK_SLOT_WORDS])
{
	mk_write_fence();
	store_payload(line, words);
	mk_write_fence();
	atomic_store_explicit(&line[MK_SLOT_STATUS], words[MK_SLOT_STATUS],
			      memory_order_relaxed);
}

static void store_items_in_parts(mk_word *line, uint32_t tenant,
				 const struct mk_item *items, size_t count)
{
	uint32_t words[MK_SLOT_WORDS];

	mk_write_fence();
	for (size_t i = 0; i < count; i++) {
		mk_slot_lay_out(words, tenant, &items[i]);
		store_payload(&line[i * MK_SLOT_WORDS], words);
	}
	mk_write_fence();
	for (size_t i = 0; i < count; i++)
		atomic_store_explicit(&line[i * MK_SLOT_WORDS + MK_SLOT_STATUS],
				      MK_STATUS_PUBLISHED, memory_order_relaxed);
}

static const struct line_store in_parts = { "SFENCE", store_items_in_parts,
					    store_in_parts };

/* Whole --------------------------------------------------------------------- */

#if defined(__x86_64__)

/*
 * What mk_slot_lay_out() does, in a register.  Arguments that are masked out are not
 * read, so the address may lie before the array.
 */
__attribute__((target("avx512f"))) static inline __m512i
lay_out(uint32_t tenant, const struct mk_item *item)
{
	__mmask16 mask = (__mmask16)(((1u << item->arg_count) - 1) << MK_SLOT_ARGS);
	const void *args =
		(const void *)((uintptr_t)item->args - MK_SLOT_ARGS * sizeof(uint32_t));
	__m128i head = _mm_set_epi32(MK_PRIORITY_NORMAL, (int)tenant, (int)item->opcode,
				     MK_STATUS_PUBLISHED);

	return _mm512_inserti32x4(_mm512_maskz_loadu_epi32(mask, args), head, 0);
}

__attribute__((target("avx512f"))) static void
store_items_streaming(mk_word *line, uint32_t tenant, const struct mk_item *items,
		      size_t count)
{
	mk_write_fence();
	for (size_t i = 0; i < count; i++)
		_mm512_stream_si512((__m512i *)(void *)&line[i * MK_SLOT_WORDS],
				    lay_out(tenant, &items[i]));
}

__attribute__((target("avx512f"))) static void store_streaming(mk_word *line,
							       const uint32_t *words)
{
	mk_write_fence();
	_mm512_stream_si512((__m512i *)(void *)line, _mm512_loadu_si512(words));
}

static const struct line_store streaming = { "AVX-512", store_items_streaming,
					     store_streaming };

__attribute__((target("avx512f,movdir64b"))) static void
store_items_direct(mk_word *line, uint32_t tenant, const struct mk_item *items,
		   size_t count)
{
	_Alignas(MK_SLOT_BYTES) __m512i whole;

	mk_write_fence();
	for (size_t i = 0; i < count; i++) {
		whole = lay_out(tenant, &items[i]);
		_movdir64b((void *)&line[i * MK_SLOT_WORDS], &whole);
	}
}

__attribute__((target("movdir64b"))) static void store_direct(mk_word *line,
							      const uint32_t *words)
{
	mk_write_fence();
	_movdir64b((void *)line, words);
}

static const struct line_store direct = { "MOVDIR64B", store_items_direct, store_direct };

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

/* The first that the processor has is the one. */
static const struct {
	const struct line_store *store;
	bool (*is_there)(void);
} line_stores[] = {
#if defined(__x86_64__)
	{ &direct, has_movdir64b },
	{ &streaming, has_avx512 },
#endif
	{ &in_parts, always },
};

static const struct line_store *chosen;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void choose(void)
{
	const char *wanted = getenv("MK_LINE_STORE");

	for (size_t i = 0; i < sizeof(line_stores) / sizeof(line_stores[0]); i++) {
		const struct line_store *store = line_stores[i].store;

		if (!line_stores[i].is_there())
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

void mk_slots_store(const struct mk_context *context, uint32_t slot, uint32_t tenant,
		    const struct mk_item *items, size_t count)
{
	mk_word *line = &context->regions[MK_REGION_RING][(size_t)slot * MK_SLOT_WORDS];

	if (context->write_combining)
		line_store()->items(line, tenant, items, count);
	else
		store_items_cached(line, tenant, items, count);
}

void mk_slot_store_words(const struct mk_context *context, uint32_t slot,
			 const uint32_t words[MK_SLOT_WORDS])
{
	mk_word *line = &context->regions[MK_REGION_RING][(size_t)slot * MK_SLOT_WORDS];

	if (context->write_combining)
		line_store()->words(line, words);
	else
		store_cached(line, words);
}
