/* SPDX-License-Identifier: MIT */
/* What the machine's own sensors say of its power. */
#ifndef MKBENCH_POWER_H
#define MKBENCH_POWER_H

#include <stdint.h>

#define POWER_SENSORS 16

struct power_sensor {
	char path[288]; /* of a file with microwatts */
	char name[64];	/* as "amdgpu power1_average" */
};

struct power_sensors {
	struct power_sensor list[POWER_SENSORS];
	uint32_t count; /* 0: this machine has none that may be read */
};

struct power_reading {
	double watts[POWER_SENSORS];
};

/*
 * power_find() - the hwmon sensors, as amdgpu and some boards have them
 *
 * Looks below /sys/class/hwmon, or where MKBENCH_HWMON says.
 */
void power_find(struct power_sensors *sensors);

/* power_read() - watts of each now; 0 for one that has gone. */
void power_read(const struct power_sensors *sensors, struct power_reading *reading);

#endif /* MKBENCH_POWER_H */
