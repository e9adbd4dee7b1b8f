// SPDX-License-Identifier: MIT
#include "report.h"

#include <inttypes.h>

#define MEBIBYTE 1048576.0

static uint64_t count_of(const struct report *report, size_t given)
{
	return report->counts[report->patterns->place[given]];
}

void report_text(const struct report *report, FILE *stream)
{
	for (size_t i = 0; i < report->patterns->given_count; i++) {
		const struct byte_string *pattern = &report->patterns->given[i];

		fprintf(stream, "%" PRIu64 "\t", count_of(report, i));
		fwrite(pattern->bytes, 1, pattern->length, stream);
		fputc('\n', stream);
	}
}

const char *report_io(const struct report *report)
{
	return report->statistics.io == SCANNER_IO_DEVICE ? "device" : "host";
}

void report_statistics(const struct report *report, FILE *stream)
{
	const struct scanner_statistics *scan = &report->statistics;
	const struct mk_engine_info *engine = &report->engine;
	double mebibytes = scan->bytes / MEBIBYTE;

	fprintf(stream, "engine      %s; %s; memory %s\n", engine->device, engine->driver,
		engine->placement);
	fprintf(stream, "workgroups  %u, of which %u live; %u dispatches, %u parks\n",
		engine->workgroups, engine->live_workgroups, engine->dispatches,
		engine->parks);
	fprintf(stream, "automaton   %u states for %zu patterns, %.2f MiB\n",
		scan->states, report->patterns->given_count,
		scan->automaton_bytes / MEBIBYTE);
	fprintf(stream, "arena       %.2f MiB with %u blocks of %u bytes%s\n",
		scan->arena_bytes / MEBIBYTE, scan->blocks, scan->block_bytes,
		scan->fixed_buffers ? ", registered with io_uring" : "");
	fprintf(stream,
		"io          %s; %" PRIu64 " requests of slots, %" PRIu64
		" files read by the host\n",
		report_io(report), scan->io_requests, scan->files_read_by_host);
	fprintf(stream,
		"slots       %" PRIu64 ", at most %u at once; %" PRIu64
		" bytes scanned twice for block borders\n",
		scan->slots, scan->slots_at_once, scan->overlap_bytes);
	fprintf(stream, "waits       %.3f s for scans, %.3f s for reads\n",
		scan->scan_wait, scan->read_wait);
	fprintf(stream,
		"throughput  %.2f MiB of %zu files in %.3f s: %.1f MiB/s; "
		"%.3f s to start\n",
		mebibytes, report->file_count, report->seconds,
		report->seconds > 0 ? mebibytes / report->seconds : 0,
		report->start_seconds);
}
