/* SPDX-License-Identifier: MIT */
#ifndef MK_SELFTESTS_FUZZ_DECODERS_H
#define MK_SELFTESTS_FUZZ_DECODERS_H

#include "decode.h"

/* Have every decoder of mkinspect's look at a view. */
void decode_all(const struct view *view);

#endif /* MK_SELFTESTS_FUZZ_DECODERS_H */
