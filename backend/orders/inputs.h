/*
 * Inputs from elsewhere, which a fitted request needs before it can be encoded. An output
 * of another task becomes its link or its bytes. An address becomes a file if the service
 * accepts only files. Backend thread only.
 */
#ifndef SEEDANCEFS_BACKEND_ORDERS_INPUTS_H
#define SEEDANCEFS_BACKEND_ORDERS_INPUTS_H

#include "backend/config/config.h"
#include "backend/request/request.h"

struct backend;
struct inputs; /* downloads in progress for one request */

/*
 * Checks every item, takes what is available and starts to fetch the rest; call it again
 * each turn. *inputs starts as NULL. Destroy it with inputs_destroy() in every case,
 * before the request. Returns 0 when all inputs are available; -EAGAIN while some are
 * missing, with the reason in *ret_waiting (free() it); -EINVAL with the problem set;
 * -ESTALE when an output is gone and the folder must be read again; -ENOMEM.
 */
int inputs_provide(struct backend *backend, const struct provider_section *section,
		   struct request *request, struct inputs **inputs, char **ret_waiting,
		   struct problem *problem);
void inputs_destroy(struct inputs *inputs);

#endif
