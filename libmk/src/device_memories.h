/* SPDX-License-Identifier: MIT */
/*
 * The inside of a backing in a device's memory, which is made in backing_device.c and
 * gets from process to process in device_share.c.
 */
#ifndef MK_SRC_DEVICE_MEMORIES_H
#define MK_SRC_DEVICE_MEMORIES_H

#include "backing_device.h"

struct mk_device_memories {
	struct mk_backing backing;
	/*
	 * Has the cq, and no other memory of its own; or a bell in the cq's stead where that
	 * is one of the buffers.  It knows who lives, either way.
	 */
	struct mk_backing *host;
	struct mk_vk_device device;
	struct mk_placement placement;
	struct mk_vk_buffer buffers[MK_MEMORIES];
	/* Those that memory came by, to hand on; -1: the driver has one made. */
	int fds[MK_MEMORIES];
	bool is_registered; /* with mk.ko, and so it is there that others find it */
};

/* A zeroed one, which is in @role; mk_device_backing's close frees it at any stage. */
struct mk_device_memories *mk_device_memories_new(enum mk_role role);

/* @number lies in its buffer. */
void mk_device_memories_set(struct mk_device_memories *memories, uint32_t number,
			    size_t bytes, size_t mapped_bytes);

/* What follows from the device, the placement and the host's memory. */
void mk_device_memories_finish(struct mk_device_memories *memories,
			       bool way_to_store_is_asked_for);

/*
 * A descriptor of a memory, which is the caller's: that by which it was attached, since a
 * driver need not export what it has imported, or a new one.
 */
int mk_device_memories_descriptor(const struct mk_device_memories *memories,
				  uint32_t number);

/* As of struct mk_backing_ops. */
int mk_device_memories_export(struct mk_backing *backing, uint32_t memory, bool write);
int mk_device_memories_share(struct mk_backing *backing, enum mk_role role,
			     int fds[MK_CONTEXT_FDS]);
bool mk_device_memories_has_fds(const int *fds, size_t count);
int mk_device_memories_attach(const int *fds, size_t count, struct mk_backing **backing);

#endif /* MK_SRC_DEVICE_MEMORIES_H */
