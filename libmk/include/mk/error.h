/* SPDX-License-Identifier: MIT */
/*
 * How the library reports failure: a negative errno as the result, and a text
 * for a person.
 */
#ifndef MK_ERROR_H
#define MK_ERROR_H

#include <mk/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * mk_error_text() - what went wrong in this thread's last failed call
 *
 * The text says what was had, what was expected and how to fix it.  It belongs
 * to the calling thread and holds until that thread's next failed call; calls
 * that succeed leave it alone.
 *
 * Return: the text, without a newline; "" when no call has failed yet.
 */
MK_PUBLIC const char *mk_error_text(void);

#ifdef __cplusplus
}
#endif

#endif /* MK_ERROR_H */
