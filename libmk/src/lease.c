// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "lease.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"

static int open_cq_again(const struct mk_context *context)
{
	char path[64];
	int fd;

	/*
	 * A lock belongs to an open file description, and a descriptor that was
	 * passed or inherited shares one.  Opening the file anew makes our own.
	 */
	snprintf(path, sizeof(path), "/proc/self/fd/%d",
		 context->regions[MK_REGION_CQ].memory.fd);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return mk_fail(errno, "cannot open the cq's file by %s: %s; /proc must be "
				      "mounted and the limit on open files (ulimit -n) not "
				      "reached",
			       path, strerror(errno));
	return fd;
}

static struct flock lock_of_byte(uint32_t id)
{
	return (struct flock){
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = id,
		.l_len = 1,
	};
}

int mk_lock_take(const struct mk_context *context, uint32_t id, int *fd)
{
	struct flock lock = lock_of_byte(id);
	int ours = *fd;
	int error;

	if (ours < 0) {
		ours = open_cq_again(context);
		if (ours < 0)
			return ours;
	}
	if (!fcntl(ours, F_OFD_SETLK, &lock)) {
		*fd = ours;
		return 0;
	}
	error = errno;
	if (ours != *fd)
		close(ours);
	if (error == EAGAIN || error == EACCES)
		return -EBUSY;
	return mk_fail(error, "cannot lock byte %u of the cq's file: %s", id,
		       strerror(error));
}

void mk_lock_drop(int fd)
{
	if (fd >= 0)
		close(fd);
}

static bool is_locked_by_another(int fd, uint32_t id)
{
	struct flock lock = lock_of_byte(id);

	/* When in doubt the owner lives. */
	return fcntl(fd, F_OFD_GETLK, &lock) || lock.l_type != F_UNLCK;
}

static uint32_t owner_id(uint64_t lease)
{
	return (uint32_t)lease;
}

/* An id is ours now, so whatever is leased to it is a dead producer's. */
static void free_leases_of(struct mk_context *context, uint32_t id)
{
	for (uint32_t window = 0; window < context->window_count; window++) {
		mk_word64 *word = mk_cq_lease(context, window);
		uint64_t lease = atomic_load_explicit(word, memory_order_relaxed);

		if (lease && owner_id(lease) == id)
			atomic_compare_exchange_strong(word, &lease, 0);
	}
}

int mk_lease_register(struct mk_context *context, int *fd, uint64_t *owner)
{
	*fd = open_cq_again(context);
	if (*fd < 0)
		return *fd;

	for (uint32_t id = MK_LOCK_FIRST_PRODUCER; id <= MK_LOCK_LAST_PRODUCER; id++) {
		int ret = mk_lock_take(context, id, fd);
		uint32_t generation;

		if (ret == -EBUSY)
			continue;
		if (ret) {
			close(*fd);
			return ret;
		}
		free_leases_of(context, id);
		generation = atomic_fetch_add(mk_cq_word(context, MK_CQ_HINT_GENERATION),
					      1) +
			     1;
		*owner = (uint64_t)generation << 32 | id;
		return 0;
	}
	close(*fd);
	return mk_fail(EUSERS, "all %u producer ids of the context are in use; close some "
			       "producers",
		       MK_LOCK_LAST_PRODUCER);
}

bool mk_lease_take_free(struct mk_context *context, uint32_t window, uint64_t owner)
{
	mk_word64 *word = mk_cq_lease(context, window);
	uint64_t lease = atomic_load_explicit(word, memory_order_relaxed);

	/* Acquire: what the former owner knew of the window's slots, we know. */
	return !lease && atomic_compare_exchange_strong_explicit(
				 word, &lease, owner, memory_order_acquire,
				 memory_order_relaxed);
}

bool mk_lease_take(struct mk_context *context, uint32_t window, int fd, uint64_t owner)
{
	mk_word64 *word = mk_cq_lease(context, window);
	uint64_t lease = atomic_load_explicit(word, memory_order_relaxed);

	if (!lease)
		return mk_lease_take_free(context, window, owner);
	if (owner_id(lease) == owner_id(owner) || is_locked_by_another(fd, owner_id(lease)))
		return false;
	/*
	 * The owner is dead.  Should its id have been taken by a new producer
	 * meanwhile, the lease has changed and the swap fails.
	 */
	return atomic_compare_exchange_strong_explicit(
		word, &lease, owner, memory_order_acquire, memory_order_relaxed);
}

void mk_lease_give_back(struct mk_context *context, uint32_t window, uint64_t owner)
{
	/* Ours alone: only who proves us dead may take it. */
	atomic_compare_exchange_strong_explicit(mk_cq_lease(context, window), &owner, 0,
						memory_order_release, memory_order_relaxed);
}
