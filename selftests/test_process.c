// SPDX-License-Identifier: MIT
/* An engine in another process than its producers, and however that one ends. */
#include "live.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "children.h"
#include "io_host.h"

static const struct mk_geometry geometry = { .observable_words = 8, .tenants = 1 };

static struct live *start_elsewhere(void **state, struct child *child)
{
	struct live *live = *state;

	live_create(live, &geometry);
	child_start_engine(child, live->context);
	return live;
}

static void test_engine_elsewhere(void **state)
{
	enum { OPERATIONS = 2000 };
	struct child child;
	struct live *live = start_elsewhere(state, &child);
	struct mk_producer *producer = live_producer(live, 0, 0);

	for (int i = 0; i < OPERATIONS; i++)
		live_ok(live_run(producer,
				 &LIVE_ITEM(MK_OP_ATOMIC_ADD, 1, LIVE_OBSERVABLE(0))));
	assert_int_equal(live_observable(live, 0), OPERATIONS);
	child_tell(&child);
	child_expect_success(&child);
	assert_int_equal(live_engine_state(live), MK_ENGINE_STOPPED);
}

/* Descriptors over a socket --------------------------------------------------------- */

union control {
	char bytes[CMSG_SPACE(MK_CONTEXT_FDS * sizeof(int))];
	struct cmsghdr aligned;
};

/* A message with room for @count descriptors; one byte goes with them. */
static struct msghdr message_of(union control *control, struct iovec *byte, size_t count)
{
	struct msghdr message = {
		.msg_iov = byte,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};

	memset(control, 0, sizeof(*control));
	CMSG_FIRSTHDR(&message)->cmsg_level = SOL_SOCKET;
	CMSG_FIRSTHDR(&message)->cmsg_type = SCM_RIGHTS;
	CMSG_FIRSTHDR(&message)->cmsg_len = CMSG_LEN(count * sizeof(int));
	return message;
}

static void send_fds(int to, const int *fds, int count)
{
	struct iovec byte = { "f", 1 };
	union control control;
	struct msghdr message = message_of(&control, &byte, (size_t)count);

	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), fds, (size_t)count * sizeof(int));
	assert_int_equal(sendmsg(to, &message, 0), 1);
}

/* Returns how many came. */
static size_t receive_fds(int from, int fds[MK_CONTEXT_FDS])
{
	char had;
	struct iovec byte = { &had, 1 };
	union control control;
	struct msghdr message = message_of(&control, &byte, MK_CONTEXT_FDS);
	const struct cmsghdr *header;

	if (recvmsg(from, &message, MSG_CMSG_CLOEXEC) != 1)
		return 0;
	header = CMSG_FIRSTHDR(&message);
	if (!header)
		return 0;
	memcpy(fds, CMSG_DATA(header), header->cmsg_len - CMSG_LEN(0));
	return (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
}

/* A body: attaches to what comes over the socket, and publishes there. */
static int publish_elsewhere(const struct child_self *self)
{
	struct mk_producer *producer;
	struct mk_context *context;
	int fds[MK_CONTEXT_FDS];
	size_t count = receive_fds(self->fd, fds);

	if (mk_context_attach(fds, count, &context) ||
	    mk_producer_open(context, NULL, &producer) ||
	    live_run(producer, &LIVE_ITEM(MK_OP_STORE_U32, 42, LIVE_OBSERVABLE(0)))) {
		fprintf(stderr, "child: %s\n", mk_error_text());
		return EXIT_FAILURE;
	}
	mk_producer_close(producer);
	mk_context_close(context);
	return EXIT_SUCCESS;
}

static void test_attaches_over_a_socket(void **state)
{
	struct live *live = *state;
	int fds[MK_CONTEXT_FDS];
	struct child child;
	int sockets[2];
	int count;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
	child_start(&child, publish_elsewhere,
		    &(struct child_options){ .fd = &sockets[1] });
	live_create(live, &geometry);
	live_start(live, NULL);
	count = mk_context_share(live->context, MK_ROLE_PRODUCER, fds);
	assert_true(count > 0);
	send_fds(sockets[0], fds, count);
	while (count)
		close(fds[--count]);
	child_expect_success(&child);
	assert_int_equal(live_observable(live, 0), 42);
	close(sockets[0]);
	close(sockets[1]);
}

static void test_one_engine_among_processes(void **state)
{
	struct child child;
	struct live *live = start_elsewhere(state, &child);

	live_expect(-EBUSY, live_try_start(live->context, NULL, &live->engine));
	live_expect(-EBUSY, mk_context_set_observable(live->context, 0, 1));
	child_tell(&child);
	child_expect_success(&child);
	live_ok(mk_context_set_observable(live->context, 0, 1));
	live_start(live, NULL);
	live_ok(live_run(live_producer(live, 0, 0), &LIVE_NOP));
}

static void test_wakes_across_processes(void **state)
{
	enum { ROUNDS = 20 };
	struct child child;
	struct live *live = start_elsewhere(state, &child);
	struct mk_producer *producer = live_producer(live, 0, 0);

	for (int i = 0; i < ROUNDS; i++) {
		assert_true(live_reaches_state(live, MK_ENGINE_PARKED));
		live_ok(live_run(producer, &LIVE_NOP));
	}
	child_tell(&child);
	child_expect_success(&child);
}

static void test_shutdown_across_processes(void **state)
{
	struct child child;
	struct live *live = start_elsewhere(state, &child);

	live_ok(mk_context_shutdown(live->context));
	assert_true(live_reaches_state(live, MK_ENGINE_STOPPED));
	child_tell(&child);
	child_expect_success(&child);
	live_expect(-ESHUTDOWN, live_try_start(live->context, NULL, &live->engine));
}

/* The engine's threads leave signals to the program, which then stops it. */
static void end_by_signal(void **state, int number)
{
	struct child child;
	struct live *live = start_elsewhere(state, &child);
	struct mk_producer *producer = live_producer(live, 0, 0);

	live_ok(live_run(producer, &LIVE_NOP));
	child_signal(&child, number);
	child_expect_success(&child);
	assert_int_equal(live_engine_state(live), MK_ENGINE_STOPPED);
	live_start(live, NULL);
	live_ok(live_run(producer, &LIVE_NOP));
}

static void test_leaves_on_sigint(void **state)
{
	end_by_signal(state, SIGINT);
}

static void test_leaves_on_sigterm(void **state)
{
	end_by_signal(state, SIGTERM);
}

/* Publishes while it can, and says what became of it. */
struct flow {
	uint32_t published;
	uint32_t done;
	uint32_t interrupted;
};

static void count_result(struct flow *flow, int result)
{
	if (!result)
		flow->done++;
	else if (result == MK_FAULT_INTERRUPTED)
		flow->interrupted++;
	else
		live_expect(0, result);
}

/*
 * Killed anywhere, an engine leaves slots in mid-air.  The next one ends each of
 * them; what ended DONE was done once, and what was interrupted once at most.
 */
static void test_engine_killed(void **state)
{
	enum { IN_FLIGHT = 256 };
	const struct mk_item add = LIVE_ITEM(MK_OP_ATOMIC_ADD, 1, LIVE_OBSERVABLE(0));
	struct live *live = *state;
	uint64_t limit_ns = (live_slow() ? 120 : 4) * LIVE_NS_PER_SECOND;
	uint64_t begin = live_now_ns();
	struct mk_ticket tickets[IN_FLIGHT];
	struct mk_item items[IN_FLIGHT];
	struct flow flow = { 0 };
	struct mk_producer *producer;
	uint64_t random = 7;
	struct child child;

	live_create(live, &geometry);
	producer = live_producer(live, 0, 0);
	for (int i = 0; i < IN_FLIGHT; i++)
		items[i] = add;
	while (live_now_ns() - begin < limit_ns) {
		int64_t count;

		child_start_engine(&child, live->context);
		count = mk_producer_publish_many(producer, items, IN_FLIGHT,
						 LIVE_TIMEOUT_NS, tickets);
		assert_true(count > 0);
		/* Somewhere on the way, or behind it. */
		live_pause_ns(live_random(&random) % (LIVE_NS_PER_MS / 10));
		child_kill(&child);

		child_start_engine(&child, live->context);
		for (int64_t i = 0; i < count; i++)
			count_result(&flow, mk_producer_wait(producer, &tickets[i],
							     LIVE_TIMEOUT_NS));
		flow.published += (uint32_t)count;
		child_tell(&child);
		child_expect_success(&child);
	}
	print_message("# %u published, %u done, %u interrupted\n", flow.published,
		      flow.done, flow.interrupted);
	assert_int_equal(flow.done + flow.interrupted, flow.published);
	assert_in_range(live_observable(live, 0), flow.done, flow.published);
}

/* Answers what is asked for until all have ended. */
static void serve(struct live *live, struct mk_producer *producer, struct flow *flow,
		  const struct mk_ticket *tickets, uint32_t count)
{
	struct io_request request;
	uint32_t slot;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t begin = live_now_ns();
		int ret;

		do {
			while (io_try_claim(live, 0, &slot, &request))
				io_answer(live, slot, MK_IO_STATUS_OK, 0);
			ret = mk_producer_wait(producer, &tickets[i], LIVE_NS_PER_MS);
			assert_true(live_now_ns() - begin < LIVE_TIMEOUT_NS);
		} while (ret == -ETIMEDOUT);
		count_result(flow, ret);
	}
}

static void ingest_everywhere(struct live *live)
{
	const struct io_request ingest = { { [MK_IO_OP] = MK_IO_OP_READ } };

	for (uint32_t i = io_request_slots(live); i < io_slots(live); i++)
		io_ingest(live, i, &ingest);
}

/*
 * Requests and ingests in all states when their engine is killed.  The next one goes on
 * with them, and neither a slot of the ring nor one of the io queue is lost.
 */
static void test_engine_killed_with_requests(void **state)
{
	enum { IN_FLIGHT = 64, HELD = 2 };
	const struct mk_geometry few = { .io_slots = 16, .io_request_slots = 8 };
	const struct mk_item read = LIVE_ITEM(MK_OP_IO_READ, 1, 2);
	struct live *live = *state;
	uint64_t limit_ns = (live_slow() ? 120 : 4) * LIVE_NS_PER_SECOND;
	uint64_t begin = live_now_ns();
	struct mk_ticket tickets[IN_FLIGHT];
	struct mk_item items[IN_FLIGHT];
	struct flow flow = { 0 };
	struct mk_producer *producer;
	uint64_t random = 11;
	struct child child;

	live_create(live, &few);
	producer = live_producer(live, 0, 0);
	for (int i = 0; i < IN_FLIGHT; i++)
		items[i] = read;
	while (live_now_ns() - begin < limit_ns) {
		struct io_request request;
		uint32_t held[HELD], answers, slot = 0;

		child_start_engine(&child, live->context);
		ingest_everywhere(live);
		live_expect(IN_FLIGHT,
			    mk_producer_publish_many(producer, items, IN_FLIGHT,
						     LIVE_TIMEOUT_NS, tickets));
		for (int i = 0; i < HELD; i++)
			held[i] = io_claim(live, &request);
		/* Somewhere on the way, or behind it. */
		answers = live_random(&random) % IN_FLIGHT;
		for (uint32_t i = 0; i < answers; i++)
			if (io_try_claim(live, slot + 1, &slot, &request))
				io_answer(live, slot, MK_IO_STATUS_OK, 0);
		child_kill(&child);

		child_start_engine(&child, live->context);
		for (int i = 0; i < HELD; i++)
			io_answer(live, held[i], MK_IO_STATUS_OK, 0);
		serve(live, producer, &flow, tickets, IN_FLIGHT);
		flow.published += IN_FLIGHT;
		io_await_all_empty(live);
		child_tell(&child);
		child_expect_success(&child);
	}
	print_message("# %u published, %u done, %u interrupted\n", flow.published,
		      flow.done, flow.interrupted);
	assert_int_equal(flow.done + flow.interrupted, flow.published);
}

static const struct child_entry bodies[] = {
	CHILD_BODY(child_engine),
	CHILD_BODY(publish_elsewhere),
};

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		LIVE_TEST(test_attaches_over_a_socket),
		LIVE_TEST(test_engine_elsewhere),
		LIVE_TEST(test_one_engine_among_processes),
		LIVE_TEST(test_wakes_across_processes),
		LIVE_TEST(test_shutdown_across_processes),
		LIVE_TEST(test_leaves_on_sigint),
		LIVE_TEST(test_leaves_on_sigterm),
		LIVE_TEST(test_engine_killed),
		LIVE_TEST(test_engine_killed_with_requests),
	};

	children_main(argc, argv, bodies);
	return live_main(tests);
}
