/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_GO_BUILDINFO_H
#define MAPRACE_GO_BUILDINFO_H

#include <stdbool.h>

#include "base/err.h"
#include "process/elf_file.h"

/*
 * What cmd/go and cmd/link record in every executable (Go src/debug/buildinfo,
 * cmd/link/internal/ld/data.go): the toolchain's version and the module information. It is there in
 * stripped files too, since Go 1.13.
 */
struct buildinfo {
	char *version; /* "go1.24.4", "go1.24.4 X:noswissmap", "devel go1.25-1a2b3c4 Tue Jun 3 …",
			  "unknown" (obfuscated) */
	char *modinfo; /* tab-separated lines as `go version -m` prints them, or "" */
	int minor;     /* 24 of go1.24.4; -1 when the version text has none */
	char module[256]; /* the main module's path; without modules the main package's import path;
			     or "" */
	bool noswiss;	  /* GOEXPERIMENT has noswissmap */
	bool race;	  /* built with -race */
};

/* 0, -ENOENT when the file has no build info (it is not Go), -EFBIG when there was none in as much
 * of it as may be looked through (ELF_SCAN_MAX), -EBADMSG, -ENOMEM. Sets err only for -EBADMSG and
 * -EFBIG. */
int buildinfo_read(struct buildinfo *info, const struct elf_file *elf, const char *path,
		   struct err *err);
void buildinfo_free(struct buildinfo *info);

/*
 * The minor version in a version text: 24 of "go1.24.4", "go1.24rc1", "go1.24-custom", "devel
 * go1.24-1a2b3c4 …"; -1 when there is none ("unknown", "devel +1a2b3c4 …").
 */
int buildinfo_minor(const char *version);
/* Whether it is of this minor version, and of before its release: "go1.27rc1", "devel
 * go1.27-1a2b3c4 …", "go1.27-devel_1a2b3c4". */
bool buildinfo_unreleased(const char *version, int minor);

/* Fills the fields that follow from version and modinfo; the version becomes printable ASCII. */
void buildinfo_interpret(struct buildinfo *info);

#endif
