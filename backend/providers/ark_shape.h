/*
 * What the services that wrap Ark took over of its requests: `content` and the names of
 * most parameters.
 */
#ifndef SEEDANCEFS_BACKEND_PROVIDERS_ARK_SHAPE_H
#define SEEDANCEFS_BACKEND_PROVIDERS_ARK_SHAPE_H

#include "backend/base/json.h"
#include "backend/request/request.h"

/* Puts `content`, the list of text, media and draft task. 0 or -ENOMEM. */
int ark_put_content(const struct request *request, struct json *body);

/* A parameter, and a service's own key for it. */
struct param_name {
	enum request_param param;
	const char *key;
};

/* Puts those that are set and that the body does not have yet. 0 or -ENOMEM. */
int ark_put_params(const struct request *request, const struct param_name *names,
		   size_t count, struct json *body);

/* Puts the keys of `extra`: first of all, for they win. 0 or -ENOMEM. */
int ark_put_extra(const struct request *request, struct json *body);

/* Puts a whole request: `extra`, model, content, parameters. 0 or -ENOMEM. */
int ark_put_request(const struct request *request, const struct param_name *names,
		    size_t count, struct json *body);

#endif
