/*
 * The parameters of a request as data: one row a key, with its type and what it may be.
 * Shared by the files that read and write requests; not for others.
 */
#ifndef SEEDANCEFS_BACKEND_REQUEST_PARAMS_H
#define SEEDANCEFS_BACKEND_REQUEST_PARAMS_H

#include "backend/request/request.h"

/* Appends an empty content item. NULL without memory. Valid until the next append. */
struct request_content *request_push_content(struct request *request,
					     enum request_content_type type);

/* Where and how a person wrote a parameter, for messages. */
struct param_spelling {
	const char *file;
	const char *label; /* `"seconds"`, `--dur`; NULL: the parameter's own key */
};

/*
 * Sets a parameter from a JSON value (numbers and booleans may be texts; null is the same
 * as left out). Returns 0, -EINVAL with the problem set (the value is not allowed, or
 * another one is set already), or -ENOMEM.
 */
int request_param_read(struct request *request, enum request_param param,
		       const struct param_spelling *spelling, const struct json *value,
		       struct problem *problem);

/* Moves a parameter that `from` has to `request`,
 * with the file that says it. 0 or -ENOMEM. */
int request_param_move(struct request *request, enum request_param param,
		       struct request *from);

/* Gives a request what `from` says and it does not say itself. 0 or -ENOMEM. */
int request_complete(struct request *request, struct request *from);

/* The parameter of a key; PARAM_COUNT when there is none. */
enum request_param request_param_of(const char *key);

/* Whether a word is of the form of a resolution, whoever has it. */
bool request_is_resolution(const char *word);

/* Puts a set parameter under `key` into an object, with its JSON type. 0 or -ENOMEM. */
int request_put_param(const struct request *request, enum request_param param,
		      const char *key, struct json *object);

#endif
