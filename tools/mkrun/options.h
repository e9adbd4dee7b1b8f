/* SPDX-License-Identifier: MIT */
#ifndef MKRUN_OPTIONS_H
#define MKRUN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <mk/mk.h>

#define FILES_LIMIT 64

/* A file that requests of the device may use. */
struct file_option {
	const char *path;
	uint32_t flags; /* MK_IO_READ, MK_IO_WRITE */
};

/* What the user asked for; 0 and NULL leave it to libmk. */
struct run_options {
	const char *name; /* of the server */
	uint32_t roles;	  /* that it hands out */
	struct mk_geometry geometry;
	struct mk_engine_options engine;
	const char *handlers; /* a file with operations of the user's */
	const char *formats;  /* a file with texts of debug records */
	uint32_t tenants;     /* bit N: tenant N is authorised */
	struct file_option files[FILES_LIMIT];
	uint32_t file_count;
	uint32_t restarts;
	const char *snapshots; /* a directory */
	double interval_s;     /* 0: once a second on a terminal, else every 10 s */
	bool quiet;
	bool json;
};

/* Exits with status 64 on wrong usage, and with 0 after --help or --version. */
void parse_arguments(int argc, char **argv, struct run_options *options);

#endif /* MKRUN_OPTIONS_H */
