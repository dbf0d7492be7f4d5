/*
 * Threads and timed waits. The main thread takes every signal: its loop ends by them. So
 * the other threads block all signals.
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
