/*
 * Starting the daemon's own threads: no signal is ever delivered to them, since all are
 * the main thread's, whose loop ends by them.
 */
#ifndef SEEDANCEFS_BACKEND_BASE_THREAD_H
#define SEEDANCEFS_BACKEND_BASE_THREAD_H

#include <pthread.h>

/* 0 or -errno. */
int thread_start(pthread_t *ret_thread, void *(*run)(void *context), void *context);

#endif
