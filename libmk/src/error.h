/* SPDX-License-Identifier: MIT */
#ifndef MK_SRC_ERROR_H
#define MK_SRC_ERROR_H

#include <mk/error.h>

/*
 * Keep the text for mk_error_text() and return -@error, so that a failing
 * function ends in "return mk_fail(EINVAL, ...)".  Texts say what was had, what
 * was expected, and how to fix it.
 */
int mk_fail(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif /* MK_SRC_ERROR_H */
