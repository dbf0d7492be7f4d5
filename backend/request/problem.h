/*
 * An error as data: a refusal by our own checks or by a service.
 *
 * `text` is one clean line in plain English that names the file, the field, what was
 * found and what is allowed. `code` is the service's own code, if it gave one. The class
 * determines the advice (problem_advice()). Pure; the owner calls problem_clear().
 */
#ifndef SEEDANCEFS_BACKEND_REQUEST_PROBLEM_H
#define SEEDANCEFS_BACKEND_REQUEST_PROBLEM_H

#include <stdarg.h>
#include <stdbool.h>

enum problem_class {
	PROBLEM_NONE = 0,
	PROBLEM_INVALID,    /* the request is wrong: correct a file */
	PROBLEM_AUTH,	    /* the key is missing, invalid, or lacks permission */
	PROBLEM_BALANCE,    /* insufficient balance or quota */
	PROBLEM_MODERATION, /* refused for its content */
	PROBLEM_RATE,	    /* too many requests: nothing was accepted, retry later */
	PROBLEM_BUSY,	    /* not possible in the task's current state */
	PROBLEM_GONE,	    /* the service does not know the task */
	PROBLEM_SERVER,	    /* the service failed, or its answer is unreadable */
	PROBLEM_NETWORK,    /* no answer */
};

struct problem {
	enum problem_class class;
	const char *code, *text; /* shared texts: base/shared.h */
};

/*
 * Sets or replaces; the arguments may be the problem's own texts. 0, or -ENOMEM: then the
 * class is set, without a text.
 */
int problem_set(struct problem *problem, enum problem_class class, const char *format,
		...) __attribute__((format(printf, 3, 4)));
int problem_vset(struct problem *problem, enum problem_class class, const char *format,
		 va_list arguments) __attribute__((format(printf, 3, 0)));

/*
 * A copy of an outside text without anything secret: a URL loses its query (a signed one
 * gives access to the media) and its user and password; of a `data:` URI, of the word
 * after `Bearer` and of a key `sk-…` only the beginning remains, with "…". Also works on
 * single URLs. Text after the first 16 KiB is dropped; nothing else is cleaned. NULL for
 * NULL and without memory; free() it.
 */
char *problem_without_secrets(const char *text);

/*
 * Stores a service's own code and message: without secrets, cleaned and shortened. Either
 * may be NULL.
 */
void problem_set_from_service(struct problem *problem, enum problem_class class,
			      const char *code, const char *message);

/* Replaces the texts of `to` by references to those of `from`: never fails. */
void problem_copy(struct problem *to, const struct problem *from);
void problem_clear(struct problem *problem);
static inline bool problem_is_set(const struct problem *problem)
{
	return problem->class != PROBLEM_NONE;
}

/* "invalid", "auth", …: the word in the ledger and in task.json. */
const char *problem_class_word(enum problem_class class);
enum problem_class
problem_class_from_word(const char *word); /* PROBLEM_NONE if unknown */

/* One sentence that tells the user what to do. */
const char *problem_advice(enum problem_class class);

#define AUTOPROBLEM __attribute__((cleanup(problem_clear))) struct problem

#endif
