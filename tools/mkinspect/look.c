// SPDX-License-Identifier: MIT
#include "look.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "ages.h"
#include "common/complain.h"
#include "common/formats.h"
#include "diff.h"
#include "holders.h"
#include "registered.h"
#include "report.h"
#include "source.h"

#define NS_PER_SECOND UINT64_C(1000000000)

/* Everything that looks share from one to the next. */
struct watcher {
	const struct object *object;
	const struct options *options;
	struct source source;
	struct formats formats; /* a file's, or what was registered at the last look */
	bool has_bad_formats;	/* which was told */
	struct ages ages;
	struct mk_snapshot *before; /* the last look, or NULL */
};

static int watcher_open(struct watcher *watcher, const struct object *object,
			const struct options *options)
{
	int ret;

	*watcher = (struct watcher){ .object = object, .options = options };
	if (options->formats)
		ret = formats_read(options->formats, &watcher->formats);
	else
		ret = 0;
	if (ret)
		return ret;
	ret = source_open(options, &watcher->source);
	if (ret)
		formats_free(&watcher->formats);
	return ret;
}

static void watcher_close(struct watcher *watcher)
{
	if (watcher->before)
		source_put(&watcher->source, watcher->before);
	source_close(&watcher->source);
	formats_free(&watcher->formats);
	ages_free(&watcher->ages);
}

/* Others may be registered at any time, but a file is what the user wants. */
static void renew_formats(struct watcher *watcher)
{
	if (watcher->options->formats || watcher->has_bad_formats ||
	    !(watcher->object->options & TAKES_FORMATS))
		return;
	formats_free(&watcher->formats);
	watcher->has_bad_formats = registered_get(&watcher->source, &watcher->formats);
}

/* Who lives is asked of the system before it is compared with who has leases. */
static void build(struct watcher *watcher, const struct view *now,
		  const struct view *before, struct json_output *json)
{
	const struct options *options = watcher->options;
	struct holders holders;
	bool has_holders = watcher->object->needs_holders &&
			   !holders_get(&watcher->source, &holders);
	const struct look look = {
		.now = now,
		.before = before,
		.selection = &options->selection,
		.holders = has_holders ? &holders : NULL,
		.ages = watcher->ages.slots ? &watcher->ages : NULL,
		.formats = &watcher->formats,
		.follow = options->follow,
	};

	renew_formats(watcher);
	report_begin(json, watcher->object, options->verb, &watcher->source, now);
	watcher->object->build(&look, json);
	if (has_holders)
		holders_free(&holders);
}

/* Look without a word, for what is to be compared with later. */
static int look_silently(struct watcher *watcher)
{
	struct mk_snapshot *snapshot;
	struct view view;
	int ret = source_take(&watcher->source, watcher->object->memories, &snapshot);

	if (ret)
		return ret;
	view_of_snapshot(snapshot, &view);
	ret = ages_note(&watcher->ages, &view);
	if (watcher->before)
		source_put(&watcher->source, watcher->before);
	watcher->before = snapshot;
	return ret;
}

static int look(struct watcher *watcher)
{
	struct mk_snapshot *last = watcher->before;
	struct view now, before;
	struct json_output json;
	int ret;

	watcher->before = NULL;
	ret = look_silently(watcher);
	if (!ret) {
		view_of_snapshot(watcher->before, &now);
		if (last)
			view_of_snapshot(last, &before);
		build(watcher, &now, last ? &before : NULL, &json);
		ret = report_end(&json, watcher->object, watcher->options);
	}
	if (last)
		source_put(&watcher->source, last);
	return ret;
}

/* Intervals --------------------------------------------------------------------------- */

static volatile sig_atomic_t has_signal;

static void note_signal(int signal)
{
	(void)signal;
	has_signal = 1;
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = note_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* At steady intervals, whatever a look takes; those that were missed are left out. */
static void wait_for_next(struct timespec *next, uint64_t interval_ns)
{
	struct timespec now;
	uint64_t next_ns, now_ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ns = (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
	next_ns = (uint64_t)next->tv_sec * NS_PER_SECOND + (uint64_t)next->tv_nsec +
		  interval_ns;
	if (next_ns < now_ns)
		next_ns = now_ns;
	next->tv_sec = (time_t)(next_ns / NS_PER_SECOND);
	next->tv_nsec = (long)(next_ns % NS_PER_SECOND);
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL);
}

int look_again(const struct object *object, const struct options *options)
{
	struct watcher watcher;
	struct timespec next;
	int ret = watcher_open(&watcher, object, options);

	if (ret)
		return ret;
	catch_signals();
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (uint64_t i = 0; (!options->count || i < options->count) && !ret; i++) {
		if (i)
			wait_for_next(&next, options->interval_ns);
		if (has_signal)
			break;
		if (i && options->form == FORM_TEXT && !options->follow)
			puts("");
		ret = look(&watcher);
	}
	watcher_close(&watcher);
	return ret;
}

/* Once ---------------------------------------------------------------------------------- */

int look_once(const struct object *object, const struct options *options)
{
	struct watcher watcher;
	struct timespec next;
	int ret = watcher_open(&watcher, object, options);

	if (ret)
		return ret;
	if (object->needs_two && !watcher.source.file) {
		clock_gettime(CLOCK_MONOTONIC, &next);
		catch_signals();
		ret = look_silently(&watcher);
		if (!ret)
			wait_for_next(&next, options->interval_ns);
	}
	if (!ret)
		ret = look(&watcher);
	watcher_close(&watcher);
	return ret;
}

static bool selects(const struct object *object, const struct selection *selection,
		    size_t word)
{
	return word >= object->unit_first &&
	       selection_has(selection, (uint32_t)((word - object->unit_first) /
						   object->unit_words));
}

/* From the first word that was asked for to the last. */
static void build_dump(const struct object *object, const struct selection *selection,
		       const struct view *view, struct json_output *json)
{
	const struct view_memory *memory = &view->memories[object->memory];
	size_t first = 0, end = memory->count;

	if (selection->range_count) {
		while (first < end && !selects(object, selection, first))
			first++;
		while (end > first && !selects(object, selection, end - 1))
			end--;
	}
	json_number(json, "first_word", first);
	report_words(json, "words", memory->words + first, end - first);
}

int look_dump(const struct object *object, const struct options *options)
{
	struct mk_snapshot *snapshot;
	struct json_output json;
	struct watcher watcher;
	struct view view;
	int ret = watcher_open(&watcher, object, options);

	if (ret)
		return ret;
	ret = source_take(&watcher.source, MK_SNAPSHOT_MEMORY(object->memory), &snapshot);
	if (!ret) {
		view_of_snapshot(snapshot, &view);
		report_begin(&json, object, VERB_DUMP, &watcher.source, &view);
		build_dump(object, &options->selection, &view, &json);
		ret = report_end(&json, object, options);
		source_put(&watcher.source, snapshot);
	}
	watcher_close(&watcher);
	return ret;
}

/* Two snapshots ----------------------------------------------------------------------- */

/* What @path's report would be; NULL after an error, which was told. */
static struct json_object *report_of(const struct object *object,
				     const struct options *options, const char *path,
				     const struct formats *formats)
{
	struct watcher watcher = { .object = object,
				   .options = options,
				   .formats = *formats };
	struct json_output json = { 0 };
	struct mk_snapshot *snapshot;
	struct view view;

	if (source_open_file(path, &watcher.source))
		return NULL;
	if (!source_take(&watcher.source, object->memories, &snapshot)) {
		view_of_snapshot(snapshot, &view);
		build(&watcher, &view, NULL, &json);
		if (json.failed) {
			complain_of(-ENOMEM, "no memory for a report of %s", path);
			json_object_put(json.whole);
			json.whole = NULL;
		}
	}
	source_close(&watcher.source);
	return json.whole;
}

int look_diff(const struct object *object, const struct options *options)
{
	struct json_object *from = NULL, *to = NULL;
	struct formats formats = { 0 };
	int ret = options->formats ? formats_read(options->formats, &formats) : 0;

	if (ret)
		return ret;
	from = report_of(object, options, options->files[0], &formats);
	if (from)
		to = report_of(object, options, options->files[1], &formats);
	ret = to ? diff_report(object, options, from, to) : -EIO;
	json_object_put(from);
	json_object_put(to);
	formats_free(&formats);
	return ret;
}
