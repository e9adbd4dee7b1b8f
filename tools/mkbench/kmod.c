// SPDX-License-Identifier: MIT
/*
 * What the memory of a context costs: from mk.ko, from memfds made into DMA-bufs by
 * udmabuf, and from memfds alone.  The same number of memories of the same sizes each,
 * and each way in its turn, so that whatever else happens on the machine happens to all.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/mk.h>
#include <linux/udmabuf.h>

#include "bench.h"
#include "kmod.h"
#include "progress.h"

#define CONTEXT_BYTES	     (UINT64_C(1) << 20)
#define STATE_BYTES	     (UINT64_C(16) << 10)
#define WARM_UP_ROUNDS	     50
#define ROUNDS_BETWEEN_LOOKS 64

static const char mk_path[] = "/dev/mk";
static const char udmabuf_path[] = "/dev/udmabuf";

/* What is measured with: the same for all rounds. */
struct setup {
	struct mk_ioctl_create create;
	uint32_t count;			   /* of memories */
	uint32_t numbers[MK_MEMORY_COUNT]; /* mk.ko's */
	uint64_t bytes[MK_MEMORY_COUNT];   /* whole pages */
	size_t page_bytes;
	int mk;
	int udmabuf; /* -1: this machine has none */
};

/* One set of memories, while it lives; -1 and NULL where there is nothing yet. */
struct attempt {
	const struct setup *setup;
	int context;
	int files[MK_MEMORY_COUNT];   /* memfds */
	int exports[MK_MEMORY_COUNT]; /* DMA-bufs */
	void *mappings[MK_MEMORY_COUNT];
};

struct way {
	int (*create)(struct attempt *attempt);
	int (*export)(struct attempt *attempt); /* NULL: memfds are mapped themselves */
};

static int failed(const char *what)
{
	int error = -errno;

	fprintf(stderr, "mkbench: %s: %s\n", what, strerror(-error));
	return error;
}

/* mk.ko */

static int create_context(struct attempt *attempt)
{
	struct mk_ioctl_create create = attempt->setup->create;

	if (ioctl(attempt->setup->mk, MK_IOCTL_CREATE, &create))
		return failed("MK_IOCTL_CREATE");
	attempt->context = create.fd;
	return 0;
}

static int export_memories(struct attempt *attempt)
{
	for (uint32_t i = 0; i < attempt->setup->count; i++) {
		struct mk_ioctl_export export = {
			.memory = attempt->setup->numbers[i],
			.flags = MK_EXPORT_WRITE,
		};

		if (ioctl(attempt->context, MK_IOCTL_EXPORT, &export))
			return failed("MK_IOCTL_EXPORT");
		attempt->exports[i] = export.fd;
	}
	return 0;
}

/* memfd and udmabuf */

/* Sealed as udmabuf wants it, and as libmk does it without the module. */
static int create_files(struct attempt *attempt)
{
	for (uint32_t i = 0; i < attempt->setup->count; i++) {
		int file = memfd_create("mkbench", MFD_CLOEXEC | MFD_ALLOW_SEALING);

		if (file < 0)
			return failed("memfd_create");
		attempt->files[i] = file;
		if (ftruncate(file, (off_t)attempt->setup->bytes[i]))
			return failed("ftruncate");
		if (fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW))
			return failed("F_ADD_SEALS");
	}
	return 0;
}

static int export_files(struct attempt *attempt)
{
	for (uint32_t i = 0; i < attempt->setup->count; i++) {
		struct udmabuf_create create = {
			.memfd = (uint32_t)attempt->files[i],
			.flags = UDMABUF_FLAGS_CLOEXEC,
			.size = attempt->setup->bytes[i],
		};
		int file = ioctl(attempt->setup->udmabuf, UDMABUF_CREATE, &create);

		if (file < 0)
			return failed("UDMABUF_CREATE");
		attempt->exports[i] = file;
	}
	return 0;
}

/* All */

static int map_and_touch(struct attempt *attempt, const int *files)
{
	for (uint32_t i = 0; i < attempt->setup->count; i++) {
		size_t bytes = attempt->setup->bytes[i];
		volatile char *mapping = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
					      MAP_SHARED, files[i], 0);

		if (mapping == MAP_FAILED)
			return failed("mmap");
		attempt->mappings[i] = (void *)mapping;
		for (size_t at = 0; at < bytes; at += attempt->setup->page_bytes)
			mapping[at] = 1;
	}
	return 0;
}

static void begin_attempt(struct attempt *attempt, const struct setup *setup)
{
	attempt->setup = setup;
	attempt->context = -1;
	for (uint32_t i = 0; i < setup->count; i++) {
		attempt->files[i] = attempt->exports[i] = -1;
		attempt->mappings[i] = NULL;
	}
}

static void close_file(int file)
{
	if (file >= 0)
		close(file);
}

static void tear_down(struct attempt *attempt)
{
	for (uint32_t i = 0; i < attempt->setup->count; i++) {
		if (attempt->mappings[i])
			munmap(attempt->mappings[i], attempt->setup->bytes[i]);
		close_file(attempt->exports[i]);
		close_file(attempt->files[i]);
	}
	close_file(attempt->context);
}

static const struct way ways[KMOD_WAYS] = {
	[KMOD_WAY_MK] = { create_context, export_memories },
	[KMOD_WAY_UDMABUF] = { create_files, export_files },
	[KMOD_WAY_MEMFD] = { create_files, NULL },
};

/* Makes memories in one way and frees them; @ends are the times between the phases. */
static int try_way(const struct setup *setup, const struct way *way,
		   uint64_t ends[KMOD_PHASES + 1])
{
	struct attempt attempt;
	int error;

	begin_attempt(&attempt, setup);
	ends[0] = now_ns();
	error = way->create(&attempt);
	ends[KMOD_CREATE + 1] = now_ns();
	if (!error && way->export)
		error = way->export(&attempt);
	ends[KMOD_EXPORT + 1] = now_ns();
	if (!error)
		error = map_and_touch(&attempt,
				      way->export ? attempt.exports : attempt.files);
	ends[KMOD_TOUCH + 1] = now_ns();
	tear_down(&attempt);
	ends[KMOD_TEARDOWN + 1] = now_ns();
	return error;
}

struct samplers {
	struct sampler phases[KMOD_PHASES];
	struct sampler ready;
};

static void add_samples(struct samplers *samplers, const struct way *way,
			const uint64_t ends[KMOD_PHASES + 1])
{
	for (int phase = 0; phase < KMOD_PHASES; phase++)
		if (phase != KMOD_EXPORT || way->export)
			sampler_add(&samplers->phases[phase],
				    ends[phase + 1] - ends[phase]);
	sampler_add(&samplers->ready, ends[KMOD_TOUCH + 1] - ends[0]);
}

/* Each way once, another one first each time. */
static int run_round(const struct setup *setup, uint32_t round, bool counts,
		     struct samplers samplers[KMOD_WAYS])
{
	for (uint32_t turn = 0; turn < KMOD_WAYS; turn++) {
		uint32_t way = (round + turn) % KMOD_WAYS;
		uint64_t ends[KMOD_PHASES + 1];
		int error;

		if (way == KMOD_WAY_UDMABUF && setup->udmabuf < 0)
			continue;
		error = try_way(setup, &ways[way], ends);
		if (error)
			return error;
		if (counts)
			add_samples(&samplers[way], &ways[way], ends);
	}
	return 0;
}

static int run_rounds(const struct setup *setup, uint32_t samples,
		      struct samplers samplers[KMOD_WAYS])
{
	uint64_t begin = 0;
	int error;

	for (uint32_t round = 0; round < WARM_UP_ROUNDS; round++) {
		error = run_round(setup, round, false, samplers);
		if (error)
			return error;
	}
	begin = now_ns();
	for (uint32_t round = 0; round < samples; round++) {
		if (round % ROUNDS_BETWEEN_LOOKS == 0) {
			progress_show("rounds", (double)round / samples);
			if (interrupted())
				return -EINTR;
			if (now_ns() - begin > STAGE_LIMIT_NS && round)
				break;
		}
		error = run_round(setup, round, true, samplers);
		if (error)
			return error;
	}
	return 0;
}

static int make_samplers(struct samplers *samplers, uint32_t samples)
{
	int error = sampler_init(&samplers->ready, samples);

	for (int phase = 0; phase < KMOD_PHASES && !error; phase++)
		error = sampler_init(&samplers->phases[phase], samples);
	return error;
}

static void finish_samplers(struct samplers *samplers, struct kmod_costs *costs)
{
	for (int phase = 0; phase < KMOD_PHASES; phase++)
		sampler_finish(&samplers->phases[phase], &costs->phases[phase]);
	sampler_finish(&samplers->ready, &costs->ready);
}

static int measure(const struct setup *setup, uint32_t samples,
		   struct kmod_results *results)
{
	struct samplers samplers[KMOD_WAYS] = { 0 };
	int error = 0;

	for (int way = 0; way < KMOD_WAYS && !error; way++)
		error = make_samplers(&samplers[way], samples);
	if (!error)
		error = run_rounds(setup, samples, samplers);
	progress_end();
	for (int way = 0; way < KMOD_WAYS; way++)
		finish_samplers(&samplers[way], &results->ways[way]);
	return error;
}

/* A context with libmk's default sizes, and an arena that fills it up. */
static const struct mk_ioctl_create default_create = {
	.geometry = {
		.slots = 1024,
		.window_slots = MK_WINDOW_SLOTS_DEFAULT,
		.log_records = MK_LOG_RECORD_CAPACITY_DEFAULT,
		.io_slots = MK_IO_SLOT_COUNT_DEFAULT,
		.io_request_slots = MK_IO_SLOT_COUNT_DEFAULT / 2,
	},
	.state_bytes = STATE_BYTES,
};

/* The module says how many pages each memory has. */
static int ask_for_sizes(struct setup *setup, uint64_t *total)
{
	struct mk_ioctl_create create = setup->create;
	struct mk_ioctl_info info;
	int error = 0;

	if (ioctl(setup->mk, MK_IOCTL_CREATE, &create))
		return failed("MK_IOCTL_CREATE");
	if (ioctl(create.fd, MK_IOCTL_INFO, &info))
		error = failed("MK_IOCTL_INFO");
	close(create.fd);
	if (error)
		return error;
	setup->count = 0;
	*total = 0;
	for (uint32_t number = 0; number < MK_MEMORY_COUNT; number++) {
		if (!(info.memory[number].flags & MK_MEMORY_PRESENT))
			continue;
		setup->numbers[setup->count] = number;
		setup->bytes[setup->count++] = info.memory[number].mapped_bytes;
		*total += info.memory[number].mapped_bytes;
	}
	return 0;
}

static int choose_sizes(struct setup *setup, struct kmod_results *results)
{
	uint64_t without_arena;
	int error;

	setup->create = default_create;
	error = ask_for_sizes(setup, &without_arena);
	if (error)
		return error;
	setup->create.arena_bytes[0] = CONTEXT_BYTES - without_arena;
	error = ask_for_sizes(setup, &results->bytes);
	results->memories = setup->count;
	return error;
}

static int open_mk(void)
{
	int file = open(mk_path, O_RDWR | O_CLOEXEC);
	int error = -errno;

	if (file >= 0)
		return file;
	fprintf(stderr, "mkbench: %s: %s; %s\n", mk_path, strerror(-error),
		error == -ENOENT ? "is the module loaded? Try: modprobe mk" :
				   "it is for the group render and for root");
	return error;
}

/* What there is to compare with, not a must. */
static int open_udmabuf(void)
{
	int file = open(udmabuf_path, O_RDWR | O_CLOEXEC);

	if (file < 0)
		fprintf(stderr,
			"mkbench: %s: %s; going on without.  modprobe udmabuf loads it "
			"where the kernel has it; Debian's has it from 6.12 on\n",
			udmabuf_path, strerror(errno));
	return file;
}

static int measure_all(uint32_t samples, struct kmod_results *results)
{
	struct setup setup = { .page_bytes = (size_t)sysconf(_SC_PAGESIZE) };
	int error;

	setup.mk = open_mk();
	if (setup.mk < 0)
		return setup.mk;
	setup.udmabuf = open_udmabuf();
	error = choose_sizes(&setup, results);
	if (!error)
		error = measure(&setup, samples, results);
	close_file(setup.udmabuf);
	close(setup.mk);
	return error;
}

static int run(const struct bench_options *options)
{
	struct kmod_results results = { 0 };
	int error = measure_all(options->samples, &results);

	if (error)
		return error;
	return options->json ? report_kmod_json(&results) : report_kmod_table(&results);
}

const struct verb kmod_verb = {
	.name = "kmod",
	.summary = "the time that the memory of a context takes until it is in use",
	.options = TAKES_SAMPLES,
	.samples = 5000,
	.run = run,
};
