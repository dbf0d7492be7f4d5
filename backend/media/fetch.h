/*
 * The control word `fetch`: fetches every output of a task, even if it was given up
 * before.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_FETCH_H
#define SEEDANCEFS_BACKEND_MEDIA_FETCH_H

#include <stdint.h>

struct backend;

/* Backend thread only. */
void fetch_task(struct backend *backend, uint64_t number);

#endif
