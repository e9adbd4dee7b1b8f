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
		return mk_fail(errno,
			       "cannot open the cq's file by %s: %s; /proc must be "
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

bool mk_lock_is_taken(const struct mk_context *context, uint32_t id)
{
	/* This description never holds a lock, so every holder is another. */
	return is_locked_by_another(context->regions[MK_REGION_CQ].memory.fd, id);
}

static uint32_t owner_id(uint64_t lease)
{
	return (uint32_t)lease;
}

/* Change the lease of @window from @from to @to; false when it is another now. */
static bool swap_lease(struct mk_context *context, uint32_t window, uint64_t from,
		       uint64_t to)
{
	/* What the former owner knew of the window's slots, the next one knows. */
	return atomic_compare_exchange_strong_explicit(mk_cq_lease(context, window),
						       &from, to, memory_order_acq_rel,
						       memory_order_relaxed);
}

static uint64_t load_lease(const struct mk_context *context, uint32_t window)
{
	return atomic_load_explicit(mk_cq_lease(context, window), memory_order_relaxed);
}

void mk_lease_orphan(struct mk_context *context, uint32_t window, uint64_t owner)
{
	swap_lease(context, window, owner, owner - owner_id(owner));
}

/*
 * An id is ours now, so what is leased to it is a dead producer's; but since it is
 * locked from now on, nobody could see that any more.
 */
static void orphan_leases_of(struct mk_context *context, uint32_t id)
{
	for (uint32_t window = 0; window < context->window_count; window++) {
		uint64_t lease = load_lease(context, window);

		if (lease && owner_id(lease) == id)
			mk_lease_orphan(context, window, lease);
	}
}

/* Never 0, which with id 0 would be a free lease. */
static uint32_t next_generation(struct mk_context *context)
{
	mk_word *word = mk_cq_word(context, MK_CQ_HINT_GENERATION);
	uint32_t generation = atomic_fetch_add(word, 1) + 1;

	return generation ? generation : atomic_fetch_add(word, 1) + 1;
}

int mk_lease_register(struct mk_context *context, int *fd, uint64_t *owner)
{
	*fd = open_cq_again(context);
	if (*fd < 0)
		return *fd;

	for (uint32_t id = MK_LOCK_FIRST_PRODUCER; id <= MK_LOCK_LAST_PRODUCER; id++) {
		int ret = mk_lock_take(context, id, fd);

		if (ret == -EBUSY)
			continue;
		if (ret) {
			close(*fd);
			return ret;
		}
		orphan_leases_of(context, id);
		*owner = (uint64_t)next_generation(context) << 32 | id;
		return 0;
	}
	close(*fd);
	return mk_fail(EUSERS,
		       "all %u producer ids of the context are in use; close some "
		       "producers",
		       MK_LOCK_LAST_PRODUCER);
}

bool mk_lease_is_free(const struct mk_context *context, uint32_t window)
{
	return !load_lease(context, window);
}

bool mk_lease_take_free(struct mk_context *context, uint32_t window, uint64_t owner)
{
	return mk_lease_is_free(context, window) && swap_lease(context, window, 0, owner);
}

bool mk_lease_take_dead(struct mk_context *context, uint32_t window, int fd,
			uint64_t owner)
{
	uint64_t lease = load_lease(context, window);
	uint32_t id = owner_id(lease);

	if (!lease || id == owner_id(owner) || (id && is_locked_by_another(fd, id)))
		return false;
	/*
	 * The owner is dead.  Should its id have been taken by a new producer
	 * meanwhile, the lease has changed and the swap fails.
	 */
	return swap_lease(context, window, lease, owner);
}

void mk_lease_give_back(struct mk_context *context, uint32_t window, uint64_t owner)
{
	/* Ours alone: only who proves us dead may take it. */
	swap_lease(context, window, owner, 0);
}
