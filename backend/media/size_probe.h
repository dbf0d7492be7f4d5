/*
 * Size probes: a success becomes visible once the sizes of its outputs are known. Backend
 * thread only.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_SIZE_PROBE_H
#define SEEDANCEFS_BACKEND_MEDIA_SIZE_PROBE_H

#include "backend/core/core.h"

/* Creates backend->size_probes. 0 or -ENOMEM. */
int size_probes_create(struct backend *backend);
void size_probes_destroy(struct backend *backend);

/*
 * Determines the sizes of the task's outputs that are not ready; then the task is
 * `succeeded`. With `wants_all` the outputs are fetched completely afterwards.
 */
void size_probe_task(struct backend *backend, uint64_t number, bool wants_all);
/* Whether sizes are being determined, or the success is held back. */
bool size_probe_is_under_way(const struct backend *backend, uint64_t number);
/* The task is being removed: nothing more is revealed. */
void size_probe_drop(struct backend *backend, uint64_t number);

#endif
