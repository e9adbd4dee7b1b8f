// SPDX-License-Identifier: MIT
#include "processes.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

int mk_processes_visit(int (*visit)(uint32_t pid, void *data), void *data)
{
	DIR *directory = opendir("/proc");
	const struct dirent *entry;
	int ret = 0;

	if (!directory)
		return mk_fail(errno, "cannot list processes: %s; is /proc mounted?",
			       strerror(errno));
	while (!ret && (entry = readdir(directory))) {
		uint32_t pid = (uint32_t)strtoul(entry->d_name, NULL, 10);

		/* The rest are no processes'. */
		if (pid)
			ret = visit(pid, data);
	}
	closedir(directory);
	return ret;
}
