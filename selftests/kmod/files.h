/* SPDX-License-Identifier: GPL-2.0-only */
/* Files whose data the kernel moves straight into a program's memory. */
#ifndef MK_SELFTESTS_FILES_H
#define MK_SELFTESTS_FILES_H

#include <stddef.h>

/* Whole blocks of any device. */
#define DIRECT_FILE_BYTES 65536u

/* What byte number @offset of the file is. */
unsigned char direct_file_byte(size_t offset);

/*
 * Opens such a file for reading and writing, with O_DIRECT: a loop device, whose driver
 * gets the program's own pages, or else a file.  -1 when there is none.
 */
int direct_file_open(void);

#endif /* MK_SELFTESTS_FILES_H */
