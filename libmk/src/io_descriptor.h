/* SPDX-License-Identifier: MIT */
/* One descriptor for all that a pump waits for, for programs that wait by epoll. */
#ifndef MK_SRC_IO_DESCRIPTOR_H
#define MK_SRC_IO_DESCRIPTOR_H

#include <stdint.h>

#include "context.h"
#include "ioq.h"

struct mk_io_descriptor {
	int epoll; /* -1: nobody has asked for one */
	int timer;
	int watch; /* tells of the device's count; -1: nothing does, but the timer */
};

void mk_io_descriptor_init(struct mk_io_descriptor *descriptor);
void mk_io_descriptor_close(struct mk_io_descriptor *descriptor);

/* The descriptor, made on the first call; @ring_fd is readable when transfers end. */
int mk_io_descriptor_open(struct mk_io_descriptor *descriptor, struct mk_context *context,
			  int ring_fd);

/* Nothing is to be done now; look again in @rest_ns, unless somebody tells before. */
void mk_io_descriptor_arm(struct mk_io_descriptor *descriptor, const struct mk_ioq *queue,
			  uint64_t rest_ns);

#endif /* MK_SRC_IO_DESCRIPTOR_H */
