/* SPDX-License-Identifier: MIT */
/*
 * The first descriptor of a shared context that lies in a device's memory: a sealed memfd
 * that says which device that is, and what the other descriptors are.  Nobody can change
 * it once it was made; still it may be anybody's.
 */
#ifndef MK_SRC_DEVICE_HEADER_H
#define MK_SRC_DEVICE_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include <mk/engine.h>

#include "backing.h"

#define MK_DEVICE_HEADER_UUID_BYTES 16

struct mk_device_header {
	uint32_t magic;
	uint32_t version;
	uint32_t role;	      /* enum mk_role */
	uint32_t export_type; /* VkExternalMemoryHandleTypeFlagBits */
	int32_t memory_type;  /* the placement's */
	uint32_t import;      /* enum mk_import, of the cq; AUTO: the driver has it */
	int32_t cq_type;      /* the placement's */
	uint32_t reserved;    /* 0 */
	uint8_t device_uuid[MK_DEVICE_HEADER_UUID_BYTES];
	uint8_t driver_uuid[MK_DEVICE_HEADER_UUID_BYTES];
	uint64_t bytes[MK_MEMORIES]; /* mapped, by the driver; 0: none there */
};

/* Fills in magic and version.  Returns a descriptor, or a negative errno. */
int mk_device_header_write(struct mk_device_header *header);

/* Whether @fd is one; no error is told. */
bool mk_device_header_is(int fd);

/* -EPROTO: it is none, or of another version, or makes no sense. */
int mk_device_header_read(int fd, struct mk_device_header *header);

#endif /* MK_SRC_DEVICE_HEADER_H */
