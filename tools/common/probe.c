// SPDX-License-Identifier: MIT
#include "probe.h"

#include "complain.h"

int probe_run(const char *device, struct probe *probe)
{
	int ret = mk_devices_find(probe->devices, PROBE_DEVICES_LIMIT,
				  &probe->device_count);

	if (!ret)
		ret = mk_probe(device, probe->results, PROBE_RESULTS_LIMIT,
			       &probe->count);
	return ret ? complain("probe", ret) : 0;
}

static void add_device(struct json_output *json, const struct mk_device_info *device)
{
	json_row(json);
	json_text(json, "device", device->name);
	json_text(json, "driver", device->driver);
	json_text(json, "type", device->type_name);
	json_text(json, "pci", *device->pci ? device->pci : NULL);
	json_text(json, "node", *device->node ? device->node : NULL);
	json_text(json, "uuid", device->uuid);
	json_flag(json, "is_chosen", device->is_chosen);
	json_text(json, "lack", *device->lack ? device->lack : NULL);
}

static void add_result(struct json_output *json, const struct mk_probe_result *result)
{
	json_row(json);
	json_text(json, "device", result->device);
	json_text(json, "driver", result->driver);
	json_number(json, "number", result->number);
	json_text(json, "placement", result->placement);
	json_flag(json, "is_in_device", result->in_device);
	json_flag(json, "is_coherent", result->is_coherent);
	json_flag(json, "is_chosen", result->is_chosen);
	if (result->is_coherent) {
		json_number(json, "p50_ns", result->p50_ns);
		json_number(json, "p99_ns", result->p99_ns);
	} else {
		json_null(json, "p50_ns");
		json_null(json, "p99_ns");
	}
	json_text(json, "reason", result->is_coherent ? NULL : result->reason);
}

void probe_rows(struct json_output *json, const struct probe *probe)
{
	json_begin_rows(json, "devices");
	for (size_t i = 0; i < probe->device_count; i++)
		add_device(json, &probe->devices[i]);
	json_end_rows(json);
	json_begin_rows(json, "placements");
	for (size_t i = 0; i < probe->count; i++)
		add_result(json, &probe->results[i]);
	json_end_rows(json);
}
