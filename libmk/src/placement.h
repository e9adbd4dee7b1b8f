/* SPDX-License-Identifier: MIT */
/*
 * Where a context's memories may lie, so that a device and the host see each other's
 * stores while a kernel runs.  No property of Vulkan's says that, so it is tried out.
 */
#ifndef MK_SRC_PLACEMENT_H
#define MK_SRC_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mk/engine.h>

#include "backing.h"
#include "vk_device.h"

/* Memory that is of none of Vulkan's types, which count from 0. */
enum {
	MK_HOST_MEMORY = -1, /* the host's, imported */
	/* By libdrm_amdgpu, which the device's caches do not keep; only for RADV. */
	MK_AMDGPU_GTT = -2,
	MK_AMDGPU_VRAM = -3,
};

struct mk_placement {
	int32_t type;	       /* of the memory where all but the cq lie */
	enum mk_import import; /* how the host's reach the device; AUTO: there are none */
	int32_t cq_type;       /* where the cq lies; in host memory all do */
};

/* What a trial of a placement has shown. */
struct mk_trial {
	bool has_run; /* a kernel there; else something was in the way of that */
	bool is_coherent;
	uint32_t p50_ns; /* round trips */
	uint32_t p99_ns;
	char reason[160]; /* when it is not */
};

#define MK_PLACEMENTS_LIMIT 112

/*
 * The placements that make sense on a device; returns how many.  Those whose cq the driver
 * allocates come last.
 */
uint32_t mk_placements_list(const struct mk_vk_device *device,
			    struct mk_placement placements[MK_PLACEMENTS_LIMIT]);

bool mk_placement_is_same(const struct mk_placement *a, const struct mk_placement *b);

/* The type of memory @memory; MK_HOST_MEMORY: it has to be imported. */
int32_t mk_placement_type(const struct mk_placement *placement, uint32_t memory);

/*
 * Whether another process's device sees the memory as the one does that made it.  An
 * import by RADV leaves out what its device-coherent types ask for when they are mapped.
 */
bool mk_placement_is_same_for_others(const struct mk_vk_device *device,
				     const struct mk_placement *placement);

/* Whether it is a card's own memory, which a reset of the card may lose. */
bool mk_placement_is_in_vram(const struct mk_vk_device *device, int32_t type);

/* Whether host stores to it are gathered by the processor. */
bool mk_placement_is_write_combining(const struct mk_vk_device *device,
				     const struct mk_placement *placement);

/*
 * For people: "device memory (type 5), cq imported as host pointer", or "..., cq in type 3
 * (cached)", or "..., cq too".
 */
void mk_placement_describe(const struct mk_vk_device *device,
			   const struct mk_placement *placement, char *text,
			   size_t bytes);

/*
 * Try a placement out.  Takes some milliseconds, or as many as it takes to give up:
 * what was found out before, on this device with this driver and kernel, is kept in
 * a file and taken from there.
 */
void mk_placement_try(const struct mk_vk_device *device,
		      const struct mk_placement *placement, struct mk_trial *trial);

/* The same, tried in any case; the file learns of it. */
void mk_placement_try_anew(const struct mk_vk_device *device,
			   const struct mk_placement *placement, struct mk_trial *trial);

/* The trial itself. */
void mk_placement_measure(const struct mk_vk_device *device,
			  const struct mk_placement *placement, struct mk_trial *trial);

/*
 * The fastest coherent placement in the device's memory, or in the host's; @import says
 * by which import, or any.  One whose cq the driver allocates is taken where none with an
 * imported one is coherent: mk.ko knows no such cq, and its engine may be tied to the
 * process that made it, which some hundred nanoseconds would not outweigh.  -ENODEV with a text that says what was tried and why not.
 */
int mk_placement_choose(const struct mk_vk_device *device, bool in_device,
			enum mk_import import, struct mk_placement *placement);

/*
 * The placement in the device's memory that has @number, from 1, in the list.
 * -EINVAL: there is none; -ENODEV: it is not coherent.
 */
int mk_placement_take(const struct mk_vk_device *device, uint32_t number,
		      struct mk_placement *placement);

#endif /* MK_SRC_PLACEMENT_H */
