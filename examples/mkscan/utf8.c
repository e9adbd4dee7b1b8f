// SPDX-License-Identifier: MIT
#include "utf8.h"

/* Bytes of the sequence that begins here, or 0. */
static size_t sequence_length(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if ((first & 0xf0) == 0xe0)
		return 3;
	if (first >= 0xf0 && first <= 0xf4)
		return 4;
	return 0;
}

/* No overlong forms, no surrogates, nothing above U+10FFFF. */
static bool second_is_valid(uint8_t first, uint8_t second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0;
	case 0xed:
		return second < 0xa0;
	case 0xf0:
		return second >= 0x90;
	case 0xf4:
		return second < 0x90;
	default:
		return true;
	}
}

bool utf8_is_valid(const uint8_t *bytes, size_t length)
{
	while (length) {
		size_t sequence = sequence_length(bytes[0]);

		if (!sequence || sequence > length)
			return false;
		for (size_t i = 1; i < sequence; i++) {
			if ((bytes[i] & 0xc0) != 0x80)
				return false;
		}
		if (sequence > 1 && !second_is_valid(bytes[0], bytes[1]))
			return false;
		bytes += sequence;
		length -= sequence;
	}
	return true;
}
