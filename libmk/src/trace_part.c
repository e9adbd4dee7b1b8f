// SPDX-License-Identifier: MIT
/* The first and the last record of a trace: what it is about, and that it is whole. */
#define _GNU_SOURCE
#include "trace_state.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "deadline.h"

static void read_boot_id(uint8_t id[16])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	int had = 1;

	for (int i = 0; file && had == 1 && i < 16; i++) {
		unsigned int byte;

		had = fscanf(file, "%2x", &byte);
		id[i] = had == 1 ? (uint8_t)byte : 0;
		if (i == 3 || i == 5 || i == 7 || i == 9)
			had = fgetc(file) == '-';
	}
	if (file)
		fclose(file);
}

/* The same in all processes that use the context: mk.ko's id, or a memfd. */
static void identify(const struct mk_context *context, uint64_t numbers[3])
{
	struct stat file;

	numbers[0] = mk_context_id(context);
	if (numbers[0] || mk_backing_identify(context->backing, &file))
		return;
	numbers[1] = file.st_dev;
	numbers[2] = file.st_ino;
}

static uint64_t real_time_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void mk_trace_write_part(struct mk_trace *trace)
{
	const struct mk_geometry *geometry = &trace->context->geometry;
	struct mk_trace_part_record *record =
		mk_trace_file_reserve(&trace->file, sizeof(*record));

	if (!record)
		return;
	*record = (struct mk_trace_part_record){
		.magic = MK_TRACE_MAGIC,
		.version = MK_TRACE_VERSION,
		.abi_version = MK_ABI_VERSION,
		.pid = (uint32_t)getpid(),
		.flags = trace->flags,
		.begin_real_ns = real_time_ns(),
		.arena_bytes = geometry->arena_bytes,
		.slots = geometry->slots,
		.window_slots = geometry->window_slots,
		.log_records = geometry->log_records,
		.io_slots = geometry->io_slots,
		.io_request_slots = geometry->io_request_slots,
		.observable_words = geometry->observable_words,
		.tenants = geometry->tenants,
		.context_flags = geometry->flags,
		.backing = geometry->backing,
		.engine = geometry->engine,
	};
	mk_trace_put_head(record, MK_TRACE_PART, mk_now_ns(), mk_trace_thread_id(),
			  sizeof(*record));
	read_boot_id(record->boot_id);
	identify(trace->context, record->context);
}

void mk_trace_write_end(struct mk_trace *trace)
{
	struct mk_trace_end_record *record =
		mk_trace_file_reserve(&trace->file, sizeof(*record));

	if (!record)
		return;
	mk_trace_put_head(record, MK_TRACE_END, mk_now_ns(), mk_trace_thread_id(),
			  sizeof(*record));
	record->records = trace->file.record_count;
	record->dropped = trace->dropped;
}
