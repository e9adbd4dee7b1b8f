/* SPDX-License-Identifier: MIT */
/* The open files of mk.ko's contexts. */
#ifndef MK_SRC_FIND_KMOD_H
#define MK_SRC_FIND_KMOD_H

#include <linux/mk.h>

/*
 * Give each that the caller may see to @take.  Without the module, or the right to use
 * it, there are none.
 */
int mk_kmod_list(void (*take)(const struct mk_attachment *attachment, void *data),
		 void *data);

#endif /* MK_SRC_FIND_KMOD_H */
