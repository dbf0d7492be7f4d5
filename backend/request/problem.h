/*
 * What went wrong, as data: a refusal by our own checks or by a service.
 *
 * `text` is one clean line in plain English that names the file, the field, what was
 * found and what is allowed. `code` is the service's own code, when it gave one. What to
 * do next follows from the class (problem_advice()). Pure; owned by whoever holds it;
 * problem_clear() it.
 */
#ifndef SEEDANCEFS_BACKEND_REQUEST_PROBLEM_H
#define SEEDANCEFS_BACKEND_REQUEST_PROBLEM_H

#include <stdarg.h>
#include <stdbool.h>

enum problem_class {
	PROBLEM_NONE = 0,
	PROBLEM_INVALID,    /* the request is wrong: fix a file */
	PROBLEM_AUTH,	    /* the key is missing, wrong, or may not do this */
	PROBLEM_BALANCE,    /* no money, no quota */
	PROBLEM_MODERATION, /* refused for its content */
	PROBLEM_RATE,	    /* too many requests: nothing was accepted, try later */
	PROBLEM_BUSY,	    /* not possible in the task's present state */
	PROBLEM_GONE,	    /* the service does not know the task (any more) */
	PROBLEM_SERVER,	 /* the service failed, or answered what cannot be understood */
	PROBLEM_NETWORK, /* no answer */
};

struct problem {
	enum problem_class class;
	const char *code, *text; /* shared texts: base/shared.h */
};

/*
 * Sets or replaces; the arguments may be the problem's own texts. 0, or -ENOMEM: then the
 * class stands, without a text.
 */
int problem_set(struct problem *problem, enum problem_class class, const char *format,
		...) __attribute__((format(printf, 3, 4)));
int problem_vset(struct problem *problem, enum problem_class class, const char *format,
		 va_list arguments) __attribute__((format(printf, 3, 0)));

/*
 * A copy of a text from outside, without what must be shown or logged nowhere: an
 * address loses its query (a signed one is as good as the media itself) and its user and
 * password; of a `data:` URI, of the word behind `Bearer` and of a key `sk-…` only the
 * beginning stays, with "…". Works on single addresses, too; what lies behind the first
 * 16 KiB is dropped, nothing else is cleaned. NULL for NULL and without memory; free()
 * it.
 */
char *problem_without_secrets(const char *text);

/* Takes over a service's own code and message without secrets, cleaned and cut. Either
 * may be NULL. */
void problem_set_from_service(struct problem *problem, enum problem_class class,
			      const char *code, const char *message);

/* Replaces what `to` held by references to the texts of `from`: never fails. */
void problem_copy(struct problem *to, const struct problem *from);
void problem_clear(struct problem *problem);
static inline bool problem_is_set(const struct problem *problem)
{
	return problem->class != PROBLEM_NONE;
}

/* "invalid", "auth", …: the word kept in the ledger and shown in task.json. */
const char *problem_class_word(enum problem_class class);
enum problem_class
problem_class_from_word(const char *word); /* PROBLEM_NONE if unknown */

/* One sentence: what the user can do now. */
const char *problem_advice(enum problem_class class);

#define AUTOPROBLEM __attribute__((cleanup(problem_clear))) struct problem

#endif
