/*
 * Media, as an object store serves them: signed links, one range, strong ETags, GET only.
 * An Authorization header beside the signature is refused (400), as such stores do: so a
 * client that leaks its key to a media host is caught.
 */
#ifndef SEEDANCE_SIM_SERVER_MEDIA_H
#define SEEDANCE_SIM_SERVER_MEDIA_H

#include "backend/sim/sim.h"

/* Is this a path of ours? Then the task's id (free() it) and the kind. */
bool media_route(const char *path, char **ret_task, enum media_kind *ret_kind);

/* `fault` may be NULL; a stream that is slowed
 * down by it keeps a reference of its own. */
int media_handle(struct sim *sim, const struct http_request *request, const char *task,
		 enum media_kind kind, struct fault *fault, struct http_reply *reply);

#endif
