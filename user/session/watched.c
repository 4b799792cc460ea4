/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/watched.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "detect/gomap/maprows.h"
#include "process/situation.h"
#include "probe/fault.h"
#include "session/memory_watch.h"
#include "session/past.h"
#include "session/post_mortem.h"
#include "session/refusal.h"
#include "snapshot/vitals.h"

static int open_program(struct watched *w, struct err *err)
{
	int r = binary_get(&w->binary, &w->process, err);

	if (r) {
		if (r != -ESTALE)
			refusal_explain(err, r, &w->process);
		return r;
	}
	w->bin = w->binary->bin;
	return 0;
}

/* What is probed of it: a library's hooks are its own. */
static int choose_hooks(struct watched *w, const struct attach_opts *opts, struct err *err)
{
	int r;

	if (!w->binary)
		return binary_choose(&w->hooks, w->bin, opts, err);
	r = binary_hooks(w->binary, opts, err);
	w->hooks = w->binary->hooks;
	return r;
}

int watched_open(struct watched *w, struct err *err)
{
	return w->bin ? 0 : open_program(w, err);
}

static int find_bias(const struct watched *w, uint64_t *bias, struct err *err)
{
	const struct elf_segment *segments;
	int r;

	*bias = 0;
	if (w->library) {
		r = watched_library_bias(w->bin, w->library_start, w->library_offset, bias);
		return r ? err_set(err, r, "the code of %s is not where its file says", w->library)
			 : 0;
	}
	if (!elf_file_is_pie(go_binary_elf(w->bin)))
		return 0;
	if (!elf_file_segments(go_binary_elf(w->bin), &segments))
		return err_set(err, -ENOEXEC, "%s has nothing to load", w->process.exe);
	return process_load_bias(&w->process, segments[0].vaddr, segments[0].offset, bias, err);
}

int watched_prepare(struct watched *w, const struct attach_opts *opts, struct err *err)
{
	struct attach_opts own = *opts;
	uint64_t bias = 0;
	size_t i;
	int r = watched_open(w, err);

	if (r)
		return r;
	r = choose_hooks(w, opts, err);
	if (r)
		return r;
	w->attach = opts;
	w->may_plug = watched_may_plug(w);
	for (i = 0; i < w->hooks.count; i++)
		if (w->hooks.hooks[i].state == HOOK_BLIND)
			log_warn("process %d: %s cannot be watched: %s", (int)w->process.pid,
				 w->hooks.hooks[i].function, w->hooks.hooks[i].why);
	r = find_bias(w, &bias, err);
	if (r)
		return r;
	w->source.flag_stays = own.flag_stays = fault_recovers(w->bin);
	w->source.resolver = (struct resolver){.bin = w->bin, .process = &w->process, .bias = bias};
	if (w->library)
		own.max_freeze_ns = own.deaths = 0; /* nobody looks at it when it dies */
	r = attachment_new(&w->attachment, &own, err);
	if (r)
		return r;
	w->source.attachment = w->source.resolver.attachment = w->attachment;
	r = attachment_prepare(w->attachment, &w->process, w->bin, &w->hooks, bias, w->may_plug,
			       err);
	if (r)
		return r;
	r = attachment_load(w->attachment, err);
	w->source.may_miss = !r && attachment_may_miss(w->attachment);
	return r;
}

int watched_attach(struct watched *w, struct err *err)
{
	return attachment_attach(w->attachment, err);
}

void watched_start(struct watched *w, uint64_t start_ns)
{
	w->source.resolver.start_ns = start_ns;
	w->began_ns = clock_ns(CLOCK_MONOTONIC);
	attachment_activate(w->attachment, !w->hooks.blind && !w->may_plug);
	attachment_looked(w->attachment, true);
	w->started = true;
}

#define LATE_NS 500000000u /* by then whatever may have happened to it, or to all of us */

void watched_look_whether_it_runs(struct watched *w)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC), used = process_cpu_ns(w->process.pid);
	bool runs = w->looked_ns && now - w->looked_ns < LATE_NS;

	/* one that is stopped again and again uses some, too */
	if (kept_off_look(&w->kept_off, "", w->process.pid, now) ||
	    situation_is_stopped(w->process.pid))
		runs = false;
	if (used == w->looked_cpu_ns)
		runs = runs && !cgroup_freezer_frozen(&w->freezer, "", w->process.pid);
	w->looked_ns = now;
	w->looked_cpu_ns = used;
	attachment_looked(w->attachment, runs);
	if (!process_may_continue(&w->process))
		attachment_never_stop(w->attachment);
}

void watched_stop(struct watched *w)
{
	if (!w->attachment)
		return;
	attachment_detach(w->attachment);
	if (w->ended)
		attachment_vacate(w->attachment);
}

void watched_mend(struct watched *w)
{
	pid_t whose = attachment_attacher(w->attachment);
	bool sites = !w->binary || w->binary->mended != whose;
	struct err err = {};
	int r = attachment_mend(w->attachment, sites, &err);

	w->mending = true;
	if (!r && w->binary)
		w->binary->mended = whose;
	if (r && r != -ESRCH)
		log_warn("process %d: breakpoints may have been left in it: %s",
			 (int)w->process.pid, err.text[0] ? err.text : err_name(r));
}

void watched_have_mended(struct watched *w)
{
	if (w->mending)
		watched_wait(w);
	w->mending = false;
}

void watched_wait(struct watched *w)
{
	if (w->attachment)
		attachment_wait(w->attachment);
}

void watched_reset(struct watched *w)
{
	attachment_free(w->attachment);
	w->attachment = NULL;
	maprows_forget(&w->source);
	watched_forget_plugins(w);
	vitals_close(w->vitals);
	w->vitals = NULL;
	free(w->library);
	w->library = NULL;
	if (w->binary) {
		binary_put(w->binary);
	} else {
		hooks_free(&w->hooks);
		if (w->bin)
			go_binary_close(w->bin);
	}
	w->binary = NULL;
	w->bin = NULL;
	w->hooks = (struct hook_set){};
	cgroup_freezer_close(&w->freezer);
	kept_off_free(&w->kept_off);
}

void watched_close(struct watched *w)
{
	if (post_mortem_may_wake(w))
		waiters_release(&w->waiters); /* whoever was slow to stop */
	past_free(w->past);
	memory_state_free(w->memory);
	watched_reset(w);
	watched_forget_libraries(w);
	process_close(&w->process);
}

const char *watched_module(const struct watched *w)
{
	if (w->past)
		return w->past->report.targets[0].module;
	return w->bin ? go_binary_module(w->bin) : "";
}

int watched_exit_status(const struct watched *w)
{
	return w->process.reaped && !w->replaced ? w->process.wait_status : -1;
}

bool watched_is_shown(const struct watched *w)
{
	return w->past || w->bin;
}

int watched_describe(const struct watched *w, struct report_target *target)
{
	const struct elf_file *elf = go_binary_elf(w->bin);

	memset(target, 0, sizeof(*target));
	target->pid = (uint32_t)w->process.pid;
	target->exe = strdup(w->process.exe);
	target->library = strdup(w->library ? w->library : "");
	target->late_s = w->late_s;
	target->build_id = strdup(elf_file_build_id(elf));
	target->go_version = strdup(go_binary_version(w->bin));
	target->module = strdup(go_binary_module(w->bin));
	target->swiss = go_binary_layout(w->bin)->map_impl == GO_MAP_SWISS;
	target->stripped = !elf_file_has_symtab(elf);
	target->pie = elf_file_is_pie(elf);
	target->cgo = go_binary_is_cgo(w->bin);
	target->exited = w->ended;
	target->exit_status = watched_exit_status(w);
	if (w->account_kept) {
		target->cost_percent = account_cost_percent(&w->account);
		target->allowed_percent = account_allowed_percent(&w->account);
	}
	if (target->exe && target->library && target->build_id && target->go_version &&
	    target->module)
		return 0;
	free(target->exe);
	free(target->library);
	free(target->build_id);
	free(target->go_version);
	free(target->module);
	return -ENOMEM;
}

bool watched_is_foreign(const struct watched *t)
{
	struct err err = {};
	struct elf_file *elf;

	if (elf_file_open(&elf, t->process.exe_path, &err))
		return false;
	elf_file_close(elf);
	return true;
}
