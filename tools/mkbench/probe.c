// SPDX-License-Identifier: MIT
/* Which memory each device and the host can share while a kernel runs. */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "output.h"

#define RESULTS_LIMIT 256

struct probe {
	struct mk_probe_result results[RESULTS_LIMIT];
	size_t count;
};

static int report_json(const struct probe *probe)
{
	struct json_output json;

	results_begin(&json, "probe");
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

static void print_result(const struct mk_probe_result *result)
{
	printf(" %c%2u  %-64s ", result->is_chosen ? '*' : ' ', result->number,
	       result->placement);
	if (result->is_coherent)
		printf("%8.3f %8.3f\n", result->p50_ns / 1e3, result->p99_ns / 1e3);
	else
		printf("%s\n", result->reason);
}

static int report_table(const struct probe *probe)
{
	for (size_t i = 0; i < probe->count; i++) {
		const struct mk_probe_result *result = &probe->results[i];

		if (!i || strcmp(result->device, result[-1].device))
			printf("%s%s (%s)\n      %-64s %8s %8s\n", i ? "\n" : "",
			       result->device, result->driver, "round trip, microseconds",
			       "p50", "p99");
		print_result(result);
	}
	printf("\n* what a context in host memory, and one in the device's, is given\n");
	return table_end();
}

static int run(const struct bench_options *options)
{
	static struct probe probe;
	int error = mk_probe(options->device, probe.results, RESULTS_LIMIT, &probe.count);

	if (error)
		return complain("probe", error);
	return options->json ? report_json(&probe) : report_table(&probe);
}

const struct verb probe_verb = {
	.name = "probe",
	.summary = "which memory a device and the host can share, and how fast",
	.options = TAKES_DEVICE,
	.run = run,
};
