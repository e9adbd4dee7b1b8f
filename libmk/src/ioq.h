/* SPDX-License-Identifier: MIT */
/*
 * The host's side of a live io queue: find the device's requests, claim them, answer.
 *
 *   device                                   pump
 *   slot is EMPTY: words 0 to 5 and 7
 *   status = PUBLISHED (release)
 *   word 49 of the cq += 1                   word 49 says that there is one: look
 *                                            words copied once, status = CLAIMED
 *                                            the transfer; on ERROR the reason words
 *                                            status = OK or ERROR (release)
 *   sees the answer
 *   status = EMPTY
 *
 * A slot is the pump's between PUBLISHED and the answer, and nobody else's.  The words
 * that it copies may be anything.
 *
 * The count is in host memory, so that asking costs next to nothing, whereas a look at a
 * slot may take a load across a bus.  Which slots it stands for is not told: they are
 * looked at where the last ones were found, and then in turn.  A count that is wrong,
 * because its writer is hostile or has died, is believed for one turn without a find.
 *
 * Across a bus the device hints in the cq, in host memory, which slots it has published in,
 * and the count comes later.  What is in the first slots it shows in the outbox, also in
 * the cq: PUBLISHED and the slot's words are visible before the record is, but not one
 * before the other, so there a slot is claimed by its record.  What has none, because an
 * engine died or published for a dead one, is claimed when nothing can be under way any
 * more: no engine runs, or two dispatches have ended since it was seen.  The other slots
 * are looked at where hints are, one at a time.
 */
#ifndef MK_SRC_IOQ_H
#define MK_SRC_IOQ_H

#include <stdbool.h>
#include <stdint.h>

#include <mk/abi.h>

#include "context.h"

/* Slots that one look covers: their loads are under way at the same time. */
#define MK_IOQ_LOOK_SLOTS 16u

/* What is known of a slot. */
struct mk_ioq_slot {
	bool is_claimed;  /* by us, and not answered */
	bool is_shown;	  /* so: CLAIMED was stored */
	bool is_seen;	  /* PUBLISHED, without a record */
	uint32_t seen_at; /* then: dispatches that had ended */
	uint32_t lap;	  /* of the last record taken */
};

struct mk_ioq {
	struct mk_context *context;
	uint32_t slots;	  /* for requests */
	uint32_t next;	  /* where the next look in turn begins */
	uint32_t found;	  /* where the last look that found something began */
	uint32_t claimed; /* of what the device has counted */
	uint32_t found_none; /* slots looked at since the last find; across a bus, in this turn */
	uint32_t count_then; /* what was counted before the first of these looks */
	uint32_t hints;	     /* taken so far */
	bool has_missed;     /* across a bus: hints, or what was there before us */
	bool has_unsettled;  /* in this turn: slots that a later one may claim */
	uint32_t due;	 /* slots of the outbox, as bits, of which a record is to come */
	uint32_t recent; /* the slot whose record was taken last */
	uint32_t hints_waited;	   /* times in a row that they were not looked at */
	struct mk_ioq_slot *state; /* by slot */
};

/* The queue as a pump finds it that knows nothing yet.  -EINVAL: no request slots. */
int mk_ioq_open(struct mk_ioq *queue, struct mk_context *context);
void mk_ioq_close(struct mk_ioq *queue);

/* Whether there is something to claim, as far as the device has counted or hinted. */
bool mk_ioq_has_requests(const struct mk_ioq *queue);

/* Whether there is something of which only looks at the slots can tell where it is. */
bool mk_ioq_must_look(const struct mk_ioq *queue);

/*
 * Claim where there are hints, across a bus; returns how many.  When that is as many as
 * one look covers there may be more.
 */
uint32_t mk_ioq_claim_hinted(struct mk_ioq *queue,
			     struct mk_io_request requests[MK_IOQ_LOOK_SLOTS]);

/*
 * Look at the next slots in turn and claim what is PUBLISHED there; returns how many.
 * As many calls as it takes for all slots have looked at each.
 */
uint32_t mk_ioq_claim(struct mk_ioq *queue,
		      struct mk_io_request requests[MK_IOQ_LOOK_SLOTS]);

/*
 * The same where something was found last, which is where who asks for one thing after
 * another asks again; this has no part in the turn.
 */
uint32_t mk_ioq_claim_again(struct mk_ioq *queue,
			    struct mk_io_request requests[MK_IOQ_LOOK_SLOTS]);

/*
 * CLAIMED in a slot that was claimed: before anything has an effect, and before the answer.
 * Not before, since across a bus a locked instruction waits for that store.
 */
void mk_ioq_show_claim(struct mk_ioq *queue, uint32_t slot);

/* Take @slot from a pump that is dead: true, and the request, if that had claimed it. */
bool mk_ioq_inherit(struct mk_ioq *queue, uint32_t slot, struct mk_io_request *request);

/*
 * Why a request is going to be answered with ERROR.  Has to be sent before the answer,
 * like the data; mk_ioq_answer() leaves that to its caller, who may have many.
 */
void mk_ioq_explain(struct mk_ioq *queue, uint32_t slot, uint32_t reason, uint32_t error,
		    uint32_t byte_count);

/* MK_IO_STATUS_OK or MK_IO_STATUS_ERROR; the slot is the device's from here on. */
void mk_ioq_answer(struct mk_ioq *queue, uint32_t slot, uint32_t status);

#endif /* MK_SRC_IOQ_H */
