// SPDX-License-Identifier: MIT
/* snapshot: a file to take away, and what one holds. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/complain.h"
#include "decode.h"
#include "names.h"
#include "report.h"
#include "source.h"

static const struct column columns[] = {
	{ "memory", "MEMORY", -8, CELL_PLAIN },
	{ "words", "WORDS", 12, CELL_PLAIN },
	{ 0 },
};

static const struct table tables[] = {
	{ "memories", columns, NULL },
	{ 0 },
};

/* The tear stands in the head, which text leaves out, and is what matters here. */
static void build(const struct look *look, struct json_output *json)
{
	const struct mk_snapshot_info *info = look->now->info;

	report_geometry(json, &info->geometry);
	json_number(json, "copied_in_ns", info->copy_ns);
	json_number(json, "taken_by_pid", info->pid);
	json_text(json, "taken_because", name_reason((uint32_t)info->reason));
	json_number(json, "torn_slots", info->tear.slots_changed);
	json_number(json, "torn_io_slots", info->tear.io_slots_changed);
	json_number(json, "done_meanwhile", info->tear.slots_done);
	json_begin_rows(json, "memories");
	for (uint32_t i = 0; i < VIEW_MEMORIES; i++) {
		if (!(info->memories >> i & 1))
			continue;
		json_row(json);
		json_text(json, "memory", name_memory(i));
		json_number(json, "words", look->now->memories[i].count);
	}
	json_end_rows(json);
}

/* A file that is there already stays. */
static int write_file(const char *path, const struct mk_snapshot *snapshot)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int ret;

	if (fd < 0)
		return complain_of(-errno, "%s: %s", path, strerror(errno));
	ret = mk_snapshot_write(snapshot, fd);
	if (ret)
		complain_of(ret, "%s: %s", path, mk_error_text());
	if (close(fd) && !ret)
		ret = complain_of(-errno, "%s: %s", path, strerror(errno));
	if (ret)
		unlink(path);
	return ret;
}

static int report_saved(const struct object *object, const struct options *options,
			const struct source *source, const struct mk_snapshot *snapshot)
{
	struct view view;
	const struct look look = { .now = &view };
	struct json_output json;

	view_of_snapshot(snapshot, &view);
	report_begin(&json, object, VERB_SAVE, source, &view);
	json_text(&json, "saved_to", options->files[0]);
	build(&look, &json);
	return report_end(&json, object, options);
}

static int save(const struct object *object, const struct options *options)
{
	uint32_t memories = MK_SNAPSHOT_DEFAULT |
			    (options->arena ? MK_SNAPSHOT_MEMORY(VIEW_ARENA) : 0);
	struct mk_snapshot *snapshot;
	struct source source;
	int ret = source_open(options, &source);

	if (ret)
		return ret;
	ret = source_take(&source, source.file ? 0 : memories, &snapshot);
	if (!ret) {
		ret = write_file(options->files[0], snapshot);
		if (!ret)
			ret = report_saved(object, options, &source, snapshot);
		source_put(&source, snapshot);
	}
	source_close(&source);
	return ret;
}

const struct object snapshot_object = {
	.name = "snapshot",
	.summary = "a file to take away, and what it holds",
	.verbs = HAS(VERB_SHOW) | HAS(VERB_SAVE),
	.options = TAKES_ARENA,
	.memories = 0,
	.build = build,
	.tables = tables,
	.run = save,
};
