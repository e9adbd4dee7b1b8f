// SPDX-License-Identifier: MIT
#include "io_descriptor.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "error.h"

/* With somebody who tells: for requests that a device did not count before it died. */
#define WATCHED_REST_NS UINT64_C(100000000)
#define NS_PER_SECOND	UINT64_C(1000000000)

void mk_io_descriptor_init(struct mk_io_descriptor *descriptor)
{
	*descriptor = (struct mk_io_descriptor){ .epoll = -1, .timer = -1, .watch = -1 };
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

void mk_io_descriptor_close(struct mk_io_descriptor *descriptor)
{
	close_if_open(descriptor->epoll);
	close_if_open(descriptor->timer);
	close_if_open(descriptor->watch);
	mk_io_descriptor_init(descriptor);
}

static int add(const struct mk_io_descriptor *descriptor, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(descriptor->epoll, EPOLL_CTL_ADD, fd, &event);
}

/* The count is looked at by mk.ko, or by nobody. */
static void open_watch(struct mk_io_descriptor *descriptor, struct mk_context *context)
{
	const struct mk_backing_ops *ops = context->backing->ops;

	if (!ops->open_watch)
		return;
	descriptor->watch = ops->open_watch(context->backing);
	if (descriptor->watch < 0 || !add(descriptor, descriptor->watch))
		return;
	close(descriptor->watch);
	descriptor->watch = -1;
}

int mk_io_descriptor_open(struct mk_io_descriptor *descriptor, struct mk_context *context,
			  int ring_fd)
{
	int error;

	if (descriptor->epoll >= 0)
		return descriptor->epoll;
	descriptor->epoll = epoll_create1(EPOLL_CLOEXEC);
	descriptor->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (descriptor->epoll < 0 || descriptor->timer < 0 ||
	    add(descriptor, descriptor->timer) || add(descriptor, ring_fd)) {
		error = errno;
		mk_io_descriptor_close(descriptor);
		return mk_fail(error, "cannot make a descriptor for the pump: %s",
			       strerror(error));
	}
	open_watch(descriptor, context);
	return descriptor->epoll;
}

/* False when the timer has to do. */
static bool watch(struct mk_io_descriptor *descriptor, struct mk_context *context,
		  uint32_t count)
{
	struct mk_backing *backing = context->backing;

	if (descriptor->watch < 0)
		return false;
	if (backing->ops->watch(backing, descriptor->watch, MK_REGION_CQ,
				MK_CQ_IO_REQUESTS, count))
		return true;
	/* The context's owner is gone: this would be readable for ever. */
	close(descriptor->watch);
	descriptor->watch = -1;
	return false;
}

void mk_io_descriptor_arm(struct mk_io_descriptor *descriptor, const struct mk_ioq *queue,
			  uint64_t rest_ns)
{
	uint32_t count = mk_cq_load(queue->context, MK_CQ_IO_REQUESTS);
	struct itimerspec timer = { 0 };

	if (descriptor->epoll < 0)
		return;
	if (watch(descriptor, queue->context, count) && rest_ns < WATCHED_REST_NS)
		rest_ns = WATCHED_REST_NS;
	/* What was counted before that is not told. */
	if (mk_ioq_has_requests(queue))
		rest_ns = 1;
	timer.it_value.tv_sec = (time_t)(rest_ns / NS_PER_SECOND);
	timer.it_value.tv_nsec = (long)(rest_ns % NS_PER_SECOND);
	timerfd_settime(descriptor->timer, 0, &timer, NULL);
}
