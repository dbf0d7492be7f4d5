/*
 * Reading what a service answered: the parts that the adapters share. Services differ in
 * where they put things, not in what there is: a task's words, addresses and numbers, and
 * an error's code and message. Pure. Texts that are returned as `const char *` belong to
 * the JSON tree; what goes into an observation is a copy.
 */
#ifndef SEEDANCEFS_BACKEND_PROVIDERS_ANSWER_H
#define SEEDANCEFS_BACKEND_PROVIDERS_ANSWER_H

#include "backend/base/json.h"
#include "backend/providers/provider.h"

/* The answer's JSON, NULL when it is none. 0 or -ENOMEM; json_free() it. */
int answer_parse(const struct http_response *response, struct json **ret_body);
bool answer_is_good(const struct http_response *response); /* 2xx */

/* The text of a key; NULL when there is none, or an empty one. */
const char *answer_text(const struct json *object, const char *key);

/* --- what went wrong --- */

/* A service's own code and message; either may be NULL. */
struct reason {
	const char *code;
	const char *message;
};

/*
 * Finds them in an error or in a failed task: an error object, the same flat, or a bare
 * text, under the names that the services use.
 */
struct reason answer_reason(const struct json *object);
bool answer_has_reason(const struct reason *reason);

/* What a part of a service's own code stands for. */
struct code_class {
	const char *part;
	enum problem_class class;
};

/*
 * The class of a code: from the service's own table, else from Ark's codes, which every
 * service that stands before Ark lets through (in its messages too), else from what the
 * message says; else PROBLEM_NONE.
 */
enum problem_class answer_class(const struct code_class *own, size_t count,
				const struct reason *reason);

/*
 * The class of a query's error. A task is gone only where the service itself says so, in
 * the shape of its own errors; a gateway's 404 says nothing of tasks.
 */
enum problem_class answer_query_class(enum problem_class class, bool is_own_shape);

/* Says it in the service's words, or names the HTTP status (0: of a task) without any. */
void answer_set_problem(struct problem *problem, enum problem_class class,
			const struct reason *reason, int status);

/* --- a create --- */

/* Accepted, and queued until more is read. 0 or -ENOMEM. */
int answer_accept(struct create_answer *ret, const char *id);
/* A good status, but nothing to ask for the task with: it may have been accepted. */
void answer_without_id(struct create_answer *ret, int status);
/*
 * Judges an error: a refusal only where the HTTP status, or the status with an
 * explanation in the service's own shape, leaves no doubt that nothing was accepted. Only
 * a refusal for too many requests may be repeated.
 */
void answer_judge(struct create_answer *ret, enum problem_class class,
		  const struct reason *reason, int status);
/* The same where it is already known whether it is certain. */
void answer_decide(struct create_answer *ret, bool is_certain, enum problem_class class,
		   const struct reason *reason, int status);

/* --- a task; each returns 0 or -ENOMEM --- */

/* Puts a copy of the text, if there is one, in the place of what was there. */
int answer_put(char **into, const char *text);
/* The state of a word; one that is not known is polled on, and kept to be shown. */
int answer_put_state(struct observation *seen, const char *word);
/*
 * What all services call alike: model, usage, progress and created_at of the task's own
 * object, and the whole of what was said, as text.
 */
int answer_put_common(struct observation *seen, const struct json *task,
		      const struct json *whole);

/* `created_at` in seconds since the epoch, 0 when it is none. */
int64_t answer_created_s(const struct json *task);

/* Appends an observation of a task, without anything said of it yet; NULL: no memory. */
struct observation *answer_observe(struct observations *list, const char *id);
/* Says why a task failed. */
void answer_put_failure(struct observation *seen, enum problem_class class,
			const struct reason *reason);
/* A query's error: appends that there is no such task when it is GONE, else -EAGAIN. */
int answer_observe_error(struct observations *list, const char *id,
			 const struct problem *problem);
/* An answer of which nothing can be used. Returns -EAGAIN. */
int answer_not_json(struct problem *problem);
int answer_of_another_task(struct problem *problem);

#endif
