// SPDX-License-Identifier: MIT
/* Which devices there are, and which memory each and the host can share. */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "output.h"

#define RESULTS_LIMIT 256
#define DEVICES_LIMIT 32
#define ROUND_TRIP    "round trip, microseconds"

struct probe {
	struct mk_device_info devices[DEVICES_LIMIT];
	size_t device_count;
	struct mk_probe_result results[RESULTS_LIMIT];
	size_t count;
};

static void add_devices(struct json_output *json, const struct probe *probe)
{
	json_begin_rows(json, "devices");
	for (size_t i = 0; i < probe->device_count; i++) {
		const struct mk_device_info *device = &probe->devices[i];

		json_row(json);
		json_text(json, "device", device->name);
		json_text(json, "driver", device->driver);
		json_text(json, "type", device->type_name);
		json_text(json, "pci", device->pci);
		json_text(json, "node", device->node);
		json_text(json, "uuid", device->uuid);
		json_number(json, "chosen", device->is_chosen);
		json_text(json, "lack", device->lack);
	}
	json_end_rows(json);
}

static int report_json(const struct probe *probe)
{
	struct json_output json;

	results_begin(&json, "probe");
	add_devices(&json, probe);
	json_begin_rows(&json, "placements");
	for (size_t i = 0; i < probe->count; i++) {
		const struct mk_probe_result *result = &probe->results[i];

		json_row(&json);
		json_text(&json, "device", result->device);
		json_text(&json, "driver", result->driver);
		json_number(&json, "number", result->number);
		json_text(&json, "placement", result->placement);
		json_number(&json, "in_device", result->in_device);
		json_number(&json, "coherent", result->is_coherent);
		json_number(&json, "chosen", result->is_chosen);
		if (result->is_coherent) {
			json_number(&json, "p50_ns", result->p50_ns);
			json_number(&json, "p99_ns", result->p99_ns);
		} else {
			json_text(&json, "reason", result->reason);
		}
	}
	json_end_rows(&json);
	return results_end(&json);
}

/* The widest of what stands in a column. */
static int placement_width(const struct probe *probe)
{
	size_t width = strlen(ROUND_TRIP);

	for (size_t i = 0; i < probe->count; i++)
		if (strlen(probe->results[i].placement) > width)
			width = strlen(probe->results[i].placement);
	return (int)width;
}

static void print_result(const struct mk_probe_result *result, int width)
{
	printf(" %c%2u  %-*s ", result->is_chosen ? '*' : ' ', result->number, width,
	       result->placement);
	if (result->is_coherent)
		printf("%8.3f %8.3f\n", result->p50_ns / 1e3, result->p99_ns / 1e3);
	else
		printf("%s\n", result->reason);
}

static void print_device(const struct mk_device_info *device)
{
	printf(" %c %-40s %-14s %-12s %-20s %s\n", device->is_chosen ? '*' : ' ',
	       device->name, device->type_name, *device->pci ? device->pci : "-",
	       *device->node ? device->node : "-", device->uuid);
	if (*device->lack)
		printf("   lacks %s\n", device->lack);
}

static void print_devices(const struct probe *probe)
{
	printf("   %-40s %-14s %-12s %-20s %s\n", "device", "type", "PCI address",
	       "DRM node", "UUID");
	for (size_t i = 0; i < probe->device_count; i++)
		print_device(&probe->devices[i]);
	printf("* what is taken when none is asked for\n\n");
}

static int report_table(const struct probe *probe)
{
	int width = placement_width(probe);

	print_devices(probe);
	for (size_t i = 0; i < probe->count; i++) {
		const struct mk_probe_result *result = &probe->results[i];

		if (!i || strcmp(result->device, result[-1].device))
			printf("%s%s (%s)\n     %-*s %8s %8s\n", i ? "\n" : "",
			       result->device, result->driver, width, ROUND_TRIP, "p50",
			       "p99");
		print_result(result, width);
	}
	printf("\n* what a context in host memory, and one in the device's, is given\n");
	return table_end();
}

static int run(const struct bench_options *options)
{
	static struct probe probe;
	int error = mk_devices_find(probe.devices, DEVICES_LIMIT, &probe.device_count);

	if (!error)
		error = mk_probe(options->device, probe.results, RESULTS_LIMIT,
				 &probe.count);
	if (error)
		return complain("probe", error);
	return options->json ? report_json(&probe) : report_table(&probe);
}

const struct verb probe_verb = {
	.name = "probe",
	.summary =
		"which devices there are, what memory each shares with the host, and how fast",
	.options = TAKES_DEVICE,
	.run = run,
};
