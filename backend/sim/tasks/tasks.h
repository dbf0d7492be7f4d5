/*
 * All tasks: the table, its books, and the clerk, a thread that moves tasks on.
 *
 *	queued --queue_ms--> running --run_ms and the render is done--> succeeded
 *
 * or what the task is due to end as (failed, expired), or what the control port decrees.
 * A cancelled task is forgotten after a day, every task after seven.
 *
 * Threads: any thread may call anything. One lock guards the table; a change is in the
 * books before the lock is given back, so that nothing is ever answered that a kill could
 * undo. Callers get copies, except in tasks_visit(), whose callback runs under the lock
 * and may only look at the task and format.
 */
#ifndef SEEDANCE_SIM_TASKS_TASKS_H
#define SEEDANCE_SIM_TASKS_TASKS_H

#include "backend/sim/tasks/books.h"
#include "backend/sim/tasks/home.h"
#include "backend/sim/tasks/task.h"

struct tasks_settings {
	int64_t queue_ms, run_ms;
};

struct tasks;

/* Reads the books and starts the clerk. Home and books must outlive the tasks. */
int tasks_create(const struct tasks_settings *settings, struct home *home,
		 struct books *books, struct tasks **ret_tasks);
/* Wakes everybody who waits, for good; the clerk ends. */
void tasks_end(struct tasks *tasks);
void tasks_destroy(struct tasks *tasks);

/* Takes the task over, on success only; its state, times and holds are set here. */
int tasks_add(struct tasks *tasks, struct task *task);
/* A copy, or NULL: unknown, decreed gone, too old, or no memory. */
struct task *tasks_find(struct tasks *tasks, const char *id);
/* Newest first; those too that were decreed gone. */
void tasks_visit(struct tasks *tasks,
		 void (*visit)(void *context, const struct task *task), void *context);
/* Like DELETE: 0 done, -ENOENT, -EBUSY running, -EALREADY cancelled before. */
int tasks_delete(struct tasks *tasks, const char *id);

/* What the control port may decree.
 * Members that are not asked for are NULL, false, TASK_STATES. */
struct task_change {
	enum task_state state;
	bool has_error;
	const char *error_code, *error_message;
	const char *raw_status; /* "" = the real one again */
	bool has_omit_video_url, omit_video_url;
	bool has_gone, is_gone;
	const char *media[MEDIA_KINDS];
	const char *link_video_url; /* "" = ours again */
	bool expire_links;
	bool has_hold;
	enum task_state hold; /* TASK_STATES = release */
};

int tasks_change(struct tasks *tasks, const char *id, const struct task_change *change);
/* Holds all tasks to come in a state;
 * TASK_STATES releases those too that are held now. */
void tasks_hold(struct tasks *tasks, enum task_state hold);

/* Waits until no render of the task is on its way; a copy of the task, or NULL. */
struct task *tasks_await_media(struct tasks *tasks, const char *id);

/*
 * Waits until the task is finished, on a connection's thread: 0 and a copy; -ENOENT: no
 * such task (any more); -ECONNRESET: the client has gone; -ESHUTDOWN: the program ends.
 */
int tasks_await_end(struct tasks *tasks, const char *id, int socket,
		    struct task **ret_task);

/* The renderers' side: waits for work; NULL = the end.
 * Each task is answered by tasks_rendered(). */
struct task *tasks_next_render(struct tasks *tasks);
void tasks_rendered(struct tasks *tasks, const char *id, int result);

#endif
