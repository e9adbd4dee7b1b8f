/* SPDX-License-Identifier: MIT */
/*
 * Words of a buffer that need not be aligned and is little-endian whatever the
 * host is.
 */
#ifndef MK_SRC_WORDS_H
#define MK_SRC_WORDS_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MK_WORD_BYTES sizeof(uint32_t)

static inline uint32_t mk_load_word(const void *buffer, size_t index)
{
	uint32_t word;

	memcpy(&word, (const char *)buffer + index * MK_WORD_BYTES, sizeof(word));
	return le32toh(word);
}

static inline void mk_store_word(void *buffer, size_t index, uint32_t value)
{
	uint32_t word = htole32(value);

	memcpy((char *)buffer + index * MK_WORD_BYTES, &word, sizeof(word));
}

#endif /* MK_SRC_WORDS_H */
