/* SPDX-License-Identifier: MIT */
/* What doctor must ask the system for. */
#ifndef MKINSPECT_DOCTOR_FACTS_H
#define MKINSPECT_DOCTOR_FACTS_H

#include "doctor.h"
#include "source.h"

/* Whether the module can be used here. */
void facts_of_module(struct facts *facts);

/*
 * Whether a Vulkan device can run the resident kernel: starts one on a context of its own,
 * for a moment.
 */
void facts_of_vulkan(struct facts *facts);

/*
 * Who has a live context.  @holders: receives who; good as long as @facts
 * @view: for who says that he runs it
 */
void facts_of_context(const struct source *source, const struct view *view,
		      struct facts *facts, struct holders *holders);

#endif /* MKINSPECT_DOCTOR_FACTS_H */
