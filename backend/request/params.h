/*
 * The parameters of a request as data: one row per key, with its type and its allowed
 * values. For the files that read and write requests.
 */
#ifndef SEEDANCEFS_BACKEND_REQUEST_PARAMS_H
#define SEEDANCEFS_BACKEND_REQUEST_PARAMS_H

#include "backend/request/request.h"

/* Appends an empty content item. NULL without memory. Valid until the next append. */
struct request_content *request_push_content(struct request *request,
					     enum request_content_type type);

/* Where and how a parameter is written, for messages. */
struct param_spelling {
	const char *file;
	const char *label; /* `"seconds"`, `--dur`; NULL: the parameter's own key */
};

/*
 * Sets a parameter from a JSON value (numbers and booleans may be strings; null counts as
 * absent). Returns 0, -EINVAL with the problem set (the value is not allowed, or a
 * different one is already set), or -ENOMEM.
 */
int request_param_read(struct request *request, enum request_param param,
		       const struct param_spelling *spelling, const struct json *value,
		       struct problem *problem);

/* Moves a parameter that `from` has to `request`, with its source. 0 or -ENOMEM. */
int request_param_move(struct request *request, enum request_param param,
		       struct request *from);

/* Adds to a request what `from` says and the request does not. 0 or -ENOMEM. */
int request_complete(struct request *request, struct request *from);

/* The parameter of a key; PARAM_COUNT if there is none. */
enum request_param request_param_of(const char *key);

/* Whether a word has the form of a resolution, supported or not. */
bool request_is_resolution(const char *word);

/* Puts a set parameter under `key` into an object, with its JSON type. 0 or -ENOMEM. */
int request_put_param(const struct request *request, enum request_param param,
		      const char *key, struct json *object);

#endif
