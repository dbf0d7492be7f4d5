/*
 * Beginning a call of a service: method, address, and the headers that all of them take.
 */
#ifndef SEEDANCEFS_BACKEND_PROVIDERS_CALL_H
#define SEEDANCEFS_BACKEND_PROVIDERS_CALL_H

#include "backend/base/json.h"
#include "backend/providers/provider.h"

/* `path` begins with a slash; it goes behind the endpoint's address. 0 or -ENOMEM. */
int call_begin(struct http_request *http, const struct endpoint *endpoint,
	       const char *method, const char *path);
/* The same with a task's id behind the path; -EINVAL when it must not enter a URL. */
int call_of_task(struct http_request *http, const struct endpoint *endpoint,
		 const char *method, const char *path, const char *id);
/* A POST of a JSON object. `request` (NULL: none) has the files that it speaks of. */
int call_with_json(struct http_request *http, const struct endpoint *endpoint,
		   const char *path, const struct json *object,
		   const struct request *request);

#endif
