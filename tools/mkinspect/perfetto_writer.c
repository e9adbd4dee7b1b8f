// SPDX-License-Identifier: MIT
#include "perfetto_writer.h"

#include <errno.h>
#include <math.h>

#include "common/complain.h"

/* Values ---------------------------------------------------------------------------- */

void perfetto_put_number(struct json_object *object, const char *key, uint64_t number)
{
	json_object_object_add(object, key, json_object_new_uint64(number));
}

void perfetto_put_text(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, json_object_new_string(text));
}

void perfetto_put_named(struct json_object *object, const char *key, uint32_t number,
			const char *name)
{
	char name_key[64];

	perfetto_put_number(object, key, number);
	snprintf(name_key, sizeof(name_key), "%s_name", key);
	if (name)
		perfetto_put_text(object, name_key, name);
}

/*
 * Microseconds, and nanoseconds behind the point.  Perfetto multiplies a double by 1000 and
 * cuts off what is behind the point.  Where the double is a little less than the decimal,
 * that takes a nanosecond away: a span begins before the one in front of it has ended, and
 * Perfetto drops it.  The next double is more than the decimal, and is written then.
 */
static void put_time(struct json_object *object, const char *key, uint64_t ns)
{
	double us = (double)ns / 1e3;
	char digits[40];

	if ((uint64_t)(us * 1e3) != ns) {
		json_object_object_add(object, key,
				       json_object_new_double(nextafter(us, INFINITY)));
		return;
	}
	snprintf(digits, sizeof(digits), "%llu.%03u", (unsigned long long)(ns / 1000),
		 (unsigned int)(ns % 1000));
	json_object_object_add(object, key, json_object_new_double_s(us, digits));
}

/* Events ---------------------------------------------------------------------------- */

static struct json_object *new_event(const char *phase, struct perfetto_track track,
				     const char *name, uint64_t ns)
{
	struct json_object *event = json_object_new_object();

	if (!event)
		return NULL;
	perfetto_put_text(event, "ph", phase);
	perfetto_put_text(event, "name", name);
	put_time(event, "ts", ns);
	perfetto_put_number(event, "pid", track.process);
	perfetto_put_number(event, "tid", track.thread);
	return event;
}

struct json_object *perfetto_span(struct perfetto_track track, const char *name,
				  uint64_t begin_ns, uint64_t length_ns)
{
	struct json_object *event = new_event("X", track, name, begin_ns);

	if (event)
		put_time(event, "dur", length_ns);
	return event;
}

struct json_object *perfetto_moment(struct perfetto_track track, const char *name,
				    uint64_t ns)
{
	struct json_object *event = new_event("i", track, name, ns);

	/* Of its track: where it is of the process, it has no row with a name. */
	if (event)
		perfetto_put_text(event, "s", "t");
	return event;
}

void perfetto_mark_bad(struct json_object *event)
{
	perfetto_put_text(event, "cname", "terrible");
}

void perfetto_put(struct perfetto_writer *writer, struct json_object *event,
		  struct json_object *arguments)
{
	if (!event || !arguments) {
		writer->has_failed = true;
		json_object_put(event);
		json_object_put(arguments);
		return;
	}
	json_object_object_add(event, "args", arguments);
	fprintf(writer->stream, "%s\n%s", writer->has_event ? "," : "",
		json_object_to_json_string_ext(event, JSON_C_TO_STRING_PLAIN));
	writer->has_event = true;
	json_object_put(event);
}

/* Names ----------------------------------------------------------------------------- */

static void put_name(struct perfetto_writer *writer, struct perfetto_track track,
		     const char *what, const char *name)
{
	struct json_object *arguments = json_object_new_object();

	if (arguments)
		perfetto_put_text(arguments, "name", name);
	perfetto_put(writer, new_event("M", track, what, 0), arguments);
}

/* Without this, readers sort by name, and "window 10" comes before "window 2". */
static void put_place(struct perfetto_writer *writer, struct perfetto_track track,
		      const char *what, uint32_t place)
{
	struct json_object *arguments = json_object_new_object();

	if (arguments)
		perfetto_put_number(arguments, "sort_index", place);
	perfetto_put(writer, new_event("M", track, what, 0), arguments);
}

void perfetto_name_process(struct perfetto_writer *writer, struct perfetto_track track,
			   const char *name, uint32_t place)
{
	put_name(writer, track, "process_name", name);
	put_place(writer, track, "process_sort_index", place);
}

void perfetto_name_track(struct perfetto_writer *writer, struct perfetto_track track,
			 const char *name)
{
	put_name(writer, track, "thread_name", name);
	put_place(writer, track, "thread_sort_index", track.thread);
}

/* The file -------------------------------------------------------------------------- */

void perfetto_begin(struct perfetto_writer *writer, int schema, uint64_t begin_ns)
{
	fprintf(writer->stream,
		"{\"displayTimeUnit\":\"ns\",\"otherData\":{\"schema\":%d,"
		"\"begin_monotonic_ns\":%llu},\"traceEvents\":[",
		schema, (unsigned long long)begin_ns);
}

int perfetto_end(struct perfetto_writer *writer)
{
	fputs("\n]}\n", writer->stream);
	if (writer->has_failed)
		return complain_of(-ENOMEM, "no memory is left for the events");
	if (fflush(writer->stream) || ferror(writer->stream))
		return complain_of(-EIO, "the events could not be written whole");
	return 0;
}
