/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_MODEL_MODEL_H
#define MAPRACE_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What is known at the end, as plain data: printers turn it into text, JSON, … and add no logic.
 * Strings are owned by the report (allocated with malloc, freed by report_free) and are never NULL
 * unless said so. They come from an untrusted target: printers escape. The JSON names are a
 * contract (schema maprace/1, docs/maprace-1.schema.json).
 */
enum report_op {
	REPORT_READ,
	REPORT_WRITE,
	REPORT_DELETE,
	REPORT_ITERATE,
	REPORT_CLEAR,
	REPORT_CLONE
};
/* How it was seen: a row each in evidence.c. */
enum report_evidence {
	REPORT_FATAL,
	REPORT_COLLISION,
	REPORT_IN_FLIGHT,
	REPORT_WINDOW,
	REPORT_SEQUENCE, /* the operations themselves, in the order in which the kernel did them */
	REPORT_STATIC,	 /* a program's instructions: nothing was seen to happen */
	REPORT_OVERLAP,	 /* the same, and two runs of it on one map were under way at once */
	REPORT_EVIDENCES
};
enum report_kind {
	REPORT_WRITE_WRITE,
	REPORT_READ_WRITE,
	REPORT_ITERATE_WRITE,
	REPORT_LOST_UPDATE,	  /* kernel BPF maps */
	REPORT_CONCURRENT_UPDATE, /* kernel BPF maps */
	/* what BPF programs do, by their instructions; access[0] stores, access[1] has read */
	REPORT_READ_MODIFY_WRITE, /* of one field of a map's value */
	REPORT_LOOKUP_UPDATE,	  /* the same, written back by the helper */
	REPORT_LOOKUP_INSERT,	  /* not there, so put in */
	REPORT_CHECK_THEN_ACT,	  /* a field is stored to because of what it was */
	REPORT_PARTIAL_UPDATE, /* of a value that has a lock, without it; access[1] stores first */
	REPORT_KINDS
};
/* What is proven by the evidence, least first. */
enum report_proof {
	REPORT_PROVES_NOTHING,
	REPORT_PROVES_DAMAGE, /* the map is in a state that no order of accesses leads to */
	REPORT_PROVES_MAP,    /* two were inside at once: access[0], and somebody else */
	REPORT_PROVES_PAIR,   /* and these two */
	REPORT_PROOFS
};
#define REPORT_DISTANCES 40

enum report_verdict { REPORT_RACY, REPORT_ORDERED, REPORT_UNPROVEN };

struct report_frame {
	char *function; /* "main.(*cache).put" */
	char *file;	/* "" when unknown */
	int line;	/* 0 when unknown */
	int start_line; /* line of the function's first line, 0 when unknown */
	uint64_t pc;	/* as it was in the process (before subtracting the bias) */
	bool inlined;
	bool runtime; /* a frame of the Go runtime (folded by some printers) */
};

struct report_creation {
	bool known;
	uint64_t goroutine; /* the parent's id, 0 when unknown (Go before 1.21) */
	struct report_frame at;
};

struct report_label { /* of the profiler, runtime/pprof.Do */
	char *key, *value;
};

void report_labels_free(struct report_label *labels, size_t n); /* and the list itself */

struct report_access {
	enum report_op op;
	uint64_t goroutine; /* goid, 0 when unknown */
	uint32_t tid, cpu;
	uint64_t time_ns;	     /* since the watch began */
	struct report_frame *frames; /* innermost first, the runtime's map function at [0] */
	size_t nframes;
	bool truncated; /* the walk ended before the goroutine's first function */
	bool partial;	/* only the innermost callers are known (taken from the per-map record, not
			   from a stack walk) */
	struct report_creation created_by;
	struct report_label *labels; /* the goroutine's, by key */
	size_t nlabels;
};

struct report_map {
	uint64_t addr, seed;
	uint64_t seen_ns;   /* when it lay there, CLOCK_MONOTONIC; of a race's */
	uint32_t collected; /* how often the collector had come by then; of a race's */
	char *type;	    /* "map[string]int", "" when unknown */
	char *global;	    /* "main.cache", the global variable that holds it; NULL when unknown */
	bool header_known;  /* the following come from one read of the header */
	uint64_t len;
	uint64_t buckets; /* classic: 1 << B; Swiss: number of groups where known, else 0 */
	bool swiss;
	bool growing;
	bool writing; /* the flag that says that a writer is inside was set */
	bool on_stack;
};

struct report_actor { /* who uses a kernel BPF map */
	bool program; /* a BPF program, else a process */
	uint32_t pid; /* for a program: of the thread it ran on top of */
	char *comm, *exe, *cgroup;
	uint32_t prog_id; /* 0: not known */
	char *prog_name, *prog_type, *prog_tag;
};

/*
 * Why a lost update is a suspect, not a proof: a thread that reads a key and writes it is taken for
 * one that writes what it made of what it had read. Goroutines take turns on a thread.
 */
enum report_doubt {
	REPORT_NO_DOUBT,
	REPORT_GOROUTINES,	/* it is a thread of a Go program */
	REPORT_UNKNOWN_PROGRAM, /* it may be: the process was gone, or we may not look at it */
	REPORT_DOUBTS
};

enum report_severity { REPORT_LOW, REPORT_MEDIUM, REPORT_HIGH };

struct report_audit { /* what a finding in a BPF program's instructions has beside */
	enum report_severity severity; /* by what is lost when it happens */
	char *field;		       /* "in[2].b"; "bytes 8 to 15" */
	uint32_t offset, size;	       /* in the value, bytes */
	char *lost, *fix;	       /* in words */
	char *together;		       /* why the program can run on two CPUs at once */
	char *object, *section;	       /* of an object file; "": a loaded program */
	bool each_run;		       /* no way through the program avoids the store */
	struct report_live *live;      /* NULL: nobody looked */
};

/* What was seen of a BPF program while it ran. A run lasts from the kernel's call of what is
 * attached to its beginning to that of what is attached to its end. */
struct report_live {
	double seconds;
	bool counted;	  /* runs is known */
	uint64_t runs;	  /* by the kernel's own count */
	uint64_t *by_cpu; /* beginnings seen; NULL: none could be seen */
	size_t ncpus;
	uint64_t overlaps; /* began while another run was under way on another CPU */
	uint64_t met;	   /* and looked up what that one had looked up */
	bool confirmed;	   /* two runs were on one map at once */
	char *unseen;	   /* what could not be seen, and why; "": nothing */
};

struct report_audited { /* a program whose instructions were to be read */
	char *program, *type, *tag, *object, *section;
	uint32_t prog_id, instructions;
	char *skipped; /* why it was not read; NULL: it was */
};

struct report_bpf { /* what a finding in a kernel BPF map has beside */
	uint32_t map_id;
	char *map_name, *map_type;
	char *key, *key_typed;	   /* "07 00 00 00"; by the map's type information, else "" */
	char *value, *value_typed; /* what was written */
	int64_t lost;		   /* updates that were lost */
	uint64_t read_ns; /* when access[0] had read, since the watch began; 0: it had not */
	bool differs;	  /* what was written is not what it replaced */
	enum report_doubt doubt;
	struct report_actor actor[2]; /* of access[] */
	struct report_audit *audit;   /* REPORT_STATIC and REPORT_OVERLAP only, else NULL */
};

/* How the sightings are spread over the run: bins of one width from its start on, which doubles as
 * the run grows. */
#define REPORT_BINS 64
struct report_sightings {
	double bin_s;
	uint64_t bins[REPORT_BINS];
	size_t nbins; /* up to the last one that is not 0 */
};

struct report_race {
	char id[17]; /* 16 hex digits: stable hash of the two access sites */
	enum report_evidence evidence;
	enum report_kind kind;
	uint64_t count;
	double first_seen_s, last_seen_s;
	struct report_sightings sightings; /* none: not known */
	uint32_t pid;
	const void *target; /* tells two programs, or runtimes, of one process number apart; else
			       without meaning */
	struct report_map map;
	struct report_access access[2]; /* [0] the one that entered (or died); [1] the one that was
					   held, or seen last */
	bool has_other;			/* access[1] is known (always for collisions) */
	bool other_unsure;		/* but was only seen last: in older documents */
	bool damaged;	  /* fatal: the message tells of the map's state, not of who is inside */
	uint64_t held_ns; /* collision: how long the other had been held when this one entered */
	/* suspects: how often they were 2^i ns apart and more, the last one and all beyond */
	uint64_t distances[REPORT_DISTANCES];
	char *message;	  /* the runtime's own words where its check has met these two, else "" */
	char *caveat;	  /* why the evidence may be wrong, in this program; NULL: nothing known */
	bool check_fired; /* the process's own check has fired during the run: of all its races */
	struct report_bpf *bpf; /* NULL: a Go map */
};

struct report_maprow { /* one row of the table of maps */
	uint32_t pid;
	uint64_t addr;
	uint64_t since_ns; /* since when it is known to lie there, CLOCK_MONOTONIC */
	uint64_t until_ns; /* when its program ended; 0: it runs */
	char *type;
	uint32_t goroutines;
	uint64_t reads, writes, holds, hold_ns, collisions;
	double expected; /* collisions expected had the accesses been independent */
	double p;	 /* exp(-expected) when ordered, else 1 */
	enum report_verdict verdict;
};

enum report_growth_kind {
	REPORT_GROWTH_DOUBLE,	 /* twice as many buckets (classic), or slots of a table (Swiss) */
	REPORT_GROWTH_SAME_SIZE, /* classic: as many, to get rid of overflow buckets */
	REPORT_GROWTH_TABLE,	 /* Swiss: from one group to a table */
	REPORT_GROWTH_SPLIT,	 /* Swiss: a full table becomes two */
	REPORT_GROWTH_KINDS
};

struct report_payer { /* a goroutine that did a part of a growth's work inside its own writes */
	struct report_access access; /* the first such write; time_ns: when */
	uint64_t steps, ns;
};

struct report_iterator {	     /* was open when the growth began, and went on after that */
	struct report_access access; /* the first step after the growth had begun */
	double since_s;		     /* when the iteration began */
};

struct report_growth { /* of a map, seen with watch --growth */
	uint32_t pid;
	struct report_map map; /* as it was when the growth began, or was first seen */
	enum report_growth_kind kind;
	uint64_t from, to;	     /* buckets (classic), slots (Swiss); 0: not known */
	double began_s, ended_s;     /* since the watch began; negative: not seen */
	uint64_t steps, busy_ns;     /* of all; payers has those who did most */
	struct report_payer *payers; /* classic: most steps first; Swiss: most time */
	size_t npayers;
	struct report_iterator *iterators;
	size_t niterators;
};

struct report_target {
	uint32_t pid;
	char *exe, *build_id, *go_version;
	char *module;  /* its main module's path; "" or, of an old document, NULL: not known */
	char *library; /* the Go library whose runtime it is; "": the program's own */
	double late_s; /* how long the watch had lasted when that was loaded; 0: it was there */
	bool swiss, stripped, pie, cgo;
	bool exited;
	int exit_status; /* wait status when exited and known, else -1 */
	/* What watching it has cost and what it might have, of one CPU; 0: not known. */
	double cost_percent, allowed_percent;
};

/* Every loss or blind spot by name, in the order in which they are printed; zero ones are in JSON
 * only. */
struct report_counter {
	const char *name;    /* JSON key, snake_case; static storage */
	const char *meaning; /* one line for a person; static storage */
	uint64_t value;
};

struct report_coverage { /* a probed function that was hit */
	uint32_t pid;
	char *function;
	uint64_t hits;
	double attached; /* part of the time during which its probes were in place, 0 to 1 */
	bool ended;	 /* of a program that has: not in documents */
};

/* Why the silence of a process says less than it seems to. */
struct report_caveat {
	char *code;   /* "one-p": the JSON word */
	uint32_t pid; /* 0: of the whole watch */
	bool blind;   /* no race in it could be proved, else only some could not */
	char *text;   /* one line for a person */
	/* Which of the report's targets, from 1 on: a number may be of several, one after the other
	 * or in one process. 0: all that have the number (older documents), or the whole watch. */
	uint64_t target;
};

struct report_stats {
	uint64_t operations, reads, writes, deletes, iterations, clears, clones;
	uint64_t holds, hold_ns;
	uint32_t probe_sites;
	double attach_ms;
	double cost_percent;	       /* of one CPU, traps plus holds; negative when unknown */
	double budget_percent, hit_ns; /* what was allowed; what a hit was found to cost */
	double least_cpus; /* that is of the CPUs used, so many at least; 0: not known */
	double advance_s;  /* the budget of so much time was to spend at once */
	/* What commands may take longer, 0: there was none, or a budget was given; and how long
	 * they ran, and waited for us meanwhile, at the most. */
	double slowdown, lived_s, waited_s;
	uint64_t trap_ns, windows;	  /* hits x hit_ns; how often probes were put back */
	uint64_t cold_calls;		  /* call sites that were seen meanwhile, too */
	struct report_coverage *coverage; /* most hits first */
	size_t ncoverage;
	double unwatched; /* part of the operations that went by unseen, 0 to 1: an estimate */
	struct report_caveat *caveats;
	size_t ncaveats;
	uint64_t events_lost;
	struct report_counter *losses;
	size_t nlosses;
};

struct report_hidden { /* by one suppression, or known from a baseline */
	char *by;
	bool known;
	uint64_t races, count;
};

struct report_process {	      /* of a Go program that a command has started, or of the host's */
	uint32_t pid, parent; /* parent 0: not known */
	char *exe;	      /* "" when unknown */
	char *args;	      /* the command line, the beginning of it; "" when unknown */
	/* by its control groups; "": none. Of a document of before they may be NULL. */
	char *container, *pod, *unit;
	char *why;	     /* why it was not watched; NULL: it was */
	double from_s, to_s; /* since the watch began; to_s negative: it had not ended */
};

/* What a command has started, whatever stands between; or all of a host. */
struct report_followed {
	bool host;
	uint64_t processes; /* that have executed a program, the command included, or run Go code
			       without; of a host those too that were there */
	uint64_t go;	    /* executions of Go programs */
	uint64_t watched;   /* of these */
	uint64_t unknown;   /* Go programs too, that may not have been meant */
	struct report_reason {
		char *why; /* the others were not watched */
		uint64_t processes;
	} * reasons;
	size_t nreasons;
};

struct report {
	char *version; /* of maprace */
	char *kernel, *arch;
	uint32_t cpus;
	int64_t started_unix_ns; /* wall clock */
	double duration_s;
	struct report_target *targets;
	size_t ntargets;
	struct report_followed *followed; /* NULL: nobody looked */
	struct report_process *processes; /* the Go programs of followed, up to a bound */
	size_t nprocesses;
	struct report_race *races;
	size_t nraces;
	struct report_race *suspects;
	size_t nsuspects;
	struct report_maprow *maps;
	size_t nmaps;
	bool growth;		       /* growths were asked for */
	struct report_growth *growths; /* by the time at which they began or were first seen */
	size_t ngrowths;
	bool panics_watched;	     /* panics were asked for */
	struct report_panic *panics; /* model/panic.h; most first */
	size_t npanics;
	struct report_audited *audited; /* programs that were to be read */
	size_t naudited;
	/* What a filter has hidden stands behind the first nraces and nsuspects. */
	size_t nraces_hidden, nsuspects_hidden;
	struct report_hidden *hidden;
	size_t nhidden;
	struct report_snapshot *snapshots; /* model/snapshot.h */
	size_t nsnapshots;
	struct report_death *deaths; /* likewise */
	size_t ndeaths;
	bool memory_asked;	      /* thresholds of memory were watched */
	struct report_memory *memory; /* model/memory.h; in the order of time */
	size_t nmemory;
	bool goroutines;	      /* vitals were asked for */
	struct report_vitals *vitals; /* model/vitals.h */
	size_t nvitals;
	struct report_stats stats;
};

void report_free(struct report *report);	    /* frees what it owns, not the struct itself */
void report_stats_free(struct report_stats *stats); /* what it owns */
void report_race_free(struct report_race *race);
void report_access_free(struct report_access *access);
void report_growth_free(struct report_growth *growth);	     /* what it owns */
void report_actor_free(struct report_actor *actor);	     /* what it owns, and clears it */
void report_process_free(struct report_process *process);    /* likewise */
void report_followed_free(struct report_followed *followed); /* the struct as well; NULL is fine */
void report_bpf_free(struct report_bpf *bpf);		     /* the struct as well; NULL is fine */
/* A copy, of NULL none; *r becomes -ENOMEM where there is no memory for it. */
char *report_text_copy(const char *text, int *r);
/* The one of that number that was watched at that time, since the watch began, or was the next to
 * be; NULL: there is none. A number is of several where a process has executed other programs. */
const struct report_process *report_process_find(const struct report_process *all, size_t n,
						 uint32_t pid, double at_s);
/* What went by unseen, as far as its coverage tell: of each function as much as while its probes
 * were in place, for the rest of the time. */
double report_unwatched(const struct report_stats *stats);
/* Whether no race could be proved in its target of that number, from 0 on. */
bool report_target_is_blind(const struct report *report, size_t i);
/* In how many of them. */
size_t report_blind(const struct report *report);
/* In none of them, or there was none where some were looked for. */
bool report_all_blind(const struct report *report);
/* Takes text, malloc'ed; also when memory is short: then -ENOMEM. */
int report_caveat_add(struct report_stats *stats, const char *code, uint32_t pid, bool blind,
		      char *text);
/* The same, of a format. */
int report_caveat_say(struct report_stats *stats, const char *code, uint32_t pid, bool blind,
		      const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* count sightings at a time since the start. */
void report_sightings_add(struct report_sightings *s, double at_s, uint64_t count);

/* The frame that names the site: the first one outside the runtime, else the innermost; NULL
 * without a stack. */
const struct report_frame *report_access_site(const struct report_access *access);
/* A number for that site which survives a rebuild: what a race's id is made of. */
uint64_t report_site_hash(const struct report_access *access);
/* Which of the two accesses is shown first: for a collision the one that was held. */
size_t report_first_access(const struct report_race *race);

const char *
report_op_name(enum report_op op); /* "read" … the JSON words; clone is "iterate" in JSON's op */
const char *report_evidence_name(enum report_evidence evidence); /* "in-flight" … */
const char *report_kind_name(enum report_kind kind);
const char *report_proof_name(enum report_proof proof); /* "pair" … */
/* Does it prove anything, and what: the one place that says so. */
enum report_proof report_proves(const struct report_race *race);
const char *report_severity_name(enum report_severity severity); /* "high" … */
const char *report_doubt_name(enum report_doubt doubt);		 /* "goroutines"; "": none */
const char *report_verdict_name(enum report_verdict verdict);
const char *report_growth_kind_name(enum report_growth_kind kind); /* "same-size" … */
/* What two operations make together; at least one must be a write. */
enum report_kind report_kind_of(enum report_op a, enum report_op b);
/*
 * Fills race->id from the two sites (functions and lines relative to their function, not addresses),
 * the same whichever came first: the first frame that is not the runtime's, of each access.
 */
void report_race_identify(struct report_race *race);

#endif
