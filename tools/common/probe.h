/* SPDX-License-Identifier: MIT */
/* Which devices there are, and which memory each and the host can share. */
#ifndef MK_TOOLS_PROBE_H
#define MK_TOOLS_PROBE_H

#include <stddef.h>

#include <mk/probe.h>

#include "json_output.h"

#define PROBE_DEVICES_LIMIT 32
#define PROBE_RESULTS_LIMIT 256

struct probe {
	struct mk_device_info devices[PROBE_DEVICES_LIMIT];
	size_t device_count;
	struct mk_probe_result results[PROBE_RESULTS_LIMIT];
	size_t count;
};

/*
 * probe_run() - find devices and try their placements
 * @device: which to try, as mk_probe() takes it
 *
 * 0, or a negative errno that was told.
 */
int probe_run(const char *device, struct probe *probe);

/* Its lists "devices" and "placements"; what is not known, or does not apply, is null. */
void probe_rows(struct json_output *json, const struct probe *probe);

#endif /* MK_TOOLS_PROBE_H */
