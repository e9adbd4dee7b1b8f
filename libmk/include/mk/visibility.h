/* SPDX-License-Identifier: MIT */
#ifndef MK_VISIBILITY_H
#define MK_VISIBILITY_H

/* The library is built with hidden visibility; this marks what it exports. */
#define MK_PUBLIC __attribute__((visibility("default")))

#endif /* MK_VISIBILITY_H */
