// SPDX-License-Identifier: MIT
/*
 * An engine with nothing to do parks.  How long does it take to wake it, and what does
 * the process cost while it sleeps, and besides its producer while it streams?
 */
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "baselines.h"
#include "bench.h"
#include "output.h"
#include "power.h"
#include "round_trip.h"
#include "sampling.h"
#include "session.h"
#include "stream.h"
#include "work.h"

/* Between looks at the engine's state: enough for it to sleep when it says so. */
#define LOOK_INTERVAL_NS 100000

struct park {
	struct mk_engine_info info;
	struct distribution awake;
	struct distribution wake;
	uint64_t parked_ns; /* at rest */
	uint64_t parked_cpu_ns;
	struct stream_result stream;
	struct power_sensors sensors;
	struct power_reading parked_power;
	struct power_reading streaming_power;
	struct baselines baselines;
};

/* What one sample needs. */
struct waker {
	const struct session *session;
	struct mk_producer *producer;
};

static bool is_parked(const struct session *session)
{
	struct mk_counters counters;

	mk_context_counters(session->context, &counters);
	return counters.engine_state == MK_ENGINE_PARKED;
}

static uint32_t count_parks(const struct session *session)
{
	struct mk_engine_info info;

	mk_engine_info(session->engine, &info);
	return info.parks;
}

static int await_park(const struct session *session)
{
	static const struct timespec interval = { .tv_nsec = LOOK_INTERVAL_NS };
	uint64_t begin = now_ns();

	while (!is_parked(session)) {
		if (interrupted())
			return -EINTR;
		if (now_ns() - begin > PATIENCE_NS) {
			fprintf(stderr,
				"mkbench: the idle engine did not park within 10 s\n");
			return -ETIMEDOUT;
		}
		nanosleep(&interval, NULL);
	}
	return 0;
}

static int take_wake(void *argument, uint64_t *elapsed_ns)
{
	struct waker *waker = argument;
	int error = await_park(waker->session);

	return error ? error : round_trip(waker->producer, elapsed_ns);
}

static int measure_wakes(const struct bench_options *options,
			 const struct session *session, struct mk_producer *producer,
			 struct park *park)
{
	struct waker waker = { .session = session, .producer = producer };
	const struct sampling sampling = {
		.name = "wakes",
		.samples = options->samples,
		.between_looks = 1,
		.limit_ns = STAGE_LIMIT_NS,
		.take = take_wake,
		.argument = &waker,
	};

	return take_samples(&sampling, &park->wake);
}

static uint64_t process_cpu_ns(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * NS_PER_SECOND +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

/* The process sleeps, and so does the engine: what remains is what parking costs. */
static int measure_rest(const struct bench_options *options,
			const struct session *session, struct park *park)
{
	uint64_t duration = seconds_as_ns(options->seconds), begin, cpu;
	const struct timespec rest = {
		.tv_sec = (time_t)(duration / NS_PER_SECOND),
		.tv_nsec = (long)(duration % NS_PER_SECOND),
	};
	uint32_t parks;
	int error = await_park(session);

	if (error)
		return error;
	parks = count_parks(session);
	begin = now_ns();
	cpu = process_cpu_ns();
	nanosleep(&rest, NULL);
	park->parked_cpu_ns = process_cpu_ns() - cpu;
	park->parked_ns = now_ns() - begin;
	power_read(&park->sensors, &park->parked_power);
	if (interrupted())
		return -EINTR;
	if (is_parked(session) && count_parks(session) == parks)
		return 0;
	fprintf(stderr, "mkbench: the engine woke up with nothing to do\n");
	return -EIO;
}

static int measure_streaming(const struct bench_options *options,
			     const struct session *session, struct park *park)
{
	const struct stream_options stream = {
		.operation = OPERATION_ADD,
		.mode = STREAM_FREE,
		.producers = 1,
		.max_windows = UINT32_MAX,
	};
	int error = stream_run(session, &stream, options->seconds, "streaming",
			       &park->stream);

	power_read(&park->sensors, &park->streaming_power);
	return error;
}

static int measure_engine(const struct bench_options *options,
			  const struct session *session, void *argument)
{
	struct park *park = argument;
	struct mk_producer *producer;
	int error = open_warm_producer(session, &producer);

	if (error)
		return error;
	error = measure_round_trips(producer, options->samples, STAGE_LIMIT_NS,
				    "round trips", &park->awake);
	if (!error)
		error = measure_wakes(options, session, producer, park);
	mk_producer_close(producer);
	if (!error)
		error = measure_rest(options, session, park);
	return error ? error : measure_streaming(options, session, park);
}

/* Output ------------------------------------------------------------------ */

static uint64_t parked_cpu_per_second(const struct park *park)
{
	return (uint64_t)per_second(park->parked_cpu_ns, park->parked_ns);
}

static uint64_t other_cpu_per_second(const struct park *park)
{
	const struct stream_result *stream = &park->stream;
	uint64_t other = 0;

	/* Two clocks: what little they differ by must not become a huge number. */
	if (stream->process_cpu_ns > stream->producer_cpu_ns)
		other = stream->process_cpu_ns - stream->producer_cpu_ns;
	return (uint64_t)per_second(other, stream->publish_ns);
}

static void json_power(struct json_output *json, const struct park *park)
{
	if (!park->sensors.count) {
		json_null(json, "power");
		return;
	}
	json_begin_rows(json, "power");
	for (uint32_t i = 0; i < park->sensors.count; i++) {
		json_row(json);
		json_text(json, "sensor", park->sensors.list[i].name);
		json_decimal(json, "parked_watts", park->parked_power.watts[i]);
		json_decimal(json, "streaming_watts", park->streaming_power.watts[i]);
	}
	json_end_rows(json);
}

static int report_json(const struct bench_options *options, const struct park *park)
{
	struct json_output json;

	results_begin(&json, park_verb.name);
	json_engine(&json, options, &park->info);
	json_distribution(&json, "wake_", &park->wake);
	json_number(&json, "wake_max_ns", park->wake.max_ns);
	json_distribution(&json, "", &park->awake);
	json_number(&json, "parks", park->info.parks);
	json_number(&json, "parked_cpu_ns_per_second", parked_cpu_per_second(park));
	json_number(&json, "streaming_slots_per_second",
		    (uint64_t)per_second(park->stream.slots, park->stream.ns));
	json_number(&json, "streaming_producer_cpu_ns_per_second",
		    (uint64_t)per_second(park->stream.producer_cpu_ns,
					 park->stream.publish_ns));
	json_number(&json, "streaming_other_cpu_ns_per_second",
		    other_cpu_per_second(park));
	json_power(&json, park);
	json_baselines(&json, &park->baselines);
	json_comparison(&json, "wake_", &park->wake, &park->baselines);
	return results_end(&json);
}

static void table_power(const struct park *park)
{
	if (!park->sensors.count)
		puts("watts                        not available here");
	for (uint32_t i = 0; i < park->sensors.count; i++)
		printf("%-28s %10.2f W parked, %.2f W streaming\n",
		       park->sensors.list[i].name, park->parked_power.watts[i],
		       park->streaming_power.watts[i]);
}

static int report_table(const struct park *park)
{
	table_engine(&park->info);
	table_head("microseconds");
	table_distribution("publish -> completion", &park->awake);
	table_distribution("  parked before", &park->wake);
	table_baselines(&park->baselines);
	table_comparison(&park->wake, &park->baselines);
	puts("\nprocessors' time of the process, in ms a second");
	printf("%-28s %10.3f\n", "parked", (double)parked_cpu_per_second(park) / 1e6);
	printf("%-28s %10.3f besides the producer's %.3f\n", "streaming",
	       (double)other_cpu_per_second(park) / 1e6,
	       per_second(park->stream.producer_cpu_ns, park->stream.publish_ns) / 1e6);
	table_power(park);
	return table_end();
}

static int run(const struct bench_options *options)
{
	const struct session_wants wants = {
		.slots = options->slots[0],
		.observable_words = WORK_OBSERVABLES(1),
	};
	struct park park = { 0 };
	int error;

	power_find(&park.sensors);
	error = session_run(options, &wants, measure_engine, &park, &park.info);
	if (!error)
		error = measure_baselines(options, &park.info, &park.baselines);
	if (error)
		return error;
	return options->json ? report_json(options, &park) : report_table(&park);
}

const struct verb park_verb = {
	.name = "park",
	.summary = "waking an idle engine, and what it costs asleep and at work",
	.options = TAKES_ENGINE | TAKES_SLOTS | TAKES_SECONDS | TAKES_SAMPLES,
	.samples = 1000,
	.seconds = 1,
	.run = run,
};
