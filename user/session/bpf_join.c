/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/bpf_join.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/escape.h"
#include "detect/audit/audit.h"
#include "session/bpf_watch.h"

#define MAPS_OF_PROGRAM 256

/* The map's row, if a process has written back there; NULL: none has. */
static const struct mr_bpf_row *rewritten(struct bpf_watch *w, uint32_t id)
{
	const struct mr_bpf_row *row = &map_attachment_rows(w->attachment)[id & (MR_BPF_ROWS - 1)];

	return id && row->id == id && row->rewrites && !(row->flags & MR_BPF_ROW_IGNORE) ? row
											 : NULL;
}

static bool works_there(uint32_t program, uint32_t map)
{
	uint32_t ids[MAPS_OF_PROGRAM] = {}, size, i;
	struct bpf_prog_info info = {.map_ids = (uintptr_t)ids, .nr_map_ids = MAPS_OF_PROGRAM};
	int fd = bpf_prog_get_fd_by_id(program);
	bool found = false;

	if (fd < 0)
		return false;
	size = sizeof(info);
	if (!bpf_prog_get_info_by_fd(fd, &info, &size))
		for (i = 0; i < info.nr_map_ids && i < MAPS_OF_PROGRAM && !found; i++)
			found = ids[i] == map;
	close(fd);
	return found;
}

/* Programs that cannot be read are left out: nothing is known of them. */
static int read_programs(uint32_t map, struct report *found)
{
	struct audit *audit = audit_new();
	char name[16];
	struct err err;
	uint32_t id = 0;
	int r = audit ? 0 : -ENOMEM;

	while (!r && !bpf_prog_get_next_id(id, &id)) {
		if (!works_there(id, map))
			continue;
		snprintf(name, sizeof(name), "%" PRIu32, id);
		err = (struct err){};
		r = audit_loaded(audit, name, &err) == -ENOMEM ? -ENOMEM : 0;
	}
	if (!r)
		r = audit_finish(audit, found);
	audit_free(audit);
	return r;
}

/* Its name, as long as it is there and its number is one of ours; "" else. */
static void name_process(const struct bpf_watch *w, uint32_t pid, char name[BPF_JOIN_NAME])
{
	char path[48];
	FILE *file;

	*name = '\0';
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/comm", pid);
	file = w->foreign ? NULL : fopen(path, "re");
	if (!file)
		return;
	if (!fgets(name, BPF_JOIN_NAME, file))
		*name = '\0';
	name[strcspn(name, "\n")] = '\0';
	fclose(file);
}

static void say_process(FILE *out, const struct bpf_watch *w, const struct bpf_joined *map)
{
	if (w->foreign) { /* the numbers are those of another PID namespace */
		fputs("a process", out);
		return;
	}
	fputs("process ", out);
	escape_text(out, map->process);
	fprintf(out, "%s(pid %" PRIu32 ")", map->process[0] ? " " : "", map->pid);
}

static char *make_text(const struct bpf_watch *w, const struct bpf_joined *map, uint64_t times,
		       const struct report_race *race)
{
	const struct report_frame *frame = &race->access[0].frames[0];
	const struct report_bpf *b = race->bpf;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	say_process(out, w, map);
	fprintf(out, " wrote %" PRIu64 " times to BPF map ", times);
	escape_text(out, b->map_name);
	fprintf(out, " (id %" PRIu32 ") what it had read there, and BPF program ", b->map_id);
	escape_text(out, b->actor[0].prog_name);
	fprintf(out, " (id %" PRIu32 ") changes ", b->actor[0].prog_id);
	escape_text(out, b->audit->field);
	fputs(" in place", out);
	if (frame->file && frame->file[0]) {
		fputs(" (", out);
		escape_text(out, frame->file);
		fprintf(out, ":%d)", frame->line);
	}
	fputs("; not proven: what the program stored in between, under the same key, is lost unseen",
	      out);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

/* The first store in place to that map; NULL: none. */
static const struct report_race *in_place(const struct report *found, uint32_t map)
{
	size_t i;

	for (i = 0; i < found->nsuspects; i++)
		if (found->suspects[i].bpf->map_id == map &&
		    found->suspects[i].kind == REPORT_READ_MODIFY_WRITE)
			return &found->suspects[i];
	return NULL;
}

static bool is_known(const struct bpf_join *j, uint32_t map)
{
	size_t i;

	for (i = 0; i < j->n; i++)
		if (j->maps[i].id == map)
			return true;
	return false;
}

int bpf_join_look(struct bpf_watch *w)
{
	const struct mr_bpf_row *rows = map_attachment_rows(w->attachment);
	struct bpf_join *j = &w->join;
	uint32_t id;
	size_t i;
	int r = 0;

	for (i = 0; i < MR_BPF_ROWS && !r && j->n < BPF_JOIN_MAPS; i++) {
		id = rows[i].id;
		if (!rewritten(w, id) || is_known(j, id))
			continue;
		j->maps[j->n].id = id;
		j->maps[j->n].pid = rows[i].rewriter;
		name_process(w, rows[i].rewriter, j->maps[j->n].process);
		r = read_programs(id, &j->maps[j->n++].found);
	}
	return r;
}

int bpf_join_tell(struct bpf_watch *w, struct report_stats *stats)
{
	const struct report_race *race;
	const struct mr_bpf_row *row;
	char *text;
	size_t i;
	int r = 0;

	for (i = 0; i < w->join.n && !r; i++) {
		race = in_place(&w->join.maps[i].found, w->join.maps[i].id);
		row = race ? rewritten(w, w->join.maps[i].id) : NULL;
		if (!row)
			continue;
		text = make_text(w, &w->join.maps[i], row->rewrites, race);
		r = text ? report_caveat_add(stats, "in-place", 0, false, text) : -ENOMEM;
	}
	return r;
}

void bpf_join_free(struct bpf_join *j)
{
	size_t i;

	for (i = 0; i < j->n; i++)
		report_free(&j->maps[i].found);
	j->n = 0;
}
