/* SPDX-License-Identifier: MIT */
#ifndef MK_TOOLS_COMPLAIN_H
#define MK_TOOLS_COMPLAIN_H

/*
 * Says on standard error which program failed in what, with the library's text and the
 * system's for @error, a negative errno; returns that.
 */
int complain(const char *what, int error);

/* The same in words of the program's own: @format as for printf(). */
int complain_of(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif /* MK_TOOLS_COMPLAIN_H */
