/* task.json: everything known about a task, for programs. Pure. */
#ifndef SEEDANCEFS_BACKEND_TASKS_TASK_JSON_H
#define SEEDANCEFS_BACKEND_TASKS_TASK_JSON_H

#include "backend/tasks/task.h"

/* Facts that a view does not contain. */
struct task_facts {
	const char *waiting;	    /* what the folder waits for; NULL: as in the view */
	int kept_percent;	    /* present part of the video, on disk */
	int64_t prefetch_begins_ms; /* when the rest is fetched; 0: unknown */
	int64_t link_expires_s;	    /* seconds since the epoch; 0: unknown */
	bool link_expires_is_guess; /* from the service's documentation */
};

/* The text of task.json; free() it. NULL without memory. It contains signed links. */
char *task_json(const struct task_view *view, const struct task_facts *facts);

#endif
