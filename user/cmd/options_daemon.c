/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "cmd/options_daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cmd/config.h"
#include "cmd/options_host.h"
#include "cmd/options_memory.h"
#include "cmd/options_output.h"
#include "session/httpd.h"

#define LOG_SIZE (16u << 20)
#define LOG_FILES 5
#define MOST_LOG_FILES 100

static int parse_listen(void *value, const char *arg)
{
	return httpd_address(arg) < 0 ? -EINVAL : option_text(value, arg);
}

static int parse_files(void *value, const char *arg)
{
	return value_integer(arg, MOST_LOG_FILES, value);
}

#define O struct daemon_options

static const struct option_row rows[] = {
	{"config", 'c', "FILE", OPTION_TEXT(O, config), EXPECTS_FILE,
	 "settings: these options without --, as YAML; options here come before it. Read again on "
	 "SIGHUP"},
	{"log", 0, "FILE", OPTION_TEXT(O, log), EXPECTS_FILE,
	 "append races there as JSON Lines; - is standard output (-)"},
	{"log-size", 0, "SIZE", OPTION_SIZE(O, log_size), EXPECTS_SIZE,
	 "begin a new file when it would be larger (16M); 0: never"},
	{"log-files", 0, "N", OPTION_BY(parse_files, unsigned int, O, log_files),
	 "a number from 0 to 100", "keep so many of before: FILE.1 and so on (5)"},
	{"listen", 0, "ADDRESS", OPTION_BY(parse_listen, const char *, O, listen),
	 "ADDRESS:PORT or unix:/PATH",
	 "answer HTTP there: /metrics, /healthz, /races; at 127.0.0.1:PORT, [::1]:PORT or "
	 "unix:/PATH"},
	{"allow-remote", 0, NULL, OPTION_FLAG(O, allow_remote), NULL,
	 "listen at other addresses too: whoever reaches them may ask"},
	{"state", 0, "FILE", OPTION_TEXT(O, state), EXPECTS_FILE,
	 "keep there which races are known: they are not logged again after a restart"},
	MEMORY_ROW_ON(O, watch.memory.on),
	MEMORY_ROW_LIMIT,
	MEMORY_ROW_AT,
	MEMORY_ROW_DIR,
	HOST_ROW_MATCH(""),
	HOST_ROW_CGROUP(""),
	HOST_ROW_CONTAINER(""),
	HOST_ROW_USER(""),
	HOST_ROW_MOST(""),
	HOST_ROW_BUDGET(O),
	HOST_ROW_MAX_HOLD(O),
	{"panics", 0, NULL, OPTION_FLAG(O, watch.panics), NULL,
	 "log where programs panic, each place once, and count what becomes of it"},
	{"panic-values", 0, NULL, OPTION_FLAG(O, watch.panic_values), NULL,
	 "with that: log what a program says when it panics: it may be private"},
	{"no-goroutines", 0, NULL, OPTION_FLAG(O, no_goroutines), NULL,
	 "do not look at goroutines, scheduler and heap (once a second, at a hundredth of a CPU in "
	 "all)"},
	{"suppressions", 0, "FILE", OPTION_TEXT(O, watch.out.suppressions), EXPECTS_FILE,
	 "do not report what this file names"},
	{"verbose", 'v', NULL, OPTION_COUNT(O, watch.verbose), NULL, "say more; may be repeated"},
};

#undef O

static const struct option_table table = {
	.command = "daemon",
	.usage = "maprace daemon [--config FILE] [OPTION...]",
	.about =
		"Watches all Go processes of this host until it is told to end: races go to a log,\n"
		"each once, and figures to whoever asks by HTTP. Needs root.",
	.after =
		"SIZE is a number of bytes, or with K, M or G. TIME is a number with us, ms or s.\n"
		"\n"
		"Exit status: 0 it was told to end, 1 it failed, 2 bad usage or settings.",
	.rows = rows,
	.nrows = sizeof(rows) / sizeof(rows[0]),
};

static void set_defaults(struct daemon_options *o)
{
	memset(o, 0, sizeof(*o));
	o->watch.all = true;
	options_host_defaults(&o->watch);
	options_memory_defaults(&o->watch);
	o->watch.exitcode = EXIT_NOTHING;
	o->watch.no_color = true;
	o->log = "-";
	o->log_size = LOG_SIZE;
	o->log_files = LOG_FILES;
}

/* The file, then the options over it. */
static int read_config(int argc, char **argv, const char *config, struct daemon_options *o)
{
	struct err err = {};
	int rest;

	set_defaults(o);
	if (config_read(&table, config, o, &o->strings, &o->nstrings, &err)) {
		log_error("%s", err.text[0] ? err.text : "out of memory");
		return EXIT_USAGE;
	}
	return option_table_parse(&table, argc, argv, o, &rest);
}

/* Nobody is asked who he is, so others are let in only by somebody who says that he means it. */
static int check_listen(const struct daemon_options *o)
{
	if (!o->listen || o->allow_remote || httpd_address(o->listen) <= 0)
		return OPTIONS_RUN;
	return option_usage_error(
		&table,
		"listen: others reach %s, and nobody is asked who he is: give 127.0.0.1:PORT, [::1]:PORT or unix:/PATH, or --allow-remote (in the settings allow-remote: true) as well",
		o->listen);
}

/* First which file it is, then that, then the options over it. */
int options_parse_daemon(int argc, char **argv, struct daemon_options *o)
{
	const char *config;
	int rest, rc;

	set_defaults(o);
	rc = option_table_parse(&table, argc, argv, o, &rest);
	if (rc != OPTIONS_RUN)
		return rc;
	if (rest < argc)
		return option_usage_error(&table, "unexpected argument '%s'", argv[rest]);
	config = o->config;
	if (config) {
		rc = read_config(argc, argv, config, o);
		if (rc != OPTIONS_RUN)
			return rc;
	}
	o->watch.goroutines = !o->no_goroutines;
	return check_listen(o);
}
