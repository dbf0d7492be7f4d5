/*
 * Starting the daemon's own threads: no signal is ever delivered to them, since all are
 * the main thread's, whose loop ends by them. And conditions that a thread waits for
 * until some moment.
 */
#ifndef SEEDANCEFS_BACKEND_BASE_THREAD_H
#define SEEDANCEFS_BACKEND_BASE_THREAD_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* 0 or -errno. */
int thread_start(pthread_t *ret_thread, void *(*run)(void *context), void *context);

/* A condition whose timed waits do not depend on the wall clock. */
void thread_condition_init(pthread_cond_t *ret_condition);
/* A moment that far ahead, for a timed wait for such a condition. */
struct timespec thread_moment_in(int64_t ms);

#endif
