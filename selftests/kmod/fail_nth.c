// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation, and every copy from and to user space, fails once: the first of a
 * call, then the second, until the call meets none that fails.  Each time it must say
 * so or do without, and leave nothing behind.  For kernels with fault injection.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "common.h"
#include "exporters.h"
#include "harness.h"

#define ARENA	 MK_MEMORY_ARENA(0)
#define EXTERNAL MK_MEMORY_ARENA(1)
#define FAR	 (1ull << 32)
#define FAIL_NTH "/proc/thread-self/fail-nth"
#define DEBUGFS	 "/sys/kernel/debug"
/* No call has that many. */
#define TOO_MANY 20000

static const struct setting {
	const char *path;
	const char *value;
} settings[] = {
	/* Also where memory could be had by waiting, which is nearly everywhere. */
	{ DEBUGFS "/failslab/ignore-gfp-wait", "N" },
	{ DEBUGFS "/fail_page_alloc/ignore-gfp-wait", "N" },
	{ DEBUGFS "/fail_page_alloc/ignore-gfp-highmem", "N" },
	{ DEBUGFS "/fail_page_alloc/min-order", "0" },
	/* A trace for each would be all that is in the log. */
	{ DEBUGFS "/failslab/verbose", "0" },
	{ DEBUGFS "/fail_page_alloc/verbose", "0" },
	{ DEBUGFS "/fail_usercopy/verbose", "0" },
};

FIXTURE(fail_nth)
{
	int device;
	int owner;
	__u64 id;
	int dma_buf;
	int foreign; /* or -1 */
	int vgem;    /* or -1 */
	char *far_away;
	int control; /* FAIL_NTH */
	char before[ARRAY_SIZE(settings)][16];
};

FIXTURE_VARIANT(fail_nth)
{
	/* Makes the call and takes back what it did: 0 or an errno. */
	int (*call)(FIXTURE_DATA(fail_nth) * self);
	bool only_copies; /* and allocates nothing */
	bool needs_foreign;
	bool needs_vgem;
};

/* Calls ------------------------------------------------------------------- */

/* To close what it made is part of a call. */
static int closed(int file)
{
	int error = errno_of(file);

	if (file >= 0)
		close(file);
	return error;
}

static int call_query(FIXTURE_DATA(fail_nth) * self)
{
	struct mk_ioctl_query query = { .api_version = 0 };

	return errno_of(ioctl(self->device, MK_IOCTL_QUERY, &query));
}

static int call_create(FIXTURE_DATA(fail_nth) * self)
{
	return closed(context_create(self->device));
}

static int call_open(FIXTURE_DATA(fail_nth) * self)
{
	return closed(context_open(self->device, self->id, MK_ROLE_ENGINE));
}

static int call_attach(FIXTURE_DATA(fail_nth) * self)
{
	return closed(context_attach(self->owner, MK_ROLE_ENGINE));
}

static int call_list(FIXTURE_DATA(fail_nth) * self)
{
	struct mk_attachment entries[4];
	struct mk_ioctl_list list = {
		.attachments = (uintptr_t)entries,
		.count = ARRAY_SIZE(entries),
		.stride = sizeof(entries[0]),
	};

	return errno_of(ioctl(self->device, MK_IOCTL_LIST, &list));
}

static int call_info(FIXTURE_DATA(fail_nth) * self)
{
	struct mk_ioctl_info info = { .id = 0 };

	return errno_of(ioctl(self->owner, MK_IOCTL_INFO, &info));
}

static int call_export(FIXTURE_DATA(fail_nth) * self)
{
	return closed(memory_export(self->owner, ARENA, MK_EXPORT_WRITE));
}

static int call_export_to_read(FIXTURE_DATA(fail_nth) * self)
{
	return closed(memory_export(self->owner, ARENA, MK_EXPORT_READ));
}

/*
 * Each import needs a context that has none yet.  Not of control: an exporter maps that,
 * and the kernel gives a warning when it fails to.
 */
static int call_import(FIXTURE_DATA(fail_nth) * self)
{
	struct mk_ioctl_create arguments = context_arguments();
	struct mk_ioctl_import import = { .memory = ARENA, .fd = self->foreign };
	int owner, error;

	arguments.external = 1u << ARENA;
	owner = context_create_with(self->device, &arguments);
	if (owner < 0)
		return errno;
	error = errno_of(ioctl(owner, MK_IOCTL_IMPORT, &import));
	close(owner);
	return error;
}

static int call_export_of_import(FIXTURE_DATA(fail_nth) * self)
{
	return closed(memory_export(self->owner, EXTERNAL, MK_EXPORT_READ));
}

static int call_wait(FIXTURE_DATA(fail_nth) * self)
{
	struct mk_ioctl_wait wait = { .mask = ~0u, .timeout = NEVER };

	return errno_of(ioctl(self->owner, MK_IOCTL_WAIT, &wait));
}

static int call_arm(FIXTURE_DATA(fail_nth) * self)
{
	struct mk_ioctl_wait arm = { .mask = ~0u, .value = 1, .timeout = NEVER };

	return errno_of(ioctl(self->owner, MK_IOCTL_ARM, &arm));
}

/* That may fail as well, once. */
static void unmap(void *mapping, size_t bytes)
{
	while (munmap(mapping, bytes))
		;
}

static int call_mmap(FIXTURE_DATA(fail_nth) * self)
{
	size_t bytes = TEST_ARENA_PAGES * page_bytes();
	void *mapping = mmap(NULL, bytes, PROT_READ, MAP_SHARED, self->dma_buf, 0);
	int error = errno_of((long)mapping);

	if (!error)
		unmap(mapping, bytes);
	return error;
}

/*
 * Far from all else that is mapped, so that page tables have to be made each time; and
 * touched by the kernel, which gets an error where a program would get a signal.
 */
static int call_touch(FIXTURE_DATA(fail_nth) * self)
{
	size_t bytes = TEST_ARENA_PAGES * page_bytes();
	void *mapping = mmap(self->far_away, bytes, PROT_READ,
			     MAP_SHARED | MAP_FIXED_NOREPLACE, self->dma_buf, 0);
	int error = errno_of((long)mapping);

	if (error)
		return error;
	error = errno_of(madvise(mapping, bytes, MADV_POPULATE_READ));
	unmap(mapping, bytes);
	return error;
}

static int call_vgem(FIXTURE_DATA(fail_nth) * self)
{
	return vgem_import_by(self->vgem, self->dma_buf);
}

#define CALL(name, copies)                                 \
	FIXTURE_VARIANT_ADD(fail_nth, name)                \
	{                                                  \
		.call = call_##name, .only_copies = copies \
	}

CALL(query, true);
CALL(create, false);
CALL(open, false);
CALL(attach, false);
CALL(list, true);
CALL(info, true);
CALL(export, false);
CALL(export_to_read, false);
CALL(wait, true);
CALL(arm, true);
CALL(mmap, false);
CALL(touch, false);

FIXTURE_VARIANT_ADD(fail_nth, import){
	.call = call_import,
	.needs_foreign = true,
};

FIXTURE_VARIANT_ADD(fail_nth, export_of_import){
	.call = call_export_of_import,
	.needs_foreign = true,
};

FIXTURE_VARIANT_ADD(fail_nth, device){
	.call = call_vgem,
	.needs_vgem = true,
};

/* Injection --------------------------------------------------------------- */

static bool read_setting(const char *path, char *value, size_t bytes)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t count = file < 0 ? -1 : read(file, value, bytes - 1);

	close(file);
	if (count < 0)
		return false;
	value[count] = '\0';
	return true;
}

static void write_setting(const char *path, const char *value)
{
	int file = open(path, O_WRONLY | O_CLOEXEC);

	if (file >= 0 && write(file, value, strlen(value)) < 0)
		printf("# cannot set %s\n", path);
	close(file);
}

static bool fail(FIXTURE_DATA(fail_nth) * self, unsigned int number)
{
	char text[16];
	int count = snprintf(text, sizeof(text), "%u", number);

	return pwrite(self->control, text, count, 0) == count;
}

/*
 * Ends the injection, and tells whether there was one.  To read the file is to copy to
 * user space, which may be what fails: then there was none before.
 */
static bool has_failed(FIXTURE_DATA(fail_nth) * self)
{
	char text[16] = "";
	bool has = pread(self->control, text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;

	fail(self, 0);
	return has;
}

FIXTURE_SETUP(fail_nth)
{
	struct mk_ioctl_create arguments = context_arguments();
	struct mk_ioctl_import import = { .memory = EXTERNAL };

	NEEDS_ROOT();
	DEVICE_OPEN(self->device);
	self->control = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (self->control < 0) {
		SKIP(return, "this kernel does not inject failures (%s)", FAIL_NTH);
	}
	if (variant->only_copies && access(DEBUGFS "/fail_usercopy", F_OK)) {
		SKIP(return, "this kernel does not let copies fail");
	}
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		if (read_setting(settings[i].path, self->before[i],
				 sizeof(self->before[i]))) {
			write_setting(settings[i].path, settings[i].value);
		}
	}
	self->foreign = vgem.export(arguments.arena_bytes[0], true);
	if (self->foreign < 0) {
		self->foreign = udmabuf.export(arguments.arena_bytes[0], true);
	}
	if (self->foreign < 0 && variant->needs_foreign) {
		SKIP(return, "nobody else exports DMA-bufs here");
	}
	if (self->foreign >= 0) {
		arguments.arena_bytes[1] = arguments.arena_bytes[0];
		arguments.external = 1u << EXTERNAL;
	}
	self->owner = context_create_with(self->device, &arguments);
	ASSERT_LE(0, self->owner);
	self->id = context_id(self->owner);
	import.fd = self->foreign;
	ASSERT_TRUE(self->foreign < 0 || !ioctl(self->owner, MK_IOCTL_IMPORT, &import));
	self->dma_buf = memory_export(self->owner, ARENA, MK_EXPORT_WRITE);
	ASSERT_LE(0, self->dma_buf);
	self->far_away = mmap(NULL, FAR, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, self->far_away);
	munmap(self->far_away, FAR);
	self->far_away += FAR / 2;
	self->vgem = vgem_open();
	if (self->vgem < 0 && variant->needs_vgem) {
		SKIP(return, "vgem is not here");
	}
}

FIXTURE_TEARDOWN(fail_nth)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		if (self->before[i][0]) {
			write_setting(settings[i].path, self->before[i]);
		}
	}
	close(self->owner);
	close(self->device);
}

/* What a call may say when memory or a copy fails. */
static bool is_honest(int error)
{
	return !error || error == ENOMEM || error == EFAULT;
}

TEST_F_TIMEOUT(fail_nth, fails_cleanly, 300)
{
	struct counters before = counters_now();
	int descriptor = lowest_descriptor();
	unsigned int failures = 0, errors = 0;

	for (unsigned int number = 1; number < TOO_MANY; number++) {
		bool has;
		int error;

		ASSERT_TRUE(fail(self, number));
		error = variant->call(self);
		has = has_failed(self);
		EXPECT_TRUE(is_honest(error))
		{
			TH_LOG("failure %u gives errno %d", number, error);
		}
		ASSERT_EQ(descriptor, lowest_descriptor())
		{
			TH_LOG("failure %u", number);
		}
		ASSERT_TRUE(counters_return_to(before))
		{
			TH_LOG("failure %u", number);
		}
		if (!has) {
			ASSERT_EQ(0, error);
			break;
		}
		failures++;
		errors += error != 0;
	}
	TH_LOG("%u failures, %u errors", failures, errors);
	EXPECT_LT(0, failures);
	EXPECT_LT(0, errors);
	EXPECT_GT(TOO_MANY - 1, failures);
}

TEST_HARNESS_MAIN
