// SPDX-License-Identifier: MIT
/* A context's life: created, shared, attached, closed. */
#include "context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "geometry.h"
#include "options.h"
#include "trace.h"

static struct mk_context *new_context(void)
{
	struct mk_context *context = calloc(1, sizeof(*context));

	if (!context)
		mk_fail(ENOMEM, "no memory for a context");
	else
		atomic_init(&context->formats, -1);
	return context;
}

/* Every word that the geometry promises must lie in the memory behind it. */
static int check_sizes(struct mk_context *context)
{
	size_t bytes[MK_MEMORIES];

	mk_geometry_sizes(&context->geometry, bytes);
	for (uint32_t i = 0; i < MK_MEMORIES; i++) {
		struct mk_memory *memory = &context->backing->memories[i];

		if (bytes[i] > memory->mapped_bytes)
			return mk_fail(EPROTO,
				       "%s has %zu bytes, its context's geometry says "
				       "%zu; pass the descriptors of one context in "
				       "their order",
				       mk_memory_name(i), memory->mapped_bytes, bytes[i]);
		if (memory->bytes && memory->bytes != bytes[i])
			return mk_fail(EPROTO,
				       "%s has %zu bytes in use, this library expects "
				       "%zu; use the same version of mk on both sides",
				       mk_memory_name(i), memory->bytes, bytes[i]);
		memory->bytes = bytes[i];
	}
	return 0;
}

/* What follows from a checked geometry. */
static void set_geometry(struct mk_context *context)
{
	context->geometry.backing = context->backing->ops->kind;
	context->geometry.device = NULL;
	context->window_count = mk_geometry_windows(&context->geometry);
	context->first_lease = mk_cq_first_lease(context->geometry.slots);
}

static void set_placement(struct mk_context *context)
{
	const struct mk_memory *memories = context->backing->memories;

	for (uint32_t i = 0; i < MK_REGION_COUNT; i++)
		context->regions[i] = memories[i].address;
	context->state = memories[MK_MEMORY_STATE].address;
	context->arena = memories[MK_ARENA].address;
	context->split = context->backing->split;
	context->write_combining = context->backing->write_combining;
}

/* Create ----------------------------------------------------------------- */

static void store_cq(struct mk_context *context, uint32_t word, uint32_t value)
{
	atomic_store_explicit(mk_cq_word(context, word), value, memory_order_release);
}

/* The pure encoders do not write these; the magic words go last. */
static void write_headers(struct mk_context *context)
{
	const struct mk_geometry *geometry = &context->geometry;

	mk_control_store(context, MK_CONTROL_SLOT_COUNT, geometry->slots);
	mk_control_store(context, MK_CONTROL_RECORD_CAPACITY, geometry->log_records);
	mk_control_store(context, MK_CONTROL_IO_SLOT_COUNT, geometry->io_slots);
	mk_control_store(context, MK_CONTROL_OBSERVABLE_WORDS,
			 geometry->observable_words);
	mk_control_store(context, MK_CONTROL_CONTEXT_FLAGS, geometry->flags);
	mk_control_store(context, MK_CONTROL_ARENA_BYTES_LOW,
			 (uint32_t)geometry->arena_bytes);
	mk_control_store(context, MK_CONTROL_ARENA_BYTES_HIGH,
			 (uint32_t)(geometry->arena_bytes >> 32));
	mk_control_store(context, MK_CONTROL_ABI_VERSION, MK_ABI_VERSION);
	mk_control_store(context, MK_CONTROL_MAGIC, MK_CONTROL_MAGIC_VALUE);

	store_cq(context, MK_CQ_SLOT_COUNT, geometry->slots);
	store_cq(context, MK_CQ_FIRST_ENTRY, MK_CQ_HEADER_WORDS);
	store_cq(context, MK_CQ_WINDOW_SLOTS, geometry->window_slots);
	store_cq(context, MK_CQ_FIRST_LEASE, context->first_lease);
	store_cq(context, MK_CQ_IO_REQUEST_SLOTS, geometry->io_request_slots);
	store_cq(context, MK_CQ_IO_INGEST_SLOTS,
		 geometry->io_slots - geometry->io_request_slots);
	store_cq(context, MK_CQ_VERSION, MK_ABI_VERSION);
	store_cq(context, MK_CQ_MAGIC, MK_CQ_MAGIC_VALUE);
}

static int fill_memories(struct mk_context *context)
{
	const struct mk_memory *control = &context->backing->memories[MK_REGION_CONTROL];
	int ret = check_sizes(context);

	if (ret)
		return ret;
	/* Fresh memory is zero, and so is every other fresh region. */
	ret = mk_control_encode(control->address, control->bytes, false,
				context->geometry.tenants,
				context->geometry.observable_words);
	if (ret)
		return ret;
	set_placement(context);
	set_geometry(context);
	write_headers(context);
	return 0;
}

int mk_context_create(const struct mk_geometry *wanted, struct mk_context **result)
{
	size_t bytes[MK_MEMORIES];
	struct mk_context *context;
	int ret;

	context = new_context();
	if (!context)
		return -ENOMEM;
	ret = mk_options_copy("struct mk_geometry", &context->geometry,
			      sizeof(context->geometry), wanted);
	if (ret)
		goto fail;
	mk_geometry_fill(&context->geometry);
	ret = mk_geometry_check(&context->geometry);
	if (ret)
		goto fail;
	mk_geometry_sizes(&context->geometry, bytes);
	ret = mk_backing_create(&context->geometry, bytes, &context->backing);
	if (!ret)
		ret = fill_memories(context);
	if (!ret)
		ret = mk_trace_start_by_environment(context);
	if (ret)
		goto fail;
	*result = context;
	return 0;
fail:
	mk_context_close(context);
	return ret;
}

/* Attach ----------------------------------------------------------------- */

static int check_magic(const struct mk_context *context)
{
	uint32_t control_magic = mk_control_load(context, MK_CONTROL_MAGIC);
	uint32_t control_version = mk_control_load(context, MK_CONTROL_ABI_VERSION);
	uint32_t cq_magic = mk_cq_load(context, MK_CQ_MAGIC);
	uint32_t cq_version = mk_cq_load(context, MK_CQ_VERSION);

	if (control_magic != MK_CONTROL_MAGIC_VALUE)
		return mk_fail(EPROTO,
			       "the control region has magic 0x%x, not 0x%x; is this a "
			       "context, and has its owner finished making it?",
			       control_magic, MK_CONTROL_MAGIC_VALUE);
	if (cq_magic != MK_CQ_MAGIC_VALUE)
		return mk_fail(EPROTO,
			       "the cq begins with magic 0x%x, not 0x%x; is this a "
			       "context?",
			       cq_magic, MK_CQ_MAGIC_VALUE);
	if (control_version != MK_ABI_VERSION || cq_version != MK_ABI_VERSION)
		return mk_fail(EPROTO,
			       "the context has ABI version %u (cq %u), this library %u; "
			       "use the same libmk on both sides",
			       control_version, cq_version, MK_ABI_VERSION);
	return 0;
}

static void load_geometry(struct mk_context *context)
{
	const struct mk_geometry_words *known = context->backing->geometry;
	struct mk_geometry *geometry = &context->geometry;

	*geometry = (struct mk_geometry){
		.size = sizeof(*geometry),
		.slots = mk_control_load(context, MK_CONTROL_SLOT_COUNT),
		.window_slots = mk_cq_load(context, MK_CQ_WINDOW_SLOTS),
		.log_records = mk_control_load(context, MK_CONTROL_RECORD_CAPACITY),
		.io_slots = mk_control_load(context, MK_CONTROL_IO_SLOT_COUNT),
		.io_request_slots = mk_cq_load(context, MK_CQ_IO_REQUEST_SLOTS),
		.observable_words = mk_control_load(context, MK_CONTROL_OBSERVABLE_WORDS),
		.flags = mk_control_load(context, MK_CONTROL_CONTEXT_FLAGS),
		.arena_bytes =
			mk_control_load(context, MK_CONTROL_ARENA_BYTES_LOW) |
			(uint64_t)mk_control_load(context, MK_CONTROL_ARENA_BYTES_HIGH)
				<< 32,
	};
	if (!known)
		return;
	/* What the memory says counts for nothing then. */
	geometry->slots = known->slots;
	geometry->window_slots = known->window_slots;
	geometry->log_records = known->log_records;
	geometry->io_slots = known->io_slots;
	geometry->io_request_slots = known->io_request_slots;
	geometry->observable_words = known->observable_words;
	geometry->arena_bytes = context->backing->memories[MK_ARENA].bytes;
}

/* Words that say again what follows from the geometry, for other readers. */
static int check_cq_header(const struct mk_context *context)
{
	const uint32_t expected[][2] = {
		{ MK_CQ_SLOT_COUNT, context->geometry.slots },
		{ MK_CQ_FIRST_ENTRY, MK_CQ_HEADER_WORDS },
		{ MK_CQ_FIRST_LEASE, context->first_lease },
		{ MK_CQ_IO_INGEST_SLOTS,
		  context->geometry.io_slots - context->geometry.io_request_slots },
	};

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		uint32_t had = mk_cq_load(context, expected[i][0]);

		if (had != expected[i][1])
			return mk_fail(EPROTO,
				       "word %u of the cq is %u; with this geometry it "
				       "is %u.  Is the context damaged?",
				       expected[i][0], had, expected[i][1]);
	}
	return 0;
}

static int check_memories(struct mk_context *context)
{
	int ret;

	/* A mapped memory has a page at least, which holds either header. */
	set_placement(context);
	ret = check_magic(context);
	if (ret)
		return ret;
	load_geometry(context);
	if (mk_geometry_check(&context->geometry))
		return -EPROTO;
	ret = check_sizes(context);
	if (ret)
		return ret;
	set_geometry(context);
	return check_cq_header(context);
}

/* @backing becomes the context's, also when this fails. */
static int take_backing(struct mk_backing *backing, struct mk_context **result)
{
	struct mk_context *context = new_context();
	int ret;

	if (!context) {
		backing->ops->close(backing);
		return -ENOMEM;
	}
	context->backing = backing;
	ret = check_memories(context);
	if (!ret)
		ret = mk_trace_start_by_environment(context);
	if (ret)
		mk_context_close(context);
	else
		*result = context;
	return ret;
}

int mk_context_attach(const int *fds, size_t count, struct mk_context **result)
{
	struct mk_backing *backing;
	int ret = mk_backing_attach(fds, count, &backing);

	return ret ? ret : take_backing(backing, result);
}

static int check_guest_role(enum mk_role role)
{
	if (role < MK_ROLE_ENGINE || role > MK_ROLE_OBSERVER)
		return mk_fail(EINVAL,
			       "role %d cannot be had; use MK_ROLE_ENGINE, "
			       "MK_ROLE_PRODUCER or MK_ROLE_OBSERVER",
			       (int)role);
	return 0;
}

int mk_context_open(uint64_t id, enum mk_role role, struct mk_context **result)
{
	struct mk_backing *backing;
	int ret = check_guest_role(role);

	if (!ret)
		ret = mk_backing_open(id, role, &backing);
	return ret ? ret : take_backing(backing, result);
}

void mk_context_close(struct mk_context *context)
{
	if (!context)
		return;
	mk_trace_stop(context);
	if (atomic_load(&context->formats) >= 0)
		close(atomic_load(&context->formats));
	if (context->backing)
		context->backing->ops->close(context->backing);
	free(context);
}

/* Hand on ---------------------------------------------------------------- */

int mk_context_check_role(const struct mk_context *context, enum mk_role least,
			  const char *what)
{
	/* Each role may do what those behind it may. */
	if (context->backing->role <= least)
		return 0;
	return mk_fail(EACCES,
		       "%s of a context may not %s; attach as %s, or leave that to its "
		       "owner",
		       mk_role_name(context->backing->role), what, mk_role_name(least));
}

int mk_context_share(const struct mk_context *context, enum mk_role role,
		     int fds[MK_CONTEXT_FDS])
{
	int ret = check_guest_role(role);

	if (!ret)
		ret = mk_context_check_role(context, role, "let in more than itself");
	return ret ? ret : context->backing->ops->share(context->backing, role, fds);
}

int mk_context_export(const struct mk_context *context, uint32_t memory, uint32_t flags)
{
	struct mk_backing *backing = context->backing;

	if (memory >= MK_MEMORIES || !backing->memories[memory].address)
		return mk_fail(EINVAL,
			       "memory %u; this context has the regions 0 to %u, the "
			       "engine state%s",
			       memory, MK_REGION_COUNT - 1,
			       context->arena ? " and the arena" : ", and no arena");
	if (flags & ~MK_EXPORT_WRITE)
		return mk_fail(EINVAL, "unknown flags 0x%x for an export; known are 0x%x",
			       flags, MK_EXPORT_WRITE);
	return backing->ops->export(backing, memory, flags & MK_EXPORT_WRITE);
}

/* Ask -------------------------------------------------------------------- */

enum mk_role mk_context_role(const struct mk_context *context)
{
	return context->backing->role;
}

const char *mk_context_backing(const struct mk_context *context)
{
	return context->backing->ops->name;
}

uint64_t mk_context_id(const struct mk_context *context)
{
	return context->backing->id;
}

const struct mk_geometry *mk_context_geometry(const struct mk_context *context)
{
	return &context->geometry;
}

void *mk_context_arena(const struct mk_context *context)
{
	return context->arena;
}

void *mk_context_memory(const struct mk_context *context, uint32_t memory, size_t *bytes)
{
	bool is_known = memory < MK_MEMORIES;

	if (bytes)
		*bytes = is_known ? context->backing->memories[memory].bytes : 0;
	return is_known ? context->backing->memories[memory].address : NULL;
}
