/*
 * All tasks: the table, its books, and the clerk, a thread that advances tasks:
 *
 *	queued --queue_ms--> running --run_ms and the render is done--> succeeded
 *
 * or to the end that the task is due for (failed, expired), or as the control port
 * decrees. A cancelled task is removed after a day, every task after seven.
 *
 * Threads: any thread may call any function. One lock guards the table. A change is in
 * the books before the lock is released, so that no answer tells what a kill could undo.
 * Callers get copies, except in tasks_visit(), whose callback runs under the lock and may
 * only read the task and format it.
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

/* Reads the books and starts the clerk. `home` and the books must outlive the tasks. */
int tasks_create(const struct tasks_settings *settings, struct home *home,
		 struct books *books, struct tasks **ret_tasks);
/* Wakes every waiting thread for good; the clerk ends. */
void tasks_end(struct tasks *tasks);
void tasks_destroy(struct tasks *tasks);

/* Takes over the task, but only on success; sets its state, times and holds. */
int tasks_add(struct tasks *tasks, struct task *task);
/* A copy, or NULL: unknown, decreed gone, too old, or no memory. */
struct task *tasks_find(struct tasks *tasks, const char *id);
/* Newest first, including tasks that were decreed gone. */
void tasks_visit(struct tasks *tasks,
		 void (*visit)(void *context, const struct task *task), void *context);
/* DELETE: 0 deleted, -ENOENT, -EBUSY running, -EALREADY cancelled before. */
int tasks_delete(struct tasks *tasks, const char *id);

/*
 * What the control port may decree. Members that are not set are NULL, false,
 * TASK_STATES.
 */
struct task_change {
	enum task_state state;
	bool has_error;
	const char *error_code, *error_message;
	const char *raw_status; /* "" = the real status again */
	bool has_omit_video_url, omit_video_url;
	bool has_gone, is_gone;
	const char *media[MEDIA_KINDS];
	const char *link_video_url; /* "" = the simulator's own link again */
	bool expire_links;
	bool has_hold;
	enum task_state hold; /* TASK_STATES = release */
};

int tasks_change(struct tasks *tasks, const char *id, const struct task_change *change);
/* Holds all future tasks in a state; TASK_STATES also releases those held now. */
void tasks_hold(struct tasks *tasks, enum task_state hold);

/* Waits until no render of the task is pending; a copy of the task, or NULL. */
struct task *tasks_await_media(struct tasks *tasks, const char *id);

/*
 * Waits on a connection's thread until the task has ended: 0 and a copy; -ENOENT: the
 * task is unknown or was removed; -ECONNRESET: the client has disconnected; -ESHUTDOWN:
 * the program ends.
 */
int tasks_await_end(struct tasks *tasks, const char *id, int socket,
		    struct task **ret_task);

/*
 * For renderers: waits for work; NULL = the end. Answer each task with tasks_rendered().
 */
struct task *tasks_next_render(struct tasks *tasks);
void tasks_rendered(struct tasks *tasks, const char *id, int result);

#endif
