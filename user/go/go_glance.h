/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_GO_GO_GLANCE_H
#define MAPRACE_GO_GO_GLANCE_H

/*
 * At a glance, for somebody who is kept waiting meanwhile: is this open file a Go program, of
 * whatever version and machine? Reads its headers only, some kilobytes, at the places that they
 * name; changes nothing, the file's offset neither.
 */
enum go_glance {
	GO_GLANCE_NO,
	GO_GLANCE_PERHAPS, /* its sections do not say: stripped of them, packed */
	GO_GLANCE_YES,
};

enum go_glance go_glance(int fd);

#endif
