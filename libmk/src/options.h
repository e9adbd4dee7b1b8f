/* SPDX-License-Identifier: MIT */
#ifndef MK_SRC_OPTIONS_H
#define MK_SRC_OPTIONS_H

#include <stddef.h>

/*
 * Copy a caller's option structure, which begins with its size.  NULL leaves
 * zeros.  A shorter one, from an older header, is extended with zeros; a longer
 * one must not set what this library does not know (-E2BIG).
 */
int mk_options_copy(const char *name, void *known, size_t known_size,
		    const void *options);

#endif /* MK_SRC_OPTIONS_H */
