/* SPDX-License-Identifier: MIT */
/* Doubly linked lists whose links lie in what they link, as the kernel's do. */
#ifndef MK_SRC_LIST_H
#define MK_SRC_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* The head of a list, or the link of a member; one that is on no list links itself. */
struct mk_list {
	struct mk_list *next;
	struct mk_list *previous;
};

#define mk_list_entry(link, type, member) \
	((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void mk_list_init(struct mk_list *list)
{
	list->next = list;
	list->previous = list;
}

static inline bool mk_list_is_empty(const struct mk_list *list)
{
	return list->next == list;
}

/* @link is on no list. */
static inline void mk_list_append(struct mk_list *list, struct mk_list *link)
{
	link->previous = list->previous;
	link->next = list;
	list->previous->next = link;
	list->previous = link;
}

/* From whatever list it is on, if any. */
static inline void mk_list_remove(struct mk_list *link)
{
	link->previous->next = link->next;
	link->next->previous = link->previous;
	mk_list_init(link);
}

/* The first one, taken off; NULL when there is none. */
static inline struct mk_list *mk_list_take(struct mk_list *list)
{
	struct mk_list *first = list->next;

	if (first == list)
		return NULL;
	mk_list_remove(first);
	return first;
}

#endif /* MK_SRC_LIST_H */
