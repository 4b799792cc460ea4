/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_INCARNATION_H
#define MAPRACE_PROCESS_INCARNATION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Whether a process has begun its own program anew. Where addresses are not random (setarch -R, a
 * debugger, kernel.randomize_va_space=0) all is at its place as before, and process_same_program()
 * cannot tell. Of all that an execve makes the 16 random bytes for the program (AT_RANDOM of
 * getauxval(3)) are others each time. All zero before the first look.
 */
struct incarnation {
	unsigned int looks;
	uint64_t at; /* 0: nobody has to ask, or there is no telling */
	uint8_t bytes[16];
};

/* To be asked now and then. */
bool incarnation_is_another(struct incarnation *i, pid_t pid);

#endif
