// SPDX-License-Identifier: MIT
#include "scaled.h"

#include <stdio.h>

const char *scaled(double value, char text[SCALED_BYTES])
{
	static const char units[] = " kMGT";
	int unit = 0;

	while (value >= 999.5 && units[unit + 1]) {
		value /= 1000;
		unit++;
	}
	if (!unit)
		snprintf(text, SCALED_BYTES, "%.0f", value);
	else
		snprintf(text, SCALED_BYTES, "%.*f %c",
			 value < 9.995 ? 2 :
			 value < 99.95 ? 1 :
					 0,
			 value, units[unit]);
	return text;
}
