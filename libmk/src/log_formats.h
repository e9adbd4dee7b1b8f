/* SPDX-License-Identifier: MIT */
/* The file in which a context's owner keeps the formats of its debug records. */
#ifndef MK_SRC_LOG_FORMATS_H
#define MK_SRC_LOG_FORMATS_H

#include <fcntl.h>

#include "memfd_name.h"

struct mk_context;
struct stat;

/* With these its words and its size are what they are, for good. */
#define MK_LOG_FORMATS_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* What the file of @context's owner is called. */
int mk_log_formats_name(const struct mk_context *context, char name[MK_MEMFD_NAME_BYTES]);

#endif /* MK_SRC_LOG_FORMATS_H */
