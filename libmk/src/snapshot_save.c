// SPDX-License-Identifier: MIT
/* Snapshots that nobody stands by for: in a file with a name of its own. */
#include <mk/snapshot.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "error.h"

/* In one second one process has not more reasons than this. */
#define NAMES_LIMIT 100

static int name_file(const char *directory, uint64_t seconds, int number,
		     char path[MK_SNAPSHOT_PATH_BYTES])
{
	char again[16] = "";
	int length;

	if (number)
		snprintf(again, sizeof(again), "-%d", number);
	length = snprintf(path, MK_SNAPSHOT_PATH_BYTES, "%s/mk-%ld-%llu%s.mksnap",
			  directory, (long)getpid(), (unsigned long long)seconds, again);
	return length < MK_SNAPSHOT_PATH_BYTES ?
		       0 :
		       mk_fail(ENAMETOOLONG,
			       "the name of a snapshot's directory has %zu "
			       "bytes; use a shorter one",
			       strlen(directory));
}

static int create_file(const char *directory, char path[MK_SNAPSHOT_PATH_BYTES])
{
	uint64_t seconds = (uint64_t)time(NULL);

	for (int number = 0; number < NAMES_LIMIT; number++) {
		int ret = name_file(directory, seconds, number, path);
		int fd;

		if (ret)
			return ret;
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			  0600);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST)
			break;
	}
	return mk_fail(errno, "cannot make the snapshot %s: %s", path, strerror(errno));
}

static int write_file(const struct mk_snapshot *snapshot, const char *directory,
		      char path[MK_SNAPSHOT_PATH_BYTES])
{
	int fd = create_file(directory, path);
	int ret;

	if (fd < 0)
		return fd;
	ret = mk_snapshot_write(snapshot, fd);
	if (close(fd) && !ret)
		ret = mk_fail(errno, "cannot write the snapshot %s: %s", path,
			      strerror(errno));
	if (ret)
		unlink(path);
	return ret;
}

int mk_snapshot_save(const struct mk_context *context, const char *directory,
		     enum mk_snapshot_reason reason, char path[MK_SNAPSHOT_PATH_BYTES])
{
	const struct mk_snapshot_options options = { .size = sizeof(options),
						     .reason = reason };
	struct mk_snapshot *snapshot;
	int ret = mk_snapshot_take(context, &options, &snapshot);

	if (ret)
		return ret;
	ret = write_file(snapshot, directory, path);
	mk_snapshot_free(snapshot);
	return ret;
}
