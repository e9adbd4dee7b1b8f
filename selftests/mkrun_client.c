// SPDX-License-Identifier: MIT
/*
 * Somebody who uses what mkrun keeps.
 *
 *   mkrun_client NAME add TENANT COUNT    add 1 to observable 0 as often
 *   mkrun_client NAME stay TENANT         publish, and see that it does not end
 *   mkrun_client NAME hold                be a producer until the input ends; tells when
 *   mkrun_client NAME observe             print observable 0
 *   mkrun_client NAME run OPCODE          publish an operation without arguments
 *   mkrun_client NAME read FROM TO BYTES  by handles, and print what came to the arena
 *   mkrun_client ID open                  print observable 0 of a context of mk.ko's
 *   mkrun_client FILE snapshot            print observable 0 of a snapshot
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mk/mk.h>

#define TIMEOUT_NS UINT64_C(20000000000)
/* What must not happen is not waited for that long. */
#define SHORT_NS UINT64_C(300000000)

static int fail(const char *what, int error)
{
	fprintf(stderr, "mkrun_client: %s: %d, %s\n", what, error, mk_error_text());
	return EXIT_FAILURE;
}

static uint32_t number(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 0);
}

static int run_item(struct mk_producer *producer, const struct mk_item *item,
		    uint64_t timeout_ns)
{
	struct mk_ticket ticket;
	int ret = mk_producer_publish(producer, item, TIMEOUT_NS, &ticket);

	return ret ? ret : mk_producer_wait(producer, &ticket, timeout_ns);
}

static int add(struct mk_context *context, uint32_t tenant, uint32_t count,
	       uint64_t timeout_ns, int expected)
{
	const struct mk_producer_options options = { sizeof(options), tenant, 0 };
	uint32_t args[] = { 1, MK_CONTROL_OBSERVABLES };
	const struct mk_item item = { MK_OP_ATOMIC_ADD, 2, args };
	struct mk_producer *producer;
	int ret = mk_producer_open(context, &options, &producer);

	if (ret)
		return fail("become a producer", ret);
	for (uint32_t i = 0; i < count && !ret; i++)
		ret = run_item(producer, &item, timeout_ns);
	mk_producer_close(producer);
	return ret == expected ? EXIT_SUCCESS : fail("add", ret);
}

static int run_one(struct mk_context *context, const struct mk_item *item)
{
	struct mk_producer *producer;
	int ret = mk_producer_open(context, NULL, &producer);

	if (ret)
		return fail("become a producer", ret);
	ret = run_item(producer, item, TIMEOUT_NS);
	mk_producer_close(producer);
	return ret ? fail("run", ret) : EXIT_SUCCESS;
}

static int read_file(struct mk_context *context, char **arguments)
{
	uint32_t bytes = number(arguments[2]);
	uint32_t args[] = { number(arguments[0]), number(arguments[1]), 0, 0, bytes, 7 };
	const struct mk_item item = { MK_OP_IO_READ, 6, args };
	int ret = run_one(context, &item);

	if (!ret)
		fwrite(mk_context_arena(context), 1, bytes, stdout);
	return ret;
}

static int observe(struct mk_context *context)
{
	uint32_t value;
	int ret = mk_context_observable(context, 0, &value);

	if (ret)
		return fail("observe", ret);
	printf("%" PRIu32 "\n", value);
	return EXIT_SUCCESS;
}

static int hold(struct mk_context *context)
{
	struct mk_producer *producer;
	int ret = mk_producer_open(context, NULL, &producer);

	if (ret)
		return fail("become a producer", ret);
	puts("held");
	fflush(stdout);
	while (getchar() != EOF)
		;
	mk_producer_close(producer);
	return EXIT_SUCCESS;
}

static int look_at_snapshot(const char *path)
{
	struct mk_snapshot *snapshot;
	int fd = open(path, O_RDONLY);
	int ret = fd < 0 ? -errno : mk_snapshot_read(fd, &snapshot);
	size_t count;

	if (ret)
		return fail("read the snapshot", ret);
	printf("%" PRIu32 "\n", mk_snapshot_words(snapshot, MK_REGION_CONTROL,
						  &count)[MK_CONTROL_OBSERVABLES]);
	mk_snapshot_free(snapshot);
	close(fd);
	return EXIT_SUCCESS;
}

static int run_verb(struct mk_context *context, const char *verb, int argc, char **argv)
{
	if (!strcmp(verb, "observe") || !strcmp(verb, "open"))
		return observe(context);
	if (!strcmp(verb, "hold"))
		return hold(context);
	if (!strcmp(verb, "add") && argc == 5)
		return add(context, number(argv[3]), number(argv[4]), TIMEOUT_NS, 0);
	if (!strcmp(verb, "stay") && argc == 4)
		return add(context, number(argv[3]), 1, SHORT_NS, -ETIMEDOUT);
	if (!strcmp(verb, "run") && argc == 4)
		return run_one(context, &(struct mk_item){ .opcode = number(argv[3]) });
	if (!strcmp(verb, "read") && argc == 6)
		return read_file(context, argv + 3);
	return fail("usage", -EINVAL);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 2 ? argv[2] : "";
	struct mk_context *context;
	int ret;

	if (!strcmp(verb, "snapshot"))
		return look_at_snapshot(argv[1]);
	if (!strcmp(verb, "open"))
		ret = mk_context_open(strtoull(argv[1], NULL, 0), MK_ROLE_OBSERVER,
				      &context);
	else
		ret = mk_context_connect(argc > 1 ? argv[1] : "",
					 !strcmp(verb, "observe") ? MK_ROLE_OBSERVER :
								    MK_ROLE_PRODUCER,
					 &context);
	if (ret)
		return fail("connect", ret);
	ret = run_verb(context, verb, argc, argv);
	mk_context_close(context);
	return ret;
}
