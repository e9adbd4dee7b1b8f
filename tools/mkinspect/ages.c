// SPDX-License-Identifier: MIT
#include "ages.h"

#include <errno.h>
#include <stdlib.h>

#include "common/complain.h"
#include "decode.h"

struct age {
	uint64_t since_ns;
	uint32_t status;
	uint32_t count; /* of completions: another means another use */
	bool is_first;	/* since the first look */
};

static uint32_t status_of(const struct view *view, uint32_t slot)
{
	return view_load(&view->ring, (uint64_t)slot * MK_SLOT_WORDS + MK_SLOT_STATUS);
}

int ages_note(struct ages *ages, const struct view *view)
{
	bool is_first = !ages->slots;

	if (is_first) {
		ages->count = view_slots(view);
		ages->slots = calloc(ages->count ? ages->count : 1, sizeof(*ages->slots));
		if (!ages->slots)
			return complain_of(-ENOMEM, "no memory for the ages of slots");
	}
	for (uint32_t i = 0; i < ages->count; i++) {
		struct age *age = &ages->slots[i];
		uint32_t status = status_of(view, i);
		uint32_t count = decode_entry(view_word(view, MK_REGION_CQ,
							MK_CQ_HEADER_WORDS + i))
					 .count;

		if (!is_first && age->status == status && age->count == count)
			continue;
		*age = (struct age){ .since_ns = view->info->monotonic_ns,
				     .status = status,
				     .count = count,
				     .is_first = is_first };
	}
	return 0;
}

void ages_oldest(const struct ages *ages, const struct view *view, struct oldest *oldest)
{
	const struct age *found = NULL;

	*oldest = (struct oldest){ 0 };
	for (uint32_t i = 0; i < ages->count; i++) {
		const struct age *age = &ages->slots[i];

		if (!status_is_in_flight(age->status) ||
		    (found && found->since_ns <= age->since_ns))
			continue;
		found = age;
		oldest->slot = i;
	}
	if (!found)
		return;
	oldest->is_found = true;
	oldest->is_at_least = found->is_first;
	oldest->age_ns = view->info->monotonic_ns - found->since_ns;
}

void ages_free(struct ages *ages)
{
	free(ages->slots);
}
