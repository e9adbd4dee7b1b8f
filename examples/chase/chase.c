// SPDX-License-Identifier: MIT
/*
 * A pointer chase through a file that the device drives: each page that it reads says
 * which one to read next, and no host code knows that.
 *
 *   chase [cpu|vulkan]
 */
#define _GNU_SOURCE
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../must.h"

#include "chase_kernel.h"

#include <mk/handler_glsl.h> /* the same handler for the reference executor: */

#include "chase.glsl"

#define OP_CHASE   0x100u
#define PAGES	   65536u
#define READS	   (PAGES - 1)
#define PAGE_BYTES 4096u
#define MINUTE_NS  UINT64_C(60000000000)

/* Comes through all pages, in an order that no read-ahead guesses. */
static uint32_t next_page(uint32_t page)
{
	return (page * 40005 + 12345) % PAGES;
}

/* 256 MiB, without a name. */
static int make_file(void)
{
	char path[] = "/var/tmp/mk-chase-XXXXXX";
	int file = mkstemp(path);
	int failed = file < 0 || unlink(path) ||
		     ftruncate(file, (off_t)PAGES * PAGE_BYTES);

	for (uint32_t page = 0; page < PAGES && !failed; page++) {
		uint32_t next = next_page(page);

		failed = pwrite(file, &next, sizeof(next), (off_t)page * PAGE_BYTES) !=
			 sizeof(next);
	}
	if (failed) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	return file;
}

static void start_engine(struct mk_context *context, enum mk_engine_kind kind,
			 struct mk_engine **engine)
{
	static const struct mk_handler_entry handler = { OP_CHASE, chase };
	const struct mk_engine_options options = {
		.size = sizeof(options),
		.kind = kind,
		.spirv = chase_kernel,
		.spirv_bytes = sizeof(chase_kernel),
		.handlers = &handler,
		.handler_count = 1,
	};

	must(mk_engine_start(context, &options, engine), "start the engine");
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Returns where the chase has ended. */
static uint32_t run(struct mk_context *context, struct mk_io *io, int file)
{
	uint32_t file_handle, page_handle, end = 0;
	struct mk_producer *producer;
	struct mk_ticket ticket;
	double begin;
	int result;

	must(mk_io_add_file(io, file, &(struct mk_io_file){ .flags = MK_IO_READ },
			    &file_handle),
	     "register the file");
	must(mk_io_add_arena(io, 0, PAGE_BYTES, PAGE_BYTES, 1, &page_handle),
	     "register the arena");
	must(mk_producer_open(context, NULL, &producer), "become a producer");

	const uint32_t args[] = { file_handle, page_handle, 0, 0, READS };
	const struct mk_item item = { .opcode = OP_CHASE, .arg_count = 5, .args = args };

	begin = seconds_now();
	must(mk_producer_publish(producer, &item, MINUTE_NS, &ticket), "publish");
	/* Who has nothing else to do reads for the device: that needs no third thread. */
	do {
		must(mk_io_run(io, 1000000), "read for the device");
		result = mk_producer_wait(producer, &ticket, 0);
	} while (result == -EAGAIN);
	must_end(result, "end the chase");
	printf("%u reads of %u bytes, %.2f us each\n", READS, PAGE_BYTES,
	       (seconds_now() - begin) * 1e6 / READS);
	mk_producer_close(producer);
	must(mk_context_observable(context, 0, &end), "read the result");
	return end;
}

int main(int argc, char **argv)
{
	enum mk_engine_kind kind = argc > 1 && !strcmp(argv[1], "cpu") ?
					   MK_ENGINE_KIND_CPU :
					   MK_ENGINE_KIND_VULKAN;
	const struct mk_geometry geometry = {
		.size = sizeof(geometry),
		.observable_words = 1,
		.arena_bytes = PAGE_BYTES,
		.engine = kind,
	};
	uint32_t end, expected = 0;
	struct mk_context *context;
	struct mk_engine *engine;
	struct mk_io *io;
	int file = make_file();

	for (uint32_t i = 0; i < READS; i++)
		expected = next_page(expected);
	must(mk_context_create(&geometry, &context), "create a context");
	start_engine(context, kind, &engine);
	must(mk_io_open(context, NULL, &io), "open the pump");
	end = run(context, io, file);
	must(mk_engine_stop(engine, MINUTE_NS), "stop the engine");
	must(mk_io_close(io, MINUTE_NS), "close the pump");
	mk_context_close(context);
	printf("ended at page %u, expected %u\n", end, expected);
	return end == expected ? EXIT_SUCCESS : EXIT_FAILURE;
}
