// SPDX-License-Identifier: MIT
/* What amdgpu's lockup_timeout says, in all the ways in which it can be set. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lockup.h"

#define MS UINT64_C(1000000)

static const struct {
	const char *text;
	int result;
	struct mk_lockup lockup;
} cases[] = {
	/* The driver's own choice, which differs by the version. */
	{ "", 0, { 2000, 60000 } },
	{ "\n", 0, { 2000, 60000 } },
	{ "0", 0, { 2000, 60000 } },
	/* One number: of compute jobs too, or not. */
	{ "500", 0, { 500, 60000 } },
	{ "10000\n", 0, { 2000, 60000 } },
	{ "90000", 0, { 2000, 90000 } },
	{ "-1", 0, { 2000, 0 } },
	/* A list: GFX, compute, SDMA, video. */
	{ "10000,60000,10000,10000\n", 0, { 60000, 60000 } },
	{ "10000,1000", 0, { 1000, 1000 } },
	{ "10000, 1000 ,5", 0, { 1000, 1000 } },
	{ "10000,0,10000,10000", 0, { 2000, 60000 } },
	{ "0,-1,0,0", 0, { 0, 0 } },
	{ "1,0x3e8", 0, { 1000, 1000 } },
	{ "1,9223372036854775807", 0, { 0, 0 } },
	/* What the driver would refuse. */
	{ "many", -EINVAL, { 2000, 60000 } },
	{ "10000,some", -EINVAL, { 2000, 60000 } },
	{ "10000;500", -EINVAL, { 2000, 60000 } },
	{ ",500", -EINVAL, { 2000, 60000 } },
	{ "99999999999999999999", -EINVAL, { 2000, 60000 } },
	{ "1000,99999999999999999999", -EINVAL, { 2000, 60000 } },
};

static void test_parameter(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mk_lockup lockup = { 1, 1 };
		int ret = mk_lockup_parse(cases[i].text, &lockup);

		if (ret != cases[i].result ||
		    lockup.least_ms != cases[i].lockup.least_ms ||
		    lockup.most_ms != cases[i].lockup.most_ms)
			fail_msg("\"%s\": had %d, %u to %u ms; expected %d, %u to %u ms",
				 cases[i].text, ret, lockup.least_ms, lockup.most_ms,
				 cases[i].result, cases[i].lockup.least_ms,
				 cases[i].lockup.most_ms);
	}
}

static void test_target(void **state)
{
	(void)state;
	/* Nothing known, for ever, the default: the wish. */
	assert_int_equal(mk_lockup_target_ns(&(struct mk_lockup){ 0, 0 }, 50 * MS),
			 50 * MS);
	assert_int_equal(mk_lockup_target_ns(&(struct mk_lockup){ 2000, 0 }, 50 * MS),
			 50 * MS);
	/* Well below what is short. */
	assert_int_equal(mk_lockup_target_ns(&(struct mk_lockup){ 160, 160 }, 50 * MS),
			 10 * MS);
}

static void test_timeout(void **state)
{
	(void)state;
	assert_int_equal(mk_lockup_timeout_ns(&(struct mk_lockup){ 0, 0 }, 10000 * MS),
			 10000 * MS);
	assert_int_equal(mk_lockup_timeout_ns(&(struct mk_lockup){ 2000, 2000 },
					      10000 * MS),
			 10000 * MS);
	/* The driver's reset ends the wait, and not the other way round. */
	assert_int_equal(mk_lockup_timeout_ns(&(struct mk_lockup){ 2000, 60000 },
					      10000 * MS),
			 65000 * MS);
	assert_int_equal(mk_lockup_timeout_ns(&(struct mk_lockup){ 0, 3600000 },
					      10000 * MS),
			 120000 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parameter),
		cmocka_unit_test(test_target),
		cmocka_unit_test(test_timeout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
