// SPDX-License-Identifier: MIT
/*
 * A producer in a process of its own that has something to tell at any moment, and wants
 * the device to know at once: it writes prices into the arena, publishes an ingest, and
 * sees how long it takes until the device has taken them.
 *
 *   ticker [cpu|vulkan]
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../must.h"

#include "ticker_kernel.h"

#include <mk/handler_glsl.h> /* the same handler for the reference executor: */

#include "ticker.glsl"

#define TICKS	  100000u
#define SECOND_NS UINT64_C(1000000000)
/* A driver may compile the kernel only when it first runs. */
#define MINUTE_NS (60 * SECOND_NS)

union control {
	char bytes[CMSG_SPACE(MK_CONTEXT_FDS * sizeof(int))];
	struct cmsghdr header;
};

/* Sends descriptors, or receives them; returns how many. */
static size_t pass(int socket, int *fds, size_t count, bool send)
{
	union control control = { 0 };
	struct iovec byte = { (char[1]){ 0 }, 1 };
	struct msghdr message = {
		.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(&control.header), fds, send ? count * sizeof(int) : 0);
	if (send ? sendmsg(socket, &message, 0) != 1 :
		   recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1)
		return 0;
	count = (control.header.cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(&control.header), send ? 0 : count * sizeof(int));
	return count;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	return (*(const uint32_t *)a > *(const uint32_t *)b) -
	       (*(const uint32_t *)a < *(const uint32_t *)b);
}

/* The producer's process: it may write the ring, ingests and the arena, and no more. */
static int produce(int socket)
{
	static uint32_t took_ns[TICKS];
	int fds[MK_CONTEXT_FDS];
	struct mk_ingester *ingester;
	struct mk_context *context;

	must(mk_context_attach(fds, pass(socket, fds, MK_CONTEXT_FDS, false), &context),
	     "attach");
	must(mk_ingester_open(context, NULL, &ingester), "become an ingester");
	for (uint32_t tick = 0; tick < TICKS; tick++) {
		volatile uint32_t *price = mk_context_arena(context);
		const struct mk_ingest ingest = { .byte_count = sizeof(*price),
						  .tag = tick };
		struct mk_ingest_ticket ticket;
		uint64_t begin = now_ns();

		*price = tick % 100;
		/* Only matters while mkinspect record --replay looks on. */
		mk_trace_arena(context, 0, sizeof(*price));
		must(mk_ingester_publish(ingester, &ingest, MINUTE_NS, &ticket),
		     "publish");
		must(mk_ingester_wait(ingester, &ticket, MINUTE_NS), "wait");
		took_ns[tick] = (uint32_t)(now_ns() - begin);
	}
	qsort(took_ns, TICKS, sizeof(took_ns[0]), compare);
	printf("%u ticks, taken in after %.2f us (median), %.2f us (99 of 100)\n", TICKS,
	       took_ns[TICKS / 2] / 1e3, took_ns[TICKS / 100 * 99] / 1e3);
	mk_ingester_close(ingester);
	mk_context_close(context);
	return EXIT_SUCCESS;
}

static void start_engine(struct mk_context *context, enum mk_engine_kind kind,
			 struct mk_engine **engine)
{
	const struct mk_engine_options options = {
		.size = sizeof(options),
		.kind = kind,
		.spirv = ticker_kernel,
		.spirv_bytes = sizeof(ticker_kernel),
		.ingest = take_ticks,
	};

	must(mk_engine_start(context, &options, engine), "start the engine");
}

int main(int argc, char **argv)
{
	bool cpu = argc > 1 && !strcmp(argv[1], "cpu");
	const struct mk_geometry geometry = {
		.size = sizeof(geometry),
		.observable_words = 2,
		.io_slots = 256, /* of mk.ko's a producer may write whole pages only */
		.io_request_slots = 128,
		.arena_bytes = 4096,
		.engine = cpu ? MK_ENGINE_KIND_CPU : MK_ENGINE_KIND_VULKAN,
	};
	int sockets[2], fds[MK_CONTEXT_FDS], count, status;
	struct mk_context *context;
	struct mk_engine *engine;
	uint32_t taken = 0;

	/* First: not every driver works in the child of a process that has it loaded. */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) || fork() == 0)
		return produce(sockets[1]);
	must(mk_context_create(&geometry, &context), "create a context");
	start_engine(context, geometry.engine, &engine);
	count = mk_context_share(context, MK_ROLE_PRODUCER, fds);
	must(count, "share the context");
	pass(sockets[0], fds, (size_t)count, true);
	wait(&status);
	must(mk_engine_stop(engine, MINUTE_NS), "stop the engine");
	must(mk_context_observable(context, 1, &taken), "read the count");
	mk_context_close(context);
	printf("the device has taken %u\n", taken);
	return status || taken != TICKS ? EXIT_FAILURE : EXIT_SUCCESS;
}
