// SPDX-License-Identifier: MIT
#include "processes.h"

#include <errno.h>
#include <stdio.h>
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

DIR *mk_descriptors_open(uint32_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	return opendir(path);
}

int mk_descriptors_visit(DIR *directory, mk_descriptor_visit *visit, void *data)
{
	const struct dirent *entry;
	int ret = 0;

	while (!ret && (entry = readdir(directory)))
		ret = visit(dirfd(directory), entry->d_name, data);
	return ret;
}

int mk_process_look_into(uint32_t pid, mk_descriptor_visit *visit, void *data)
{
	DIR *directory = mk_descriptors_open(pid);
	int ret;

	if (!directory)
		return 0;
	ret = mk_descriptors_visit(directory, visit, data);
	closedir(directory);
	return ret;
}
