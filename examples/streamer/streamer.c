// SPDX-License-Identifier: MIT
/*
 * Streams a file through the device into another one, in capitals.  The device asks for
 * each block, changes it, and asks to have it written; the host only says which blocks
 * there are.
 *
 *   streamer FROM TO [cpu|vulkan]
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "../must.h"

#include "streamer_kernel.h"

#include <mk/handler_glsl.h> /* the same handler for the reference executor: */

#include "streamer.glsl"

#define OP_CAPITALS 0x100u
#define BLOCKS	    32u /* in flight */
#define BLOCK_BYTES 65536u
#define MINUTE_NS   UINT64_C(60000000000)

struct streamer {
	struct mk_context *context;
	struct mk_engine *engine;
	struct mk_io *io;
	struct mk_producer *producer;
	struct mk_ticket tickets[BLOCKS];
	uint32_t from, to, blocks; /* handles */
};

static void start(struct streamer *streamer, enum mk_engine_kind kind)
{
	static const struct mk_handler_entry handler = { OP_CAPITALS, capitals };
	const struct mk_geometry geometry = {
		.size = sizeof(geometry),
		.arena_bytes = BLOCKS * BLOCK_BYTES,
		.window_slots = 1, /* neighbours are worked on at the same time */
		.engine = kind,
	};
	const struct mk_engine_options options = {
		.size = sizeof(options),
		.kind = kind,
		.spirv = streamer_kernel,
		.spirv_bytes = sizeof(streamer_kernel),
		.handlers = &handler,
		.handler_count = 1,
	};

	must(mk_context_create(&geometry, &streamer->context), "create a context");
	must(mk_engine_start(streamer->context, &options, &streamer->engine),
	     "start the engine");
	must(mk_io_open(streamer->context, NULL, &streamer->io), "open the pump");
	must(mk_io_start(streamer->io), "start the pump");
	must(mk_producer_open(streamer->context, NULL, &streamer->producer),
	     "become a producer");
}

/* A block's place is free again once its slot has ended. */
static void stream_block(struct streamer *streamer, uint64_t number, uint64_t bytes)
{
	uint32_t place = number % BLOCKS;
	uint64_t offset = number * BLOCK_BYTES;
	const uint32_t args[] = {
		[1] = streamer->from,
		[2] = streamer->to,
		[3] = streamer->blocks + place,
		[4] = place * (BLOCK_BYTES / 4),
		[5] = (uint32_t)offset,
		[6] = (uint32_t)(offset >> 32),
		[7] = bytes - offset < BLOCK_BYTES ? (uint32_t)(bytes - offset) :
						     BLOCK_BYTES,
	};
	const struct mk_item item = { .opcode = OP_CAPITALS,
				      .arg_count = 8,
				      .args = args };
	struct mk_ticket *ticket = &streamer->tickets[place];

	if (number >= BLOCKS)
		must_end(mk_producer_wait(streamer->producer, ticket, MINUTE_NS),
			 "stream");
	must(mk_producer_publish(streamer->producer, &item, MINUTE_NS, ticket),
	     "publish");
}

/* What was written is on the disk when this returns. */
static void finish(struct streamer *streamer, uint64_t count)
{
	const uint32_t args[] = { streamer->to, streamer->to };
	const struct mk_item fence = { .opcode = MK_OP_IO_FENCE,
				       .arg_count = 2,
				       .args = args };
	struct mk_ticket ticket;

	for (uint64_t i = 0; i < BLOCKS && i < count; i++)
		must_end(mk_producer_wait(streamer->producer, &streamer->tickets[i],
					  MINUTE_NS),
			 "stream");
	must(mk_producer_publish(streamer->producer, &fence, MINUTE_NS, &ticket),
	     "publish");
	must_end(mk_producer_wait(streamer->producer, &ticket, MINUTE_NS),
		 "write safely");
	mk_producer_close(streamer->producer);
	must(mk_engine_stop(streamer->engine, MINUTE_NS), "stop the engine");
	must(mk_io_close(streamer->io, MINUTE_NS), "close the pump");
	mk_context_close(streamer->context);
}

int main(int argc, char **argv)
{
	struct streamer streamer = { 0 };
	uint64_t bytes, count;
	struct stat stat;
	int from, to;

	from = argc > 2 ? open(argv[1], O_RDONLY) : -1;
	to = argc > 2 ? open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
	if (from < 0 || to < 0 || fstat(from, &stat)) {
		perror("usage: streamer FROM TO [cpu|vulkan]");
		return 2;
	}
	bytes = (uint64_t)stat.st_size;
	count = (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES;
	start(&streamer, argc > 3 && !strcmp(argv[3], "cpu") ? MK_ENGINE_KIND_CPU :
							       MK_ENGINE_KIND_VULKAN);
	must(mk_io_add_file(streamer.io, from,
			    &(struct mk_io_file){ .flags = MK_IO_READ }, &streamer.from),
	     "register the file");
	must(mk_io_add_file(streamer.io, to, &(struct mk_io_file){ .flags = MK_IO_WRITE },
			    &streamer.to),
	     "register the file");
	must(mk_io_add_arena(streamer.io, 0, BLOCK_BYTES, BLOCK_BYTES, BLOCKS,
			     &streamer.blocks),
	     "register the arena");
	for (uint64_t i = 0; i < count; i++)
		stream_block(&streamer, i, bytes);
	finish(&streamer, count);
	return EXIT_SUCCESS;
}
