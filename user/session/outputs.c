/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/outputs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/output_file.h"
#include "report/format.h"
#include "session/recorder.h"

int outputs_check_path(const char *path, const char *option, struct err *err)
{
	char *dir, *slash;
	struct stat st;
	int r = 0;

	if (!stat(path, &st) && S_ISDIR(st.st_mode)) {
		err_hint(err, "give %s the name of a file", option);
		return err_set(err, -EISDIR, "cannot write %s: it is a directory", path);
	}
	if (output_is_foreign(path)) {
		err_hint(err, "somebody else has put it, or a link on the way, into a directory "
			      "that is open to all: name a file elsewhere");
		return err_set(err, -EACCES, "cannot write %s: it is not yours", path);
	}
	dir = strdup(path);
	if (!dir)
		return -ENOMEM;
	slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = '\0';
	if (access(slash ? dir : ".", W_OK | X_OK)) {
		r = -errno;
		err_hint(err, "give %s a file in a directory that exists and can be written",
			 option);
		err_set(err, r, "cannot write %s: %s", path, err_name(r));
	}
	free(dir);
	return r;
}

int outputs_check(const struct output_options *options, struct err *err)
{
	size_t i;
	int r = options->record ? outputs_check_path(options->record, "-o", err) : 0;

	for (i = 0; i < options->n && !r; i++)
		r = outputs_check_path(options->paths[i], "-o", err);
	return r;
}

int outputs_check_core(const char *path, struct err *err)
{
	struct stat st;

	/* it is written in any order, with holes */
	if (!stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
		err_hint(err, "give --core the name of a file");
		return err_set(err, -EINVAL, "cannot write %s: it is no regular file", path);
	}
	return outputs_check_path(path, "--core", err);
}

int outputs_write(const struct output_options *options, const struct report *report,
		  const struct print_options *how)
{
	int r = 0, one;
	size_t i;

	for (i = 0; i < options->n; i++) {
		const char *path = options->paths[i];

		if (recorder_takes(path, options))
			continue;
		one = format_write(path, report, output_format(options, path), how);
		if (!one)
			continue;
		log_error("cannot write %s: %s", path, err_name(one));
		if (output_is_foreign(path))
			log_hint("somebody else has put it, or a link on the way, into a directory "
				 "that is open to all");
		r = one;
	}
	return r;
}

void outputs_are_asked_for(const struct output_options *options, bool recording)
{
	if (!options->n && !recording)
		log_warn("SIGUSR1 asks for the report, but there is no -o FILE");
}
