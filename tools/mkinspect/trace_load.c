// SPDX-License-Identifier: MIT
#include "trace_load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/complain.h"

/* Gathering ---------------------------------------------------------------------- */

static int no_memory(void)
{
	return complain_of(-ENOMEM,
			   "no memory is left for the trace; it is held whole, so "
			   "record for a shorter time");
}

static bool same_context(const struct mk_trace_info *one, const struct mk_trace_info *two)
{
	return !memcmp(one->context, two->context, sizeof(one->context)) &&
	       !memcmp(one->boot_id, two->boot_id, sizeof(one->boot_id)) &&
	       (one->context[0] || one->context[2] || one->pid == two->pid);
}

static int add_part(struct trace *trace, const struct mk_trace_info *info)
{
	struct trace_part *parts =
		realloc(trace->parts, (trace->part_count + 1) * sizeof(*parts));
	struct trace_part *part;

	if (!parts)
		return no_memory();
	trace->parts = parts;
	part = &parts[trace->part_count++];
	*part = (struct trace_part){ .info = *info, .context = trace->context_count };
	for (uint32_t i = 0; i + 1 < trace->part_count; i++)
		if (same_context(&parts[i].info, info))
			part->context = parts[i].context;
	if (part->context == trace->context_count)
		trace->context_count++;
	return 0;
}

/* What the reader shows lasts until the next event only. */
static int keep_data(struct mk_trace_event *event)
{
	const void **data;
	size_t bytes;
	void *copy;

	switch (event->type) {
	case MK_TRACE_IO_DATA:
	case MK_TRACE_ARENA:
	case MK_TRACE_MEMORY:
		data = &event->data.data;
		bytes = event->data.bytes;
		break;
	case MK_TRACE_EPOCH:
		data = &event->epoch.data;
		bytes = event->epoch.count * sizeof(uint32_t);
		break;
	default:
		return 0;
	}
	copy = malloc(bytes ? bytes : 1);
	if (!copy)
		return no_memory();
	memcpy(copy, *data, bytes);
	*data = copy;
	return 0;
}

static void free_data(struct mk_trace_event *event)
{
	if (event->type == MK_TRACE_EPOCH)
		free((void *)event->epoch.data);
	else if (event->type == MK_TRACE_IO_DATA || event->type == MK_TRACE_ARENA ||
		 event->type == MK_TRACE_MEMORY)
		free((void *)event->data.data);
}

static int add_entry(struct trace *trace, const struct mk_trace_event *event)
{
	struct trace_entry *entry;

	if (trace->count == trace->capacity) {
		size_t capacity = trace->capacity ? trace->capacity * 2 : 4096;
		struct trace_entry *entries =
			realloc(trace->entries, capacity * sizeof(*entries));

		if (!entries)
			return no_memory();
		trace->entries = entries;
		trace->capacity = capacity;
	}
	entry = &trace->entries[trace->count];
	*entry = (struct trace_entry){
		.event = *event,
		.part = trace->part_count - 1,
		.number = trace->count,
	};
	if (keep_data(&entry->event))
		return -ENOMEM;
	trace->count++;
	return 0;
}

static int take_event(struct trace *trace, struct mk_trace_reader *reader,
		      const struct mk_trace_event *event)
{
	int ret = 0;

	if (event->type == MK_TRACE_PART)
		ret = add_part(trace, mk_trace_info(reader));
	if (ret)
		return ret;
	if (event->type == MK_TRACE_END)
		trace->parts[trace->part_count - 1].has_end = true;
	if (event->type == MK_TRACE_DROPPED)
		trace->parts[trace->part_count - 1].dropped += event->dropped;
	return add_entry(trace, event);
}

static int read_all(struct trace *trace, int fd, const char *path)
{
	struct mk_trace_reader *reader;
	struct mk_trace_event event;
	int ret = mk_trace_open(fd, &reader);

	if (ret)
		return complain(path, ret);
	while ((ret = mk_trace_next(reader, &event)) > 0) {
		ret = take_event(trace, reader, &event);
		if (ret)
			break;
	}
	if (ret < 0 && ret != -ENOMEM)
		complain(path, ret);
	trace->is_cut_off = mk_trace_is_cut_off(reader);
	mk_trace_close(reader);
	return ret;
}

/* Order ---------------------------------------------------------------------------- */

static int compare(const void *one, const void *two)
{
	const struct trace_entry *a = one;
	const struct trace_entry *b = two;

	if (a->event.time_ns != b->event.time_ns)
		return a->event.time_ns < b->event.time_ns ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

int trace_load(const char *path, struct trace *trace)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret;

	*trace = (struct trace){ 0 };
	if (fd < 0)
		return complain_of(-errno, "cannot open %s: %s", path, strerror(errno));
	ret = read_all(trace, fd, path);
	close(fd);
	if (ret < 0) {
		trace_free(trace);
		return ret;
	}
	if (trace->count) {
		qsort(trace->entries, trace->count, sizeof(*trace->entries), compare);
		trace->begin_ns = trace->entries[0].event.time_ns;
		trace->end_ns = trace->entries[trace->count - 1].event.time_ns;
	}
	return 0;
}

void trace_free(struct trace *trace)
{
	for (size_t i = 0; i < trace->count; i++)
		free_data(&trace->entries[i].event);
	free(trace->entries);
	free(trace->parts);
	*trace = (struct trace){ 0 };
}

int trace_choose_context(struct trace *trace, int wanted, uint32_t *context)
{
	size_t kept = 0;

	if (wanted < 0 && trace->context_count != 1)
		return complain_of(
			-EINVAL,
			"the trace is of %u contexts; choose one by --context, "
			"from 0 to %u",
			trace->context_count, trace->context_count - 1);
	if (wanted >= (int)trace->context_count)
		return complain_of(-EINVAL, "had context %d, expected one from 0 to %u",
				   wanted, trace->context_count - 1);
	*context = wanted < 0 ? 0 : (uint32_t)wanted;
	for (size_t i = 0; i < trace->count; i++) {
		if (trace->parts[trace->entries[i].part].context == *context)
			trace->entries[kept++] = trace->entries[i];
		else
			free_data(&trace->entries[i].event);
	}
	trace->count = kept;
	return 0;
}

const struct trace_part *trace_first_part(const struct trace *trace, uint32_t context)
{
	for (uint32_t i = 0; i < trace->part_count; i++)
		if (trace->parts[i].context == context)
			return &trace->parts[i];
	return NULL;
}
