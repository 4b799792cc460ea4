/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_OUTPUTS_H
#define MAPRACE_SESSION_OUTPUTS_H

#include "base/err.h"
#include "model/model.h"
#include "report/printers.h"
#include "session/settings.h"

/* Whether they can be written, before anything is watched. 0 or a negative errno with err set. */
int outputs_check(const struct output_options *options, struct err *err);
/* The same of one file, that option ("-o") names. */
int outputs_check_path(const char *path, const char *option, struct err *err);
int outputs_check_core(const char *path, struct err *err);
/* All but the recordings, each as a whole. What fails is told; 0 or the last failure. */
int outputs_write(const struct output_options *options, const struct report *report,
		  const struct print_options *how);
/* SIGUSR1 has come: says so where there is nothing to write. */
void outputs_are_asked_for(const struct output_options *options, bool recording);

#endif
