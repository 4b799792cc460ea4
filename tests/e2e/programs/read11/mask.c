// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* mask VICTIM OTHER: executes VICTIM, a Go program of somebody's, and before its first instruction
 * makes that process execute OTHER, which is none and has the same size. What a census that looks a
 * moment later sees is OTHER. */
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char path[256] = "";
	struct user_regs_struct r;
	size_t i;
	long word;
	pid_t pid;

	if (argc < 3)
		return 1;
	snprintf(path, sizeof(path), "%s", argv[2]);
	pid = fork();
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execl(argv[1], argv[1], (char *)NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
	ptrace(PTRACE_GETREGS, pid, NULL, &r);
	r.rsp -= 1024;
	for (i = 0; i < sizeof(path); i += 8) {
		memcpy(&word, path + i, 8);
		ptrace(PTRACE_POKEDATA, pid, (void *)(r.rsp + i), (void *)word);
	}
	ptrace(PTRACE_POKETEXT, pid, (void *)r.rip, (void *)0x050f); /* syscall */
	r.rax = 59;
	r.rdi = r.rsp;
	r.rsi = r.rdx = 0;
	ptrace(PTRACE_SETREGS, pid, NULL, &r);
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
	sleep(2);
	return 0;
}
