// SPDX-License-Identifier: MIT
/*
 * What trials of placements have shown, kept in $XDG_CACHE_HOME/mk/probe (or
 * ~/.cache/mk/probe), a line each:
 *
 *   VERSION DEVICE-UUID DRIVER-UUID DRIVER-VERSION KERNEL TYPE IMPORT CQ-TYPE P50 P99 REASON
 *
 * with a p50 of 0 for what is not coherent, and without a reason for what is not known any
 * more.  A line that is not understood counts for
 * nothing, a file that cannot be read or written is no error: then it is tried anew.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "placement.h"

#define FORMAT_VERSION 3
#define LINE_BYTES     512
#define LINES_LIMIT    512

static bool find_path(char *path, size_t bytes)
{
	const char *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	int length;

	if (cache && *cache == '/')
		length = snprintf(path, bytes, "%s/mk/probe", cache);
	else if (home && *home == '/')
		length = snprintf(path, bytes, "%s/.cache/mk/probe", home);
	else
		return false;
	return length > 0 && (size_t)length < bytes;
}

/* What a line of this trial begins with. */
static void print_key(const struct mk_vk_device *device,
		      const struct mk_placement *placement, char *key, size_t bytes)
{
	char device_uuid[MK_UUID_TEXT], driver_uuid[MK_UUID_TEXT];
	struct utsname system;

	mk_uuid_print(device->identity.uuid, device_uuid);
	mk_uuid_print(device->driver_uuid, driver_uuid);
	if (uname(&system))
		strcpy(system.release, "?");
	snprintf(key, bytes, "%d %s %s %08x %.65s %d %d %d ", FORMAT_VERSION, device_uuid,
		 driver_uuid, device->driver_version, system.release, placement->type,
		 (int)placement->import, placement->cq_type);
}

static bool parse_trial(const char *text, struct mk_trial *trial)
{
	int end = 0;

	struct mk_trial read = { .is_coherent = false };

	if (sscanf(text, "%u %u %n", &read.p50_ns, &read.p99_ns, &end) != 2 || !end)
		return false;
	read.is_coherent = read.p50_ns;
	snprintf(read.reason, sizeof(read.reason), "%.*s", (int)strcspn(text + end, "\n"),
		 text + end);
	if (!read.is_coherent && !*read.reason)
		return false;
	*trial = read;
	return true;
}

static bool look_up(const char *path, const char *key, struct mk_trial *trial)
{
	FILE *file = fopen(path, "re");
	char line[LINE_BYTES];
	bool found = false;

	if (!file)
		return false;
	/* The last one counts. */
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			found = parse_trial(line + strlen(key), trial);
	fclose(file);
	return found;
}

static void make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0777);
		*slash = '/';
	}
}

/* One write of one line, appended: others may do the same at the same time. */
static void keep(char *path, const char *key, const struct mk_trial *trial)
{
	char line[LINE_BYTES];
	struct stat stat;
	int fd, length;

	length = snprintf(line, sizeof(line), "%s%u %u %s\n", key,
			  trial->is_coherent ? trial->p50_ns : 0, trial->p99_ns,
			  trial->reason);
	if (length <= 0 || (size_t)length >= sizeof(line))
		return;
	make_folders(path);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return;
	/* Drivers and kernels come and go: begin anew some time. */
	if (!fstat(fd, &stat) && stat.st_size > LINES_LIMIT * LINE_BYTES / 4 &&
	    ftruncate(fd, 0))
		length = 0;
	/* What is cut short is not understood later, and that is all. */
	if (length && write(fd, line, (size_t)length) < 0)
		length = 0;
	close(fd);
}

void mk_placement_try_anew(const struct mk_vk_device *device,
			   const struct mk_placement *placement, struct mk_trial *trial)
{
	static const struct mk_trial unknown = { .is_coherent = false };
	char path[PATH_MAX], key[LINE_BYTES / 2];
	struct mk_trial former;

	mk_placement_measure(device, placement, trial);
	/* A processor's memory is coherent: what went wrong was that it had no time. */
	if (device->is_cpu && trial->has_run && !trial->is_coherent)
		return;
	if (!find_path(path, sizeof(path)))
		return;
	print_key(device, placement, key, sizeof(key));
	/* What kept a kernel from running may be gone the next time, or new. */
	if (trial->has_run)
		keep(path, key, trial);
	else if (look_up(path, key, &former))
		keep(path, key, &unknown);
}

void mk_placement_try(const struct mk_vk_device *device,
		      const struct mk_placement *placement, struct mk_trial *trial)
{
	char path[PATH_MAX], key[LINE_BYTES / 2];

	print_key(device, placement, key, sizeof(key));
	if (!find_path(path, sizeof(path)) || !look_up(path, key, trial))
		mk_placement_try_anew(device, placement, trial);
}
