/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <bpf/libbpf.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/commands.h"
#include "cmd/doctor_bpf.h"
#include "cmd/options.h"
#include "go/go_layout.h"
#include "probe/feature.h"
#include "process/limits.h"

static int libbpf_message(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	log_vlines(level == LIBBPF_WARN ? LOG_VERBOSE : LOG_DEBUG, fmt, ap);
	return 0;
}

/* 0 when this feature does not stand in the way of watching. */
static int print_feature(const struct feature_answer *f)
{
	printf("%-14s %-4s %s\n", f->name, f->have ? "yes" : "no", f->what);
	if (f->detail[0])
		printf("%-19s %s\n", "", f->detail);
	if (f->have)
		return 0;
	if (f->without)
		printf("%-19s without it: %s\n", "", f->without);
	if (f->fix[0])
		printf("%-19s fix: %s\n", "", f->fix);
	return f->without ? 0 : 1;
}

int cmd_doctor(int argc, char **argv)
{
	struct doctor_options options;
	const char *watch = "works here";
	struct utsname host;
	struct err err = {};
	int i, bad = 0, bpf, status = options_parse_doctor(argc, argv, &options);

	if (status != OPTIONS_RUN)
		return status;
	options_set_log(false, options.verbose);
	libbpf_set_print(libbpf_message);
	uname(&host);
	printf("kernel %s, %s\n", host.release, host.machine);
	printf("Go programs: %s\n\n", go_layout_versions());
	if (limits_proc(&err)) {
		printf("%s\nfix: %s\n\n", err.text, err.hint);
		bad++;
	}
	for (i = 0; i < FEATURE_MAX; i++)
		bad += print_feature(feature_ask((enum feature)i));
	bpf = doctor_bpf();
	bad += !feature_have(FEATURE_UPROBE) && !feature_have(FEATURE_UPROBE_MULTI);
	if (bad)
		watch = "cannot work here";
	else if (!feature_have(FEATURE_PTRACE))
		watch = "works here, on processes of this user";
	printf("\nmaprace watch %s\n", watch);
	if (sysconf(_SC_NPROCESSORS_ONLN) == 1)
		printf("there is one CPU: while a goroutine is held hardly another one runs, and hardly a race is proved\n");
	printf("%s\n", bpf ? "maprace bpf works here" : "maprace bpf cannot work here");
	return bad ? EXIT_TOOL : EXIT_NOTHING;
}
