/* SPDX-License-Identifier: MIT */
/*
 * The words that probe.comp and libmk/src/probe.c exchange, in two memories of which
 * the device looks at one and the host at the other.
 */
#ifndef MK_PROBE_LAYOUT_H
#define MK_PROBE_LAYOUT_H

#define MK_PROBE_ROUND	 0u  /* of both: the number of the round */
#define MK_PROBE_PAYLOAD 16u /* of both, on a line of its own: stored before the round */
#define MK_PROBE_SEEN	 32u /* of both: the last round seen, when all is over */
#define MK_PROBE_BYTES	 4096u

#define MK_PROBE_STOP	 0xffffffffu /* a round that ends the kernel */

#endif /* MK_PROBE_LAYOUT_H */
