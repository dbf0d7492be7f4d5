/*
 * task.json: all that is known of a task, for programs. Pure.
 */
#ifndef SEEDANCEFS_BACKEND_TASKS_TASK_JSON_H
#define SEEDANCEFS_BACKEND_TASKS_TASK_JSON_H

#include "backend/tasks/task.h"

/* What a view does not hold. */
struct task_facts {
	const char *waiting;	    /* what the folder waits for; NULL: the view's own */
	int kept_percent;	    /* of the video, on disk */
	int64_t prefetch_begins_ms; /* the rest of it is fetched then; 0: not known */
	int64_t link_expires_s;	    /* seconds since the epoch; 0: not told */
	bool link_expires_is_guess; /* the link does not tell, the service's papers do */
};

/* The text of task.json; free() it. NULL without memory. Holds signed links. */
char *task_json(const struct task_view *view, const struct task_facts *facts);

#endif
