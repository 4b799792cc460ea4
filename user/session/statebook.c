/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/statebook.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "base/output_file.h"

#define MAGIC "maprace-state"
#define VERSION 1u
#define FILE_MOST (16u << 20)
#define TRIED_MOST 255
#define LOCK_TRIES 500 /* 10 ms each */

/*
 * The file is text: a line "maprace-state VERSION CRC PAIRS", the CRC being of all that follows,
 * then a line for each pair: status; of each site its name, operation and holds without a meeting;
 * build, time, and the functions' names, which are for people.
 */
struct row {
	struct statebook_pair pair;
	bool own; /* this run has learnt of it */
};

struct table {
	struct row **rows;
	size_t n;
	void *tree; /* of the same, tsearch(3) */
};

struct statebook {
	const char *path;
	struct table table;
};

static const char *const status_names[STATEBOOK_STATUSES] = {
	[STATEBOOK_ARMED] = "armed",
	[STATEBOOK_ORDERED] = "ordered",
	[STATEBOOK_PROVED] = "proved",
};

/* ---- pairs by their sites ---- */

static int compare_sites(const struct statebook_site *a, const struct statebook_site *b)
{
	if (a->name != b->name)
		return a->name < b->name ? -1 : 1;
	return (int)a->op - (int)b->op;
}

static int compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int r = compare_sites(&x->pair.site[0], &y->pair.site[0]);

	return r ? r : compare_sites(&x->pair.site[1], &y->pair.site[1]);
}

/* Newer words on the same pair. What is proved stays so; what is ordered is, in one build. */
static void merge(struct statebook_pair *known, const struct statebook_pair *pair)
{
	bool newer = pair->seen_s >= known->seen_s,
	     same = pair->build && pair->build == known->build;
	enum statebook_status status = newer ? pair->status : known->status;
	unsigned int tried[2], i;

	for (i = 0; i < 2; i++)
		tried[i] = pair->site[i].tried > known->site[i].tried ? pair->site[i].tried
								      : known->site[i].tried;

	if (pair->status == STATEBOOK_PROVED || known->status == STATEBOOK_PROVED)
		status = STATEBOOK_PROVED;
	else if (same && pair->status > known->status)
		status = pair->status;
	else if (same)
		status = known->status;
	if (newer)
		*known = *pair;
	known->status = status;
	for (i = 0; i < 2; i++)
		known->site[i].tried = tried[i];
}

/* 0 or -ENOMEM */
static int put(struct table *t, const struct statebook_pair *pair, bool own)
{
	struct row *row = calloc(1, sizeof(*row)), **found, **grown;
	struct statebook_site first;

	if (!row)
		return -ENOMEM;
	row->pair = *pair;
	row->own = own;
	if (compare_sites(&pair->site[0], &pair->site[1]) > 0) {
		first = row->pair.site[1];
		row->pair.site[1] = row->pair.site[0];
		row->pair.site[0] = first;
	}
	found = tfind(row, &t->tree, compare);
	if (found) {
		merge(&(*found)->pair, &row->pair);
		(*found)->own |= own;
		free(row);
		return 0;
	}
	grown = realloc(t->rows, (t->n + 1) * sizeof(*grown));
	if (grown)
		t->rows = grown;
	if (!grown || !tsearch(row, &t->tree, compare)) {
		free(row);
		return -ENOMEM;
	}
	t->rows[t->n++] = row;
	return 0;
}

static void leave(void *row)
{
	(void)row; /* the list has it, too */
}

static void table_free(struct table *t)
{
	size_t i;

	tdestroy(t->tree, leave);
	for (i = 0; i < t->n; i++)
		free(t->rows[i]);
	free(t->rows);
	*t = (struct table){};
}

/* ---- the file's text ---- */

static int find_status(const char *name)
{
	int i;

	for (i = 0; i < STATEBOOK_STATUSES; i++)
		if (!strcmp(status_names[i], name))
			return i;
	return -1;
}

/* The words of the model, but for a clone's, which is that of an iteration there. */
static const char *op_name(enum report_op op)
{
	return op == REPORT_CLONE ? "clone" : report_op_name(op);
}

static int find_op(const char *name)
{
	int op;

	for (op = REPORT_READ; op <= REPORT_CLONE; op++)
		if (!strcmp(op_name((enum report_op)op), name))
			return op;
	return -1;
}

static bool parse_pair(const char *line, struct statebook_pair *p)
{
	char status[16], op[2][16];
	int s, first, second;

	memset(p, 0, sizeof(*p));
	if (sscanf(line,
		   "%15s %" SCNx64 " %15s %u %" SCNx64 " %15s %u %" SCNx32 " %" SCNu64
		   " %159s %159s",
		   status, &p->site[0].name, op[0], &p->site[0].tried, &p->site[1].name, op[1],
		   &p->site[1].tried, &p->build, &p->seen_s, p->site[0].text,
		   p->site[1].text) != 11)
		return false;
	s = find_status(status);
	first = find_op(op[0]);
	second = find_op(op[1]);
	if (s < 0 || first < 0 || second < 0 || p->site[0].tried > TRIED_MOST ||
	    p->site[1].tried > TRIED_MOST)
		return false;
	p->status = (enum statebook_status)s;
	p->site[0].op = (enum report_op)first;
	p->site[1].op = (enum report_op)second;
	return true;
}

static int damaged(const char *path, const char *why, struct err *err)
{
	err_hint(err, "remove it to begin anew");
	return err_set(err, -EBADMSG, "the state %s is damaged: %s", path, why);
}

static int parse_pairs(struct table *t, const char *path, char *text, size_t pairs, struct err *err)
{
	struct statebook_pair pair;
	size_t i;
	int r = 0;

	for (i = 0; i < pairs && !r; i++) {
		char *end = strchr(text, '\n');

		if (!end)
			return damaged(path, "a part of it is missing", err);
		*end = '\0';
		if (!parse_pair(text, &pair))
			return damaged(path, "a line of it makes no sense", err);
		r = put(t, &pair, false);
		text = end + 1;
	}
	if (!r && *text)
		return damaged(path, "something follows its end", err);
	return r;
}

/* text ends in a zero byte behind its size. */
static int parse(struct table *t, const char *path, char *text, size_t size, struct err *err)
{
	unsigned int version, crc;
	size_t pairs;
	int head = 0;

	if (!size)
		return 0; /* nobody has written to it yet */
	if (sscanf(text, MAGIC " %u", &version) != 1) {
		err_hint(err, "give --state the name of a file of its own");
		return err_set(err, -EINVAL, "%s is no state of maprace's", path);
	}
	if (version != VERSION) {
		err_hint(err, "remove it, or name another one, to begin anew");
		return err_set(err, -EPROTO,
			       "the state %s is of version %u: this maprace knows version %u", path,
			       version, VERSION);
	}
	if (sscanf(text, MAGIC " %*u %8x %zu%n", &crc, &pairs, &head) != 2 || text[head] != '\n')
		return damaged(path, "its first line makes no sense", err);
	head++;
	if (crc32(crc32(0, NULL, 0), (const Bytef *)text + head, (uInt)(size - (size_t)head)) !=
	    crc)
		return damaged(path, "its checksum is another one", err);
	return parse_pairs(t, path, text + head, pairs, err);
}

static int read_all(int fd, size_t size, char *text)
{
	size_t done = 0;
	ssize_t n = 1;

	while (done < size && n) {
		n = read(fd, text + done, size - done);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n < 0)
			return -errno;
		else
			done += (size_t)n;
	}
	text[done] = '\0';
	return done == size ? 0 : -EBADMSG;
}

static int read_state(struct table *t, const char *path, int fd, struct err *err)
{
	struct stat st;
	char *text;
	int r;

	if (fstat(fd, &st))
		return err_set(err, -errno, "%s: %s", path, err_name(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "the state %s is no file", path);
	if (st.st_size > FILE_MOST)
		return err_set(err, -EFBIG, "%s is no state of maprace's: it is too large", path);
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	r = read_all(fd, (size_t)st.st_size, text);
	if (r == -EBADMSG)
		r = damaged(path, "it has become shorter", err);
	else if (r)
		err_set(err, r, "%s: %s", path, err_name(r));
	if (!r)
		r = parse(t, path, text, (size_t)st.st_size, err);
	free(text);
	return r;
}

/* ---- reading and writing it ---- */

static int open_state(const char *path, int flags)
{
	int fd;

	if (output_is_foreign(path))
		return -EACCES;
	fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	return fd < 0 ? -errno : fd;
}

int statebook_open(struct statebook **out, const char *path, struct err *err)
{
	struct statebook *b = calloc(1, sizeof(*b));
	int fd, r = 0;

	if (!b)
		return -ENOMEM;
	b->path = path;
	fd = open_state(path, O_RDONLY);
	if (fd >= 0) {
		r = read_state(&b->table, path, fd, err);
		close(fd);
	} else if (fd != -ENOENT) {
		r = err_set(err, fd, "cannot read the state %s: %s", path, err_name(fd));
	}
	if (r) {
		statebook_close(b);
		return r;
	}
	*out = b;
	return 0;
}

int statebook_note(struct statebook *b, const struct statebook_pair *pair)
{
	struct statebook_pair noted = *pair;

	noted.seen_s = (uint64_t)time(NULL);
	return put(&b->table, &noted, true);
}

void statebook_tried(struct statebook *b, const struct statebook_site *site, unsigned int tried)
{
	size_t i, k;

	for (i = 0; i < b->table.n; i++)
		for (k = 0; k < 2; k++) {
			struct statebook_site *of = &b->table.rows[i]->pair.site[k];

			if (compare_sites(of, site))
				continue;
			of->tried = tried > TRIED_MOST - of->tried ? TRIED_MOST : of->tried + tried;
			b->table.rows[i]->own = true;
		}
}

size_t statebook_count(const struct statebook *b)
{
	return b->table.n;
}

const struct statebook_pair *statebook_pair(const struct statebook *b, size_t i)
{
	return &b->table.rows[i]->pair;
}

static void pause_10ms(void)
{
	static const struct timespec ts = {.tv_nsec = 10000000};

	nanosleep(&ts, NULL);
}

/* The file with that name, and nobody else has it: one that waited for the lock may have that of a
 * file which was replaced meanwhile. */
static int lock_state(const char *path)
{
	struct stat mine, there;
	int fd, tries;

	for (tries = 0; tries < LOCK_TRIES; tries++) {
		fd = open_state(path, O_RDWR | O_CREAT);
		if (fd < 0)
			return fd;
		if (!flock(fd, LOCK_EX | LOCK_NB)) {
			if (!fstat(fd, &mine) && !lstat(path, &there) &&
			    mine.st_ino == there.st_ino && mine.st_dev == there.st_dev)
				return fd;
		} else if (errno != EWOULDBLOCK) {
			tries = LOCK_TRIES;
		} else {
			pause_10ms();
		}
		close(fd);
	}
	return -EBUSY;
}

static void put_text(FILE *out, const char *text)
{
	fputc(' ', out);
	if (!text[0])
		fputc('?', out);
	for (; *text; text++)
		fputc((unsigned char)*text > ' ' && (unsigned char)*text < 127 ? *text : '?', out);
}

static int print(const struct table *t, size_t n, char **text, size_t *size)
{
	FILE *out = open_memstream(text, size);
	size_t i, k;

	if (!out)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		const struct statebook_pair *p = &t->rows[i]->pair;

		fprintf(out, "%s", status_names[p->status]);
		for (k = 0; k < 2; k++)
			fprintf(out, " %016" PRIx64 " %s %u", p->site[k].name,
				op_name(p->site[k].op), p->site[k].tried);
		fprintf(out, " %08" PRIx32 " %" PRIu64, p->build, p->seen_s);
		put_text(out, p->site[0].text);
		put_text(out, p->site[1].text);
		fputc('\n', out);
	}
	return fclose(out) ? -ENOMEM : 0;
}

static int by_age(const void *a, const void *b)
{
	const struct statebook_pair *x = &(*(struct row *const *)a)->pair,
				    *y = &(*(struct row *const *)b)->pair;

	if (x->seen_s != y->seen_s)
		return x->seen_s > y->seen_s ? -1 : 1;
	return (int)y->status - (int)x->status;
}

static int write_text(int fd, const char *text, size_t size)
{
	ssize_t n;

	while (size) {
		n = write(fd, text, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ENOSPC;
		text += n;
		size -= (size_t)n;
	}
	return 0;
}

/* In place of the one at that name, with who may read it. */
static int replace(const char *path, const struct stat *old, const char *text, size_t size,
		   size_t pairs)
{
	char head[64], temporary[NAME_MAX + 1];
	struct output_place place;
	int fd, n, r = output_find(path, &place);

	if (r)
		return r;
	n = snprintf(head, sizeof(head), MAGIC " %u %08lx %zu\n", VERSION,
		     crc32(crc32(0, NULL, 0), (const Bytef *)text, (uInt)size), pairs);
	fd = output_temporary(&place, temporary);
	if (fd < 0) {
		r = fd;
		goto cleanup;
	}
	r = write_text(fd, head, (size_t)n);
	if (!r)
		r = write_text(fd, text, size);
	if (!r && (fchmod(fd, old->st_mode & 0777) || fsync(fd)))
		r = -errno;
	r = output_finish(&place, temporary, fd, r);
cleanup:
	output_release(&place);
	return r;
}

/* Ours on top of what is there by now. */
static int add_own(const struct statebook *b, struct table *there)
{
	size_t i;
	int r = 0;

	for (i = 0; i < b->table.n && !r; i++)
		if (b->table.rows[i]->own)
			r = put(there, &b->table.rows[i]->pair, false);
	return r;
}

static bool has_learnt(const struct statebook *b)
{
	size_t i;

	for (i = 0; i < b->table.n; i++)
		if (b->table.rows[i]->own)
			return true;
	return false;
}

int statebook_write(struct statebook *b, size_t *dropped, struct err *err)
{
	struct table there = {};
	struct stat old;
	char *text = NULL;
	size_t size = 0, n;
	int fd, r;

	*dropped = 0;
	if (!has_learnt(b))
		return 0;
	fd = lock_state(b->path);
	if (fd < 0)
		return err_set(err, fd, "cannot write the state %s: %s", b->path, err_name(fd));
	r = read_state(&there, b->path, fd, err);
	if (r)
		goto cleanup;
	r = add_own(b, &there);
	if (r)
		goto cleanup;
	if (there.n)
		qsort(there.rows, there.n, sizeof(*there.rows), by_age);
	n = there.n < STATEBOOK_MOST ? there.n : STATEBOOK_MOST;
	*dropped = there.n - n;
	r = fstat(fd, &old) ? -errno : print(&there, n, &text, &size);
	if (!r)
		r = replace(b->path, &old, text, size, n);
	if (r)
		err_set(err, r, "cannot write the state %s: %s", b->path, err_name(r));
cleanup:
	free(text);
	table_free(&there);
	close(fd); /* and the lock with it */
	return r;
}

void statebook_close(struct statebook *b)
{
	if (!b)
		return;
	table_free(&b->table);
	free(b);
}
