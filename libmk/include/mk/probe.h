/* SPDX-License-Identifier: MIT */
/*
 * Which Vulkan devices there are, which memory each and the host can share while a kernel
 * runs, and how fast.
 *
 * A resident kernel needs memory in which each side sees the other's stores at once.  No
 * property of a driver's says that, so libmk tries it: a bounded kernel answers the host
 * some thousand times, with the loads and stores of the resident kernel.  What was found
 * is kept in $XDG_CACHE_HOME/mk/probe (or ~/.cache/mk/probe) by device, driver and kernel
 * release, and used from there; removing the file makes it be tried anew.
 */
#ifndef MK_PROBE_H
#define MK_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include <mk/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

/* In the order in which they are preferred. */
enum mk_device_type {
	MK_DEVICE_DISCRETE,
	MK_DEVICE_INTEGRATED,
	MK_DEVICE_VIRTUAL,
	MK_DEVICE_OTHER,
	MK_DEVICE_CPU,
};

/*
 * One device.  By name, pci, node or uuid it can be asked for: in mk_engine_options,
 * mk_geometry, or the environment variable MK_DEVICE, which counts where a program asks
 * for none.  Those are told apart by their form:
 *
 *   0000:03:00.0, 03:00.0			   a PCI address
 *   /dev/dri/renderD128, 226:128		   a DRM node, or its major:minor
 *   00000000-0300-0000-0000-000000000000	   a UUID, also without hyphens
 *   anything else				   part of the name, or all of it
 */
struct mk_device_info {
	char name[256];
	char driver[256];   /* name and version */
	char type_name[32]; /* "discrete GPU" */
	char pci[16];	    /* "0000:03:00.0", or "": the driver does not say */
	char node[64];	    /* "/dev/dri/renderD128", or "" */
	char uuid[40];	    /* "00000000-0300-0000-0000-000000000000" */
	uint32_t type;	    /* enum mk_device_type */
	uint32_t is_chosen; /* the first that fits: what is taken when none is asked for */
	char lack[200];	    /* of what the resident kernel needs, or "": it fits */
};

/**
 * mk_devices_find() - every Vulkan device, those that do not fit too
 * @devices: receives them in the order of preference: discrete GPUs, integrated, virtual,
 *           other devices, CPUs, and among those of a type first what RADV drives
 * @capacity: of @devices
 * @count: receives how many there are
 *
 * -ENODEV: there is no Vulkan driver
 * -ENOSPC: there are more devices; the first @capacity are there
 */
MK_PUBLIC int mk_devices_find(struct mk_device_info *devices, size_t capacity,
			      size_t *count);

/**
 * mk_device_find() - the Vulkan device that is taken when one is asked for
 * @text: what is asked for; NULL: what MK_DEVICE says, or the first that fits
 *
 * -ENODEV: it is none, or does not fit; -EINVAL: it is several; the text lists all
 */
MK_PUBLIC int mk_device_find(const char *text, struct mk_device_info *device);

/* What a trial of one placement on one device has shown. */
struct mk_probe_result {
	char device[256]; /* its name */
	char driver[256];
	char placement[128]; /* where the memories lie, in words */
	uint32_t number;     /* of the placement on this device, from 1 */
	uint32_t in_device;  /* 1: as with MK_BACKING_DEVICE; 0: all is the host's */
	uint32_t is_coherent;
	uint32_t is_chosen; /* the fastest coherent one of its kind on this device */
	uint32_t p50_ns;    /* round trips, when it is coherent */
	uint32_t p99_ns;
	char reason[160]; /* when it is not: what was not seen, by whom, in what time */
};

/**
 * mk_probe() - try every placement on every device anew
 * @device: which devices to try, as for MK_DEVICE, but all that are meant; NULL: each
 * @results: receives them, device by device in the order of preference
 * @capacity: of @results
 * @count: receives how many there are
 *
 * Takes up to some seconds for each placement that is not coherent.  What is found
 * replaces what was kept.
 *
 * -ENODEV: no Vulkan device fits; the text says what each lacks
 * -ENOSPC: there are more results; the first @capacity are there
 */
MK_PUBLIC int mk_probe(const char *device, struct mk_probe_result *results,
		       size_t capacity, size_t *count);

#ifdef __cplusplus
}
#endif

#endif /* MK_PROBE_H */
