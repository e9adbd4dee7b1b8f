// SPDX-License-Identifier: MIT
/* probe: devices, which memory each and the host can share, and which is taken. */
#include "common/probe.h"
#include "report.h"

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

static int run(const struct object *object, const struct options *options)
{
	static struct probe probe;
	struct json_output json;
	int ret = probe_run(options->device, &probe);

	if (ret)
		return ret;
	report_begin(&json, object, VERB_SHOW, NULL, NULL);
	probe_rows(&json, &probe);
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
