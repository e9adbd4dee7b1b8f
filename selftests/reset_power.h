/* SPDX-License-Identifier: MIT */
/*
 * A word of the engines' state that no engine uses: while it is not zero, nothing that the
 * kernel of power_ordering.glsl stores lands any more.  Shared by GLSL and C.
 */
#ifndef MK_SELFTESTS_RESET_POWER_H
#define MK_SELFTESTS_RESET_POWER_H

#define RESET_POWER_CUT 32u

#endif /* MK_SELFTESTS_RESET_POWER_H */
