// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "fuzz_worker.h"

#include <fcntl.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.h"
#include "common.h"
#include "exporters.h"
#include "random.h"
#include "uring.h"

#define FILES		12 /* of each kind */
#define MAPPINGS	12
#define MAPPING_BYTES	(1u << 18)
#define LARGEST_ARENA	(1u << 18)
#define LONGEST_WAIT_NS 2000000u

enum kind { CONTEXTS, DMA_BUFS, KINDS };

struct mapping {
	void *address;
	size_t bytes;
};

/* What the threads of a worker share. */
struct pool {
	int device;
	int files[KINDS][FILES];
	struct mapping mappings[MAPPINGS];
	__u64 ids[8];
};

static struct pool pool;
static struct fuzz_progress *progress;

struct thread {
	struct random random;
	int pipe[2];
	int sockets[2];
};

/* Values --------------------------------------------------------------------- */

static __u64 odd_value(struct random *random)
{
	static const __u64 values[] = {
		0,
		1,
		2,
		3,
		4,
		7,
		8,
		63,
		64,
		128,
		255,
		4095,
		4096,
		4097,
		8192,
		65536,
		MK_ENCODE_LIMIT,
		MK_ENCODE_LIMIT + 1,
		0x7fffffff,
		0x80000000,
		0xffffffff,
		0x100000000,
		MK_MEMORY_MAX_BYTES,
		MK_MEMORY_MAX_BYTES + 1,
		~0ull >> 1,
		~0ull << 12,
		~0ull,
	};

	if (one_in(random, 4))
		return random_next(random);
	return values[random_below(random, sizeof(values) / sizeof(values[0]))];
}

/* Some words of a structure are replaced, more often none. */
static void spoil(struct random *random, void *structure, size_t bytes)
{
	while (one_in(random, 3)) {
		__u32 value = odd_value(random);
		size_t words = bytes / sizeof(value);

		memcpy((char *)structure + sizeof(value) * random_below(random, words),
		       &value, sizeof(value));
	}
}

static int *any_place(struct random *random, enum kind kind)
{
	return &pool.files[kind][random_below(random, FILES)];
}

/* One of that kind, most of the time; -1 when there seems to be none. */
static int any_file(struct random *random, enum kind kind)
{
	int file = -1;

	if (one_in(random, 16))
		kind = !kind;
	for (int i = 0; i < 4 && file < 0; i++)
		file = __atomic_load_n(any_place(random, kind), __ATOMIC_RELAXED);
	return file;
}

/* Keeps a file in the place of another one. */
static void keep(struct random *random, enum kind kind, int file)
{
	int other;

	if (file < 0)
		return;
	other = __atomic_exchange_n(any_place(random, kind), file, __ATOMIC_RELAXED);
	if (other >= 0)
		close(other);
}

static struct mapping take_mapping(struct random *random)
{
	struct mapping *place = &pool.mappings[random_below(random, MAPPINGS)];
	struct mapping mapping = { .bytes = MAPPING_BYTES };

	mapping.address = __atomic_exchange_n(&place->address, NULL, __ATOMIC_RELAXED);
	return mapping;
}

static void give_mapping(struct random *random, void *address)
{
	struct mapping *place = &pool.mappings[random_below(random, MAPPINGS)];

	address = __atomic_exchange_n(&place->address, address, __ATOMIC_RELAXED);
	if (address)
		munmap(address, MAPPING_BYTES);
}

/* Calls of the device -------------------------------------------------------- */

/* With a size that is not always right; there is room for the largest. */
static int call(struct random *random, int file, unsigned long request, void *structure)
{
	static __thread char room[1 << _IOC_SIZEBITS];
	size_t known = _IOC_SIZE(request), bytes = known;
	int result;

	if (one_in(random, 16))
		bytes = random_below(random, one_in(random, 8) ? 1 << _IOC_SIZEBITS :
								 2 * known + 1);
	memset(room, 0, sizeof(room));
	memcpy(room, structure, known);
	/* Only what is behind: what a caller made safe stays so. */
	if (bytes > known && one_in(random, 4))
		room[known + random_below(random, bytes - known)] = 1;
	request = _IOC(_IOC_DIR(request), _IOC_TYPE(request), _IOC_NR(request), bytes);
	result = ioctl(file, request, room);
	memcpy(structure, room, known);
	if (!result)
		__atomic_fetch_add(&progress->successes, 1, __ATOMIC_RELAXED);
	return result;
}

static void try_query(struct thread *thread)
{
	struct mk_ioctl_query query = { .api_version = 0 };

	call(&thread->random, pool.device, MK_IOCTL_QUERY, &query);
}

/* A context may be wrong, but not so large that the machine suffers. */
static void bound(struct mk_ioctl_create *create)
{
	for (int i = 0; i < MK_ARENA_COUNT; i++)
		if (create->arena_bytes[i] <= MK_MEMORY_MAX_BYTES)
			create->arena_bytes[i] %= LARGEST_ARENA + 1;
	if (create->state_bytes <= MK_MEMORY_MAX_BYTES)
		create->state_bytes %= LARGEST_ARENA + 1;
	if (create->geometry.slots <= MK_ENCODE_LIMIT)
		create->geometry.slots %= 4096;
	if (create->geometry.log_records <= MK_ENCODE_LIMIT)
		create->geometry.log_records %= 4096;
	if (create->geometry.io_slots <= MK_ENCODE_LIMIT)
		create->geometry.io_slots %= 4096;
	if (create->geometry.observable_words <= MK_ENCODE_LIMIT)
		create->geometry.observable_words %= 65536;
}

static void try_create(struct thread *thread)
{
	struct random *random = &thread->random;
	struct mk_ioctl_create create = context_arguments();

	if (one_in(random, 2))
		create.external = random_below(random, 1u << MK_MEMORY_ARENA(1)) &
				  ~(1u << MK_REGION_CQ);
	if (one_in(random, 4))
		for (int i = 0; i < MK_ARENA_COUNT; i++)
			create.arena_bytes[i] = random_below(random, 32768);
	spoil(random, &create, sizeof(create));
	bound(&create);
	if (call(random, pool.device, MK_IOCTL_CREATE, &create))
		return;
	keep(random, CONTEXTS, create.fd);
	pool.ids[random_below(random, 8)] = create.id;
}

static void try_open(struct thread *thread)
{
	struct random *random = &thread->random;
	struct mk_ioctl_open open = { .role = MK_ROLE_ENGINE + random_below(random, 4) };
	int file = any_file(random, CONTEXTS);

	if (one_in(random, 2)) {
		open.id = pool.ids[random_below(random, 8)];
		file = pool.device;
	}
	spoil(random, &open, sizeof(open));
	if (!call(random, file, MK_IOCTL_OPEN, &open))
		keep(random, CONTEXTS, open.fd);
}

static void try_list(struct thread *thread)
{
	struct random *random = &thread->random;
	struct mk_attachment entries[16];
	struct mk_ioctl_list list = {
		.attachments = (uintptr_t)entries,
		.count = random_below(random, 16),
		.stride = sizeof(entries[0]),
		.after_id = pool.ids[random_below(random, 8)],
	};

	spoil(random, &list, sizeof(list));
	/* Never where something of ours lies. */
	if (list.attachments != (uintptr_t)entries ||
	    (__u64)list.count * list.stride > sizeof(entries))
		list.attachments = (uintptr_t)random_next(random) << 47;
	call(random, pool.device, MK_IOCTL_LIST, &list);
}

/* Calls of a context ---------------------------------------------------------- */

/* One that most contexts have. */
static __u32 some_memory(struct random *random)
{
	return random_below(random, MK_MEMORY_ARENA(1));
}

static void try_info(struct thread *thread)
{
	struct mk_ioctl_info info = { .id = 0 };

	call(&thread->random, any_file(&thread->random, CONTEXTS), MK_IOCTL_INFO, &info);
}

static void try_export(struct thread *thread)
{
	struct random *random = &thread->random;
	struct mk_ioctl_export export = {
		.memory = some_memory(random),
		.flags = random_below(random, 2),
	};

	if (one_in(random, 4)) {
		export.offset = random_below(random, 16) * page_bytes();
		export.size = random_below(random, 16) * page_bytes();
	}
	spoil(random, &export, sizeof(export));
	if (!call(random, any_file(random, CONTEXTS), MK_IOCTL_EXPORT, &export))
		keep(random, DMA_BUFS, export.fd);
}

static void try_foreign(struct thread *thread)
{
	struct random *random = &thread->random;

	if (!one_in(random, 4))
		return;
	/*
	 * Not udmabuf and the system heap: DMA debugging complains when one device maps
	 * a buffer of theirs twice.
	 */
	keep(random, DMA_BUFS,
	     vgem.export(4096u << random_below(random, 7), !one_in(random, 4)));
}

static void try_import(struct thread *thread)
{
	struct random *random = &thread->random;
	struct mk_ioctl_import import = {
		.memory = some_memory(random),
		.fd = any_file(random, DMA_BUFS),
	};

	spoil(random, &import, sizeof(import));
	call(random, any_file(random, CONTEXTS), MK_IOCTL_IMPORT, &import);
}

static struct mk_ioctl_wait some_condition(struct random *random)
{
	struct mk_ioctl_wait wait = {
		.memory = some_memory(random),
		.word = random_below(random, 256),
		.mask = one_in(random, 2) ? ~0u : odd_value(random),
		.value = random_below(random, 2),
		.flags = random_below(random, 2),
		.timeout = NEVER,
		.slack = random_below(random, LONGEST_WAIT_NS),
	};

	spoil(random, &wait, sizeof(wait));
	return wait;
}

static void try_wait(struct thread *thread)
{
	struct random *random = &thread->random;
	struct mk_ioctl_wait wait = some_condition(random);

	wait.timeout = monotonic_ns() + random_below(random, LONGEST_WAIT_NS);
	wait.slack %= LONGEST_WAIT_NS;
	call(random, any_file(random, CONTEXTS), MK_IOCTL_WAIT, &wait);
}

static void try_arm(struct thread *thread)
{
	struct random *random = &thread->random;
	struct mk_ioctl_wait arm = some_condition(random);

	if (one_in(random, 8))
		arm.flags = MK_WAIT_NOTHING;
	call(random, any_file(random, CONTEXTS), MK_IOCTL_ARM, &arm);
}

static void try_wake(struct thread *thread)
{
	ioctl(any_file(&thread->random, CONTEXTS), MK_IOCTL_WAKE);
}

static void try_poll(struct thread *thread)
{
	struct pollfd files[4];

	for (int i = 0; i < 4; i++)
		files[i] = (struct pollfd){ .fd = any_file(&thread->random, i % KINDS),
					    .events = POLLIN };
	poll(files, 4, random_below(&thread->random, 3));
}

static void try_any_number(struct thread *thread)
{
	struct random *random = &thread->random;
	__u64 words[64];
	int file = one_in(random, 2) ? pool.device : any_file(random, CONTEXTS);
	unsigned int number = random_below(random, 256);

	for (int i = 0; i < 64; i++)
		words[i] = odd_value(random);
	/* Those that are known are called with care. */
	if (number > _IOC_NR(MK_IOCTL_LIST) && number < _IOC_NR(MK_IOCTL_INFO))
		number += 0x20;
	else if (number <= _IOC_NR(MK_IOCTL_WAKE))
		return;
	ioctl(file, _IOC(random_below(random, 4), MK_IOCTL_TYPE, number, sizeof(words)),
	      words);
}

/* Files ---------------------------------------------------------------------- */

static void try_close(struct thread *thread)
{
	struct random *random = &thread->random;
	int *place = any_place(random, random_below(random, KINDS));
	int file = __atomic_exchange_n(place, -1, __ATOMIC_RELAXED);

	if (file >= 0)
		close(file);
}

static void try_dup(struct thread *thread)
{
	enum kind kind = random_below(&thread->random, KINDS);
	int file = any_file(&thread->random, kind);

	if (file >= 0)
		keep(&thread->random, kind, fcntl(file, F_DUPFD_CLOEXEC, 0));
}

/* A file that is sent stays in the socket for some time, or for good. */
static void try_pass(struct thread *thread)
{
	struct random *random = &thread->random;
	enum kind kind = random_below(random, KINDS);
	int file = any_file(random, kind);
	struct pollfd polled = { .fd = thread->sockets[1], .events = POLLIN };
	struct pollfd room = { .fd = thread->sockets[0], .events = POLLOUT };

	if (file >= 0 && poll(&room, 1, 0) == 1)
		send_file(thread->sockets[0], file);
	if (one_in(random, 2) && poll(&polled, 1, 0) == 1)
		keep(random, kind, receive_file(thread->sockets[1]));
}

static void try_other_calls(struct thread *thread)
{
	struct random *random = &thread->random;
	struct dma_buf_sync sync = { .flags = random_below(random, 8) };
	int file = any_file(random, random_below(random, KINDS));
	char byte;

	ioctl(file, DMA_BUF_IOCTL_SYNC, &sync);
	lseek(file, odd_value(random), random_below(random, 3));
	if (read(file, &byte, 1) > 0 || write(file, "", 1) > 0)
		fprintf(stderr, "# a file of the module's can be read or written\n");
}

static void try_device(struct thread *thread)
{
	if (one_in(&thread->random, 4))
		vgem_import(any_file(&thread->random, DMA_BUFS));
}

/* Mappings ------------------------------------------------------------------- */

static void try_map(struct thread *thread)
{
	struct random *random = &thread->random;
	int protection = random_below(random, 4), file = any_file(random, DMA_BUFS);
	/* Part of a place of fixed size, so that any may be unmapped as a whole. */
	char *place =
		mmap(NULL, MAPPING_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t bytes = (1 + random_below(random, MAPPING_BYTES / 4096)) * 4096;
	off_t offset = one_in(random, 3) ? random_below(random, 16) * 4096 : 0;
	int flags = one_in(random, 16) ? MAP_PRIVATE : MAP_SHARED;

	if (place == MAP_FAILED)
		return;
	if (one_in(random, 8))
		flags |= MAP_POPULATE;
	for (; bytes; bytes = bytes / 2 / 4096 * 4096)
		if (mmap(place, bytes, protection, flags | MAP_FIXED, file, offset) !=
		    MAP_FAILED)
			break;
	give_mapping(random, place);
}

static void try_unmap(struct thread *thread)
{
	struct mapping mapping = take_mapping(&thread->random);

	if (mapping.address)
		munmap(mapping.address, mapping.bytes);
}

/* By way of a pipe: where nothing is mapped any more, that is an error, no signal. */
static void touch(struct thread *thread, void *address)
{
	char byte = 0;

	if (one_in(&thread->random, 2)) {
		if (write(thread->pipe[1], address, 1) == 1 &&
		    read(thread->pipe[0], &byte, 1) != 1)
			_exit(1);
	} else {
		if (write(thread->pipe[1], &byte, 1) == 1 &&
		    read(thread->pipe[0], address, 1) != 1 &&
		    read(thread->pipe[0], &byte, 1) != 1)
			_exit(1);
	}
}

static void change(struct thread *thread, char *address, size_t bytes)
{
	static const int advice[] = { MADV_DONTNEED, MADV_WILLNEED, MADV_DONTFORK,
				      MADV_DOFORK,   MADV_REMOVE,   MADV_HUGEPAGE,
				      MADV_FREE,     MADV_COLD,	    MADV_PAGEOUT };
	struct random *random = &thread->random;

	switch (random_below(random, 6)) {
	case 0:
		mprotect(address, bytes, random_below(random, 4));
		break;
	case 1:
		mlock(address, bytes);
		munlock(address, bytes);
		break;
	case 2:
		mremap(address, bytes, bytes + 4096, 0);
		break;
	case 3:
		/* In one step, or another thread would find the place free meanwhile. */
		mmap(address, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		     -1, 0);
		break;
	default:
		madvise(address, bytes,
			advice[random_below(random, sizeof(advice) / sizeof(int))]);
	}
}

static void try_mapping(struct thread *thread)
{
	struct random *random = &thread->random;
	struct mapping mapping = take_mapping(random);
	char *address = mapping.address;

	if (!address)
		return;
	for (int i = 0; i < 8; i++)
		touch(thread, address + random_below(random, MAPPING_BYTES));
	if (one_in(random, 2)) {
		size_t page = random_below(random, MAPPING_BYTES / 4096);
		size_t pages = 1 + random_below(random, MAPPING_BYTES / 4096 - page);

		change(thread, address + page * 4096, pages * 4096);
	}
	give_mapping(random, address);
}

static void try_fix(struct thread *thread)
{
	struct mapping mapping = take_mapping(&thread->random);
	struct uring uring;

	if (!mapping.address)
		return;
	if (one_in(&thread->random, 8) && uring_open(&uring)) {
		uring_register(&uring, mapping.address, 4 * 4096);
		uring_close(&uring);
	}
	give_mapping(&thread->random, mapping.address);
}

/* The child has all files and mappings, and only goes. */
static void try_fork(struct thread *thread)
{
	pid_t child;

	if (!one_in(&thread->random, 16))
		return;
	child = fork();
	if (!child)
		_exit(0);
	if (child > 0)
		waitpid(child, NULL, 0);
}

/* Workers -------------------------------------------------------------------- */

static void (*const attempts[])(struct thread *) = {
	try_query,   try_create, try_open,   try_open,	  try_list,	   try_info,
	try_export,  try_export, try_export, try_foreign, try_import,	   try_import,
	try_wait,    try_arm,	 try_arm,    try_wake,	  try_poll,	   try_any_number,
	try_close,   try_close,	 try_dup,    try_pass,	  try_other_calls, try_device,
	try_map,     try_map,	 try_map,    try_unmap,	  try_mapping,	   try_mapping,
	try_mapping, try_fix,	 try_fork,
};

#define ATTEMPTS (sizeof(attempts) / sizeof(attempts[0]))

static void run(uint64_t seed, unsigned long *calls)
{
	struct thread thread = { .random = random_from(seed) };

	if (pipe(thread.pipe) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, thread.sockets))
		_exit(1);
	for (;;) {
		attempts[random_below(&thread.random, ATTEMPTS)](&thread);
		__atomic_fetch_add(calls, 1, __ATOMIC_RELAXED);
	}
}

static void *run_second(void *seed)
{
	run((uint64_t)seed, &progress->calls[1]);
	return NULL;
}

void fuzz_work(int device, uint64_t seed, struct fuzz_progress *shared)
{
	struct rlimit files = { .rlim_cur = 256, .rlim_max = 256 };
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	setrlimit(RLIMIT_NOFILE, &files);
	progress = shared;
	pool.device = device;
	memset(pool.files, 0xff, sizeof(pool.files));
	if (pthread_create(&thread, NULL, run_second, (void *)(2 * seed)))
		_exit(1);
	run(2 * seed + 1, &progress->calls[0]);
	_exit(1);
}
