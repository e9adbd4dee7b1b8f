// SPDX-License-Identifier: MIT
/*
 * A producer for test_mkinspect.sh: does one of everything in a context that a server hands
 * out, says so, and keeps what it has until its standard input ends.
 *
 *   inspect_producer SERVER TENANT
 *
 * Tenant 0 is authorised, and what it publishes ends; another's stays where it is.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mk/mk.h>

#define TIMEOUT_NS UINT64_C(20000000000)

static void must_at(int64_t ret, int64_t expected, const char *what)
{
	if (ret == expected)
		return;
	fprintf(stderr,
		"inspect_producer: %s: had %" PRId64 ", expected %" PRId64 ": %s\n", what,
		ret, expected, mk_error_text());
	exit(EXIT_FAILURE);
}

#define MUST(expected, call) must_at((call), (expected), #call)

static int run(struct mk_producer *producer, uint32_t opcode, uint32_t count,
	       const uint32_t *args)
{
	const struct mk_item item = { .opcode = opcode,
				      .arg_count = count,
				      .args = args };
	struct mk_ticket ticket;
	int ret = mk_producer_publish(producer, &item, TIMEOUT_NS, &ticket);

	return ret ? ret : mk_producer_wait(producer, &ticket, TIMEOUT_NS);
}

static void do_one_of_everything(struct mk_producer *producer)
{
	const uint32_t add[] = { 5, MK_CONTROL_OBSERVABLES + 1 };
	const uint32_t text[] = { 0x10, 42 };
	const uint32_t far[] = { 1, 0xffffff };
	const struct mk_item inner[] = {
		{ .opcode = MK_OP_NOP },
		{ .opcode = MK_OP_ATOMIC_ADD, .arg_count = 2, .args = add },
	};
	struct mk_ticket ticket;

	for (int i = 0; i < 20; i++)
		MUST(0, run(producer, MK_OP_ATOMIC_ADD, 2, add));
	MUST(0, run(producer, MK_OP_PRINTF, 2, text));
	MUST(MK_FAULT_RANGE, run(producer, MK_OP_STORE_U32, 2, far));
	MUST(0, mk_producer_publish_packed(producer, inner, 2, TIMEOUT_NS, &ticket));
	MUST(0, mk_producer_wait(producer, &ticket, TIMEOUT_NS));
	/* One that is not waited for, so that the window stays leased. */
	MUST(0, mk_producer_publish(producer, &inner[0], TIMEOUT_NS, &ticket));
}

static void leave_some(struct mk_producer *producer)
{
	const uint32_t args[] = { 7, MK_CONTROL_OBSERVABLES + 2 };
	const struct mk_item item = { .opcode = MK_OP_STORE_U32,
				      .arg_count = 2,
				      .args = args };

	for (int i = 0; i < 3; i++)
		MUST(0, mk_producer_publish(producer, &item, TIMEOUT_NS, NULL));
}

int main(int argc, char **argv)
{
	struct mk_producer_options options = { .size = sizeof(options) };
	struct mk_producer_identity identity;
	struct mk_producer *producer;
	struct mk_context *context;
	char byte;

	if (argc != 3) {
		fprintf(stderr, "usage: inspect_producer SERVER TENANT\n");
		return 2;
	}
	options.tenant = (uint32_t)strtoul(argv[2], NULL, 10);
	MUST(0, mk_context_connect(argv[1], MK_ROLE_PRODUCER, &context));
	MUST(0, mk_producer_open(context, &options, &producer));
	if (options.tenant)
		leave_some(producer);
	else
		do_one_of_everything(producer);
	mk_producer_identity(producer, &identity);
	printf("ready %u\n", identity.id);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	mk_producer_close(producer);
	mk_context_close(context);
	return 0;
}
