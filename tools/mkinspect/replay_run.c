// SPDX-License-Identifier: MIT
/*
 * Events are taken in the order of time.  What is published waits for what was published
 * in its slot before, and a completion that was seen is waited for.  So what was published
 * after another slot's completion had been seen is published after it here, too.
 */
#include "replay_run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mk/ingest.h>
#include <mk/replay.h>

#include "common/complain.h"
#include "replay_answers.h"
#include "replay_memory.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define STOP_NS	      (20 * NS_PER_SECOND)
/* How long to look for one thing before looking for requests again, and how often not at all. */
#define LOOK_NS	    200000u
#define EAGER_LOOKS 2000

enum slot_state {
	SLOT_FREE,    /* nothing was published, or its end was seen in the trace, too */
	SLOT_PENDING, /* published, and in the trace not known to have ended */
};

struct slot {
	enum slot_state state;
	bool has_ticket;
	uint32_t use; /* the trace's */
	uint32_t opcode;
	uint32_t items; /* a fence's */
	struct mk_ticket ticket;
};

struct ingest {
	bool has_ticket;
	struct mk_ingest_ticket ticket;
};

struct replay {
	const struct trace *trace;
	struct replay_result *result;
	uint64_t timeout_ns;
	struct mk_context *context;
	struct mk_engine *engine;
	struct mk_replay *replay;
	struct mk_ingester *ingester;
	struct answers answers;
	struct slot *slots;
	uint32_t slot_count;
	uint32_t pending;	/* slots, and ingests that nobody has waited for */
	struct ingest *ingests; /* by io slot of the trace */
	uint32_t io_slots;
	struct mk_io_request *asked; /* by io slot of ours: op 0 is none */
	uint32_t asked_count;
	bool has_requests;	  /* there are io slots for them */
	uint64_t last_publish_ns; /* the trace's */
	uint32_t first_epoch;
	bool epoch_differs;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

static uint32_t epochs(const struct replay *replay)
{
	struct mk_counters counters;

	mk_context_counters(replay->context, &counters);
	return counters.epoch;
}

/* Requests ------------------------------------------------------------------------- */

static int give_answer(struct replay *replay, struct mk_io_request *request,
		       const struct answer *answer)
{
	char *arena = mk_context_arena(replay->context);
	int ret;

	for (const struct answer_data *piece = answer->data; piece; piece = piece->next)
		memcpy(arena + piece->data->offset, piece->data->data,
		       piece->data->bytes);
	ret = mk_replay_answer(replay->replay, request->slot, answer->io.reason,
			       answer->io.error, answer->io.done);
	if (ret)
		return complain("cannot answer a request", ret);
	request->op = 0;
	replay->asked_count--;
	replay->result->requests++;
	return 0;
}

static int answer_what_can_be(struct replay *replay)
{
	int ret = 0;

	for (uint32_t slot = 0; !ret && replay->asked_count && slot < replay->io_slots;
	     slot++) {
		struct mk_io_request *request = &replay->asked[slot];
		struct answer *answer;

		if (!request->op)
			continue;
		answer = answers_take(&replay->answers, request);
		if (!answer)
			continue;
		ret = give_answer(replay, request, answer);
		answer_free(answer);
	}
	return ret;
}

static int serve_requests(struct replay *replay)
{
	struct mk_io_request request;

	while (mk_replay_next_request(replay->replay, &request)) {
		/* What no library would answer is refused at once. */
		if (!request.op) {
			mk_replay_answer(replay->replay, request.slot,
					 MK_IO_REASON_OPERATION, 0, 0);
			continue;
		}
		replay->asked[request.slot] = request;
		replay->asked_count++;
	}
	return replay->asked_count ? answer_what_can_be(replay) : 0;
}

/* Waiting -------------------------------------------------------------------------- */

static int explain_timeout(const struct replay *replay, uint32_t slot)
{
	for (uint32_t i = 0; replay->asked_count && i < replay->io_slots; i++) {
		const struct mk_io_request *request = &replay->asked[i];

		if (request->op)
			return complain_of(
				-ETIMEDOUT,
				"slot %u has not ended: the device asks for op %u, "
				"source 0x%x, destination 0x%x, offset %llu, %u bytes, "
				"tag %u, which the trace has no answer to",
				slot, request->op, request->source, request->destination,
				(unsigned long long)request->offset, request->byte_count,
				request->tag);
	}
	return complain_of(
		-ETIMEDOUT,
		"slot %u has not ended in %.0f s; when recorded it had.  Is it "
		"an operation that needs --handlers, or time (--timeout)?",
		slot, (double)replay->timeout_ns / (double)NS_PER_SECOND);
}

/* Drivers put their compiler off until the first dispatch. */
static uint64_t patience_ns(const struct replay *replay)
{
	const uint64_t for_compiler_ns = 120 * NS_PER_SECOND;
	struct mk_counters counters;

	mk_context_counters(replay->context, &counters);
	return counters.dispatches || replay->timeout_ns > for_compiler_ns ?
		       replay->timeout_ns :
		       for_compiler_ns;
}

/* How a slot ended: 0 or a fault code; -errno, which was told. */
static int wait_for(struct replay *replay, const struct slot *slot)
{
	uint64_t begin_ns = now_ns();
	uint64_t answered = replay->result->requests;
	uint32_t looks = 0;
	int ret;

	for (;;) {
		bool is_eager = replay->has_requests && ++looks < EAGER_LOOKS;

		ret = serve_requests(replay);
		if (ret)
			return ret;
		ret = mk_context_wait(replay->context, &slot->ticket,
				      is_eager ? 0 : LOOK_NS);
		if (ret != -ETIMEDOUT && ret != -EAGAIN)
			break;
		/* Who asks and is answered goes on. */
		if (answered != replay->result->requests) {
			answered = replay->result->requests;
			begin_ns = now_ns();
			looks = 0;
		}
		if (is_eager)
			continue;
		ret = mk_engine_failure(replay->engine);
		if (ret)
			return complain("the engine failed", ret);
		if (now_ns() - begin_ns > patience_ns(replay))
			return explain_timeout(replay, slot->ticket.slot);
	}
	return ret < 0 ? complain("cannot wait for a slot", ret) : ret;
}

static void settle(struct replay *replay, struct slot *slot)
{
	if (slot->state == SLOT_PENDING)
		replay->pending--;
	slot->state = SLOT_FREE;
}

/* Events --------------------------------------------------------------------------- */

static int take_publish(struct replay *replay, const struct mk_trace_event *event)
{
	const struct mk_trace_publish *publish = &event->publish;
	struct slot *slot = &replay->slots[publish->slot];
	int ret = slot->has_ticket ? wait_for(replay, slot) : 0;

	if (ret < 0)
		return ret;
	settle(replay, slot);
	ret = mk_replay_publish(replay->replay, publish->slot, publish->words,
				&slot->ticket);
	if (ret)
		return complain("cannot publish", ret);
	slot->has_ticket = true;
	slot->state = SLOT_PENDING;
	slot->use = publish->use;
	slot->opcode = publish->words[MK_SLOT_OPCODE];
	slot->items = publish->words[MK_SLOT_ARGS];
	replay->pending++;
	replay->last_publish_ns = event->time_ns;
	replay->result->published++;
	return serve_requests(replay);
}

/* A fence ends after the slots before it, whose own ends nobody need have seen. */
static void settle_before_fence(struct replay *replay, uint32_t fence, uint32_t items)
{
	for (uint32_t i = 1; i <= items && i <= fence; i++)
		settle(replay, &replay->slots[fence - i]);
}

static int take_completion(struct replay *replay,
			   const struct mk_trace_completion *completion)
{
	struct slot *slot = &replay->slots[completion->slot];
	int ret;

	/* Seen before, or not published by who was recorded. */
	if (!slot->has_ticket || slot->use != completion->use)
		return 0;
	ret = wait_for(replay, slot);
	if (ret < 0)
		return ret;
	if (slot->state == SLOT_PENDING && completion->status) {
		replay->result->completed++;
		if ((uint32_t)ret != completion->fault)
			result_add(replay->result, &(struct difference){
							   .kind = DIFFERENT_COMPLETION,
							   .epoch = epochs(replay),
							   .index = completion->slot,
							   .expected = completion->fault,
							   .had = (uint32_t)ret,
						   });
	}
	settle(replay, slot);
	if (slot->opcode == MK_OP_BATCH_FENCE && !ret)
		settle_before_fence(replay, completion->slot, slot->items);
	return 0;
}

static int take_ingest(struct replay *replay, const struct mk_trace_event *event)
{
	const struct mk_ingest ingest = {
		.source = event->ingest.source,
		.destination = event->ingest.destination,
		.offset = event->ingest.offset,
		.byte_count = event->ingest.byte_count,
		.tag = event->ingest.tag,
	};
	struct ingest *known = &replay->ingests[event->ingest.slot];
	int ret = 0;

	if (!replay->ingester)
		ret = mk_ingester_open(replay->context, NULL, &replay->ingester);
	if (!ret && known->has_ticket)
		ret = mk_ingester_wait(replay->ingester, &known->ticket,
				       replay->timeout_ns);
	if (!ret)
		ret = mk_ingester_publish(replay->ingester, &ingest, replay->timeout_ns,
					  &known->ticket);
	if (ret)
		return complain("cannot ingest", ret);
	replay->pending += !known->has_ticket;
	known->has_ticket = true;
	replay->last_publish_ns = event->time_ns;
	replay->result->ingests++;
	return 0;
}

static int wait_for_ingest(struct replay *replay, uint32_t slot)
{
	struct ingest *known = &replay->ingests[slot];
	int ret;

	if (!known->has_ticket)
		return 0;
	known->has_ticket = false;
	replay->pending--;
	ret = mk_ingester_wait(replay->ingester, &known->ticket, replay->timeout_ns);
	return ret ? complain("an ingest did not end", ret) : 0;
}

static int take_control(struct replay *replay, const struct mk_trace_control *control)
{
	uint32_t tenant = control->word - MK_CONTROL_TENANT_MASKS;
	int ret;

	/* SHUTDOWN ends a replay no sooner than its trace. */
	if (control->word < MK_CONTROL_TENANT_MASKS || tenant >= MK_TENANT_COUNT)
		return 0;
	ret = mk_context_set_tenant(replay->context, tenant, control->value);
	return ret ? complain("cannot set a tenant's mask", ret) : 0;
}

static void compare_epoch_words(struct replay *replay, const struct mk_trace_epoch *epoch)
{
	uint32_t number = epoch->epoch - replay->first_epoch;

	for (uint32_t i = 0; i < epoch->count; i++) {
		uint32_t expected, had = 0;

		memcpy(&expected, (const char *)epoch->data + i * sizeof(expected),
		       sizeof(expected));
		mk_context_observable(replay->context, epoch->first + i, &had);
		if (had != expected)
			result_add(replay->result, &(struct difference){
							   .kind = DIFFERENT_OBSERVABLE,
							   .epoch = number,
							   .index = epoch->first + i,
							   .expected = expected,
							   .had = had,
						   });
	}
}

static void take_epoch(struct replay *replay, const struct mk_trace_epoch *epoch)
{
	uint32_t number = epoch->epoch - replay->first_epoch;
	bool is_last = epoch->first + epoch->count == epoch->total;

	/* What was in flight may have changed words between their being copied. */
	if (replay->pending || replay->last_publish_ns >= epoch->begin_ns) {
		replay->result->epochs_unsettled += is_last;
		return;
	}
	if (epochs(replay) != number && !replay->epoch_differs) {
		replay->epoch_differs = true;
		result_add(replay->result, &(struct difference){ .kind = DIFFERENT_EPOCH,
								 .epoch = number,
								 .expected = number,
								 .had = epochs(replay) });
	}
	compare_epoch_words(replay, epoch);
	replay->result->epochs += is_last;
}

static int take_event(struct replay *replay, const struct mk_trace_event *event)
{
	switch (event->type) {
	case MK_TRACE_PUBLISH:
		return take_publish(replay, event);
	case MK_TRACE_COMPLETION:
		return take_completion(replay, &event->completion);
	case MK_TRACE_IO_DATA:
		return answers_add_data(&replay->answers, &event->data);
	case MK_TRACE_IO_ANSWER:
		return answers_add(&replay->answers, &event->io);
	case MK_TRACE_INGEST:
		return take_ingest(replay, event);
	case MK_TRACE_INGEST_END:
		return wait_for_ingest(replay, event->ingest.slot);
	case MK_TRACE_ARENA:
		memcpy((char *)mk_context_arena(replay->context) + event->data.offset,
		       event->data.data, event->data.bytes);
		return 0;
	case MK_TRACE_CONTROL:
		return take_control(replay, &event->control);
	case MK_TRACE_EPOCH:
		take_epoch(replay, &event->epoch);
		return 0;
	default:
		return 0;
	}
}

/* Begin and end -------------------------------------------------------------------- */

static int allocate(struct replay *replay, const struct mk_geometry *geometry)
{
	replay->slot_count = geometry->slots;
	replay->io_slots = geometry->io_slots;
	replay->has_requests = geometry->io_request_slots > 0;
	replay->slots = calloc(geometry->slots, sizeof(*replay->slots));
	replay->ingests = calloc(geometry->io_slots, sizeof(*replay->ingests));
	replay->asked = calloc(geometry->io_slots, sizeof(*replay->asked));
	if (!replay->slots || !replay->ingests || !replay->asked)
		return complain_of(-ENOMEM, "no memory is left for a replay");
	return answers_init(&replay->answers, geometry->io_slots);
}

static int create_context(struct replay *replay, uint32_t context_index,
			  const struct mk_engine_options *engine)
{
	struct mk_geometry geometry =
		trace_first_part(replay->trace, context_index)->info.geometry;
	int ret;

	geometry.backing = MK_BACKING_AUTO;
	geometry.engine = engine->kind;
	geometry.device = engine->device;
	ret = mk_context_create(&geometry, &replay->context);
	if (ret)
		return complain("cannot create a context", ret);
	return allocate(replay, &geometry);
}

static int open_parts(struct replay *replay, uint32_t context_index,
		      const struct mk_engine_options *engine)
{
	struct memory_moment first = memory_first(replay->trace);
	int ret = create_context(replay, context_index, engine);

	if (ret)
		return ret;
	replay->first_epoch =
		memory_control_word(replay->trace, &first, MK_CONTROL_EPOCH);
	ret = memory_restore(replay->trace, &first, replay->context);
	if (ret)
		return ret;
	ret = mk_replay_open(replay->context, &replay->replay);
	if (ret)
		return complain("cannot replay", ret);
	ret = mk_engine_start(replay->context, engine, &replay->engine);
	return ret ? complain("cannot start the engine", ret) : 0;
}

/*
 * An engine that does not stop may still write to the context and run handlers: nothing of
 * that may be freed, so the program ends here.
 */
static void stop_engine(struct replay *replay)
{
	int ret = mk_engine_stop(replay->engine, STOP_NS);

	replay->engine = NULL;
	if (!ret)
		return;
	complain("cannot stop the engine", ret);
	fflush(NULL);
	_Exit(EXIT_FAILURE);
}

static void close_parts(struct replay *replay)
{
	mk_ingester_close(replay->ingester);
	stop_engine(replay);
	mk_replay_close(replay->replay);
	mk_context_close(replay->context);
	answers_free(&replay->answers);
	free(replay->slots);
	free(replay->ingests);
	free(replay->asked);
}

static int run_events(struct replay *replay)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < replay->trace->count; i++)
		ret = take_event(replay, &replay->trace->entries[i].event);
	for (uint32_t i = 0; !ret && i < replay->io_slots; i++)
		ret = wait_for_ingest(replay, i);
	return ret;
}

/* The end is only comparable where everything that was published has ended. */
static void compare_end(struct replay *replay)
{
	struct memory_moment last = memory_last(replay->trace);
	uint32_t epoch = epochs(replay);
	uint32_t expected;

	replay->result->unfinished = replay->pending;
	stop_engine(replay);
	memory_compare(replay->trace, &last, replay->context, epoch, replay->result);
	if (!last.exists)
		return;
	expected = memory_control_word(replay->trace, &last, MK_CONTROL_EPOCH) -
		   replay->first_epoch;
	if (expected != epoch)
		result_add(replay->result, &(struct difference){ .kind = DIFFERENT_EPOCH,
								 .at_end = true,
								 .epoch = epoch,
								 .expected = expected,
								 .had = epoch });
}

int replay_run(const struct trace *trace, uint32_t context_index,
	       const struct mk_engine_options *engine, uint64_t timeout_ns,
	       struct replay_result *result)
{
	struct replay replay = {
		.trace = trace,
		.result = result,
		.timeout_ns = timeout_ns,
	};
	uint64_t begin_ns;
	int ret = open_parts(&replay, context_index, engine);

	begin_ns = now_ns();
	if (!ret)
		ret = run_events(&replay);
	result->ns = now_ns() - begin_ns;
	if (!ret)
		compare_end(&replay);
	close_parts(&replay);
	return ret;
}
