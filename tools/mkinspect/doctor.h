/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with a context, and what to do.  Checks are pure functions of two looks,
 * taken an interval apart, and of facts of the machine, which somebody has gathered.  A
 * new check is a function in one of the files doctor_*.c, a line in doctor.c, and its
 * name in the man page.
 */
#ifndef MKINSPECT_DOCTOR_H
#define MKINSPECT_DOCTOR_H

#include "decode.h"
#include "holders.h"

enum process_state {
	PROCESS_UNKNOWN, /* another user's, or another pid namespace's */
	PROCESS_RUNS,
	PROCESS_STOPPED, /* by a signal or a debugger */
	PROCESS_GONE,
};

struct facts {
	/* Of the context; a snapshot's file has none of these. */
	bool is_live;
	enum process_state engine_process;
	uint32_t engine_pid;
	/* Taken between the two looks; NULL: nobody knows. */
	const struct holders *holders;

	/* Of the attempt to look at it: the same as below. */
	int attaching;
	char attaching_text[512];

	/* Of the machine: 0, or a negative errno and a text that says why not. */
	int module; /* -ENOENT: there is no /dev/mk */
	int vulkan;
	char module_text[512];
	char vulkan_text[1024];
};

enum severity {
	SEVERITY_WARNING, /* something is lost, or will be */
	SEVERITY_ERROR,	  /* something stands still */
};

#define FINDING_NONE   UINT32_MAX
#define FINDINGS_LIMIT 64

struct finding {
	const char *check; /* which found it */
	enum severity severity;
	char text[1024];    /* what is wrong, in sentences */
	const char *advice; /* what to do */
	/* What it is about, or FINDING_NONE. */
	uint32_t slot;
	uint32_t window;
	uint32_t tenant;
	uint32_t pid;
};

struct examination {
	const struct view *before; /* NULL: there was one look only */
	const struct view *now;	   /* NULL: there is no context */
	const struct facts *facts;
	const char *check; /* that is at work */
	size_t count;	   /* of findings, also of those for which there was no room */
	struct finding findings[FINDINGS_LIMIT];
};

/* Let all checks have a look; before, now and facts are set. */
void doctor_examine(struct examination *examination);

/* How many checks there are that can be made of so many looks. */
size_t doctor_checks(const struct examination *examination);

/* For checks ------------------------------------------------------------------------ */

/*
 * Add a finding of the check at work; its text is as printf() makes it.  The caller may
 * say what it is about afterwards.
 */
struct finding *find(struct examination *examination, enum severity severity,
		     const char *advice, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

double doctor_seconds(const struct examination *examination); /* between the looks */
uint32_t doctor_engine_state(const struct view *view);
/* By facts: whatever the words say, nobody runs this context. */
bool doctor_engine_is_gone(const struct examination *examination);
/* "1 slot", "3 slots" */
const char *doctor_slots_text(uint32_t count, char text[32]);

/* Whether slot @index is as it was: its status the same, and in the same use. */
bool doctor_slot_stays(const struct examination *examination, uint32_t index,
		       const struct slot *now);
/* Of an authorised tenant; one that is out of range is a fault, and so looked at. */
bool doctor_is_masked(const struct view *view, uint32_t tenant);

/* Of one look. */
void check_words(struct examination *examination);
void check_unknown_statuses(struct examination *examination);
void check_engine_process(struct examination *examination);
void check_engine_lost(struct examination *examination);
void check_engine_absent(struct examination *examination);
void check_faults(struct examination *examination);
void check_log(struct examination *examination);
void check_attaching(struct examination *examination);
void check_module(struct examination *examination);
void check_vulkan(struct examination *examination);
/* Of two. */
void check_heartbeat(struct examination *examination);
void check_parked(struct examination *examination);
void check_shutdown(struct examination *examination);
void check_claimed(struct examination *examination);
void check_masked(struct examination *examination);
void check_starved(struct examination *examination);
void check_requests(struct examination *examination);
void check_leases(struct examination *examination);

#endif /* MKINSPECT_DOCTOR_H */
