// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "common.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

size_t page_bytes(void)
{
	return sysconf(_SC_PAGESIZE);
}

__u64 monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SECOND_NS + now.tv_nsec;
}

int device_open(void)
{
	return open(DEVICE_PATH, O_RDWR | O_CLOEXEC);
}

bool device_is_missing(int error)
{
	return error == ENOENT || error == ENODEV || error == ENXIO || error == EACCES ||
	       error == EPERM;
}

struct mk_ioctl_create context_arguments(void)
{
	struct mk_ioctl_create arguments = {
		.geometry = {
			.slots = TEST_SLOTS,
			.window_slots = TEST_WINDOW_SLOTS,
			.log_records = 64,
			.io_slots = TEST_IO_SLOTS,
			.io_request_slots = TEST_IO_REQUEST_SLOTS,
			.observable_words = 16,
		},
		.state_bytes = TEST_STATE_BYTES,
		.arena_bytes = { TEST_ARENA_PAGES * page_bytes() },
	};

	return arguments;
}

int context_create_with(int device, struct mk_ioctl_create *arguments)
{
	return ioctl(device, MK_IOCTL_CREATE, arguments) ? -1 : arguments->fd;
}

int context_create(int device)
{
	struct mk_ioctl_create arguments = context_arguments();

	return context_create_with(device, &arguments);
}

int context_open(int device, __u64 id, __u32 role)
{
	struct mk_ioctl_open arguments = { .id = id, .role = role };

	return ioctl(device, MK_IOCTL_OPEN, &arguments) ? -1 : arguments.fd;
}

int context_attach(int file, __u32 role)
{
	return context_open(file, 0, role);
}

struct mk_ioctl_info context_info(int file)
{
	struct mk_ioctl_info info = { .id = 0 };

	if (ioctl(file, MK_IOCTL_INFO, &info))
		memset(&info, 0, sizeof(info));
	return info;
}

__u64 context_id(int file)
{
	return context_info(file).id;
}

int memory_export_pages(int file, __u32 memory, __u32 flags, __u64 offset, __u64 size)
{
	struct mk_ioctl_export arguments = {
		.memory = memory,
		.flags = flags,
		.offset = offset,
		.size = size,
	};

	return ioctl(file, MK_IOCTL_EXPORT, &arguments) ? -1 : arguments.fd;
}

int memory_export(int file, __u32 memory, __u32 flags)
{
	return memory_export_pages(file, memory, flags, 0, 0);
}

size_t memory_bytes(int file, __u32 memory)
{
	return context_info(file).memory[memory].mapped_bytes;
}

void *memory_map(int file, __u32 memory, __u32 flags)
{
	int protection = flags & MK_EXPORT_WRITE ? PROT_READ | PROT_WRITE : PROT_READ;
	int dma_buf = memory_export(file, memory, flags);
	void *mapping;

	if (dma_buf < 0)
		return MAP_FAILED;
	mapping = mmap(NULL, memory_bytes(file, memory), protection, MAP_SHARED, dma_buf,
		       0);
	close(dma_buf);
	return mapping;
}

__u32 load(const __u32 *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

void store(__u32 *word, __u32 value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

bool is_shut_down(const __u32 *control)
{
	return load(&control[MK_CONTROL_SHUTDOWN]) != 0;
}

static FILE *parameter_open(const char *name, const char *mode)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/mk/parameters/%s", name);
	return fopen(path, mode);
}

long parameter_read(const char *name)
{
	FILE *file = parameter_open(name, "re");
	long value = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%ld", &value) != 1)
		value = -1;
	fclose(file);
	return value;
}

bool parameter_write(const char *name, long value)
{
	FILE *file = parameter_open(name, "we");
	bool is_written;

	if (!file)
		return false;
	is_written = fprintf(file, "%ld\n", value) > 0;
	return !fclose(file) && is_written;
}

struct counters counters_now(void)
{
	return (struct counters){
		.contexts = parameter_read("contexts"),
		.attachments = parameter_read("attachments"),
		.exports = parameter_read("exports"),
		.pages = parameter_read("pages"),
	};
}

bool counters_return_to(struct counters wanted)
{
	const __u64 deadline = monotonic_ns() + 10 * SECOND_NS;
	struct counters now;

	do {
		now = counters_now();
		if (!memcmp(&now, &wanted, sizeof(now)))
			return true;
		sched_yield();
	} while (monotonic_ns() < deadline);
	printf("# left: %ld contexts, %ld attachments, %ld exports, %ld pages\n",
	       now.contexts - wanted.contexts, now.attachments - wanted.attachments,
	       now.exports - wanted.exports, now.pages - wanted.pages);
	return false;
}

int lowest_descriptor(void)
{
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(file);
	return file;
}
