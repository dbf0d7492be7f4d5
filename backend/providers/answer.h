/*
 * Reading a service's answer: the parts that the adapters share. Services differ in where
 * they put values, not in which values there are: a task's status words, links and
 * numbers, and an error's code and message. Pure. Texts that are returned as `const char
 * *` belong to the JSON tree; an observation holds copies.
 */
#ifndef SEEDANCEFS_BACKEND_PROVIDERS_ANSWER_H
#define SEEDANCEFS_BACKEND_PROVIDERS_ANSWER_H

#include "backend/base/json.h"
#include "backend/providers/provider.h"

/*
 * Parses the answer; *ret_body is NULL if it is not JSON. 0 or -ENOMEM; json_free() it.
 */
int answer_parse(const struct http_response *response, struct json **ret_body);
bool answer_is_good(const struct http_response *response); /* 2xx */

/* The text of a key; NULL if it is missing or empty. */
const char *answer_text(const struct json *object, const char *key);

/* --- errors --- */

/* A service's own code and message; either may be NULL. */
struct reason {
	const char *code;
	const char *message;
};

/*
 * Finds code and message in an error or a failed task: in an error object, in its flat
 * form, or in a bare text, under the names that the services use.
 */
struct reason answer_reason(const struct json *object);
bool answer_has_reason(const struct reason *reason);

/* The meaning of a part of a service's own code. */
struct code_class {
	const char *part;
	enum problem_class class;
};

/*
 * The class of a code: from the service's own table, else from Ark's codes, which every
 * service in front of Ark passes on (in messages, too), else from the words of the
 * message; else PROBLEM_NONE.
 */
enum problem_class answer_class(const struct code_class *own, size_t count,
				const struct reason *reason);

/*
 * The class of a query's error. A task is gone only if the service itself says so, in its
 * own form of errors; a gateway's 404 says nothing about tasks.
 */
enum problem_class answer_query_class(enum problem_class class, bool is_own_shape);

/*
 * Sets the problem in the service's words; without words, it names the HTTP status (0: of
 * a task).
 */
void answer_set_problem(struct problem *problem, enum problem_class class,
			const struct reason *reason, int status);

/* --- a create --- */

/* Accepted, and queued unless the answer says more. 0 or -ENOMEM. */
int answer_accept(struct create_answer *ret, const char *id);
/*
 * The status is a success, but there is no id to query: the request may have been
 * accepted.
 */
void answer_without_id(struct create_answer *ret, int status);
/*
 * Judges an error. It is a refusal only if the HTTP status, or the status with an
 * explanation in the service's own form, proves that nothing was accepted. Only a refusal
 * for too many requests may be repeated.
 */
void answer_judge(struct create_answer *ret, enum problem_class class,
		  const struct reason *reason, int status);
/* The same if the caller knows whether the refusal is certain. */
void answer_decide(struct create_answer *ret, bool is_certain, enum problem_class class,
		   const struct reason *reason, int status);

/* --- a task; each returns 0 or -ENOMEM --- */

/* Replaces a text by a copy, if there is one. */
int answer_put(char **into, const char *text);
/* Translates a status word; an unknown one is kept for display, and polling continues. */
int answer_put_state(struct observation *seen, const char *word);
/*
 * Reads what all services name alike: model, usage, progress and created_at of the task's
 * object; keeps the complete answer as text.
 */
int answer_put_common(struct observation *seen, const struct json *task,
		      const struct json *whole);

/* `created_at` in seconds since the epoch; 0 if it is missing. */
int64_t answer_created_s(const struct json *task);

/* Appends an empty observation of a task; NULL: no memory. */
struct observation *answer_observe(struct observations *list, const char *id);
/* Sets the reason of a failed task. */
void answer_put_failure(struct observation *seen, enum problem_class class,
			const struct reason *reason);
/*
 * For a query's error: appends that the task does not exist if the class is GONE, else
 * returns -EAGAIN.
 */
int answer_observe_error(struct observations *list, const char *id,
			 const struct problem *problem);
/* For an answer that is not usable. Returns -EAGAIN. */
int answer_not_json(struct problem *problem);
int answer_of_another_task(struct problem *problem);

#endif
