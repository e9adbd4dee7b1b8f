/* SPDX-License-Identifier: MIT */
/*
 * Names of memfds, by which /proc tells them apart: "mk:TOKEN:ring" and the like, where
 * the token is the same for all memories of one context, and no other's.  Anybody can
 * give a file any name, so what has the right one is still to be checked.
 */
#ifndef MK_SRC_MEMFD_NAME_H
#define MK_SRC_MEMFD_NAME_H

#include <stdbool.h>
#include <stdint.h>

struct stat;

#define MK_MEMFD_NAME_BYTES 40

/* A token for a new context, not 0. */
uint64_t mk_memfd_token(void);

void mk_memfd_name(uint64_t token, uint32_t memory, char name[MK_MEMFD_NAME_BYTES]);

/*
 * The name of the file with formats of debug records, beside a context's: by its token, or
 * of mk.ko's by its id, which is no token.
 */
void mk_memfd_formats_name(uint64_t token, char name[MK_MEMFD_NAME_BYTES]);
void mk_memfd_formats_name_by_id(uint64_t id, char name[MK_MEMFD_NAME_BYTES]);

/* The token of the context that an open file is of; -errno without a text. */
int mk_memfd_token_of(int fd, uint64_t *token);

/* Whether entry @entry of a /proc/PID/fd may be such a file's. */
bool mk_memfd_name_is_there(int directory, const char *entry);

/* Whether it is a memfd of that name; whether it is such a file, and this one. */
bool mk_memfd_has_name(int directory, const char *entry, const char *name);
bool mk_memfd_is_file(int directory, const char *entry, const struct stat *file);

/* Whether @link, as /proc/PID/fd has it, is such a file's; which one then. */
bool mk_memfd_name_read(const char *link, uint64_t *token, uint32_t *memory);

#endif /* MK_SRC_MEMFD_NAME_H */
