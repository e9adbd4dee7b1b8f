// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "uring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define ENTRIES 4

/* Since 5.4 one mapping has both rings; the completions lie last. */
static size_t rings_bytes(const struct io_uring_params *parameters)
{
	return parameters->cq_off.cqes +
	       parameters->cq_entries * sizeof(struct io_uring_cqe);
}

bool uring_open(struct uring *uring)
{
	struct io_uring_params *parameters = &uring->parameters;

	memset(uring, 0, sizeof(*uring));
	uring->file = syscall(SYS_io_uring_setup, ENTRIES, parameters);
	if (uring->file < 0)
		return false;
	uring->rings = mmap(NULL, rings_bytes(parameters), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_POPULATE, uring->file, IORING_OFF_SQ_RING);
	uring->entries = mmap(NULL, ENTRIES * sizeof(*uring->entries),
			      PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			      uring->file, IORING_OFF_SQES);
	return uring->rings != MAP_FAILED && uring->entries != MAP_FAILED;
}

void uring_close(struct uring *uring)
{
	munmap(uring->rings, rings_bytes(&uring->parameters));
	munmap(uring->entries, ENTRIES * sizeof(*uring->entries));
	close(uring->file);
}

int uring_register(struct uring *uring, void *buffer, size_t bytes)
{
	struct iovec part = { .iov_base = buffer, .iov_len = bytes };

	return syscall(SYS_io_uring_register, uring->file, IORING_REGISTER_BUFFERS, &part,
		       1) ?
		       errno :
		       0;
}

int uring_unregister(struct uring *uring)
{
	return syscall(SYS_io_uring_register, uring->file, IORING_UNREGISTER_BUFFERS,
		       NULL, 0) ?
		       errno :
		       0;
}

static __u32 *ring_word(struct uring *uring, __u32 offset)
{
	return (__u32 *)(uring->rings + offset);
}

bool uring_start_read(struct uring *uring, int file, void *buffer, size_t bytes,
		      bool fixed)
{
	__u32 *tail = ring_word(uring, uring->parameters.sq_off.tail);
	__u32 index = *tail % ENTRIES;

	uring->entries[index] = (struct io_uring_sqe){
		.opcode = fixed ? IORING_OP_READ_FIXED : IORING_OP_READ,
		.fd = file,
		.addr = (__u64)buffer,
		.len = bytes,
	};
	ring_word(uring, uring->parameters.sq_off.array)[index] = index;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	return syscall(SYS_io_uring_enter, uring->file, 1, 0, 0, NULL, 0) == 1;
}

int uring_finish(struct uring *uring)
{
	__u32 *head = ring_word(uring, uring->parameters.cq_off.head);
	__u32 *tail = ring_word(uring, uring->parameters.cq_off.tail);
	struct io_uring_cqe *results =
		(struct io_uring_cqe *)(uring->rings + uring->parameters.cq_off.cqes);
	int result;

	while (__atomic_load_n(tail, __ATOMIC_ACQUIRE) == *head)
		if (syscall(SYS_io_uring_enter, uring->file, 0, 1, IORING_ENTER_GETEVENTS,
			    NULL, 0) < 0 &&
		    errno != EINTR)
			return -errno;
	result = results[*head % uring->parameters.cq_entries].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result;
}

int uring_read(struct uring *uring, int file, void *buffer, size_t bytes, bool fixed)
{
	if (!uring_start_read(uring, file, buffer, bytes, fixed))
		return -errno;
	return uring_finish(uring);
}
