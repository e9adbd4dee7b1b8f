// SPDX-License-Identifier: MIT
#include "stream.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "progress.h"
#include "round_trip.h"
#include "work.h"

#define LOOK_INTERVAL_NS (NS_PER_SECOND / 50)

struct publisher {
	pthread_t thread;
	struct stream *stream;
	struct mk_producer *producer;
	struct work *work;
	int error;
	uint64_t producer_cpu_ns;
	uint64_t process_cpu_ns;
	uint64_t publish_ns;
};

struct stream {
	const struct session *session;
	struct stream_options options;
	struct publisher *publishers;
	struct work *works;
	uint32_t opened;  /* producers */
	uint32_t started; /* threads */
	uint64_t slots_done;
	uint64_t begin_ns;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under the lock. */
	bool go;
	uint32_t running; /* those whose first publish is over */
	atomic_bool end;  /* who publishes looks often */
};

/* The threads ------------------------------------------------------------- */

static uint64_t cpu_ns(clockid_t clock)
{
	struct timespec spent;

	clock_gettime(clock, &spent);
	return (uint64_t)spent.tv_sec * NS_PER_SECOND + (uint64_t)spent.tv_nsec;
}

static bool must_end(const struct publisher *publisher)
{
	return atomic_load_explicit(&publisher->stream->end, memory_order_relaxed);
}

/* What streaming is measured with: a call for each chunk, and no tickets. */
static int publish_chunk(struct publisher *publisher)
{
	int64_t count = mk_producer_publish_many(publisher->producer,
						 publisher->work->items, WORK_CHUNK,
						 PATIENCE_NS, NULL);

	if (count < 0)
		return complain("publish", (int)count);
	publisher->work->published += (uint64_t)count;
	if (count < WORK_CHUNK)
		return complain("publish", -ETIMEDOUT);
	return 0;
}

static int publish_and_wait(struct publisher *publisher)
{
	struct mk_ticket ticket;
	int error;

	error = mk_producer_publish(publisher->producer, work_next(publisher->work),
				    PATIENCE_NS, &ticket);
	if (error)
		return complain("publish", error);
	publisher->work->published++;
	return wait_for(publisher->producer, &ticket);
}

static void await_go(struct stream *stream)
{
	pthread_mutex_lock(&stream->lock);
	while (!stream->go)
		pthread_cond_wait(&stream->changed, &stream->lock);
	pthread_mutex_unlock(&stream->lock);
}

static void say_running(struct stream *stream)
{
	pthread_mutex_lock(&stream->lock);
	stream->running++;
	pthread_cond_broadcast(&stream->changed);
	pthread_mutex_unlock(&stream->lock);
}

static int publish_until_end(struct publisher *publisher)
{
	int (*step)(struct publisher *) = publisher->stream->options.mode == STREAM_FREE ?
						  publish_chunk :
						  publish_and_wait;
	int error = must_end(publisher) ? 0 : step(publisher);

	say_running(publisher->stream);
	while (!error && !must_end(publisher))
		error = step(publisher);
	return error;
}

static void *publish(void *argument)
{
	struct publisher *publisher = argument;
	struct stream *stream = publisher->stream;
	uint64_t begin, process;

	await_go(stream);
	begin = now_ns();
	process = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
	publisher->producer_cpu_ns = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
	publisher->error = publish_until_end(publisher);
	publisher->producer_cpu_ns =
		cpu_ns(CLOCK_THREAD_CPUTIME_ID) - publisher->producer_cpu_ns;
	publisher->process_cpu_ns = cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - process;
	publisher->publish_ns = now_ns() - begin;
	/* One that failed takes the others with it. */
	if (publisher->error)
		atomic_store_explicit(&stream->end, true, memory_order_relaxed);
	return NULL;
}

/* Start and stop ---------------------------------------------------------- */

static void release(struct stream *stream)
{
	pthread_mutex_lock(&stream->lock);
	stream->go = true;
	stream->begin_ns = now_ns();
	pthread_cond_broadcast(&stream->changed);
	pthread_mutex_unlock(&stream->lock);
}

static void await_running(struct stream *stream)
{
	pthread_mutex_lock(&stream->lock);
	while (stream->running < stream->started)
		pthread_cond_wait(&stream->changed, &stream->lock);
	pthread_mutex_unlock(&stream->lock);
}

static int join_all(struct stream *stream)
{
	int error = 0;

	atomic_store_explicit(&stream->end, true, memory_order_relaxed);
	release(stream);
	for (uint32_t i = 0; i < stream->started; i++) {
		pthread_join(stream->publishers[i].thread, NULL);
		if (!error)
			error = stream->publishers[i].error;
	}
	return error;
}

static void free_stream(struct stream *stream)
{
	for (uint32_t i = 0; i < stream->opened; i++)
		mk_producer_close(stream->publishers[i].producer);
	pthread_cond_destroy(&stream->changed);
	pthread_mutex_destroy(&stream->lock);
	free(stream->publishers);
	free(stream->works);
	free(stream);
}

static struct stream *make_stream(const struct session *session,
				  const struct stream_options *options)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->session = session;
	stream->options = *options;
	pthread_mutex_init(&stream->lock, NULL);
	pthread_cond_init(&stream->changed, NULL);
	stream->publishers = calloc(options->producers, sizeof(*stream->publishers));
	stream->works = calloc(options->producers, sizeof(*stream->works));
	if (stream->publishers && stream->works)
		return stream;
	free_stream(stream);
	return NULL;
}

static int start_publisher(struct stream *stream, uint32_t number)
{
	struct publisher *publisher = &stream->publishers[number];
	int error;

	publisher->stream = stream;
	publisher->work = &stream->works[number];
	work_prepare(publisher->work, stream->session->context, stream->options.operation,
		     number);
	error = session_producer(stream->session, stream->options.max_windows,
				 &publisher->producer);
	if (error)
		return error;
	stream->opened++;
	error = pthread_create(&publisher->thread, NULL, publish, publisher);
	if (error) {
		fprintf(stderr, "mkbench: no thread for producer %u: %s\n", number + 1,
			strerror(error));
		return -error;
	}
	stream->started++;
	return 0;
}

int stream_start(const struct session *session, const struct stream_options *options,
		 struct stream **result)
{
	struct stream *stream = make_stream(session, options);
	struct mk_counters counters;
	int error = 0;

	if (!stream) {
		fprintf(stderr, "mkbench: no memory for %u producers\n",
			options->producers);
		return -ENOMEM;
	}
	mk_context_counters(session->context, &counters);
	stream->slots_done = counters.slots_done;
	for (uint32_t i = 0; i < options->producers && !error; i++)
		error = start_publisher(stream, i);
	if (error) {
		join_all(stream);
		free_stream(stream);
		return error;
	}
	release(stream);
	await_running(stream);
	*result = stream;
	return 0;
}

int stream_stop(struct stream *stream, struct stream_result *result)
{
	const struct publisher *first = stream->publishers;
	uint64_t begin = stream->begin_ns;
	int error = join_all(stream);

	if (!error)
		error = work_await(stream->works, stream->options.producers,
				   stream->session->context, stream->slots_done);
	*result = (struct stream_result){
		.ns = now_ns() - begin,
		.producer_cpu_ns = first->producer_cpu_ns,
		.process_cpu_ns = first->process_cpu_ns,
		.publish_ns = first->publish_ns,
	};
	for (uint32_t i = 0; i < stream->options.producers; i++)
		result->slots += stream->works[i].published;
	free_stream(stream);
	return error;
}

int stream_run(const struct session *session, const struct stream_options *options,
	       double seconds, const char *name, struct stream_result *result)
{
	static const struct timespec interval = { .tv_nsec = LOOK_INTERVAL_NS };
	uint64_t duration = seconds_as_ns(seconds), spent;
	struct stream *stream;
	int error = stream_start(session, options, &stream);

	if (error)
		return error;
	while ((spent = now_ns() - stream->begin_ns) < duration && !interrupted() &&
	       !atomic_load_explicit(&stream->end, memory_order_relaxed)) {
		struct timespec rest = { .tv_nsec = (long)(duration - spent) };

		progress_show(name, (double)spent / (double)duration);
		nanosleep(duration - spent < LOOK_INTERVAL_NS ? &rest : &interval, NULL);
	}
	error = stream_stop(stream, result);
	progress_end();
	return interrupted() ? -EINTR : error;
}
