/* SPDX-License-Identifier: MIT */
/* The blocks of the arena, and queues of them. */
#ifndef BLOCK_QUEUE_H
#define BLOCK_QUEUE_H

#include <stddef.h>

#include <mk/producer.h>

#include "reader.h"

struct block {
	struct block *next;
	uint8_t *data; /* what comes before is head room, see scanner.c */
	struct reader_request request;
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
