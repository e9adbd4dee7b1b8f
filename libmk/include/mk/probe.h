/* SPDX-License-Identifier: MIT */
/*
 * Which memory a device and the host can share while a kernel runs, and how fast.
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
 * @device: part of the names of the devices to try; NULL for all
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
