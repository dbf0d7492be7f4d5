/* Starts a call of a service: method, URL, and the headers common to all. */
#ifndef SEEDANCEFS_BACKEND_PROVIDERS_CALL_H
#define SEEDANCEFS_BACKEND_PROVIDERS_CALL_H

#include "backend/base/json.h"
#include "backend/providers/provider.h"

/* `path` begins with a slash; it is appended to the endpoint's URL. 0 or -ENOMEM. */
int call_begin(struct http_request *http, const struct endpoint *endpoint,
	       const char *method, const char *path);
/* The same with a task's id after the path; -EINVAL if the id cannot be part of a URL. */
int call_of_task(struct http_request *http, const struct endpoint *endpoint,
		 const char *method, const char *path, const char *id);
/*
 * A POST of a JSON object. `request` (or NULL) has the files that the object refers to.
 */
int call_with_json(struct http_request *http, const struct endpoint *endpoint,
		   const char *path, const struct json *object,
		   const struct request *request);

#endif
