/* SPDX-License-Identifier: MIT */
/*
 * What mkinspect can look at.  A new object is a file with its struct, a line in main.c,
 * its rows in the schema, and its words in the man page and the completion.
 */
#ifndef MKINSPECT_OBJECT_H
#define MKINSPECT_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/json_output.h"
#include "selection.h"
#include "view.h"

struct holders;
struct ages;
struct formats;
struct options;
struct source;

enum verb {
	VERB_SHOW,
	VERB_DUMP,
	VERB_WATCH,
	VERB_DIFF,
	VERB_LIST,
	VERB_SAVE,
	VERB_COUNT,
};

#define HAS(verb) (1u << (verb))

/* Options that not every object takes. */
#define TAKES_RANGES	 (1u << 0)
#define TAKES_STATUS	 (1u << 1)
#define TAKES_OPCODE	 (1u << 2)
#define TAKES_TENANT	 (1u << 3)
#define TAKES_PRIORITY	 (1u << 4)
#define TAKES_ALL	 (1u << 5) /* also what is empty */
#define TAKES_FORMATS	 (1u << 6)
#define TAKES_FOLLOW	 (1u << 7)
#define TAKES_DEVICE	 (1u << 8)
#define TAKES_ARENA	 (1u << 9)
#define TAKES_NO_CONTEXT (1u << 10)

/* One look at a context. */
struct look {
	const struct view *now;
	const struct view *before; /* the look before this; NULL at the first */
	const struct selection *selection;
	const struct holders *holders; /* who lives; NULL where that cannot be known */
	const struct ages *ages;       /* since when slots are as they are; or NULL */
	const struct formats *formats; /* of debug records */
	bool follow;		       /* of the debug log, what is new since before */
};

enum cell_form {
	CELL_PLAIN,
	CELL_HEX,
	CELL_HEX_LIST,
};

/* A column of a table in text: @key is that of the JSON row. */
struct column {
	const char *key;
	const char *title;
	int width; /* negative: to the left */
	enum cell_form form;
};

/* How an array of rows is printed as text. */
struct table {
	const char *key;
	const struct column *columns; /* a NULL key ends them */
	const struct table *inner;    /* rows in a row; NULL: none */
};

struct object {
	const char *name;
	const char *summary;
	unsigned int verbs;   /* HAS() of each; the first below is meant without one */
	unsigned int options; /* TAKES_* */
	uint32_t memories;    /* MK_SNAPSHOT_MEMORY() of what it looks at */
	bool needs_two;	      /* show is of two looks, an interval apart */
	bool has_screen;      /* watch fills a terminal */
	bool needs_holders;   /* which takes a while to find out */
	/* Add to @json what is to be shown; keys are those of the schema. */
	void (*build)(const struct look *look, struct json_output *json);
	const struct table *tables; /* a NULL key ends them; what is no array goes first */
	/* dump: of which memory, its words for one of the ranges' elements. */
	uint32_t memory;
	uint32_t unit_words;
	uint32_t unit_first; /* word at which these begin */
	/* For verbs that are no look: the exit status, or a negative errno, which was told. */
	int (*run)(const struct object *object, const struct options *options);
};

extern const struct object ctx_object;
extern const struct object control_object;
extern const struct object ring_object;
extern const struct object ioq_object;
extern const struct object log_object;
extern const struct object cq_object;
extern const struct object producers_object;
extern const struct object tenants_object;
extern const struct object metrics_object;
extern const struct object stats_object;
extern const struct object probe_object;
extern const struct object snapshot_object;
extern const struct object doctor_object;

#endif /* MKINSPECT_OBJECT_H */
