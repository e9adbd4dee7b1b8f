// SPDX-License-Identifier: MIT
#include "power.h"

#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_line(const char *path, char *line, int size)
{
	FILE *file = fopen(path, "re");
	bool done;

	if (!file)
		return false;
	done = fgets(line, size, file) != NULL;
	fclose(file);
	if (done)
		line[strcspn(line, "\n")] = '\0';
	return done;
}

static bool read_watts(const char *path, double *watts)
{
	char line[32], *end;

	if (!read_line(path, line, sizeof(line)))
		return false;
	*watts = strtod(line, &end) / 1e6;
	return end != line && !*end;
}

static void add_sensor(struct power_sensors *sensors, const char *path)
{
	struct power_sensor *sensor = &sensors->list[sensors->count];
	const char *file = strrchr(path, '/') + 1;
	char name_path[sizeof(sensor->path)], chip[32];
	double watts;

	if (sensors->count == POWER_SENSORS || strlen(path) >= sizeof(sensor->path) ||
	    !read_watts(path, &watts))
		return;
	snprintf(sensor->path, sizeof(sensor->path), "%s", path);
	snprintf(name_path, sizeof(name_path), "%.*sname", (int)(file - path), path);
	if (!read_line(name_path, chip, sizeof(chip)))
		snprintf(chip, sizeof(chip), "unnamed");
	snprintf(sensor->name, sizeof(sensor->name), "%s %.30s", chip, file);
	sensors->count++;
}

void power_find(struct power_sensors *sensors)
{
	static const char *const files[] = { "power*_average", "power*_input" };
	const char *root = getenv("MKBENCH_HWMON");
	char pattern[256];

	sensors->count = 0;
	for (size_t kind = 0; kind < sizeof(files) / sizeof(files[0]); kind++) {
		glob_t found;

		snprintf(pattern, sizeof(pattern), "%.200s/hwmon*/%s",
			 root ? root : "/sys/class/hwmon", files[kind]);
		if (glob(pattern, 0, NULL, &found))
			continue;
		for (size_t i = 0; i < found.gl_pathc; i++)
			add_sensor(sensors, found.gl_pathv[i]);
		globfree(&found);
	}
}

void power_read(const struct power_sensors *sensors, struct power_reading *reading)
{
	for (uint32_t i = 0; i < sensors->count; i++) {
		reading->watts[i] = 0;
		(void)read_watts(sensors->list[i].path, &reading->watts[i]);
	}
}
