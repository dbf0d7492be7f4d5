/*
 * The parts of Ark's requests that the services in front of it adopted: `content` and the
 * names of most parameters.
 */
#ifndef SEEDANCEFS_BACKEND_PROVIDERS_ARK_SHAPE_H
#define SEEDANCEFS_BACKEND_PROVIDERS_ARK_SHAPE_H

#include "backend/base/json.h"
#include "backend/request/request.h"

/* A parameter, and a service's own key for it. */
struct param_name {
	enum request_param param;
	const char *key;
};

/* Puts parameters that are set and not in the body yet. 0 or -ENOMEM. */
int ark_put_params(const struct request *request, const struct param_name *names,
		   size_t count, struct json *body);

/* Puts the keys of `extra`; call it first, since they take precedence. 0 or -ENOMEM. */
int ark_put_extra(const struct request *request, struct json *body);

/* Puts a complete request: `extra`, model, content, parameters. 0 or -ENOMEM. */
int ark_put_request(const struct request *request, const struct param_name *names,
		    size_t count, struct json *body);

#endif
