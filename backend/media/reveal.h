/*
 * Revealing: a success is shown when the folder side has done its part, or
 * SHOW_LATEST_MS later. Backend thread only.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_REVEAL_H
#define SEEDANCEFS_BACKEND_MEDIA_REVEAL_H

#include "backend/core/core.h"

/* Makes backend->reveals. 0 or -ENOMEM. */
int reveals_create(struct backend *backend);
void reveals_destroy(struct backend *backend);

/* All that is to be known of its outputs is known: shows it now, or a little later. */
void reveal_task(struct backend *backend, uint64_t number);
/* The folder side has done its part: shows it now, if it is held back. */
void reveal_now(struct backend *backend, uint64_t number);
bool reveal_is_held(const struct backend *backend, uint64_t number);

#endif
