/*
 * Inputs from elsewhere: what a fitted request still needs before it can be written down.
 * Outputs of other tasks (shots made of shots) become their link, or their bytes; an
 * address becomes a file where a service takes only files. Backend thread only.
 */
#ifndef SEEDANCEFS_BACKEND_ORDERS_INPUTS_H
#define SEEDANCEFS_BACKEND_ORDERS_INPUTS_H

#include "backend/config/config.h"
#include "backend/request/request.h"

struct backend;
struct inputs; /* what is on its way for one request */

/*
 * Looks at every item, takes what is here and begins to fetch what is not; call it again
 * each turn. *inputs begins as NULL and is destroyed with inputs_destroy(), in any case
 * before the request. Returns 0: all is there; -EAGAIN: not yet, *ret_waiting (free() it)
 * tells why; -EINVAL with the problem set; -ESTALE: an output is gone, so that the folder
 * must be read again; -ENOMEM.
 */
int inputs_provide(struct backend *backend, const struct provider_section *section,
		   struct request *request, struct inputs **inputs, char **ret_waiting,
		   struct problem *problem);
void inputs_destroy(struct inputs *inputs);

#endif
