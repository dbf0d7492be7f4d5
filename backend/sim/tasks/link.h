/*
 * Signed links to media, like those of an object store: valid only for GET and only for a
 * time, independent of the host's name and port. Pure; any thread.
 *
 * The time counts from the task's success, not from the request for the link: a request
 * after the link has expired returns the expired link again, as the real service does
 * (providers/README.md, 6.3).
 */
#ifndef SEEDANCE_SIM_TASKS_LINK_H
#define SEEDANCE_SIM_TASKS_LINK_H

#include "backend/sim/tasks/books.h"
#include "backend/sim/tasks/task.h"

struct link_settings {
	unsigned char key[BOOKS_KEY_BYTES];
	int64_t seconds; /* life time of links */
};

/*
 * free() them; NULL without memory. `host` comes from the Host header. The path of the
 * second link has no extension; both lead to the same bytes.
 */
char *link_make(const struct link_settings *settings, const struct task *task,
		enum media_kind kind, const char *host);
char *link_make_bare(const struct link_settings *settings, const struct task *task,
		     enum media_kind kind, const char *host);

/* The parts of a query, as received; NULL = absent. */
struct link_query {
	const char *credential, *date, *expires, *signature;
};

enum link_verdict { LINK_GOOD, LINK_EXPIRED, LINK_FORGED };

/* `path` is the path that was requested. */
enum link_verdict link_check(const struct link_settings *settings,
			     const struct task *task, const char *path,
			     const struct link_query *query, int64_t now_ms);

#endif
