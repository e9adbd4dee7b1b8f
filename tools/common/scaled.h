/* SPDX-License-Identifier: MIT */
#ifndef MK_TOOLS_SCALED_H
#define MK_TOOLS_SCALED_H

#define SCALED_BYTES 16

/* A number of three digits or so and a unit, as "12.3 M"; returns @text. */
const char *scaled(double value, char text[SCALED_BYTES]);

#endif /* MK_TOOLS_SCALED_H */
