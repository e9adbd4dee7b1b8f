/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the pump share: a context, a pump on it, a file, and the device's side
 * of the io queue, played by the test itself.
 */
#ifndef MK_SELFTESTS_IO_DEVICE_H
#define MK_SELFTESTS_IO_DEVICE_H

#include "live.h"

#include <stdatomic.h>

#define IO_ARENA_BYTES (UINT64_C(4) << 20)

/* The device's side: for one thread. */
struct io_device {
	_Atomic uint32_t *queue;
	_Atomic uint32_t *cq;
	bool is_across_bus;
	uint32_t hints; /* given so far */
	uint32_t slots;
	uint32_t next;
	bool *in_use;
};

struct io_test {
	struct live live;
	struct mk_io *io;
	struct io_device device;
	unsigned char *arena;
};

/* How a request was answered. */
struct io_result {
	uint32_t status; /* MK_IO_STATUS_* */
	uint32_t reason;
	uint32_t error;
	uint32_t bytes;
};

int io_setup(void **state);
/* The pump ends, too. */
int io_teardown(void **state);
#define IO_TEST(function) cmocka_unit_test_setup_teardown(function, io_setup, io_teardown)

/* A context with @slots for requests, and its device. */
struct io_test *io_create(void **state, uint32_t slots);
/* The same, and a pump with a thread; NULL for the default options. */
struct io_test *io_start(void **state, uint32_t slots,
			 const struct mk_io_options *options);
void io_open(struct io_test *test, const struct mk_io_options *options);

/* A new file in the current folder, without a name, of @bytes that @seed determines. */
int io_file(size_t bytes, uint64_t seed);
void io_fill(void *data, size_t bytes, uint64_t seed);

uint32_t io_add_file(struct io_test *test, int fd, uint32_t flags);
uint32_t io_add_arena(struct io_test *test, uint64_t offset, uint64_t bytes);

/* Publish in a free slot; returns that, or -1 when there is none. */
int64_t io_publish(struct io_device *device, const struct mk_io_request *request);
bool io_is_answered(const struct io_device *device, uint32_t slot);
/* Wait for the answer, and make the slot EMPTY. */
struct io_result io_take(struct io_device *device, uint32_t slot);

/* A request by its words; published; published and waited for. */
#define IO_REQUEST(kind, from, to, at, count)                  \
	(&(const struct mk_io_request){ .op = MK_IO_OP_##kind, \
					.source = (from),      \
					.destination = (to),   \
					.offset = (at),        \
					.byte_count = (count) })
uint32_t io_ask(struct io_test *test, const struct mk_io_request *request);
struct io_result io_do(struct io_test *test, const struct mk_io_request *request);

#define io_expect_ok(result) io_expect((result), 0, 0, 0, __FILE__, __LINE__)
#define io_expect_error(result, reason, error, bytes) \
	io_expect((result), (reason), (error), (bytes), __FILE__, __LINE__)
void io_expect(struct io_result result, uint32_t reason, uint32_t error, uint32_t bytes,
	       const char *file, int line);

struct mk_io_counters io_counters(struct io_test *test);

/*
 * Wait until the pump has @count requests, fences among them, and has found all that was
 * published before them.
 */
void io_wait_in_flight(struct io_test *test, uint32_t count);

#endif /* MK_SELFTESTS_IO_DEVICE_H */
