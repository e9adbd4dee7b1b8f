// SPDX-License-Identifier: MIT
/* Which of several devices is taken, on descriptions of devices that nobody has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cmocka.h>
#include <errno.h>

#include "device_choice.h"
#include "error.h"

enum { NVIDIA, CPU, LAVAPIPE_TOO, APU, CARD, CARD_OF_ANOTHER_DRIVER, XT, VIRTUAL, OLD };

/* As a loader might have them: in no order. */
static const struct mk_device_identity machine[] = {
	[NVIDIA] = { .name = "NVIDIA H200",
		     .driver = "NVIDIA 580.1",
		     .type = MK_DEVICE_DISCRETE,
		     .has_pci = true,
		     .pci = { 0, 0x19, 0, 0 },
		     .uuid = { 1 } },
	[CPU] = { .name = "llvmpipe (LLVM 15)",
		  .driver = "llvmpipe",
		  .type = MK_DEVICE_CPU,
		  .uuid = { 2 } },
	[LAVAPIPE_TOO] = { .name = "llvmpipe (LLVM 19)",
			   .driver = "llvmpipe",
			   .type = MK_DEVICE_CPU,
			   .uuid = { 3 } },
	[APU] = { .name = "AMD Radeon 780M (RADV PHOENIX)",
		  .driver = "radv",
		  .type = MK_DEVICE_INTEGRATED,
		  .is_radv = true,
		  .has_pci = true,
		  .pci = { 0, 0xc5, 0, 0 },
		  .uuid = { 4 } },
	[CARD] = { .name = "AMD Radeon RX 6800 (RADV NAVI21)",
		   .driver = "radv",
		   .type = MK_DEVICE_DISCRETE,
		   .is_radv = true,
		   .has_pci = true,
		   .pci = { 0, 3, 0, 0 },
		   .primary = 0xe200,
		   .render = 0xe280,
		   .node = "/dev/dri/renderD128",
		   .uuid = { 5 } },
	[CARD_OF_ANOTHER_DRIVER] = { .name = "AMD Radeon RX 6800",
				     .driver = "AMDVLK",
				     .type = MK_DEVICE_DISCRETE,
				     .has_pci = true,
				     .pci = { 0, 3, 0, 0 },
				     .uuid = { 6 } },
	[XT] = { .name = "AMD Radeon RX 6800 XT (RADV NAVI21)",
		 .driver = "radv",
		 .type = MK_DEVICE_DISCRETE,
		 .is_radv = true,
		 .has_pci = true,
		 .pci = { 0x10000, 0x0b, 0x1f, 7 },
		 .primary = 0xe201,
		 .render = 0xe281,
		 .node = "/dev/dri/renderD129",
		 .uuid = { 7 } },
	[VIRTUAL] = { .name = "Virtio-GPU Venus",
		      .driver = "venus",
		      .type = MK_DEVICE_VIRTUAL,
		      .uuid = { 8 } },
	[OLD] = { .name = "AMD Radeon HD 7970 (RADV TAHITI)",
		  .driver = "radv",
		  .type = MK_DEVICE_DISCRETE,
		  .is_radv = true,
		  .has_pci = true,
		  .pci = { 0, 4, 0, 0 },
		  .uuid = { 9 },
		  .lack = "a compute queue" },
};

#define DEVICES (sizeof(machine) / sizeof(machine[0]))

static const struct mk_device_identity *devices[DEVICES];

static int choose(const char *text, bool takes_several, uint32_t rank)
{
	struct mk_device_wish wish;
	uint32_t index;
	int ret;

	for (uint32_t i = 0; i < DEVICES; i++)
		devices[i] = &machine[i];
	mk_device_wish_read(text, &wish);
	wish.takes_several = takes_several;
	ret = mk_devices_choose(devices, DEVICES, &wish, rank, &index);
	return ret ? ret : (int)index;
}

static void test_order(void **state)
{
	static const int expected[] = { CARD, XT,      NVIDIA, CARD_OF_ANOTHER_DRIVER,
					APU,  VIRTUAL, CPU,    LAVAPIPE_TOO };

	(void)state;
	for (uint32_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_int_equal(choose(NULL, false, i), expected[i]);
	assert_int_equal(choose(NULL, false, DEVICES - 1), -ENODEV);
}

static void test_forms(void **state)
{
	static const struct {
		const char *text;
		enum mk_wish_form form;
	} forms[] = {
		{ NULL, MK_WISH_ANY },
		{ "", MK_WISH_ANY },
		{ "0000:03:00.0", MK_WISH_PCI },
		{ "03:00.0", MK_WISH_PCI },
		{ "10000:0B:1f.7", MK_WISH_PCI },
		{ "03:00", MK_WISH_NODE },
		{ "03:00.0 ", MK_WISH_NAME },
		{ " 03:00.0", MK_WISH_NAME },
		{ "-3:00.0", MK_WISH_NAME },
		{ "0000:03:00.0.1", MK_WISH_NAME },
		{ "/dev/dri/renderD128", MK_WISH_NODE },
		{ "226:128", MK_WISH_NODE },
		{ "226:", MK_WISH_NAME },
		{ "226:128:1", MK_WISH_NAME },
		{ "00000000-0300-0000-0000-000000000000", MK_WISH_UUID },
		{ "000000000300000000000000000000aF", MK_WISH_UUID },
		{ "000000000300000000000000000000a", MK_WISH_NAME },
		{ "000000000300000000000000000000afa", MK_WISH_NAME },
		{ "000000000300000000000000000000a\x10", MK_WISH_NAME },
		{ "RADV", MK_WISH_NAME },
		{ "6800", MK_WISH_NAME },
	};
	struct mk_device_wish wish;

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		mk_device_wish_read(forms[i].text, &wish);
		if (wish.form != forms[i].form)
			fail_msg("\"%s\": form %d, expected %d", forms[i].text, wish.form,
				 forms[i].form);
	}
	mk_device_wish_read("10000:0B:1f.7", &wish);
	assert_int_equal(wish.pci.domain, 0x10000);
	assert_int_equal(wish.pci.bus, 0x0b);
	assert_int_equal(wish.pci.device, 0x1f);
	assert_int_equal(wish.pci.function, 7);
	mk_device_wish_read("01:02.3", &wish);
	assert_int_equal(wish.pci.domain, 0);
	assert_int_equal(wish.pci.bus, 1);
	assert_int_equal(wish.pci.device, 2);
	assert_int_equal(wish.pci.function, 3);
	mk_device_wish_read("226:129", &wish);
	assert_true(wish.node == makedev(226, 129));
}

static void test_paths(void **state)
{
	struct mk_device_wish wish;
	struct stat status;

	(void)state;
	assert_int_equal(stat("/dev/null", &status), 0);
	mk_device_wish_read("/dev/null", &wish);
	assert_true(wish.node == status.st_rdev);
	mk_device_wish_read("/dev/dri/there-is-no-such-node", &wish);
	assert_true(!wish.node && wish.node_error == ENOENT);
	mk_device_wish_read("/dev/", &wish);
	assert_true(!wish.node && wish.node_error == ENOTTY);
	/* What is no node of any device's is none of theirs, whose nodes are not known. */
	assert_int_equal(choose("/dev/dri/there-is-no-such-node", false, 0), -ENODEV);
	assert_non_null(strstr(mk_error_text(), "No such file or directory"));
	assert_int_equal(choose("/dev/null", false, 0), -ENODEV);
}

static void test_wishes(void **state)
{
	static const struct {
		const char *text;
		int expected;
	} wishes[] = {
		{ "NVIDIA", NVIDIA },
		{ "780M", APU },
		{ "0000:03:00.0", CARD }, /* of two drivers RADV */
		{ "03:00.0", CARD },
		{ "10000:0b:1f.7", XT },
		{ "0b:1f.7", -ENODEV }, /* in another domain */
		{ "226:128", CARD },
		{ "226:1", XT }, /* its primary node */
		{ "226:7", -ENODEV },
		{ "01000000-0000-0000-0000-000000000000", NVIDIA },
		{ "06000000000000000000000000000000", CARD_OF_ANOTHER_DRIVER },
		{ "AMD Radeon RX 6800", CARD_OF_ANOTHER_DRIVER }, /* all of its name */
		{ "Radeon RX 6800", -EINVAL },
		{ "llvmpipe", -EINVAL },
		{ "TAHITI", -ENODEV }, /* does not fit */
		{ "GeForce", -ENODEV },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++)
		if (choose(wishes[i].text, false, 0) != wishes[i].expected)
			fail_msg("\"%s\": had %d, expected %d; %s", wishes[i].text,
				 choose(wishes[i].text, false, 0), wishes[i].expected,
				 mk_error_text());
}

/* Who tries all of them may mean several. */
static void test_several(void **state)
{
	(void)state;
	assert_int_equal(choose("llvmpipe", true, 0), CPU);
	assert_int_equal(choose("llvmpipe", true, 1), LAVAPIPE_TOO);
	assert_int_equal(choose("llvmpipe", true, 2), -ENODEV);
}

static void test_environment(void **state)
{
	struct mk_device_wish wish;

	(void)state;
	assert_int_equal(setenv("MK_DEVICE", "03:00.0", 1), 0);
	mk_device_wish_or_environment(NULL, &wish);
	assert_int_equal(wish.form, MK_WISH_PCI);
	mk_device_wish_or_environment("llvmpipe", &wish);
	assert_int_equal(wish.form, MK_WISH_NAME);
	assert_int_equal(setenv("MK_DEVICE", "", 1), 0);
	mk_device_wish_or_environment(NULL, &wish);
	assert_int_equal(wish.form, MK_WISH_ANY);
	assert_int_equal(unsetenv("MK_DEVICE"), 0);
}

/* Every device has a line, with all that it can be asked for by, and what it lacks. */
static void expect_list(void)
{
	const char *text = mk_error_text();
	char pci[MK_PCI_TEXT], uuid[MK_UUID_TEXT];

	for (uint32_t i = 0; i < DEVICES; i++) {
		mk_device_print_pci(&machine[i], pci);
		mk_uuid_print(machine[i].uuid, uuid);
		assert_non_null(strstr(text, machine[i].name));
		assert_non_null(strstr(text, pci));
		assert_non_null(strstr(text, uuid));
		assert_non_null(strstr(text, machine[i].node));
		assert_non_null(strstr(text, machine[i].lack));
	}
	assert_non_null(strstr(text, "10000:0b:1f.7"));
}

static void test_lists(void **state)
{
	(void)state;
	assert_int_equal(choose("GeForce", false, 0), -ENODEV);
	expect_list();
	assert_int_equal(choose("llvmpipe", false, 0), -EINVAL);
	expect_list();
	assert_int_equal(choose(NULL, false, 100), -ENODEV);
	expect_list();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),	    cmocka_unit_test(test_forms),
		cmocka_unit_test(test_paths),	    cmocka_unit_test(test_wishes),
		cmocka_unit_test(test_several),	    cmocka_unit_test(test_lists),
		cmocka_unit_test(test_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
