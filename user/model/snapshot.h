/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_MODEL_SNAPSHOT_H
#define MAPRACE_MODEL_SNAPSHOT_H

#include "model/model.h"

/* What a process was like at one moment: its goroutines, and maps of it. Rules as in model.h. */
#define REPORT_GROUP_IDS 100   /* of a group's goroutines */
#define REPORT_GROUP_LABELS 16 /* sets of labels that are kept, of a group */
#define REPORT_MAP_LENGTHS 16  /* the last one and all beyond */
#define REPORT_MAP_HEAT 64     /* cells of the heat map */
#define REPORT_MAP_DEFECTS 100 /* that are kept, of a map */
#define REPORT_MAP_VALUES 100  /* entries that are kept, with --values */

struct report_group { /* goroutines that stand at the same place for the same reason */
	uint64_t count;
	uint64_t ids[REPORT_GROUP_IDS]; /* the first ones */
	size_t nids;
	char *state, *wait;    /* "waiting", "chan receive"; wait is "" where nothing is known */
	uint64_t waited_ns[2]; /* at least so long: shortest, longest; 0: not known */
	struct report_frame *frames; /* innermost first */
	size_t nframes;
	bool truncated;	  /* the stack ended before the goroutine's first function */
	bool approximate; /* inner frames may be missing: it runs code that is not Go */
	bool in_map;	  /* inside a map operation */
	bool system;	  /* of the runtime */
	struct report_creation created_by;   /* goroutine: 0 where they have several */
	struct report_label_set {	     /* profiler labels, that so many of them have */
		struct report_label *labels; /* by key */
		size_t n;
		uint64_t count;
	} * label_sets;
	size_t nlabel_sets;
	uint64_t labelled_more; /* that have other ones, or some that could not be read */
};

enum report_integrity {
	REPORT_INTACT,	    /* all of it was checked, and agrees */
	REPORT_BROKEN,	    /* something is wrong, and nothing that goes on explains it */
	REPORT_UNDER_WAY,   /* a writer is inside: what does not agree says nothing */
	REPORT_PART_INTACT, /* what was checked agrees; something could not be checked */
	REPORT_UNCHECKED,   /* nothing could be checked */
	REPORT_INTEGRITIES
};

struct report_defect {
	char *where; /* "table 2, group 17, slot 3" */
	char *what;
};

struct report_entry { /* of a map, decoded */
	char *key, *value;
};

struct report_map_dump {
	struct report_map map; /* type: the one that its contents agree with, where none was given */
	bool type_given;
	uint32_t type_others; /* how many other types agree as well */
	uint64_t entries;     /* that were seen */
	uint64_t capacity;    /* slots */
	uint64_t slots_seen;  /* of them, as far as the time went */
	uint64_t tables;      /* Swiss; 0: classic, or a small map of one group */
	uint64_t depth;	      /* Swiss: of the directory, in bits; classic: B */
	uint64_t tombstones;
	uint64_t overflow,
		longest_chain; /* classic: overflow buckets; buckets in the longest chain */
	uint64_t old_buckets, evacuated; /* classic, while it grows */
	/* Swiss: of entries, by groups that are probed; classic: of buckets, by their chain's
	 * length */
	uint64_t lengths[REPORT_MAP_LENGTHS];
	double heat[REPORT_MAP_HEAT]; /* part of the slots that are used, per cell */
	size_t nheat, heat_seen;      /* cells; those that were looked at come first */
	enum report_integrity integrity;
	char *reason;	    /* why it was not (all) checked, or what goes on; "" */
	uint64_t checked;   /* entries whose hash was computed anew */
	uint64_t unchecked; /* entries whose hash could not be */
	struct report_defect *defects;
	size_t ndefects;
	uint64_t all_defects; /* with those that are not kept */
	struct report_entry *values;
	size_t nvalues;
};

struct report_core { /* a file that debuggers open */
	char *file;  /* NULL: none was asked for, or written */
	uint64_t bytes;
	uint64_t taken; /* of its memory, what was never touched included */
	uint64_t of;	/* all that there was to be taken */
};

struct report_snapshot {
	uint32_t pid;
	char *exe;
	double at_s;	    /* since the start of the report */
	uint64_t freeze_ns; /* how long it stood still */
	uint64_t limit_ns;  /* how long it was allowed to */
	uint64_t read_bytes;
	uint32_t threads;
	uint64_t goroutines; /* that were read, without dead ones; those of the runtime included */
	uint64_t unread;     /* entries of the list that there was no time for: free ones too */
	uint64_t no_stack;   /* known, but there was no time for their stacks */
	uint64_t unreadable;
	uint64_t groups_cut; /* groups that are not kept */
	struct report_group *groups;
	size_t ngroups;
	struct report_map_dump *maps;
	size_t nmaps;
	struct report_core core;
	char **notes; /* what is missing, a sentence each */
	size_t nnotes;
};

enum report_death_role {
	REPORT_DEATH_DIED,    /* its own check has found the other one */
	REPORT_DEATH_INSIDE,  /* stood inside a write to the same map when all stood still */
	REPORT_DEATH_LAST,    /* nobody else can have been inside; it has got through meanwhile */
	REPORT_DEATH_RUNNING, /* ran when all stood still: it may have been inside */
	REPORT_DEATH_ROLES
};

struct report_death_side {
	enum report_death_role role;
	bool in_operation; /* its stack says so: op is what it does there */
	enum report_op op;
	struct report_group at; /* one goroutine, as it stood */
};

enum report_death_cause {
	REPORT_DEATH_CONFLICT, /* the runtime's own check has found a conflict on a map */
	REPORT_DEATH_FATAL,    /* another fatal error of the program: a deadlock, say */
	REPORT_DEATH_THROW,    /* a fault in the runtime itself, or one that it cannot go on with */
	REPORT_DEATH_PANIC,    /* a panic that nobody has recovered from */
	REPORT_DEATH_CAUSES
};

/* A process that has died by the runtime's hand, and what it was like at that moment. */
struct report_death {
	enum report_death_cause cause;
	char *message;	/* in the runtime's words, but for a panic's value; "": not known */
	bool map_known; /* by the stack of the one that died */
	struct report_map map;
	struct report_death_side *sides; /* the one that died first; none: it was not seen */
	size_t nsides;
	char *not_identified; /* of a conflict: why none of them was inside; "": one was */
	/* Where that is not known: who ran when all stood still, without the runtime's own. The
	 * other one is mostly among them, but it may wait by then, or be in a system call. */
	struct report_death_side *running;
	size_t nrunning;
	uint64_t stopped_ns; /* from the check to where it went on dying */
	bool by_signal;	     /* SIGSTOP, which its parent may have seen */
	struct report_snapshot seen;
};

void report_death_free(struct report_death *d);			    /* what it owns */
const char *report_death_role_name(enum report_death_role role);    /* "died" … */
const char *report_death_cause_name(enum report_death_cause cause); /* "conflict" … */

void report_group_free(struct report_group *g);	      /* what it owns */
void report_snapshot_free(struct report_snapshot *s); /* likewise */
int report_snapshot_note(struct report_snapshot *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* One more thing that is wrong with it; 0 or -ENOMEM. */
int report_map_defect(struct report_map_dump *m, const char *where, const char *what);
/* One more reason. 0 or -ENOMEM. */
int report_map_say(struct report_map_dump *m, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
const char *report_integrity_name(enum report_integrity integrity); /* "intact" … */
/* Whether a map of it is broken. */
bool report_snapshot_broken(const struct report_snapshot *s);

#endif
