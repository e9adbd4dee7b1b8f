// SPDX-License-Identifier: GPL-2.0-only
/* Who pays for a context's memory: the user, up to a limit, and the memory cgroup. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <mntent.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "children.h"
#include "common.h"
#include "harness.h"

#define ARENA	  MK_MEMORY_ARENA(0)
#define MEBIBYTE  (1ull << 20)
#define PARAMETER "user_limit_mib"

/* This user may have 4 to 5 MiB more than there is. */
FIXTURE(limit)
{
	int device;
	long limit_before;
	__u64 others; /* bytes of a context without its arena */
	struct mk_ioctl_create arguments;
	struct counters counters;
};

static struct mk_ioctl_query query(int device)
{
	struct mk_ioctl_query answer = { .api_version = 0 };

	ioctl(device, MK_IOCTL_QUERY, &answer);
	return answer;
}

static __u64 bytes_left(int device)
{
	struct mk_ioctl_query now = query(device);

	return now.user_limit - now.user_bytes;
}

FIXTURE_SETUP(limit)
{
	struct mk_ioctl_query now;
	int context;

	NEEDS_ROOT();
	DEVICE_OPEN(self->device);
	now = query(self->device);
	context = context_create(self->device);
	self->arguments = context_arguments();
	self->others = query(self->device).user_bytes - now.user_bytes -
		       self->arguments.arena_bytes[0];
	close(context);
	self->counters = counters_now();
	self->limit_before = parameter_read(PARAMETER);
	ASSERT_TRUE(parameter_write(PARAMETER, now.user_bytes / MEBIBYTE + 5));
}

FIXTURE_TEARDOWN(limit)
{
	EXPECT_TRUE(parameter_write(PARAMETER, self->limit_before));
	close(self->device);
}

static int create(FIXTURE_DATA(limit) * self, __u64 arena_bytes)
{
	self->arguments.arena_bytes[0] = arena_bytes;
	return errno_of(ioctl(self->device, MK_IOCTL_CREATE, &self->arguments));
}

TEST_F(limit, more_is_refused)
{
	EXPECT_EQ(EDQUOT, create(self, 5 * MEBIBYTE));
	EXPECT_TRUE(counters_return_to(self->counters));
	EXPECT_EQ(EDQUOT, create(self, MK_MEMORY_MAX_BYTES));
	EXPECT_TRUE(counters_return_to(self->counters));
}

TEST_F(limit, all_of_it_can_be_had)
{
	EXPECT_EQ(EDQUOT, create(self, bytes_left(self->device) - self->others + 1));
	ASSERT_EQ(0, create(self, bytes_left(self->device) - self->others));
	EXPECT_EQ(0, bytes_left(self->device));
	close(self->arguments.fd);
	EXPECT_EQ(0, create(self, bytes_left(self->device) - self->others));
}

TEST_F(limit, contexts_count_together)
{
	ASSERT_EQ(0, create(self, 2 * MEBIBYTE));
	ASSERT_EQ(EDQUOT, create(self, 3 * MEBIBYTE));
	EXPECT_EQ(0, create(self, 1 * MEBIBYTE));
}

TEST_F(limit, what_is_mapped_counts)
{
	size_t bytes = 3 * MEBIBYTE;
	void *mapping;

	ASSERT_EQ(0, create(self, bytes));
	mapping = memory_map(self->arguments.fd, ARENA, MK_EXPORT_READ);
	ASSERT_NE(MAP_FAILED, mapping);
	close(self->arguments.fd);
	EXPECT_EQ(EDQUOT, create(self, bytes));
	ASSERT_EQ(0, munmap(mapping, bytes));
	EXPECT_EQ(0, create(self, bytes));
}

TEST_F(limit, what_is_exported_counts)
{
	size_t bytes = 3 * MEBIBYTE;
	int dma_buf;

	ASSERT_EQ(0, create(self, bytes));
	dma_buf = memory_export_pages(self->arguments.fd, ARENA, MK_EXPORT_READ, 0,
				      page_bytes());
	ASSERT_LE(0, dma_buf);
	close(self->arguments.fd);
	EXPECT_EQ(EDQUOT, create(self, bytes));
	close(dma_buf);
	EXPECT_EQ(0, create(self, bytes));
}

TEST_F(limit, exports_count_nothing_more)
{
	__u64 left;

	ASSERT_EQ(0, create(self, MEBIBYTE));
	left = bytes_left(self->device);
	for (int i = 0; i < 16; i++) {
		ASSERT_NE(MAP_FAILED,
			  memory_map(self->arguments.fd, ARENA, MK_EXPORT_WRITE));
	}
	EXPECT_EQ(left, bytes_left(self->device));
}

TEST_F(limit, external_memory_counts_nothing)
{
	self->arguments.external = 1u << ARENA;
	ASSERT_EQ(0, create(self, 16 * MEBIBYTE));
}

static int create_as_other_user(int socket, void *data)
{
	FIXTURE_DATA(limit) *self = data;

	(void)socket;
	return become_user(OTHER_USER) ? create(self, 3 * MEBIBYTE) : 127;
}

TEST_F(limit, users_count_for_themselves)
{
	ASSERT_EQ(0, create(self, 3 * MEBIBYTE));
	EXPECT_EQ(EDQUOT, create(self, 3 * MEBIBYTE));
	EXPECT_EQ(0, in_child(create_as_other_user, self));
}

TEST_F(limit, a_lower_one_takes_nothing_away)
{
	unsigned char *mapping;

	ASSERT_EQ(0, create(self, 3 * MEBIBYTE));
	ASSERT_TRUE(parameter_write(PARAMETER, 0));
	mapping = memory_map(self->arguments.fd, ARENA, MK_EXPORT_WRITE);
	ASSERT_NE(MAP_FAILED, mapping);
	memset(mapping, 1, 3 * MEBIBYTE);
	EXPECT_EQ(EDQUOT, create(self, 1));
}

/* Memory cgroups ---------------------------------------------------------- */

FIXTURE(cgroup)
{
	int device;
	char path[128];
	struct counters counters;
	long limit_before;
};

static FILE *open_in(const char *folder, const char *name, const char *mode)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return fopen(path, mode);
}

static bool write_in(const char *folder, const char *name, const char *text)
{
	FILE *file = open_in(folder, name, "we");
	bool is_written;

	if (!file)
		return false;
	is_written = fputs(text, file) >= 0;
	return !fclose(file) && is_written;
}

/* The number behind a key, or the only one of a file without keys. */
static long read_in(const char *folder, const char *name, const char *key)
{
	FILE *file = open_in(folder, name, "re");
	char line[64];
	long value = -1;

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			value = strtol(line + strlen(key), NULL, 10);
	fclose(file);
	return value;
}

static bool find_hierarchy(char *path, size_t bytes)
{
	FILE *mounts = setmntent("/proc/mounts", "re");
	struct mntent *mount;
	bool is_found = false;

	while (mounts && !is_found && (mount = getmntent(mounts)))
		if (!strcmp(mount->mnt_type, "cgroup2")) {
			snprintf(path, bytes, "%s", mount->mnt_dir);
			is_found = true;
		}
	if (mounts)
		endmntent(mounts);
	return is_found;
}

FIXTURE_SETUP(cgroup)
{
	char hierarchy[64], name[32];

	NEEDS_ROOT();
	DEVICE_OPEN(self->device);
	if (!find_hierarchy(hierarchy, sizeof(hierarchy))) {
		SKIP(return, "no cgroup2 is mounted");
	}
	write_in(hierarchy, "cgroup.subtree_control", "+memory");
	snprintf(name, sizeof(name), "mk-test-%d", getpid());
	snprintf(self->path, sizeof(self->path), "%s/%s", hierarchy, name);
	ASSERT_EQ(0, mkdir(self->path, 0755));
	if (read_in(self->path, "memory.current", "") < 0) {
		rmdir(self->path);
		SKIP(return, "cgroups do not count memory here");
	}
	self->counters = counters_now();
	self->limit_before = parameter_read(PARAMETER);
}

FIXTURE_TEARDOWN(cgroup)
{
	EXPECT_TRUE(parameter_write(PARAMETER, self->limit_before));
	EXPECT_EQ(0, rmdir(self->path));
	close(self->device);
}

/* What the calling process does in the cgroup, and says by its answer. */
static bool join(FIXTURE_DATA(cgroup) * self)
{
	return write_in(self->path, "cgroup.procs", "0");
}

static int create_inside(FIXTURE_DATA(cgroup) * self, __u64 arena_bytes)
{
	struct mk_ioctl_create arguments = context_arguments();

	arguments.arena_bytes[0] = arena_bytes;
	return context_create_with(self->device, &arguments);
}

/* The kernel gives and takes in portions for each processor. */
#define PORTIONS (2 * MEBIBYTE)

static int be_charged(int socket, void *data)
{
	FIXTURE_DATA(cgroup) *self = data;
	long before, with, after;
	int context;

	(void)socket;
	if (!join(self))
		return 1;
	before = read_in(self->path, "memory.current", "");
	context = create_inside(self, 16 * MEBIBYTE);
	with = read_in(self->path, "memory.current", "");
	close(context);
	after = read_in(self->path, "memory.current", "");
	if (with - before < (long)(16 * MEBIBYTE - PORTIONS) ||
	    with - before > (long)(16 * MEBIBYTE + PORTIONS))
		return 2;
	return with - after < (long)(16 * MEBIBYTE - PORTIONS) ? 3 : 0;
}

TEST_F(cgroup, memory_is_charged)
{
	EXPECT_EQ(0, in_child(be_charged, self));
}

static int create_too_much(int socket, void *data)
{
	FIXTURE_DATA(cgroup) *self = data;

	(void)socket;
	return join(self) ? errno_of(create_inside(self, 64 * MEBIBYTE)) : 127;
}

TEST_F(cgroup, more_than_it_may_have_is_an_error)
{
	ASSERT_TRUE(write_in(self->path, "memory.max", "16M"));
	EXPECT_EQ(ENOMEM, in_child(create_too_much, self));
	EXPECT_EQ(0, read_in(self->path, "memory.events", "oom_kill "));
	EXPECT_TRUE(counters_return_to(self->counters));
}

static int create_far_too_much(int socket, void *data)
{
	FIXTURE_DATA(cgroup) *self = data;

	(void)socket;
	return join(self) ? errno_of(create_inside(self, 4096 * MEBIBYTE)) : 127;
}

/* The list of the pages alone is more. */
TEST_F(cgroup, much_more_than_it_may_have_is_an_error)
{
	ASSERT_TRUE(parameter_write(PARAMETER, 8192));
	ASSERT_TRUE(write_in(self->path, "memory.max", "4M"));
	EXPECT_EQ(ENOMEM, in_child(create_far_too_much, self));
	EXPECT_EQ(0, read_in(self->path, "memory.events", "oom_kill "));
	EXPECT_TRUE(counters_return_to(self->counters));
}

TEST_HARNESS_MAIN
