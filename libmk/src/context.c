// SPDX-License-Identifier: MIT
#include "context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <state_layout.h>

#include "error.h"
#include "lease.h"
#include "options.h"
#include "park.h"

static const char *const region_names[MK_REGION_COUNT] = {
	[MK_REGION_CONTROL] = "the control region",
	[MK_REGION_RING] = "the ring",
	[MK_REGION_DEBUG_LOG] = "the debug log",
	[MK_REGION_IO_QUEUE] = "the io queue",
	[MK_REGION_CQ] = "the cq",
};

size_t mk_state_bytes(uint32_t slots, uint32_t windows)
{
	return sizeof(uint32_t) * (MK_STATE_SLOTS + (size_t)slots * MK_STATE_SLOT_WORDS +
				   (size_t)windows * MK_STATE_WINDOW_WORDS);
}

/* Geometry --------------------------------------------------------------- */

static void fill_defaults(struct mk_geometry *geometry)
{
	geometry->size = sizeof(*geometry);
	if (!geometry->slots)
		geometry->slots = 1024;
	if (!geometry->window_slots)
		geometry->window_slots = MK_WINDOW_SLOTS_DEFAULT;
	if (geometry->window_slots > geometry->slots)
		geometry->window_slots = geometry->slots;
	if (!geometry->log_records)
		geometry->log_records = MK_LOG_RECORD_CAPACITY_DEFAULT;
	if (!geometry->io_slots)
		geometry->io_slots = MK_IO_SLOT_COUNT_DEFAULT;
	if (!geometry->io_request_slots)
		geometry->io_request_slots = (geometry->io_slots + 1) / 2;
	if (!geometry->tenants)
		geometry->tenants = 1;
}

static int check_limit(const char *what, uint64_t have, uint64_t limit)
{
	if (have > limit)
		return mk_fail(EOVERFLOW,
			       "%llu %s exceed the limit of %llu; ask for fewer",
			       (unsigned long long)have, what, (unsigned long long)limit);
	return 0;
}

static int check_geometry(const struct mk_geometry *geometry)
{
	int ret = check_limit("ring slots", geometry->slots, MK_ENCODE_LIMIT);

	if (!ret)
		ret = check_limit("debug records", geometry->log_records,
				  MK_ENCODE_LIMIT);
	if (!ret)
		ret = check_limit("observable words", geometry->observable_words,
				  MK_ENCODE_LIMIT);
	if (!ret)
		ret = check_limit("io slots", geometry->io_slots, MK_ENCODE_LIMIT);
	if (!ret)
		ret = check_limit("tenants", geometry->tenants, MK_TENANT_COUNT);
	if (!ret)
		/* Arena words are indexed by 32 bits. */
		ret = check_limit("arena bytes", geometry->arena_bytes,
				  sizeof(uint32_t) * (uint64_t)UINT32_MAX);
	if (ret)
		return ret;
	if (!geometry->slots || !geometry->window_slots || !geometry->log_records ||
	    !geometry->io_slots)
		return mk_fail(EINVAL,
			       "a geometry without slots, window, debug records or io "
			       "slots; each is at least 1");
	if (geometry->window_slots > geometry->slots)
		return mk_fail(EINVAL,
			       "a window of %u slots in a ring of %u; a window is part "
			       "of the ring",
			       geometry->window_slots, geometry->slots);
	if (geometry->io_request_slots > geometry->io_slots)
		return mk_fail(EINVAL,
			       "%u io request slots of %u io slots; the requests' are "
			       "part of all",
			       geometry->io_request_slots, geometry->io_slots);
	if (geometry->flags & ~MK_CONTEXT_ALLOW_SHUTDOWN)
		return mk_fail(EINVAL, "unknown context flags 0x%x; known are 0x%x",
			       geometry->flags, MK_CONTEXT_ALLOW_SHUTDOWN);
	return 0;
}

static uint32_t count_windows(const struct mk_geometry *geometry)
{
	return (geometry->slots - 1) / geometry->window_slots + 1;
}

/* The bytes of every memory of a context, by its place in mk_context_fds(). */
static void memory_sizes(const struct mk_geometry *geometry, size_t bytes[MK_CONTEXT_FDS])
{
	bytes[MK_REGION_CONTROL] = (size_t)mk_control_bytes(geometry->observable_words);
	bytes[MK_REGION_RING] = (size_t)mk_ring_bytes(geometry->slots);
	bytes[MK_REGION_DEBUG_LOG] = (size_t)mk_debug_log_bytes(geometry->log_records);
	bytes[MK_REGION_IO_QUEUE] = (size_t)mk_io_queue_bytes(geometry->io_slots);
	bytes[MK_REGION_CQ] =
		(size_t)mk_cq_bytes(geometry->slots, geometry->window_slots);
	bytes[MK_CONTEXT_FD_STATE] =
		mk_state_bytes(geometry->slots, count_windows(geometry));
	bytes[MK_CONTEXT_FD_ARENA] = geometry->arena_bytes;
}

/* Memory ----------------------------------------------------------------- */

static const char *memory_name(uint32_t index)
{
	if (index < MK_REGION_COUNT)
		return region_names[index];
	return index == MK_CONTEXT_FD_STATE ? "the engine state" : "the arena";
}

static struct mk_memory *memory_at(struct mk_context *context, uint32_t index)
{
	if (index < MK_REGION_COUNT)
		return &context->regions[index].memory;
	return index == MK_CONTEXT_FD_STATE ? &context->state : &context->arena;
}

static struct mk_context *new_context(void)
{
	struct mk_context *context = calloc(1, sizeof(*context));

	if (!context) {
		mk_fail(ENOMEM, "no memory for a context");
		return NULL;
	}
	for (uint32_t i = 0; i < MK_CONTEXT_FDS; i++)
		*memory_at(context, i) = MK_MEMORY_NONE;
	return context;
}

/* What follows from a checked geometry. */
static void set_geometry(struct mk_context *context)
{
	context->window_count = count_windows(&context->geometry);
	context->first_lease = mk_cq_first_lease(context->geometry.slots);
}

/* One memory that is coherent both ways has both sides. */
static void set_placement(struct mk_context *context)
{
	for (uint32_t i = 0; i < MK_REGION_COUNT; i++) {
		struct mk_region *region = &context->regions[i];

		region->inbound = region->memory.address;
		region->outbound = region->memory.address;
	}
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

static int create_memories(struct mk_context *context)
{
	size_t bytes[MK_CONTEXT_FDS];
	int ret = 0;

	memory_sizes(&context->geometry, bytes);
	for (uint32_t i = 0; i < MK_CONTEXT_FDS && !ret; i++)
		if (bytes[i])
			ret = mk_memory_create(memory_name(i), bytes[i],
					       memory_at(context, i));
	return ret;
}

int mk_context_create(const struct mk_geometry *wanted, struct mk_context **result)
{
	struct mk_memory *control;
	struct mk_context *context;
	int ret;

	context = new_context();
	if (!context)
		return -ENOMEM;
	ret = mk_options_copy("struct mk_geometry", &context->geometry,
			      sizeof(context->geometry), wanted);
	if (ret)
		goto fail;
	fill_defaults(&context->geometry);
	ret = check_geometry(&context->geometry);
	if (ret)
		goto fail;
	ret = create_memories(context);
	if (ret)
		goto fail;

	/* Fresh memory is zero, and so is every other fresh region. */
	control = &context->regions[MK_REGION_CONTROL].memory;
	ret = mk_control_encode(control->address, control->bytes, false,
				context->geometry.tenants,
				context->geometry.observable_words);
	if (ret)
		goto fail;
	set_placement(context);
	set_geometry(context);
	write_headers(context);
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
			       "the control region begins with magic 0x%x, not 0x%x; is "
			       "this a context?",
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
}

/* Every word that the geometry promises must lie in the file behind it. */
static int check_sizes(struct mk_context *context)
{
	size_t bytes[MK_CONTEXT_FDS];

	memory_sizes(&context->geometry, bytes);
	for (uint32_t i = 0; i < MK_CONTEXT_FDS; i++) {
		struct mk_memory *memory = memory_at(context, i);

		if (bytes[i] > memory->mapped_bytes)
			return mk_fail(EPROTO,
				       "%s has %zu bytes, its context's header says "
				       "%zu; pass the descriptors of one context in "
				       "their order",
				       memory_name(i), memory->mapped_bytes, bytes[i]);
		memory->bytes = bytes[i];
	}
	return 0;
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

static int check_headers(struct mk_context *context)
{
	int ret;

	/* A mapped file has a page at least, which holds either header. */
	set_placement(context);
	ret = check_magic(context);
	if (ret)
		return ret;
	load_geometry(context);
	if (check_geometry(&context->geometry))
		return -EPROTO;
	ret = check_sizes(context);
	if (ret)
		return ret;
	set_geometry(context);
	return check_cq_header(context);
}

int mk_context_attach(const int fds[MK_CONTEXT_FDS], struct mk_context **result)
{
	struct mk_context *context;
	int ret = 0;

	context = new_context();
	if (!context)
		return -ENOMEM;
	for (uint32_t i = 0; i < MK_CONTEXT_FDS && !ret; i++)
		if (fds[i] >= 0 || i != MK_CONTEXT_FD_ARENA)
			ret = mk_memory_map(memory_name(i), fds[i],
					    memory_at(context, i));
	if (ret)
		goto fail;

	ret = check_headers(context);
	if (ret)
		goto fail;
	*result = context;
	return 0;
fail:
	mk_context_close(context);
	return ret;
}

void mk_context_close(struct mk_context *context)
{
	if (!context)
		return;
	for (uint32_t i = 0; i < MK_CONTEXT_FDS; i++)
		mk_memory_unmap(memory_at(context, i));
	free(context);
}

/* Access ----------------------------------------------------------------- */

void mk_context_fds(const struct mk_context *context, int fds[MK_CONTEXT_FDS])
{
	for (uint32_t i = 0; i < MK_REGION_COUNT; i++)
		fds[i] = context->regions[i].memory.fd;
	fds[MK_CONTEXT_FD_STATE] = context->state.fd;
	fds[MK_CONTEXT_FD_ARENA] = context->arena.fd;
}

const struct mk_geometry *mk_context_geometry(const struct mk_context *context)
{
	return &context->geometry;
}

void *mk_context_arena(const struct mk_context *context)
{
	return context->arena.address;
}

static int check_observable(const struct mk_context *context, uint32_t index)
{
	if (index >= context->geometry.observable_words)
		return mk_fail(ERANGE,
			       "observable %u of a context with %u; create it with "
			       "more observable_words",
			       index, context->geometry.observable_words);
	return 0;
}

int mk_context_observable(const struct mk_context *context, uint32_t index,
			  uint32_t *value)
{
	int ret = check_observable(context, index);

	if (!ret)
		*value = mk_control_load(context, MK_CONTROL_OBSERVABLES + index);
	return ret;
}

static int check_no_engine(const struct mk_context *context, const char *what)
{
	if (mk_lock_is_taken(context, MK_LOCK_ENGINE))
		return mk_fail(
			EBUSY,
			"%s cannot be set while an engine runs (process %u); stop the "
			"engine first",
			what, mk_cq_load(context, MK_CQ_OWNER_PID));
	return 0;
}

int mk_context_set_observable(struct mk_context *context, uint32_t index, uint32_t value)
{
	int ret = check_observable(context, index);

	if (ret)
		return ret;
	ret = check_no_engine(context, "an observable");
	if (ret)
		return ret;
	mk_control_store(context, MK_CONTROL_OBSERVABLES + index, value);
	return 0;
}

int mk_context_set_tenant(struct mk_context *context, uint32_t tenant, uint32_t mask)
{
	if (tenant >= MK_TENANT_COUNT)
		return mk_fail(ERANGE, "tenant %u; tenants are 0 to %u", tenant,
			       MK_TENANT_COUNT - 1);
	mk_control_store(context, MK_CONTROL_TENANT_MASKS + tenant, mask);
	mk_park_wake(context);
	return 0;
}

int mk_context_set_priorities(struct mk_context *context,
			      const uint32_t offsets[MK_PRIORITY_COUNT + 1])
{
	uint32_t slots = context->geometry.slots;
	int ret = check_no_engine(context, "the priorities");

	if (ret)
		return ret;
	for (uint32_t i = 0; offsets && i < MK_PRIORITY_COUNT; i++)
		if (offsets[i] > offsets[i + 1])
			return mk_fail(EINVAL,
				       "priority %u begins at slot %u, the next at %u; "
				       "offsets ascend",
				       i, offsets[i], offsets[i + 1]);
	if (offsets && (offsets[0] || offsets[MK_PRIORITY_COUNT] != slots))
		return mk_fail(
			EINVAL,
			"priorities cover the slots %u to %u of a ring of %u; they "
			"begin at 0 and cover all",
			offsets[0], offsets[MK_PRIORITY_COUNT], slots);
	for (uint32_t i = 0; i <= MK_PRIORITY_COUNT; i++)
		mk_control_store(context, MK_CONTROL_PRIORITY_OFFSETS + i,
				 offsets ? offsets[i] : 0);
	return 0;
}

void mk_context_shutdown(struct mk_context *context)
{
	mk_control_store(context, MK_CONTROL_SHUTDOWN, 1);
	mk_park_wake(context);
}

/*
 * The low word wraps a moment before the high one counts that, so what looks like a
 * step back is a step on.
 */
static uint64_t load_slots_done(const struct mk_context *context)
{
	mk_word64 *told = (mk_word64 *)&context->slots_done;
	uint64_t last = atomic_load(told);
	uint64_t high = mk_cq_load(context, MK_CQ_SLOTS_DONE_HIGH);
	uint64_t done = high << 32 | mk_cq_load(context, MK_CQ_SLOTS_DONE_LOW);

	if (done < last)
		done += UINT64_C(1) << 32;
	while (last < done && !atomic_compare_exchange_weak(told, &last, done))
		;
	return done;
}

void mk_context_counters(const struct mk_context *context, struct mk_counters *counters)
{
	*counters = (struct mk_counters){
		.slots_done = load_slots_done(context),
		.done_count = mk_control_load(context, MK_CONTROL_DONE_COUNT),
		.faults = mk_cq_load(context, MK_CQ_FAULTS),
		.epoch = mk_control_load(context, MK_CONTROL_EPOCH),
		.log_dropped = mk_cq_load(context, MK_CQ_LOG_DROPPED),
		.log_generation = mk_cq_load(context, MK_CQ_LOG_GENERATION),
		.heartbeat = mk_cq_load(context, MK_CQ_HEARTBEAT),
		.dispatches = mk_cq_load(context, MK_CQ_DISPATCHES),
		.engine_state = mk_cq_load(context, MK_CQ_ENGINE_STATE),
	};
}

static void copy_control(const struct mk_context *context, uint32_t *words)
{
	size_t count = context->regions[MK_REGION_CONTROL].memory.bytes / sizeof(*words);

	for (size_t i = 0; i < count; i++)
		words[i] = mk_control_load(context, (uint32_t)i);
}

static void copy_words(const mk_word *from, size_t bytes, uint32_t *words)
{
	for (size_t i = 0; i < bytes / sizeof(*words); i++)
		words[i] = atomic_load_explicit(&from[i], memory_order_acquire);
}

int mk_context_readback(const struct mk_context *context, struct mk_readback *storage)
{
	for (uint32_t i = 0; i < MK_READBACK_BUFFERS; i++) {
		size_t bytes = context->regions[i].memory.bytes;

		if (storage->buffers[i].capacity < bytes)
			return mk_fail(ENOSPC,
				       "the buffer for %s has room for %zu bytes; it "
				       "needs %zu",
				       memory_name(i), storage->buffers[i].capacity,
				       bytes);
	}
	for (uint32_t i = 0; i < MK_READBACK_BUFFERS; i++) {
		const struct mk_region *region = &context->regions[i];
		struct mk_buffer *buffer = &storage->buffers[i];

		if (i == MK_REGION_CONTROL)
			copy_control(context, buffer->data);
		else
			copy_words(region->outbound, region->memory.bytes, buffer->data);
		buffer->length = region->memory.bytes;
	}
	return 0;
}
