/* SPDX-License-Identifier: MIT */
/* The blocks of the arena, and queues of them. */
#ifndef BLOCK_QUEUE_H
#define BLOCK_QUEUE_H

#include <stddef.h>

#include <mk/producer.h>

#include "pump.h"
#include "reader.h"

struct block {
	struct block *next;
	uint8_t *data; /* what comes before is head room, see scanner_parts.h */

	/* What is scanned: the end of the block before it in its file, then its own. */
	uint8_t *text;
	uint32_t overlap; /* bytes of that end */
	uint32_t bytes;	  /* of its own */

	struct reader_request request; /* where the host reads */
	struct pump_file *file; /* whose the slot asks for; NULL: the host has read */
	uint64_t offset;	/* of the text in that */
	struct mk_ticket ticket;
};

struct block_queue {
	struct block *head;
	struct block *tail;
};

static inline void block_queue_push(struct block_queue *queue, struct block *block)
{
	block->next = NULL;
	if (queue->head)
		queue->tail->next = block;
	else
		queue->head = block;
	queue->tail = block;
}

static inline struct block *block_queue_pop(struct block_queue *queue)
{
	struct block *block = queue->head;

	if (block)
		queue->head = block->next;
	return block;
}

#endif /* BLOCK_QUEUE_H */
