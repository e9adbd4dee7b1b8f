// SPDX-License-Identifier: MIT
/* doctor: what is wrong, and what to do. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/complain.h"
#include "common/terminal.h"
#include "doctor_facts.h"
#include "report.h"

#define COLUMNS		   80
#define INDENT		   "    "
#define NS_PER_SECOND	   UINT64_C(1000000000)

#define EXIT_NOTHING_FOUND 0
#define EXIT_FOUND	   1
#define EXIT_COULD_NOT	   2

/* One or two looks, and what is known besides. */
struct visit {
	struct source source;
	struct mk_snapshot *snapshots[2]; /* before, now; NULL: none */
	struct view views[2];
	struct facts facts;
	struct holders holders;
	struct examination examination;
};

/* Looks ----------------------------------------------------------------------------- */

static int take(struct visit *visit, int which)
{
	int ret = source_take(&visit->source,
			      visit->source.file ?
				      mk_snapshot_info(visit->source.file)->memories :
				      MK_SNAPSHOT_DEFAULT,
			      &visit->snapshots[which]);

	if (!ret)
		view_of_snapshot(visit->snapshots[which], &visit->views[which]);
	return ret;
}

/* Who has the context is asked between the looks: who is in both, and not there, is dead. */
static int look(struct visit *visit, uint64_t interval_ns)
{
	const struct timespec interval = {
		.tv_sec = (time_t)(interval_ns / NS_PER_SECOND),
		.tv_nsec = (long)(interval_ns % NS_PER_SECOND),
	};
	int ret;

	if (visit->source.file)
		return take(visit, 1);
	ret = take(visit, 0);
	if (ret)
		return ret;
	visit->examination.before = &visit->views[0];
	facts_of_context(&visit->source, &visit->views[0], &visit->facts,
			 &visit->holders);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &interval, NULL);
	return take(visit, 1);
}

/* Starting a kernel would take something from one that runs. */
static bool somebody_runs_it(const struct visit *visit)
{
	return visit->facts.is_live && visit->facts.engine_process == PROCESS_RUNS;
}

static int examine(struct visit *visit, const struct options *options)
{
	int ret = source_open(options, &visit->source);

	if (!ret)
		ret = look(visit, options->interval_ns);
	if (!ret)
		visit->examination.now = &visit->views[1];
	else
		visit->facts.attaching = ret;
	snprintf(visit->facts.attaching_text, sizeof(visit->facts.attaching_text), "%s",
		 mk_error_text());
	/* A file may be of another machine. */
	if (!options->file) {
		facts_of_module(&visit->facts);
		if (!somebody_runs_it(visit))
			facts_of_vulkan(&visit->facts);
	}
	visit->examination.facts = &visit->facts;
	doctor_examine(&visit->examination);
	return ret;
}

static void end(struct visit *visit)
{
	holders_free(&visit->holders);
	for (int i = 0; i < 2; i++)
		if (visit->snapshots[i])
			source_put(&visit->source, visit->snapshots[i]);
	source_close(&visit->source);
}

static size_t findings_of(const struct examination *examination)
{
	return examination->count < FINDINGS_LIMIT ? examination->count : FINDINGS_LIMIT;
}

/* For a person ---------------------------------------------------------------------- */

/* Words in lines of COLUMNS, @first before them. */
static void print_wrapped(const char *first, const char *text)
{
	size_t column = (size_t)printf("%s%s", INDENT, first);
	bool is_begin = true;

	while (*text) {
		size_t length = strcspn(text, " ");

		if (!is_begin && column + 1 + length > COLUMNS) {
			column = (size_t)printf("\n%s", INDENT) - 1;
			is_begin = true;
		}
		column +=
			(size_t)printf("%s%.*s", is_begin ? "" : " ", (int)length, text);
		is_begin = false;
		text += length + strspn(text + length, " ");
	}
	putchar('\n');
}

static void print_finding(const struct finding *finding)
{
	bool is_error = finding->severity == SEVERITY_ERROR;
	bool colors = terminal_has_colors();

	printf("%s%s%s: %s\n",
	       !colors	? "" :
	       is_error ? "\033[31m" :
			  "\033[33m",
	       is_error ? "error" : "warning", colors ? "\033[0m" : "", finding->check);
	print_wrapped("", finding->text);
	print_wrapped("To do: ", finding->advice);
	putchar('\n');
}

static int print_text(const struct visit *visit)
{
	const struct examination *examination = &visit->examination;
	size_t checks = doctor_checks(examination);

	for (size_t i = 0; i < findings_of(examination); i++)
		print_finding(&examination->findings[i]);
	printf("%zu checks", checks);
	if (!examination->now)
		printf(" of the machine, as no context was looked at");
	else if (!examination->before)
		printf(" of a snapshot; those that compare two looks are left out");
	else
		printf(" of two looks, %.1f s apart", doctor_seconds(examination));
	if (examination->count)
		printf(": %zu finding%s\n", examination->count,
		       examination->count == 1 ? "" : "s");
	else
		printf(": nothing found\n");
	return fflush(stdout) || ferror(stdout) ?
		       complain_of(-EIO, "writing what was found") :
		       0;
}

/* For a program --------------------------------------------------------------------- */

static void add_number(struct json_output *json, const char *key, uint32_t number)
{
	if (number == FINDING_NONE)
		json_null(json, key);
	else
		json_number(json, key, number);
}

static void add_finding(struct json_output *json, const struct finding *finding)
{
	json_row(json);
	json_text(json, "check", finding->check);
	json_text(json, "severity",
		  finding->severity == SEVERITY_ERROR ? "error" : "warning");
	json_text(json, "text", finding->text);
	json_text(json, "advice", finding->advice);
	add_number(json, "slot", finding->slot);
	add_number(json, "window", finding->window);
	add_number(json, "tenant", finding->tenant);
	add_number(json, "pid", finding->pid);
}

static int print_json(const struct visit *visit, const struct object *object,
		      const struct options *options)
{
	const struct examination *examination = &visit->examination;
	struct json_output json;

	report_begin(&json, object, VERB_SHOW, examination->now ? &visit->source : NULL,
		     examination->now);
	if (examination->before && examination->now)
		json_number(&json, "interval_ns",
			    examination->now->info->monotonic_ns -
				    examination->before->info->monotonic_ns);
	else
		json_null(&json, "interval_ns");
	json_number(&json, "checks", doctor_checks(examination));
	json_number(&json, "findings_total", examination->count);
	json_begin_rows(&json, "findings");
	for (size_t i = 0; i < findings_of(examination); i++)
		add_finding(&json, &examination->findings[i]);
	json_end_rows(&json);
	return report_end(&json, object, options);
}

/* The exit status, or a negative errno, which was told. */
static int run(const struct object *object, const struct options *options)
{
	static struct visit visit;
	int looked = examine(&visit, options);
	int ret;

	if (options->form == FORM_TEXT)
		ret = print_text(&visit);
	else
		ret = print_json(&visit, object, options);
	if (!ret)
		ret = visit.examination.count ? EXIT_FOUND :
		      looked		      ? EXIT_COULD_NOT :
						EXIT_NOTHING_FOUND;
	end(&visit);
	return ret;
}

const struct object doctor_object = {
	.name = "doctor",
	.summary = "what is wrong, and what to do",
	.verbs = HAS(VERB_SHOW),
	.needs_two = true,
	.run = run,
};
