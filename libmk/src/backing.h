/* SPDX-License-Identifier: MIT */
/*
 * Where a context's memory comes from, and what only that can tell or do: who may
 * write where, whether there is an engine, who is alive, and how to sleep until a
 * word changes.  Everything in which memfds and mk.ko differ is behind these
 * functions.
 *
 * A backing knows nothing of what is in the memory, but for the words that it is
 * given.
 */
#ifndef MK_SRC_BACKING_H
#define MK_SRC_BACKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <mk/context.h>

/* Memories are numbered as in <linux/mk.h>; of its arenas this library has one. */
#define MK_ARENA    MK_MEMORY_ARENA(0)
#define MK_MEMORIES MK_MEMORY_ARENA(1)

/* One memory, mapped.  One that a context lacks is zeroed. */
struct mk_memory {
	void *address;	     /* page-aligned */
	size_t bytes;	     /* in use; 0 when the backing cannot know */
	size_t mapped_bytes; /* whole pages */
};

struct mk_backing {
	const struct mk_backing_ops *ops;
	enum mk_role role;
	uint64_t id;		   /* 0: has none */
	bool is_volatile;	   /* a reset of the device may lose some of it */
	bool split;		   /* all but the cq are where a device polls */
	bool write_combining;	   /* stores there need mk_write_fence() to be sent */
	uint32_t writable_io_slot; /* the role may write io slots from this one on */
	/* What somebody vouches for who is trusted more than the memory; or NULL. */
	const struct mk_geometry_words *geometry;
	struct mk_memory memories[MK_MEMORIES];
};

/*
 * Functions return 0, or what they are said to give, or a negative errno with a text.
 * Descriptors that they give are close-on-exec and belong to the caller.
 */
struct mk_backing_ops {
	enum mk_backing_kind kind;
	const char *name;

	/* -ENODEV when it cannot be used here; other errors are the caller's problem. */
	int (*probe)(const struct mk_geometry *geometry);
	/*
	 * Make memories of @bytes each, zeroed; of 0 is none.  The geometry's backing is
	 * this one, or AUTO: then -ENODEV leaves it to others.
	 */
	int (*create)(const struct mk_geometry *geometry, const size_t bytes[MK_MEMORIES],
		      struct mk_backing **backing);
	/* Whether a context is shared by such descriptors. */
	bool (*has_fds)(const int *fds, size_t count);
	/* Map what another process shared. */
	int (*attach)(const int *fds, size_t count, struct mk_backing **backing);
	/* The same by id; NULL when there are no ids. */
	int (*open)(uint64_t id, enum mk_role role, struct mk_backing **backing);
	void (*close)(struct mk_backing *backing);

	/* Give descriptors to attach by; returns how many. */
	int (*share)(struct mk_backing *backing, enum mk_role role,
		     int fds[MK_CONTEXT_FDS]);
	/* Give a descriptor of one memory. */
	int (*export)(struct mk_backing *backing, uint32_t memory, bool write);

	/*
	 * Be the one engine of the context, until what this gives goes to
	 * release_engine or the process is gone.  -EBUSY, without a text, when somebody
	 * else is.
	 */
	int (*hold_engine)(struct mk_backing *backing);
	void (*release_engine)(struct mk_backing *backing, int held);
	bool (*has_engine)(struct mk_backing *backing);

	/* In the same way, be the one that answers the device's io requests. */
	int (*hold_pump)(struct mk_backing *backing);
	void (*release_pump)(struct mk_backing *backing, int held);

	/*
	 * A descriptor, to read, of the memfd that stands for the context: its name has the
	 * context's token, and its locked bytes say who holds what (backing_memfd.h).  Only
	 * for what has no id.
	 */
	int (*open_identity)(struct mk_backing *backing);

	/*
	 * Become a producer, until the descriptor that this gives is closed or the
	 * process is gone.  @id is its own and not 0; it may have belonged to somebody
	 * who is dead.
	 */
	int (*join)(struct mk_backing *backing, uint32_t *id);
	/* False only if nobody has the id.  A system call, so no hot path. */
	bool (*is_alive)(struct mk_backing *backing, uint32_t id);

	/*
	 * Sleep while a word has @value, until woken, or for @timeout_ns.  Whatever it
	 * returns from means the same: look again.
	 */
	void (*sleep)(struct mk_backing *backing, uint32_t memory, uint32_t word,
		      uint32_t value, uint64_t timeout_ns);
	/* Wake who sleeps on a word, after a store to it. */
	void (*wake)(struct mk_backing *backing, uint32_t memory, uint32_t word);

	/*
	 * A descriptor that watch() makes readable, when next a word has another value
	 * than @value.  False: it will not be any more, close it.  Both are NULL where
	 * nobody but us looks at words.
	 */
	int (*open_watch)(struct mk_backing *backing);
	bool (*watch)(struct mk_backing *backing, int fd, uint32_t memory, uint32_t word,
		      uint32_t value);
};

extern const struct mk_backing_ops mk_device_backing;
extern const struct mk_backing_ops mk_kmod_backing;
extern const struct mk_backing_ops mk_memfd_backing;

/* As the geometry, or else the environment, chooses. */
int mk_backing_create(const struct mk_geometry *geometry, const size_t bytes[MK_MEMORIES],
		      struct mk_backing **backing);
int mk_backing_attach(const int *fds, size_t count, struct mk_backing **backing);
int mk_backing_open(uint64_t id, enum mk_role role, struct mk_backing **backing);

/* For texts: "the ring", "a producer". */
const char *mk_memory_name(uint32_t memory);
const char *mk_role_name(enum mk_role role);

/*
 * Whether @role may write @memory.  Of the io queue a producer of mk.ko's may write some
 * pages, which begin at the backing's writable_io_slot.
 */
bool mk_role_may_write(enum mk_role role, uint32_t memory);

/* What open_identity's file is, to know it again; of what has no id. */
int mk_backing_identify(struct mk_backing *backing, struct stat *file);

/* A duplicate of a descriptor, close-on-exec. */
int mk_duplicate(int fd);

/* For backings: map @fd, all of @memory->mapped_bytes; unmap all that is mapped. */
int mk_memory_map(uint32_t number, int fd, bool write, struct mk_memory *memory);
void mk_memories_unmap(struct mk_memory memories[MK_MEMORIES]);

#endif /* MK_SRC_BACKING_H */
