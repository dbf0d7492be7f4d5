/*
 * Size probes: a task's success is shown when the sizes of its outputs are known.
 * Backend thread only.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_SIZE_PROBE_H
#define SEEDANCEFS_BACKEND_MEDIA_SIZE_PROBE_H

#include "backend/core/core.h"

/* Makes backend->size_probes. 0 or -ENOMEM. */
int size_probes_create(struct backend *backend);
void size_probes_destroy(struct backend *backend);

/*
 * Learns the sizes of a task's outputs that are not ready; then it is `succeeded`. With
 * `wants_all` they are fetched whole afterwards.
 */
void size_probe_task(struct backend *backend, uint64_t number, bool wants_all);
/* Its outputs' sizes are being learnt, or its success is held back. */
bool size_probe_is_under_way(const struct backend *backend, uint64_t number);
/* The task is removed: nothing more of it is shown. */
void size_probe_drop(struct backend *backend, uint64_t number);

#endif
