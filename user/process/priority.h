/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_PRIORITY_H
#define MAPRACE_PROCESS_PRIORITY_H

/*
 * While somebody stands still for us nobody is to keep us from our work: on a busy machine he would
 * stand still for as long. Real-time priority, the lowest one there is, else a nice value of -20,
 * else nothing: that takes CAP_SYS_NICE. Who is forked meanwhile has it too.
 */
void priority_raise(void);
void priority_restore(void);

#endif
