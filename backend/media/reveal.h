/*
 * Revealing: a success becomes visible when the folder side is ready for it, or
 * SHOW_LATEST_MS later. Backend thread only.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_REVEAL_H
#define SEEDANCEFS_BACKEND_MEDIA_REVEAL_H

#include "backend/core/core.h"

/* Creates backend->reveals. 0 or -ENOMEM. */
int reveals_create(struct backend *backend);
void reveals_destroy(struct backend *backend);

/* All properties of the outputs are known: reveals the task now, or a little later. */
void reveal_task(struct backend *backend, uint64_t number);
/* The folder side is ready: reveals the task now, if it is held back. */
void reveal_now(struct backend *backend, uint64_t number);
/* The task was attached to another one, or removed: drops a success that is held back. */
void reveal_drop(struct backend *backend, uint64_t number);
bool reveal_is_held(const struct backend *backend, uint64_t number);

#endif
