/*
 * Media in the way of an object store: signed links, a single range, strong ETags, GET
 * only. A request with an Authorization header beside the signature is refused (400), as
 * real stores do; this catches a client that leaks its key to a media host.
 */
#ifndef SEEDANCE_SIM_SERVER_MEDIA_H
#define SEEDANCE_SIM_SERVER_MEDIA_H

#include "backend/sim/sim.h"

/* Whether the path is a media path; if so, the task's id (free() it) and the kind. */
bool media_route(const char *path, char **ret_task, enum media_kind *ret_kind);

/* `fault` may be NULL; a stream that it slows down keeps a reference of its own. */
int media_handle(struct sim *sim, const struct http_request *request, const char *task,
		 enum media_kind kind, struct fault *fault, struct http_reply *reply);

#endif
