/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Userspace interface of mk.ko, which owns the memory of resident GPU kernels.
 *
 * /dev/mk takes MK_IOCTL_QUERY, _CREATE, _OPEN and _LIST; a context's file takes
 * all others, and _OPEN.  Documentation/userspace-api/mk.rst explains each by what
 * a caller sees; <linux/mk_abi.h> has the words inside the memory.
 *
 * Every structure may grow at its end.  A caller's shorter one is taken as if
 * zero-filled, but none is shorter than it was first (-EINVAL); a longer one must
 * have zeros where this kernel knows no field (-E2BIG).  Unknown flags and padding
 * that is not zero are refused (-EINVAL).  A command that is not known, or not for
 * this file, gets -ENOTTY.
 */
#ifndef _UAPI_LINUX_MK_H
#define _UAPI_LINUX_MK_H

#include <linux/ioctl.h>
#include <linux/types.h>

#include <linux/mk_abi.h>

/* Raised when a feature is added that a caller cannot see otherwise. */
#define MK_API_VERSION 2

/*
 * Memory of a context: the regions of mk_abi.h by their numbers, the memory in
 * which engines keep their state between dispatches, and arenas for data.
 */
#define MK_MEMORY_STATE	   MK_REGION_COUNT
#define MK_MEMORY_ARENA(n) (MK_REGION_COUNT + 1 + (n))
#define MK_ARENA_COUNT	   8
#define MK_MEMORY_COUNT	   MK_MEMORY_ARENA(MK_ARENA_COUNT)

/* No state memory and no arena is larger. */
#define MK_MEMORY_MAX_BYTES (1ULL << 34)

/**
 * enum mk_role - what the holder of a context's file may do
 * @MK_ROLE_OWNER: all; one for each context, from MK_IOCTL_CREATE
 * @MK_ROLE_ENGINE: write everything; one at a time
 * @MK_ROLE_PRODUCER: write the ring, the cq, the arenas, and those whole pages of
 *	the io queue that hold no request of the device's
 * @MK_ROLE_OBSERVER: write nothing
 * @MK_ROLE_PUMP: write nothing; one at a time, for whoever may have the engine's role.
 *	The process that answers the device's requests for io holds such a file beside
 *	its own, and thereby knows that no other process does the same.
 *
 * Everybody may read everything.
 */
enum mk_role {
	MK_ROLE_OWNER = 1,
	MK_ROLE_ENGINE = 2,
	MK_ROLE_PRODUCER = 3,
	MK_ROLE_OBSERVER = 4,
	MK_ROLE_PUMP = 5,
};

/**
 * struct mk_ioctl_query - what this module speaks and allows
 * @api_version: out: MK_API_VERSION
 * @abi_version: out: MK_ABI_VERSION, of the words in the memory
 * @user_limit: out: bytes that all contexts of one user may have together
 * @user_bytes: out: bytes that the caller's user has now
 *
 * On /dev/mk; needs no permission beyond opening that.
 */
struct mk_ioctl_query {
	__u32 api_version;
	__u32 abi_version;
	__aligned_u64 user_limit;
	__aligned_u64 user_bytes;
};

/**
 * struct mk_geometry_words - the sizes that the regions' sizes follow from
 * @slots: of the ring, 1 to MK_ENCODE_LIMIT
 * @window_slots: slots leased together, 1 to @slots
 * @log_records: of the debug log, 1 to MK_ENCODE_LIMIT
 * @io_slots: of the io queue, 1 to MK_ENCODE_LIMIT
 * @io_request_slots: of these, the first ones, which are the device's
 * @observable_words: at most MK_ENCODE_LIMIT
 */
struct mk_geometry_words {
	__u32 slots;
	__u32 window_slots;
	__u32 log_records;
	__u32 io_slots;
	__u32 io_request_slots;
	__u32 observable_words;
};

/**
 * struct mk_ioctl_create - make a context, and its owner's file
 * @flags: in: 0
 * @fd: out: the owner's file, close-on-exec.  When its last reference goes,
 *	however it goes, SHUTDOWN is stored.
 * @id: out: names the context for MK_IOCTL_OPEN; never used again
 * @geometry: in
 * @external: in: bit n set: memory n gets no pages but waits for MK_IOCTL_IMPORT.
 *	Never the cq, which stays the module's.
 * @pad: in: 0
 * @state_bytes: in: of MK_MEMORY_STATE; 0 is none
 * @arena_bytes: in: of each MK_MEMORY_ARENA(); 0 is none
 *
 * On /dev/mk.  The memory is zero; what a region's header says is the owner's to
 * write.  It is charged to the caller's memory cgroup and counted for the user.
 *
 * -EDQUOT: over the limit of one user (module parameter user_limit_mib)
 * -EINVAL, -EOVERFLOW: a size that the format cannot express, or that is too large
 * -ENOMEM, -EMFILE, -ENFILE; -EINTR: killed meanwhile
 */
struct mk_ioctl_create {
	__u32 flags;
	__s32 fd;
	__aligned_u64 id;
	struct mk_geometry_words geometry;
	__u32 external;
	__u32 pad;
	__aligned_u64 state_bytes;
	__aligned_u64 arena_bytes[MK_ARENA_COUNT];
};

/**
 * struct mk_ioctl_open - attach to a context, in a role
 * @id: in: on /dev/mk, the context's; on a context's file 0, for that context
 * @role: in: enum mk_role, not MK_ROLE_OWNER
 * @flags: in: 0
 * @fd: out: a context's file, close-on-exec
 * @number: out: of this file among the context's, never used again in it.  A
 *	producer leases windows in its name.
 *
 * On /dev/mk the caller must be the owner's user in the owner's user namespace, or
 * have CAP_SYS_PTRACE over it.  On a context's file, which may have been passed by
 * another user, the role must not allow more than the file's own.
 *
 * -ENOENT: no such context, or none that the caller may open
 * -EACCES: the role allows more than the file that was asked
 * -EBUSY: the context has an engine, or a pump, already
 * -EOWNERDEAD: the owner is gone; only observers are let in
 * -EUSERS: the context has given out all numbers
 */
struct mk_ioctl_open {
	__aligned_u64 id;
	__u32 role;
	__u32 flags;
	__s32 fd;
	__u32 number;
};

#define MK_ATTACHMENT_OWNER_GONE (1u << 0)

/**
 * struct mk_attachment - one open file of a context, in MK_IOCTL_LIST's answer
 * @id: the context's
 * @number: the file's among the context's
 * @role: enum mk_role
 * @pid: of the process that opened it, in the caller's pid namespace; 0 when it is
 *	not in that.  The process may have passed the file on, and be gone.
 * @uid: of the context's owner, in the caller's user namespace
 * @flags: MK_ATTACHMENT_OWNER_GONE
 * @pad: 0
 * @bytes: mapped bytes of all memory of the context
 */
struct mk_attachment {
	__aligned_u64 id;
	__u32 number;
	__u32 role;
	__u32 pid;
	__u32 uid;
	__u32 flags;
	__u32 pad;
	__aligned_u64 bytes;
};

/**
 * struct mk_ioctl_list - the contexts that the caller may open, file by file
 * @attachments: in: address of an array of struct mk_attachment
 * @count: in: its elements; out: how many were filled in
 * @stride: in: bytes from one element to the next, a multiple of 8.  What an element
 *	has room for is written, the rest of it is zeroed.
 * @after_id: in, out: where to go on: only what follows this file is listed
 * @after_number: in, out: the same; both 0 at first
 * @flags: in: 0
 *
 * On /dev/mk.  In ascending order of (id, number).  Call again until @count is 0.
 * -EFAULT, -EINVAL
 */
struct mk_ioctl_list {
	__aligned_u64 attachments;
	__u32 count;
	__u32 stride;
	__aligned_u64 after_id;
	__u32 after_number;
	__u32 flags;
};

#define MK_MEMORY_EXTERNAL  (1u << 0) /* comes, or came, by MK_IOCTL_IMPORT */
#define MK_MEMORY_PRESENT   (1u << 1) /* has pages, or was imported */
#define MK_MEMORY_REACHABLE (1u << 2) /* the module can load and store its words */

/**
 * struct mk_memory_info - one memory of a context
 * @bytes: in use, as mk_abi.h and the geometry have it
 * @mapped_bytes: the same in whole pages: the size of a whole DMA-buf
 * @flags: MK_MEMORY_*
 * @pad: 0
 */
struct mk_memory_info {
	__aligned_u64 bytes;
	__aligned_u64 mapped_bytes;
	__u32 flags;
	__u32 pad;
};

#define MK_CONTEXT_OWNER_GONE (1u << 0)
#define MK_CONTEXT_HAS_ENGINE (1u << 1)

/**
 * struct mk_ioctl_info - what a context is
 * @id: out: for MK_IOCTL_OPEN
 * @role: out: of this file, enum mk_role
 * @number: out: of this file
 * @flags: out: MK_CONTEXT_*
 * @attachments: out: open files of the context
 * @geometry: out: as created
 * @memory: out: by number
 *
 * On a context's file.
 */
struct mk_ioctl_info {
	__aligned_u64 id;
	__u32 role;
	__u32 number;
	__u32 flags;
	__u32 attachments;
	struct mk_geometry_words geometry;
	struct mk_memory_info memory[MK_MEMORY_COUNT];
};

#define MK_EXPORT_READ	0u
#define MK_EXPORT_WRITE (1u << 0)

/**
 * struct mk_ioctl_export - a DMA-buf of one memory, or of some of its pages
 * @memory: in: number
 * @flags: in: MK_EXPORT_WRITE, or MK_EXPORT_READ for one that nobody can write to:
 *	no mapping of it can become writable, and no device maps it but to read
 * @offset: in: bytes, whole pages
 * @size: in: bytes, whole pages; 0 is all from @offset on
 * @fd: out: the DMA-buf, close-on-exec
 * @pad: in: 0
 *
 * On a context's file.  The pages live until the last DMA-buf of them goes, and the
 * last mapping, and the last device's.
 *
 * -EACCES: the role of this file may not write there
 * -EINVAL, -ERANGE: no such memory; not whole pages; beyond its end
 * -ENODATA: external, and not imported yet
 * -EOPNOTSUPP: an imported memory can be exported as a whole only; a device cannot
 *	map a read-only DMA-buf of one
 */
struct mk_ioctl_export {
	__u32 memory;
	__u32 flags;
	__aligned_u64 offset;
	__aligned_u64 size;
	__s32 fd;
	__u32 pad;
};

/**
 * struct mk_ioctl_import - put a foreign DMA-buf in the place of an external memory
 * @memory: in: number
 * @fd: in: the DMA-buf, writable, of the memory's mapped bytes at least
 * @flags: in: 0
 * @result: out: MK_MEMORY_REACHABLE when SHUTDOWN can be stored in it.  Without, an
 *	exporter has no kernel mapping to give, or would move the buffer for one, and
 *	only the bound on a dispatch's length ends a kernel whose owner has died.
 *	For control only.
 *
 * On the file of an owner or an engine, once for each memory.  Others get the
 * foreign DMA-buf itself from MK_IOCTL_EXPORT, or a read-only view of it.
 *
 * -EACCES: not for this role, or the DMA-buf is read-only
 * -EBUSY: imported already; -EOWNERDEAD: too late
 * -EINVAL: not an external memory, or a DMA-buf of this module
 * -EBADF: no DMA-buf
 * -EMSGSIZE: too small
 */
struct mk_ioctl_import {
	__u32 memory;
	__s32 fd;
	__u32 flags;
	__u32 result;
};

#define MK_WAIT_EQUAL	0u
#define MK_WAIT_UNEQUAL (1u << 0)
/* For MK_IOCTL_ARM: nothing is waited for any more. */
#define MK_WAIT_NOTHING (1u << 1)

/* Nanoseconds: 0 is taken as the default, and what is lower as the least. */
#define MK_WAIT_SLACK_MIN     10000u
#define MK_WAIT_SLACK_DEFAULT 50000u

/**
 * struct mk_ioctl_wait - sleep until a word has a value, or has another
 * @memory: in: number
 * @word: in: index of a 32-bit word
 * @mask: in: bits to look at
 * @value: in: compared with the masked word
 * @flags: in: MK_WAIT_EQUAL or MK_WAIT_UNEQUAL
 * @seen: out: the word as seen last
 * @timeout: in: CLOCK_MONOTONIC, nanoseconds, absolute; beyond 2^63 - 1 is never
 * @slack: in: nanoseconds that the answer may be late
 *
 * On a context's file, in every role; for MK_IOCTL_WAIT and MK_IOCTL_ARM.
 *
 * Nobody tells the kernel about a store, so it looks: at once, on MK_IOCTL_WAKE,
 * when a file of the context goes, and else once in @slack.  A timeout is late by no
 * more than MK_WAIT_SLACK_DEFAULT of it.  No timer runs while nobody waits.
 *
 * MK_IOCTL_WAIT returns 0 when the word is as wanted, else -ETIMEDOUT, or -EINTR
 * after a signal (restarted as the handler says).
 *
 * MK_IOCTL_ARM returns at once.  The context's file becomes readable for poll and
 * epoll when the word is as wanted or @timeout has passed, and stays so until it is
 * armed again; who wants to know which looks at the word.  A file is armed for one
 * word: arming it again replaces that, MK_WAIT_NOTHING ends it.
 *
 * -EINVAL, -ERANGE: no such memory or word
 * -ENODATA: external, and not imported yet
 * -EOPNOTSUPP: imported, and not MK_MEMORY_REACHABLE
 */
struct mk_ioctl_wait {
	__u32 memory;
	__u32 word;
	__u32 mask;
	__u32 value;
	__u32 flags;
	__u32 seen;
	__aligned_u64 timeout;
	__aligned_u64 slack;
};

#define MK_IOCTL_TYPE	0xBE

#define MK_IOCTL_QUERY	_IOWR(MK_IOCTL_TYPE, 0x00, struct mk_ioctl_query)
#define MK_IOCTL_CREATE _IOWR(MK_IOCTL_TYPE, 0x01, struct mk_ioctl_create)
#define MK_IOCTL_OPEN	_IOWR(MK_IOCTL_TYPE, 0x02, struct mk_ioctl_open)
#define MK_IOCTL_LIST	_IOWR(MK_IOCTL_TYPE, 0x03, struct mk_ioctl_list)
#define MK_IOCTL_INFO	_IOWR(MK_IOCTL_TYPE, 0x10, struct mk_ioctl_info)
#define MK_IOCTL_EXPORT _IOWR(MK_IOCTL_TYPE, 0x11, struct mk_ioctl_export)
#define MK_IOCTL_IMPORT _IOWR(MK_IOCTL_TYPE, 0x12, struct mk_ioctl_import)
#define MK_IOCTL_WAIT	_IOWR(MK_IOCTL_TYPE, 0x13, struct mk_ioctl_wait)
#define MK_IOCTL_ARM	_IOWR(MK_IOCTL_TYPE, 0x14, struct mk_ioctl_wait)
/*
 * MK_IOCTL_WAKE - who waits or is armed on this context looks at once
 *
 * On a context's file; no argument.  To be called after a store that somebody is
 * known to wait for, as a futex would be woken: futexes do not work on this memory,
 * which belongs to no file's page cache.  -EACCES for an observer or a pump.
 */
#define MK_IOCTL_WAKE _IO(MK_IOCTL_TYPE, 0x15)

#endif /* _UAPI_LINUX_MK_H */
