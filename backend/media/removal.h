/*
 * Virtual files that a user removes: they disappear immediately, and the bytes of outputs
 * are deleted a little later.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_REMOVAL_H
#define SEEDANCEFS_BACKEND_MEDIA_REMOVAL_H

#include "backend/core/core.h"
#include "backend/tasks/task.h"

/* Creates backend->removals. 0 or -ENOMEM. */
int removals_create(struct backend *backend);
void removals_destroy(struct backend *backend);

/* backend_task_hide() and backend_task_unhide(). Any thread. */
int removal_hide(struct backend *backend, uint64_t number, unsigned what);
int removal_unhide(struct backend *backend, uint64_t number, unsigned what);

/*
 * Deletes the bytes of an output now, or of all with OUTPUT_COUNT. Backend thread only.
 */
void removal_drop(struct backend *backend, uint64_t number, enum output_kind kind);
/* Deletes the bytes of removed outputs now. Backend thread only. */
void removal_finish(struct backend *backend, uint64_t number);

#endif
