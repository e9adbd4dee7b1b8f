/* SPDX-License-Identifier: MIT */
#ifndef MESSAGE_H
#define MESSAGE_H

/* Prints one line for the user to stderr, the program's name before it. */
void message(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* MESSAGE_H */
