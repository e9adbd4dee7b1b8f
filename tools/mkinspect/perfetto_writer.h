/* SPDX-License-Identifier: MIT */
/*
 * Events of Chrome's JSON trace format, as both of its readers need them: Catapult, which is
 * chrome://tracing, and Perfetto's trace processor, which is behind ui.perfetto.dev.
 */
#ifndef MKINSPECT_PERFETTO_WRITER_H
#define MKINSPECT_PERFETTO_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <json-c/json.h>

struct perfetto_writer {
	FILE *stream;
	bool has_event;
	bool has_failed; /* no memory */
};

/* A row of the picture; all rows of a process are together. */
struct perfetto_track {
	uint32_t process;
	uint32_t thread; /* no two tracks of a file have the same */
};

/* The beginning of the file, before the first event, and its end. */
void perfetto_begin(struct perfetto_writer *writer, int schema, uint64_t begin_ns);
/* -errno, which was told. */
int perfetto_end(struct perfetto_writer *writer);

/* Names, and where it stands: the smallest @place is on top.  Before other events. */
void perfetto_name_process(struct perfetto_writer *writer, struct perfetto_track track,
			   const char *name, uint32_t place);
void perfetto_name_track(struct perfetto_writer *writer, struct perfetto_track track,
			 const char *name);

/*
 * An event, which perfetto_put() writes; NULL: no memory.  Events come in the order of their
 * beginning, and spans of a track do not overlap.
 */
struct json_object *perfetto_span(struct perfetto_track track, const char *name,
				  uint64_t begin_ns, uint64_t length_ns);
struct json_object *perfetto_moment(struct perfetto_track track, const char *name,
				    uint64_t ns);
/* Something is wrong with it: red in Catapult, Perfetto knows no colours. */
void perfetto_mark_bad(struct json_object *event);

/* @arguments, which a reader shows when it is selected; both are consumed, and may be NULL. */
void perfetto_put(struct perfetto_writer *writer, struct json_object *event,
		  struct json_object *arguments);

void perfetto_put_number(struct json_object *object, const char *key, uint64_t number);
void perfetto_put_text(struct json_object *object, const char *key, const char *text);
/* A number, and with "_name" behind the key its name, where it has one. */
void perfetto_put_named(struct json_object *object, const char *key, uint32_t number,
			const char *name);

#endif /* MKINSPECT_PERFETTO_WRITER_H */
