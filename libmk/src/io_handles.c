// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "io_handles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

#define INDEX_MASK	 ((1u << MK_IO_HANDLE_INDEX_BITS) - 1)
#define GENERATIONS	 (1u << (32 - MK_IO_HANDLE_INDEX_BITS))
#define FILE_BYTES_LIMIT ((uint64_t)INT64_MAX)

/* Whether @bytes from @offset on lie within the first @limit. */
static bool is_within(uint64_t offset, uint64_t bytes, uint64_t limit)
{
	return bytes <= limit && offset <= limit - bytes;
}

int mk_io_handles_open(struct mk_io_handles *handles, uint32_t count,
		       uint64_t arena_bytes)
{
	*handles = (struct mk_io_handles){ .count = count, .arena_bytes = arena_bytes };
	/* The index in a handle is one more, and 24 bits. */
	if (!count || count > INDEX_MASK)
		return mk_fail(EINVAL, "%u handles; ask for 1 to %u", count, INDEX_MASK);
	handles->entries = calloc(count, sizeof(*handles->entries));
	if (!handles->entries)
		return mk_fail(ENOMEM, "no memory for %u handles; ask for fewer", count);
	for (uint32_t i = 0; i < count; i++)
		mk_list_init(&handles->entries[i].in_flight);
	return 0;
}

void mk_io_handles_close(struct mk_io_handles *handles)
{
	for (uint32_t i = 0; handles->entries && i < handles->count; i++)
		if (handles->entries[i].kind == MK_IO_KIND_FILE)
			close(handles->entries[i].file.fd);
	free(handles->entries);
	handles->entries = NULL;
}

/* Giving out ------------------------------------------------------------------- */

static uint32_t generation(const struct mk_io_handle *entry)
{
	return entry->uses % GENERATIONS;
}

static uint32_t handle_of(const struct mk_io_handles *handles, uint32_t index)
{
	return generation(&handles->entries[index]) << MK_IO_HANDLE_INDEX_BITS |
	       (index + 1);
}

/* The free entries from @index on, as far as @wanted. */
static uint32_t count_free(const struct mk_io_handles *handles, uint32_t index,
			   uint32_t wanted)
{
	uint32_t count = 0;

	while (count < wanted && index + count < handles->count &&
	       handles->entries[index + count].kind == MK_IO_KIND_NONE)
		count++;
	return count;
}

static bool find_free(const struct mk_io_handles *handles, uint32_t begin, uint32_t end,
		      uint32_t count, uint32_t *index)
{
	while (begin < end) {
		uint32_t found = count_free(handles, begin, count);

		if (found == count) {
			*index = begin;
			return true;
		}
		begin += found + 1;
	}
	return false;
}

/* Take @count free entries in a row, of one generation, so that handles are, too. */
static int take_entries(struct mk_io_handles *handles, uint32_t count, uint32_t *index)
{
	uint32_t uses = 0;

	if (!find_free(handles, handles->next, handles->count, count, index) &&
	    !find_free(handles, 0, handles->next, count, index))
		return mk_fail(ENOSPC,
			       "no %u free handles in a row of %u; take some back "
			       "(mk_io_remove), or open the pump with more",
			       count, handles->count);
	for (uint32_t i = *index; i < *index + count; i++)
		if (handles->entries[i].uses > uses)
			uses = handles->entries[i].uses;
	for (uint32_t i = *index; i < *index + count; i++)
		handles->entries[i].uses = uses;
	handles->next = (*index + count) % handles->count;
	return 0;
}

static struct mk_io_handle *fill_entry(struct mk_io_handles *handles, uint32_t index,
				       enum mk_io_kind kind, uint64_t offset,
				       uint64_t bytes)
{
	struct mk_io_handle *entry = &handles->entries[index];

	entry->kind = kind;
	entry->is_leaving = false;
	entry->offset = offset;
	entry->bytes = bytes;
	return entry;
}

void mk_io_handles_free(struct mk_io_handle *handle)
{
	if (handle->kind == MK_IO_KIND_FILE)
		close(handle->file.fd);
	handle->kind = MK_IO_KIND_NONE;
	/* Once it has come round, it must not look as if it had not. */
	if (!++handle->uses)
		handle->uses = GENERATIONS;
}

/* Files ------------------------------------------------------------------------ */

static int check_file(int fd, const struct mk_io_file *file)
{
	uint32_t all = MK_IO_READ | MK_IO_WRITE;
	int mode;

	if (!file->flags || file->flags & ~all)
		return mk_fail(EINVAL,
			       "flags 0x%x for a file; they are of 0x%x, and some",
			       file->flags, all);
	if (!is_within(file->offset, file->bytes, FILE_BYTES_LIMIT))
		return mk_fail(
			EOVERFLOW,
			"%llu bytes from offset %llu are more than a file can have",
			(unsigned long long)file->bytes,
			(unsigned long long)file->offset);
	mode = fcntl(fd, F_GETFL);
	if (mode < 0)
		return mk_fail(errno, "descriptor %d is no open file: %s", fd,
			       strerror(errno));
	if (mode & O_PATH ||
	    (file->flags & MK_IO_READ && (mode & O_ACCMODE) == O_WRONLY) ||
	    (file->flags & MK_IO_WRITE && (mode & O_ACCMODE) == O_RDONLY))
		return mk_fail(EACCES,
			       "descriptor %d is not open for all that flags 0x%x allow; "
			       "open the file for that, or allow less",
			       fd, file->flags);
	if (file->flags & MK_IO_WRITE && mode & O_APPEND)
		return mk_fail(EINVAL,
			       "descriptor %d appends wherever a request wants to write; "
			       "open the file without O_APPEND",
			       fd);
	return 0;
}

/* Reading anything else may take away what is there. */
static bool is_cached(int fd)
{
	struct stat status;

	return !fstat(fd, &status) && S_ISREG(status.st_mode) &&
	       !(fcntl(fd, F_GETFL) & O_DIRECT);
}

int mk_io_handles_add_file(struct mk_io_handles *handles, int fd,
			   const struct mk_io_file *file, uint32_t *handle)
{
	uint64_t bytes = file->bytes ? file->bytes : FILE_BYTES_LIMIT - file->offset;
	struct mk_io_handle *entry;
	uint32_t index;
	int copy;
	int ret = check_file(fd, file);

	if (!ret)
		ret = take_entries(handles, 1, &index);
	if (ret)
		return ret;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return mk_fail(errno, "cannot duplicate descriptor %d: %s", fd,
			       strerror(errno));
	entry = fill_entry(handles, index, MK_IO_KIND_FILE, file->offset, bytes);
	entry->file.fd = copy;
	entry->file.flags = file->flags;
	entry->file.is_registered = false;
	entry->file.bounces = false;
	entry->file.is_cached = is_cached(copy);
	*handle = handle_of(handles, index);
	return 0;
}

/* Others ----------------------------------------------------------------------- */

/* The last range ends within the arena, and so do those before. */
static int check_ranges(const struct mk_io_handles *handles, uint64_t offset,
			uint64_t bytes, uint64_t stride, uint32_t count)
{
	uint64_t limit = handles->arena_bytes;
	uint64_t last;

	if (!bytes || !count)
		return mk_fail(EINVAL,
			       "%u ranges of %llu bytes; there is at least one, and one "
			       "byte",
			       count, (unsigned long long)bytes);
	if (!__builtin_mul_overflow(stride, (uint64_t)count - 1, &last) &&
	    !__builtin_add_overflow(last, offset, &last) && is_within(last, bytes, limit))
		return 0;
	return mk_fail(
		ERANGE,
		"%u ranges of %llu bytes, from offset %llu each %llu, do not lie in "
		"an arena of %llu bytes",
		count, (unsigned long long)bytes, (unsigned long long)offset,
		(unsigned long long)stride, (unsigned long long)limit);
}

int mk_io_handles_add_arena(struct mk_io_handles *handles, uint64_t offset,
			    uint64_t bytes, uint64_t stride, uint32_t count,
			    uint32_t *first)
{
	uint32_t index;
	int ret = check_ranges(handles, offset, bytes, stride, count);

	if (!ret)
		ret = take_entries(handles, count, &index);
	if (ret)
		return ret;
	for (uint32_t i = 0; i < count; i++)
		fill_entry(handles, index + i, MK_IO_KIND_ARENA, offset + i * stride,
			   bytes);
	*first = handle_of(handles, index);
	return 0;
}

int mk_io_handles_add_callback(struct mk_io_handles *handles, mk_io_callback function,
			       void *user, uint32_t *handle)
{
	struct mk_io_handle *entry;
	uint32_t index;
	int ret = take_entries(handles, 1, &index);

	if (ret)
		return ret;
	entry = fill_entry(handles, index, MK_IO_KIND_CALLBACK, 0, 0);
	entry->callback.function = function;
	entry->callback.user = user;
	*handle = handle_of(handles, index);
	return 0;
}

int mk_io_handles_add_resource(struct mk_io_handles *handles, uint32_t file,
			       uint64_t file_offset, uint64_t arena_offset,
			       uint32_t bytes, uint32_t *handle)
{
	struct mk_io_handle *entry, *source;
	uint32_t index;
	uint32_t reason;
	int ret = check_ranges(handles, arena_offset, bytes, 0, 1);

	if (ret)
		return ret;
	source = mk_io_handles_find(handles, file, &reason);
	if (!source || source->is_leaving || source->kind != MK_IO_KIND_FILE)
		return mk_fail(EINVAL, "0x%x is not the handle of a file", file);
	if (!(source->file.flags & MK_IO_READ))
		return mk_fail(EACCES, "the file of handle 0x%x may not be read", file);
	if (!is_within(file_offset, bytes, source->bytes))
		return mk_fail(ERANGE,
			       "%u bytes from offset %llu lie beyond the %llu of handle "
			       "0x%x",
			       bytes, (unsigned long long)file_offset,
			       (unsigned long long)source->bytes, file);
	ret = take_entries(handles, 1, &index);
	if (ret)
		return ret;
	entry = fill_entry(handles, index, MK_IO_KIND_RESOURCE, file_offset, bytes);
	entry->resource.file = file;
	entry->resource.arena_offset = arena_offset;
	*handle = handle_of(handles, index);
	return 0;
}

/* Requests --------------------------------------------------------------------- */

struct mk_io_handle *mk_io_handles_find(const struct mk_io_handles *handles,
					uint32_t handle, uint32_t *reason)
{
	uint32_t index = (handle & INDEX_MASK) - 1;
	uint32_t asked = handle >> MK_IO_HANDLE_INDEX_BITS;
	struct mk_io_handle *entry;

	*reason = MK_IO_REASON_UNKNOWN_HANDLE;
	if (index >= handles->count)
		return NULL;
	entry = &handles->entries[index];
	if (entry->kind != MK_IO_KIND_NONE && generation(entry) == asked)
		return entry;
	/* Before the generations come round, some were never given out. */
	if (asked < entry->uses || entry->uses >= GENERATIONS)
		*reason = MK_IO_REASON_STALE_HANDLE;
	return NULL;
}

static uint32_t find_in_use(const struct mk_io_handles *handles, uint32_t handle,
			    struct mk_io_handle **entry)
{
	uint32_t reason;

	*entry = mk_io_handles_find(handles, handle, &reason);
	if (!*entry)
		return reason;
	return (*entry)->is_leaving ? MK_IO_REASON_STALE_HANDLE : 0;
}

static uint32_t check_file_range(const struct mk_io_handle *file, bool write,
				 uint64_t offset, uint64_t bytes)
{
	if (!(file->file.flags & (write ? MK_IO_WRITE : MK_IO_READ)))
		return MK_IO_REASON_PERMISSION;
	if (!bytes)
		return MK_IO_REASON_LENGTH;
	return is_within(offset, bytes, file->bytes) ? 0 : MK_IO_REASON_RANGE;
}

static uint32_t check_callback(uint64_t bytes)
{
	return bytes ? 0 : MK_IO_REASON_LENGTH;
}

static uint32_t check_transfer(const struct mk_io_handles *handles,
			       const struct mk_io_request *request, bool write,
			       struct mk_io_plan *plan)
{
	uint32_t bytes = request->byte_count;
	struct mk_io_handle *outside, *arena;
	uint32_t reason = find_in_use(
		handles, write ? request->destination : request->source, &outside);

	if (!reason)
		reason = find_in_use(
			handles, write ? request->source : request->destination, &arena);
	if (reason)
		return reason;
	if (arena->kind != MK_IO_KIND_ARENA)
		return MK_IO_REASON_WRONG_HANDLE;
	if (outside->kind == MK_IO_KIND_FILE)
		reason = check_file_range(outside, write, request->offset, bytes);
	else if (outside->kind == MK_IO_KIND_CALLBACK)
		reason = check_callback(bytes);
	else
		reason = MK_IO_REASON_WRONG_HANDLE;
	if (reason)
		return reason;
	if (bytes > arena->bytes)
		return MK_IO_REASON_RANGE;
	*plan = (struct mk_io_plan){
		.names = { outside, arena },
		.outside = outside,
		.write = write,
		.file_offset = outside->offset + request->offset,
		.arena_offset = arena->offset,
		.bytes = bytes,
	};
	return 0;
}

/* A resource says itself what to read, and where to. */
static uint32_t check_resource(const struct mk_io_handles *handles,
			       const struct mk_io_request *request,
			       struct mk_io_handle *resource, struct mk_io_plan *plan)
{
	struct mk_io_handle *file;
	uint32_t reason;

	if (request->destination != request->source)
		return MK_IO_REASON_WRONG_HANDLE;
	if (request->offset || request->byte_count)
		return MK_IO_REASON_RANGE;
	reason = find_in_use(handles, resource->resource.file, &file);
	if (reason)
		return reason;
	*plan = (struct mk_io_plan){
		.names = { file, resource },
		.outside = file,
		.file_offset = file->offset + resource->offset,
		.arena_offset = resource->resource.arena_offset,
		.bytes = (uint32_t)resource->bytes,
	};
	return 0;
}

static uint32_t check_read(const struct mk_io_handles *handles,
			   const struct mk_io_request *request, struct mk_io_plan *plan)
{
	struct mk_io_handle *source;
	uint32_t reason = find_in_use(handles, request->source, &source);

	if (reason)
		return reason;
	return source->kind == MK_IO_KIND_RESOURCE ?
		       check_resource(handles, request, source, plan) :
		       check_transfer(handles, request, false, plan);
}

uint32_t mk_io_handles_check(const struct mk_io_handles *handles,
			     const struct mk_io_request *request, struct mk_io_plan *plan)
{
	uint32_t reason;

	memset(plan, 0, sizeof(*plan));
	switch (request->op) {
	case MK_IO_OP_READ:
		return check_read(handles, request, plan);
	case MK_IO_OP_WRITE:
		return check_transfer(handles, request, true, plan);
	case MK_IO_OP_FENCE:
		reason = find_in_use(handles, request->destination, &plan->outside);
		plan->names[0] = plan->outside;
		return reason;
	default:
		return MK_IO_REASON_OPERATION;
	}
}
