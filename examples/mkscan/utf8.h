/* SPDX-License-Identifier: MIT */
#ifndef UTF8_H
#define UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether bytes are well-formed UTF-8, so that a JSON string can hold them. */
bool utf8_is_valid(const uint8_t *bytes, size_t length);

#endif /* UTF8_H */
