/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/racebook.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/output_file.h"

#define KNOWN_MOST 100000 /* lines of the state */
#define LINE 4200

struct racebook {
	struct page {
		struct metrics_race race;
		char *exe, *module, *unit;
		uint64_t gone; /* sightings in processes that are gone from the report */
	} pages[RACEBOOK_MOST];
	size_t npages;
	struct metrics_race list[RACEBOOK_MOST];
	uint64_t unlisted;
	void *known; /* a tree (tsearch(3)) of "ID EXE" or "ID EXE\tMODULE", of earlier runs too */
	size_t nknown;
	FILE *state;
	bool cut; /* there was no room for the end of its last line */
	bool said;
};

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool is_known(const struct racebook *b, const char *line)
{
	return tfind(line, &b->known, compare);
}

static void know(struct racebook *b, const char *line)
{
	char *copy = b->nknown < KNOWN_MOST && !is_known(b, line) ? strdup(line) : NULL;

	if (!copy)
		return;
	if (tsearch(copy, &b->known, compare))
		b->nknown++;
	else
		free(copy);
}

/* What is no file has no end, perhaps. */
static bool is_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return false;
	if (S_ISREG(st.st_mode))
		return true;
	errno = ENOTSUP;
	return false;
}

static int read_state(struct racebook *b, const char *path, struct err *err)
{
	bool ended = true;
	char line[LINE];
	int fd;

	fd = output_is_foreign(path)
		     ? -1
		     : open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	b->state = fd >= 0 && is_file(fd) ? fdopen(fd, "a+e") : NULL;
	if (!b->state && fd >= 0)
		close(fd);
	if (!b->state)
		return err_set(err, fd < 0 && !errno ? -EACCES : -errno, "%s: %s", path,
			       err_name(errno ? errno : EACCES));
	rewind(b->state);
	while (fgets(line, sizeof(line), b->state)) {
		ended = strchr(line, '\n');
		line[strcspn(line, "\n")] = '\0';
		know(b, line);
	}
	b->cut = !ended;
	return 0;
}

int racebook_open(struct racebook **out, const char *state, struct err *err)
{
	struct racebook *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	errno = 0;
	r = state ? read_state(b, state, err) : 0;
	if (r) {
		racebook_close(b);
		return r;
	}
	*out = b;
	return 0;
}

static struct page *find(struct racebook *b, const struct report_race *race,
			 const struct racebook_program *of)
{
	size_t i;

	for (i = 0; i < b->npages; i++)
		if (!strcmp(b->pages[i].race.id, race->id) && !strcmp(b->pages[i].exe, of->exe) &&
		    !strcmp(b->pages[i].module, of->module))
			return &b->pages[i];
	return NULL;
}

/* A line of its own, whatever there was room for before. Not through the stream, which would keep
 * what there is no room for, and write it later. */
static bool append(struct racebook *b, const char *line)
{
	char text[LINE + 2];
	int n = snprintf(text, sizeof(text), "%s%s\n", b->cut ? "\n" : "", line);
	ssize_t written = write(fileno(b->state), text, (size_t)n);

	if (written >= 0)
		errno = ENOSPC; /* where it is not all */
	if (written > 0)
		b->cut = text[written - 1] != '\n';
	return written == n;
}

/* What there is no room for is in no line either: it would not be known in the next run, and have
 * one more in each. */
static void keep(struct racebook *b, const char *line)
{
	know(b, line);
	if (!b->state || !is_known(b, line))
		return;
	if (!append(b, line) && !b->said) {
		log_error(
			"the state cannot be written: %s; what is known is told again in the next run",
			err_name(errno));
		b->said = true;
	}
}

static void page_free(struct page *page)
{
	free(page->exe);
	free(page->module);
	free(page->unit);
}

static struct page *add(struct racebook *b, const struct report_race *race,
			const struct racebook_program *of, const char *unit)
{
	struct page *page = &b->pages[b->npages];

	if (b->npages == RACEBOOK_MOST)
		return NULL;
	*page = (struct page){
		.exe = strdup(of->exe), .module = strdup(of->module), .unit = strdup(unit)};
	if (!page->exe || !page->module || !page->unit) {
		page_free(page);
		return NULL;
	}
	memcpy(page->race.id, race->id, sizeof(page->race.id));
	page->race.kind = race->kind;
	page->race.exe = page->exe;
	page->race.module = page->module;
	page->race.unit = page->unit;
	b->npages++;
	return page;
}

bool racebook_note(struct racebook *b, const struct report_race *race,
		   const struct racebook_program *of, const char *unit)
{
	struct page *page = find(b, race, of);
	char line[LINE];
	size_t i;
	bool first;

	if (page) {
		page->race.processes++;
		return false;
	}
	snprintf(line, sizeof(line), "%s %.3800s%s%.256s", race->id, of->exe,
		 of->module[0] ? "\t" : "", of->module);
	for (i = 0; line[i]; i++)
		if (line[i] == '\n')
			line[i] = '?';
	first = !is_known(b, line);
	page = add(b, race, of, unit);
	if (page)
		page->race.processes = 1;
	else if (first)
		b->unlisted++;
	if (first)
		keep(b, line);
	return first;
}

void racebook_retire(struct racebook *b, const struct report_race *race,
		     const struct racebook_program *of)
{
	struct page *page = find(b, race, of);

	if (page)
		page->gone += race->count;
}

/* A process may have been several programs in turn: the race is of that one which has it. */
static struct page *page_of(struct racebook *b, const struct report *report,
			    const struct report_race *race)
{
	struct page *page = NULL;
	size_t i;

	for (i = report->ntargets; !page && i--;)
		if (report->targets[i].pid == race->pid)
			page = find(b, race,
				    &(struct racebook_program){report->targets[i].exe,
							       report->targets[i].module});
	return page;
}

const struct metrics_race *racebook_list(struct racebook *b, const struct report *report, size_t *n)
{
	struct page *page;
	size_t i;

	for (i = 0; i < b->npages; i++)
		b->pages[i].race.sightings = b->pages[i].gone;
	for (i = 0; i < report->nraces; i++) {
		page = page_of(b, report, &report->races[i]);
		if (page)
			page->race.sightings += report->races[i].count;
	}
	for (i = 0; i < b->npages; i++)
		b->list[i] = b->pages[i].race;
	*n = b->npages;
	return b->list;
}

uint64_t racebook_unlisted(const struct racebook *b)
{
	return b->unlisted;
}

void racebook_close(struct racebook *b)
{
	size_t i;

	if (!b)
		return;
	for (i = 0; i < b->npages; i++)
		page_free(&b->pages[i]);
	tdestroy(b->known, free);
	if (b->state)
		fclose(b->state);
	free(b);
}
