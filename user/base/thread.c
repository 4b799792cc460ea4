/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "base/thread.h"

#include <pthread.h>
#include <signal.h>

#define STACK (64u << 10)

int thread_start(void *(*run)(void *arg), void *arg)
{
	sigset_t all, saved;
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attr, run, arg);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	return -r;
}
