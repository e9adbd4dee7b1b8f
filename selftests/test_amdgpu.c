// SPDX-License-Identifier: MIT
/* Every step of amdgpu's refuses once: that has its reason, and nothing stays behind. */
#define _GNU_SOURCE
#include "fake_amdgpu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>

#include <amdgpu_drm.h>

#include "amdgpu_memory.h"
#include "drm_node.h"
#include "error.h"

#define BYTES 65536u

static const struct mk_device_identity card = {
	.name = "AMD Radeon RX 6800 (RADV NAVI21)",
	.is_radv = true,
	.node = "/dev/null",
	.render = 0x103, /* makedev(1, 3) */
};

static void expect_nothing_left(int descriptors)
{
	assert_int_equal(fake_amdgpu.devices, 0);
	assert_int_equal(fake_amdgpu.buffers, 0);
	assert_int_equal(fake_amdgpu.versions, 0);
	assert_int_equal(fake_count_descriptors(), descriptors);
}

/* Refuses with @error, and says @text. */
static void expect_refusal(enum mk_amdgpu_heap heap, int error, const char *text)
{
	int descriptors = fake_count_descriptors();
	int ret = mk_amdgpu_allocate(&card, heap, BYTES);

	if (ret != error || !strstr(mk_error_text(), text))
		fail_msg("had %d, expected %d with \"%s\"; text: %s", ret, error, text,
			 mk_error_text());
	expect_nothing_left(descriptors);
}

static int reset(void **state)
{
	(void)state;
	fake_amdgpu_reset();
	return 0;
}

static void test_takes(void **state)
{
	static const struct {
		enum mk_amdgpu_heap heap;
		uint32_t domain;
		uint64_t flags;
	} heaps[] = {
		{ MK_AMDGPU_HEAP_GTT, AMDGPU_GEM_DOMAIN_GTT,
		  AMDGPU_GEM_CREATE_UNCACHED | AMDGPU_GEM_CREATE_COHERENT },
		{ MK_AMDGPU_HEAP_VRAM, AMDGPU_GEM_DOMAIN_VRAM,
		  AMDGPU_GEM_CREATE_UNCACHED | AMDGPU_GEM_CREATE_COHERENT |
			  AMDGPU_GEM_CREATE_VRAM_CLEARED |
			  AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED },
	};
	int descriptors = fake_count_descriptors();

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		int fd = mk_amdgpu_allocate(&card, heaps[i].heap, BYTES);
		struct stat status;

		assert_true(fd >= 0);
		assert_int_equal(fake_amdgpu.domain, heaps[i].domain);
		assert_int_equal(fake_amdgpu.flags, heaps[i].flags);
		/* All that is left is what it gave. */
		assert_int_equal(fstat(fd, &status), 0);
		assert_int_equal(status.st_size, BYTES);
		close(fd);
		expect_nothing_left(descriptors);
	}
}

static void test_calls_fail(void **state)
{
	static const struct {
		enum fake_call call;
		enum mk_amdgpu_heap heap;
		const char *text;
	} calls[] = {
		{ FAKE_INITIALIZE, MK_AMDGPU_HEAP_GTT, "amdgpu_device_initialize" },
		{ FAKE_QUERY_HEAP, MK_AMDGPU_HEAP_VRAM, "amdgpu_query_heap_info" },
		{ FAKE_QUERY_VISIBLE_HEAP, MK_AMDGPU_HEAP_VRAM,
		  "amdgpu_query_heap_info" },
		{ FAKE_ALLOC, MK_AMDGPU_HEAP_GTT, "amdgpu_bo_alloc" },
		{ FAKE_ALLOC, MK_AMDGPU_HEAP_VRAM, "amdgpu_bo_alloc" },
		{ FAKE_QUERY_INFO, MK_AMDGPU_HEAP_GTT, "amdgpu_bo_query_info" },
		{ FAKE_EXPORT, MK_AMDGPU_HEAP_GTT, "amdgpu_bo_export" },
		{ FAKE_EXPORT, MK_AMDGPU_HEAP_VRAM, "amdgpu_bo_export" },
	};
	static const int errors[] = { ENODEV, EACCES, ENOMEM };

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		fake_amdgpu.fails = calls[i].call;
		for (size_t j = 0; j < sizeof(errors) / sizeof(errors[0]); j++) {
			fake_amdgpu.error = -errors[j];
			expect_refusal(calls[i].heap, -errors[j], calls[i].text);
			assert_non_null(strstr(mk_error_text(), strerror(errors[j])));
		}
		/* What is no errno must not pass for a descriptor. */
		fake_amdgpu.error = 5;
		expect_refusal(calls[i].heap, -EIO, calls[i].text);
	}
}

static void test_node(void **state)
{
	struct mk_device_identity other = card;
	int descriptors = fake_count_descriptors();

	(void)state;
	fake_amdgpu.fails = FAKE_GET_VERSION;
	expect_refusal(MK_AMDGPU_HEAP_GTT, -ENODEV, "does not say which driver");
	fake_amdgpu.fails = FAKE_GET_NODE_TYPE;
	expect_refusal(MK_AMDGPU_HEAP_GTT, -ENODEV, "not a DRM node");
	fake_amdgpu.fails = FAKE_NONE;
	fake_amdgpu.driver = "i915";
	expect_refusal(MK_AMDGPU_HEAP_GTT, -ENODEV, "driven by i915");
	fake_amdgpu.driver = "amdgpu-of-another";
	expect_refusal(MK_AMDGPU_HEAP_GTT, -ENODEV, "driven by amdgpu-of-another");
	fake_amdgpu_reset();

	/* Another device has the path by now. */
	snprintf(other.node, sizeof(other.node), "/dev/zero");
	assert_int_equal(mk_amdgpu_allocate(&other, MK_AMDGPU_HEAP_GTT, BYTES), -ENODEV);
	snprintf(other.node, sizeof(other.node), "/dev/dri/there-is-none");
	assert_int_equal(mk_amdgpu_allocate(&other, MK_AMDGPU_HEAP_GTT, BYTES), -ENOENT);
	assert_non_null(strstr(mk_error_text(), "/dev/dri/there-is-none"));
	other.node[0] = '\0';
	assert_int_equal(mk_amdgpu_allocate(&other, MK_AMDGPU_HEAP_GTT, BYTES), -ENODEV);
	assert_non_null(strstr(mk_error_text(), "no DRM node"));
	expect_nothing_left(descriptors);
}

static void test_flags_refused(void **state)
{
	(void)state;
	fake_amdgpu.refuses_flags = true;
	expect_refusal(MK_AMDGPU_HEAP_GTT, -ENOTSUP, "this kernel gives");
	expect_refusal(MK_AMDGPU_HEAP_VRAM, -ENOTSUP, "this kernel gives");
	fake_amdgpu_reset();
	fake_amdgpu.gives_other_domain = true;
	expect_refusal(MK_AMDGPU_HEAP_VRAM, -ENOMEM, "gave memory of domain 0x6");
}

static void test_small_bar(void **state)
{
	(void)state;
	fake_amdgpu.visible_vram.heap_size = UINT64_C(256) << 20;
	fake_amdgpu.visible_vram.heap_usage = 0;
	fake_amdgpu.visible_vram.max_allocation = UINT64_C(256) << 20;
	close(mk_amdgpu_allocate(&card, MK_AMDGPU_HEAP_VRAM, BYTES));
	expect_nothing_left(fake_count_descriptors());
	fake_amdgpu.visible_vram.heap_usage = (UINT64_C(256) << 20) - BYTES;
	expect_refusal(MK_AMDGPU_HEAP_VRAM, -ENOSPC, "Resizable BAR");
	fake_amdgpu.visible_vram.heap_usage = 0;
	fake_amdgpu.visible_vram.max_allocation = BYTES / 2;
	expect_refusal(MK_AMDGPU_HEAP_VRAM, -ENOSPC, "Resizable BAR");
}

/* What cannot be is not believed, and not computed with either. */
static void test_heaps_lie(void **state)
{
	static const struct amdgpu_heap_info lies[] = {
		{ 0, 0, 0 }, /* size, usage, largest */
		{ 0, BYTES, UINT64_MAX },
		{ UINT64_C(8) << 30, UINT64_C(9) << 30, UINT64_C(8) << 30 },
		{ UINT64_C(8) << 30, UINT64_MAX, UINT64_C(8) << 30 },
		{ UINT64_C(8) << 30, 0, UINT64_C(9) << 30 },
		{ UINT64_MAX, 0, UINT64_MAX }, /* more than there is in all */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		fake_amdgpu_reset();
		fake_amdgpu.visible_vram = lies[i];
		expect_refusal(MK_AMDGPU_HEAP_VRAM, -ENOTSUP, "which cannot be");
		/* That all there is be huge can be believed. */
		if (i + 1 == sizeof(lies) / sizeof(lies[0]))
			break;
		fake_amdgpu_reset();
		fake_amdgpu.vram = lies[i];
		expect_refusal(MK_AMDGPU_HEAP_VRAM, -ENOTSUP, "which cannot be");
	}
}

static void test_completes_identity(void **state)
{
	struct mk_device_identity identity = { .render = makedev(1, 3) };

	(void)state;
	mk_drm_complete(&identity);
	assert_string_equal(identity.node, "/dev/null");
	assert_true(identity.has_pci);
	assert_int_equal(identity.pci.bus, 3);
	identity = (struct mk_device_identity){ .primary = makedev(226, 77) };
	mk_drm_complete(&identity);
	assert_string_equal(identity.node, "");
	assert_false(identity.has_pci);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_takes, reset),
		cmocka_unit_test_setup(test_calls_fail, reset),
		cmocka_unit_test_setup(test_node, reset),
		cmocka_unit_test_setup(test_flags_refused, reset),
		cmocka_unit_test_setup(test_small_bar, reset),
		cmocka_unit_test_setup(test_heaps_lie, reset),
		cmocka_unit_test_setup(test_completes_identity, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
