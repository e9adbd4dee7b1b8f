// SPDX-License-Identifier: MIT
/*
 * A program of somebody else's: built outside the tree, as C and as C++, against an
 * installed libmk.  It lets the reference executor add five to an observable.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <mk/mk.h>

#define SECOND	   UINT64_C(1000000000)
#define OBSERVABLE 1
#define PRESET	   37
#define ADDED	   5

static int add(struct mk_context *context)
{
	const uint32_t args[] = { ADDED, MK_CONTROL_OBSERVABLES + OBSERVABLE };
	struct mk_producer *producer;
	struct mk_ticket ticket;
	struct mk_item item;
	int result;

	item.opcode = MK_OP_ATOMIC_ADD;
	item.arg_count = 2;
	item.args = args;
	result = mk_producer_open(context, NULL, &producer);
	if (result)
		return result;
	result = mk_producer_publish(producer, &item, SECOND, &ticket);
	if (!result)
		result = mk_producer_wait(producer, &ticket, 10 * SECOND);
	mk_producer_close(producer);
	return result;
}

static int run(struct mk_context *context)
{
	struct mk_engine_options options;
	struct mk_engine *engine;
	int result;
	int stopped;

	memset(&options, 0, sizeof(options));
	options.size = sizeof(options);
	options.kind = MK_ENGINE_KIND_CPU;
	result = mk_engine_start(context, &options, &engine);
	if (result)
		return result;
	result = add(context);
	stopped = mk_engine_stop(engine, 10 * SECOND);
	return result ? result : stopped;
}

int main(void)
{
	struct mk_geometry geometry;
	struct mk_context *context;
	uint32_t value = 0;
	int result;

	memset(&geometry, 0, sizeof(geometry));
	geometry.size = sizeof(geometry);
	geometry.observable_words = OBSERVABLE + 1;
	result = mk_context_create(&geometry, &context);
	if (!result) {
		result = mk_context_set_observable(context, OBSERVABLE, PRESET);
		if (!result)
			result = run(context);
		if (!result)
			result = mk_context_observable(context, OBSERVABLE, &value);
		mk_context_close(context);
	}
	if (result) {
		fprintf(stderr, "outside: %d: %s\n", result, mk_error_text());
		return 1;
	}
	printf("%" PRIu32 "\n", value);
	return value == PRESET + ADDED ? 0 : 1;
}
