/* SPDX-License-Identifier: MIT */
#ifndef MKINSPECT_COMPLAIN_H
#define MKINSPECT_COMPLAIN_H

/* Say something on stderr, behind the program's name; returns @error. */
int complain(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same with the library's text behind it. */
int complain_library(int error, const char *what);

#endif /* MKINSPECT_COMPLAIN_H */
