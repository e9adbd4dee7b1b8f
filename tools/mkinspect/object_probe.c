// SPDX-License-Identifier: MIT
/* probe: devices, which memory each and the host can share, and which is taken. */
#include <mk/probe.h>

#include "common/complain.h"
#include "report.h"

#define RESULTS_LIMIT 256
#define DEVICES_LIMIT 32

static const struct column device_columns[] = {
	{ "device", "DEVICE", -40, CELL_PLAIN },
	{ "is_chosen", "CHOSEN", -6, CELL_PLAIN },
	{ "type", "TYPE", -14, CELL_PLAIN },
	{ "pci", "PCI ADDRESS", -12, CELL_PLAIN },
	{ "node", "DRM NODE", -20, CELL_PLAIN },
	{ "uuid", "UUID", -36, CELL_PLAIN },
	{ "lack", "LACKS", -1, CELL_PLAIN },
	{ 0 },
};

static const struct column columns[] = {
	{ "device", "DEVICE", -32, CELL_PLAIN },
	{ "number", "NUMBER", 6, CELL_PLAIN },
	{ "is_chosen", "CHOSEN", -6, CELL_PLAIN },
	{ "p50_ns", "P50 NS", 8, CELL_PLAIN },
	{ "p99_ns", "P99 NS", 8, CELL_PLAIN },
	{ "placement", "PLACEMENT", -48, CELL_PLAIN },
	{ "reason", "WHY NOT", -1, CELL_PLAIN },
	{ 0 },
};

static const struct table tables[] = {
	{ "devices", device_columns, NULL },
	{ "placements", columns, NULL },
	{ 0 },
};

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

static void add_devices(struct json_output *json)
{
	static struct mk_device_info devices[DEVICES_LIMIT];
	size_t count = 0;

	/* Some of more than there is room for will do, and others were there just now. */
	mk_devices_find(devices, DEVICES_LIMIT, &count);
	json_begin_rows(json, "devices");
	for (size_t i = 0; i < count; i++)
		add_device(json, &devices[i]);
	json_end_rows(json);
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

static int run(const struct object *object, const struct options *options)
{
	static struct mk_probe_result results[RESULTS_LIMIT];
	struct json_output json;
	size_t count;
	int ret = mk_probe(options->device, results, RESULTS_LIMIT, &count);

	if (ret)
		return complain("probe", ret);
	report_begin(&json, object, VERB_SHOW, NULL, NULL);
	add_devices(&json);
	json_begin_rows(&json, "placements");
	for (size_t i = 0; i < count; i++)
		add_result(&json, &results[i]);
	json_end_rows(&json);
	return report_end(&json, object, options);
}

const struct object probe_object = {
	.name = "probe",
	.summary =
		"which devices there are, which memory each and the host can share, and why",
	.verbs = HAS(VERB_SHOW),
	.options = TAKES_DEVICE | TAKES_NO_CONTEXT,
	.tables = tables,
	.run = run,
};
