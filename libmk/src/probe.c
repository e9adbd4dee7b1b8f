// SPDX-License-Identifier: MIT
/*
 * Tries placements out: a bounded kernel answers the host, round after round, and the
 * host looks whether each answer comes, how soon, and with the right payload.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <probe_layout.h>

#include "backing.h"
#include "context.h"
#include "deadline.h"
#include "error.h"
#include "geometry.h"
#include "placement_memory.h"
#include "probe_spirv.h"
#include "vk_pipeline.h"
#include "vk_queue.h"

/*
 * A store that was not seen by then never is.  The first round waits for the kernel to
 * start, and on a CPU every one may wait for a core.
 */
#define ROUND_LIMIT_NS 50000000u
#define START_LIMIT_NS 2000000000u
#define TRIAL_LIMIT_NS 50000000u
#define CPU_LIMIT_NS   UINT64_C(10000000000)
/* The kernel's end, whatever happens: some seconds at most. */
#define LOOKS_LIMIT  (1u << 23)
#define END_LIMIT_NS 10000000000u
#define ROUNDS	     2000u
#define ROUNDS_LEAST 16u

struct probe {
	const struct mk_vk_device *device;
	const struct mk_placement *placement;
	struct mk_backing *host;
	struct mk_vk_buffer inbound_buffer;
	struct mk_vk_buffer outbound_buffer;
	int inbound_fd; /* what they came from; or -1 */
	int outbound_fd;
	struct mk_vk_pipeline pipeline;
	struct mk_vk_queue queue;
	mk_word *inbound;  /* the device looks here */
	mk_word *outbound; /* the host looks here */
	bool write_combining;
	bool is_running;
	uint32_t samples[ROUNDS];
	uint32_t rounds;
};

/* Numbers of the two memories, as of a context's that are used so. */
#define INBOUND	 MK_REGION_CONTROL
#define OUTBOUND MK_REGION_CQ

/* As a context there, whose cq mk.ko has where it can register the rest. */
static bool asks_module(const struct probe *probe)
{
	const struct mk_placement *placement = probe->placement;

	return placement->import == MK_IMPORT_DMA_BUF &&
	       (placement->type == MK_HOST_MEMORY ||
		mk_placement_is_dma_buf(probe->device, placement->type));
}

/* A context's memories are never smaller than a page, which is what is needed. */
static int create_in_module(struct probe *probe)
{
	struct mk_geometry geometry = { .slots = 1, .log_records = 1, .io_slots = 1 };
	size_t bytes[MK_MEMORIES];
	int ret;

	mk_geometry_fill(&geometry);
	mk_geometry_sizes(&geometry, bytes);
	ret = mk_kmod_backing.probe(&geometry);
	return ret ? ret : mk_kmod_backing.create(&geometry, bytes, &probe->host);
}

static int create_host(struct probe *probe)
{
	const size_t bytes[MK_MEMORIES] = {
		[INBOUND] = MK_PROBE_BYTES,
		[OUTBOUND] = MK_PROBE_BYTES,
	};

	if (asks_module(probe) && !create_in_module(probe))
		return 0;
	return mk_memfd_backing.create(NULL, bytes, &probe->host);
}

/* One of the two: in the host's memory, or where the driver allocates it. */
static int open_memory(struct probe *probe, uint32_t number, struct mk_vk_buffer *buffer,
		       int *fd, mk_word **words)
{
	int32_t type = mk_placement_type(probe->placement, number);
	int ret;

	if (type == MK_HOST_MEMORY) {
		*words = probe->host->memories[number].address;
		return mk_vk_buffer_import(probe->device, probe->host, number,
					   probe->placement->import, buffer);
	}
	ret = mk_placement_allocate(probe->device, type, MK_PROBE_BYTES, buffer, fd);
	*words = buffer->address;
	return ret;
}

static int open_memories(struct probe *probe)
{
	int ret = create_host(probe);

	if (!ret)
		ret = open_memory(probe, OUTBOUND, &probe->outbound_buffer,
				  &probe->outbound_fd, &probe->outbound);
	if (!ret)
		ret = open_memory(probe, INBOUND, &probe->inbound_buffer,
				  &probe->inbound_fd, &probe->inbound);
	if (ret)
		return ret;
	/* No kernel has seen that as a number. */
	atomic_store_explicit(&probe->outbound[MK_PROBE_SEEN], MK_PROBE_STOP,
			      memory_order_relaxed);
	probe->write_combining =
		probe->placement->type != MK_HOST_MEMORY &&
		mk_placement_is_write_combining(probe->device, probe->placement);
	return 0;
}

static int open_probe(struct probe *probe)
{
	const struct mk_vk_program program = {
		.spirv = mk_probe_spirv,
		.spirv_bytes = sizeof(mk_probe_spirv),
		.parameter_bytes = sizeof(uint32_t),
		.buffer_count = 2,
	};
	int ret = open_memories(probe);

	if (!ret) {
		const struct mk_vk_buffer buffers[] = { probe->inbound_buffer,
							probe->outbound_buffer };

		ret = mk_vk_pipeline_open(probe->device, &program, buffers,
					  &probe->pipeline);
	}
	return ret ? ret : mk_vk_queue_open(probe->device, &probe->queue);
}

static void close_probe(struct probe *probe)
{
	mk_vk_queue_close(&probe->queue);
	mk_vk_pipeline_close(probe->device, &probe->pipeline);
	mk_vk_buffer_destroy(probe->device, &probe->inbound_buffer);
	mk_vk_buffer_destroy(probe->device, &probe->outbound_buffer);
	if (probe->inbound_fd >= 0)
		close(probe->inbound_fd);
	if (probe->outbound_fd >= 0)
		close(probe->outbound_fd);
	if (probe->host)
		probe->host->ops->close(probe->host);
}

/* A loop that a driver ends early only makes the trial shorter. */
static uint32_t looks_limit(const struct probe *probe)
{
	return probe->device->step_limit < LOOKS_LIMIT ? probe->device->step_limit :
							 LOOKS_LIMIT;
}

static int start(struct probe *probe)
{
	uint32_t looks = looks_limit(probe);
	VkCommandBuffer commands;
	int ret = mk_vk_queue_begin(&probe->queue, &commands);

	if (ret)
		return ret;
	mk_vk_pipeline_dispatch(&probe->pipeline, commands, &looks, 1);
	ret = mk_vk_queue_submit(&probe->queue);
	probe->is_running = !ret;
	return ret;
}

static void tell(struct probe *probe, uint32_t word, uint32_t value)
{
	atomic_store_explicit(&probe->inbound[word], value, memory_order_release);
	if (probe->write_combining)
		mk_write_fence();
}

static uint32_t load(const struct probe *probe, uint32_t word)
{
	return atomic_load_explicit(&probe->outbound[word], memory_order_acquire);
}

/* Whether the kernel answers; it may also have had all of its looks. */
static bool is_answered(struct probe *probe, uint32_t number, uint64_t limit_ns)
{
	enum { LOOKS_PER_CLOCK = 64, CLOCKS_PER_WAIT = 64 };
	uint64_t begin = mk_now_ns();

	for (uint32_t looks = 1; load(probe, MK_PROBE_ROUND) != number; looks++) {
		mk_cpu_relax();
		if (looks % LOOKS_PER_CLOCK)
			continue;
		if (mk_now_ns() - begin > limit_ns)
			return false;
		if (looks % (LOOKS_PER_CLOCK * CLOCKS_PER_WAIT) == 0 &&
		    probe->is_running && !mk_vk_queue_wait(&probe->queue, 0)) {
			probe->is_running = false;
			return load(probe, MK_PROBE_ROUND) == number;
		}
	}
	return true;
}

static uint32_t payload_of(uint32_t number)
{
	return number * 2654435761u;
}

static uint64_t round_limit_ns(const struct probe *probe)
{
	return probe->rounds && !probe->device->is_cpu ? ROUND_LIMIT_NS : START_LIMIT_NS;
}

/* Returns what was wrong; NULL for nothing. */
static const char *play(struct probe *probe)
{
	uint64_t begin = 0;

	for (uint32_t number = 1; number <= ROUNDS + 1; number++) {
		uint64_t sent;

		tell(probe, MK_PROBE_PAYLOAD, payload_of(number));
		sent = mk_now_ns();
		tell(probe, MK_PROBE_ROUND, number);
		if (!is_answered(probe, number, round_limit_ns(probe)))
			return probe->is_running || probe->rounds < ROUNDS_LEAST ? "" :
										   NULL;
		if (load(probe, MK_PROBE_PAYLOAD) != payload_of(number))
			return "an answer came before what was stored before it";
		/* The first's time is that of the start. */
		if (begin)
			probe->samples[probe->rounds++] = (uint32_t)(mk_now_ns() - sent);
		else
			begin = mk_now_ns();
		if (mk_now_ns() - begin > TRIAL_LIMIT_NS && probe->rounds >= ROUNDS_LEAST)
			break;
	}
	return NULL;
}

static int compare_samples(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

/* Whose store was not seen: the kernel's last one, before the fence, says how far it came. */
static void explain_silence(const struct probe *probe, struct mk_trial *trial)
{
	uint32_t seen = load(probe, MK_PROBE_SEEN);
	bool host_is_deaf = seen > probe->rounds + 1;
	/* It was over when all of its looks were, or was told to end. */
	bool is_timeout = probe->is_running;

	if (seen == MK_PROBE_STOP)
		snprintf(trial->reason, sizeof(trial->reason),
			 "the kernel ended, and the host sees none of its stores");
	else
		snprintf(trial->reason, sizeof(trial->reason),
			 "the %s never saw the %s's store (in %u %s)",
			 host_is_deaf ? "host" : "device",
			 host_is_deaf ? "device" : "host",
			 is_timeout ? (unsigned int)(round_limit_ns(probe) / 1000000u) :
				      looks_limit(probe),
			 is_timeout ? "ms" : "looks");
}

static void evaluate(struct probe *probe, const char *wrong, struct mk_trial *trial)
{
	if (wrong && !*wrong) {
		explain_silence(probe, trial);
		return;
	}
	if (wrong) {
		snprintf(trial->reason, sizeof(trial->reason), "%s", wrong);
		return;
	}
	qsort(probe->samples, probe->rounds, sizeof(probe->samples[0]), compare_samples);
	trial->is_coherent = true;
	trial->p50_ns = probe->samples[probe->rounds / 2];
	trial->p99_ns = probe->samples[probe->rounds - 1 - probe->rounds / 100];
}

static void try_once(const struct mk_vk_device *device,
		     const struct mk_placement *placement, struct mk_trial *trial)
{
	struct probe *probe = calloc(1, sizeof(*probe));
	const char *wrong = NULL;
	int ret;

	*trial = (struct mk_trial){ .is_coherent = false };
	if (!probe) {
		snprintf(trial->reason, sizeof(trial->reason), "no memory to try it");
		return;
	}
	probe->device = device;
	probe->placement = placement;
	probe->inbound_fd = probe->outbound_fd = -1;
	ret = open_probe(probe);
	if (!ret)
		ret = start(probe);
	trial->has_run = !ret;
	if (!ret) {
		wrong = play(probe);
		tell(probe, MK_PROBE_ROUND, MK_PROBE_STOP);
	}
	if (!ret && probe->is_running)
		ret = mk_vk_queue_wait(&probe->queue, END_LIMIT_NS);
	if (!ret) {
		evaluate(probe, wrong, trial);
	} else if (ret == -ETIMEDOUT) {
		/* The device may still use all of it, so it stays. */
		snprintf(trial->reason, sizeof(trial->reason),
			 "the device did not end a bounded kernel");
		return;
	} else {
		snprintf(trial->reason, sizeof(trial->reason), "%s", mk_error_text());
	}
	close_probe(probe);
	free(probe);
}

/*
 * A processor that others use too may have had no time for the host's side while the
 * kernel looked, or for the kernel: that is no answer.
 */
void mk_placement_measure(const struct mk_vk_device *device,
			  const struct mk_placement *placement, struct mk_trial *trial)
{
	uint64_t begin = mk_now_ns();

	do
		try_once(device, placement, trial);
	while (device->is_cpu && trial->has_run && !trial->is_coherent &&
	       mk_now_ns() - begin < CPU_LIMIT_NS);
}
