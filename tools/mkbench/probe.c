// SPDX-License-Identifier: MIT
/* Which devices there are, and which memory each and the host can share. */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "common/probe.h"
#include "output.h"

#define ROUND_TRIP "round trip, microseconds"

static int report_json(const struct probe *probe)
{
	struct json_output json;

	results_begin(&json, "probe");
	probe_rows(&json, probe);
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
	int error = probe_run(options->device, &probe);

	if (error)
		return error;
	return options->json ? report_json(&probe) : report_table(&probe);
}

const struct verb probe_verb = {
	.name = "probe",
	.summary =
		"which devices there are, what memory each shares with the host, and how fast",
	.options = TAKES_DEVICE,
	.run = run,
};
