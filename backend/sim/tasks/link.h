/*
 * Signed links to media, like those of an object store: valid for GET only, for some time
 * only, whatever the host's name and port. Pure; any thread.
 *
 * A link counts from the moment its task succeeded, not from when it was asked for:
 * asking again after it died gives the dead link again, as the real service does
 * (providers/README.md, 6.3).
 */
#ifndef SEEDANCE_SIM_TASKS_LINK_H
#define SEEDANCE_SIM_TASKS_LINK_H

#include "backend/sim/tasks/books.h"
#include "backend/sim/tasks/task.h"

struct link_settings {
	unsigned char key[BOOKS_KEY_BYTES];
	int64_t seconds; /* how long links live */
};

/* free() them; NULL without memory. `host` is what the Host header said. The second one's
 * path has no extension; both lead to the same bytes. */
char *link_make(const struct link_settings *settings, const struct task *task,
		enum media_kind kind, const char *host);
char *link_make_bare(const struct link_settings *settings, const struct task *task,
		     enum media_kind kind, const char *host);

/* The parts of a query, as they came; NULL = absent. */
struct link_query {
	const char *credential, *date, *expires, *signature;
};

enum link_verdict { LINK_GOOD, LINK_EXPIRED, LINK_FORGED };

/* `path` is what the link was asked with. */
enum link_verdict link_check(const struct link_settings *settings,
			     const struct task *task, const char *path,
			     const struct link_query *query, int64_t now_ms);

#endif
