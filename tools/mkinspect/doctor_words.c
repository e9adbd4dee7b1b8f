// SPDX-License-Identifier: MIT
/* Checks of the words that say what the context is. */
#include "doctor.h"

static void check_version(struct examination *examination)
{
	uint32_t control =
		view_word(examination->now, MK_REGION_CONTROL, MK_CONTROL_ABI_VERSION);
	uint32_t cq = view_word(examination->now, MK_REGION_CQ, MK_CQ_VERSION);

	if (control == MK_ABI_VERSION && cq == MK_ABI_VERSION)
		return;
	find(examination, SEVERITY_ERROR,
	     "Use the same version of libmk, of mk.ko and of mkinspect on all sides.",
	     "The context says that it has ABI version %u (control region) and %u (cq), "
	     "and this program knows %u.",
	     control, cq, MK_ABI_VERSION);
}

void check_words(struct examination *examination)
{
	const struct mk_geometry *geometry = &examination->now->info->geometry;
	const struct {
		uint32_t region, word, expected;
	} words[] = {
		{ MK_REGION_CONTROL, MK_CONTROL_MAGIC, MK_CONTROL_MAGIC_VALUE },
		{ MK_REGION_CONTROL, MK_CONTROL_SLOT_COUNT, geometry->slots },
		{ MK_REGION_CONTROL, MK_CONTROL_RECORD_CAPACITY, geometry->log_records },
		{ MK_REGION_CONTROL, MK_CONTROL_IO_SLOT_COUNT, geometry->io_slots },
		{ MK_REGION_CONTROL, MK_CONTROL_OBSERVABLE_WORDS,
		  geometry->observable_words },
		{ MK_REGION_CQ, MK_CQ_MAGIC, MK_CQ_MAGIC_VALUE },
		{ MK_REGION_CQ, MK_CQ_SLOT_COUNT, geometry->slots },
		{ MK_REGION_CQ, MK_CQ_FIRST_ENTRY, MK_CQ_HEADER_WORDS },
		{ MK_REGION_CQ, MK_CQ_WINDOW_SLOTS, geometry->window_slots },
		{ MK_REGION_CQ, MK_CQ_IO_REQUEST_SLOTS, geometry->io_request_slots },
	};

	check_version(examination);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		uint32_t had =
			view_word(examination->now, words[i].region, words[i].word);

		if (had == words[i].expected)
			continue;
		find(examination, SEVERITY_ERROR,
		     "Who has it already goes on by what the words said then; others are "
		     "refused.  Find out who has the context (mkinspect ctx list) and "
		     "writes where it should not.",
		     "The context is damaged: word %u of the %s is 0x%x, and was made as "
		     "0x%x.",
		     words[i].word,
		     words[i].region == MK_REGION_CQ ? "cq" : "control region", had,
		     words[i].expected);
		return;
	}
}
