/*
 * Shared by the files of tasks.h: tasks.c (the table), tasks_clerk.c (time),
 * tasks_change.c (decrees of the control port), tasks_render.c (for the renderers),
 * tasks_await.c (waiting for an end). Every function here needs the lock.
 */
#ifndef SEEDANCE_SIM_TASKS_TASKS_INTERNAL_H
#define SEEDANCE_SIM_TASKS_TASKS_INTERNAL_H

#include "backend/sim/tasks/tasks.h"

#include <pthread.h>

struct tasks_entry {
	struct task *task;
	struct tasks_entry *next;
};

/* A thread that waits for a change with a descriptor; lives on that thread's stack. */
struct tasks_watcher {
	int event;
	struct tasks_watcher *next;
};

struct tasks {
	/* constant */
	struct tasks_settings settings;
	struct home *home;
	pthread_t clerk;
	bool has_clerk;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* guarded by lock */
	struct books *books;
	struct tasks_entry *newest;
	struct tasks_watcher *watchers;
	enum task_state hold;
	bool is_ending;
};

/*
 * Any task, or only one that clients may see (not gone, not too old). NULL if there is
 * none.
 */
struct task *tasks_lookup(struct tasks *tasks, const char *id);
struct task *tasks_lookup_visible(struct tasks *tasks, const char *id);
bool tasks_is_over(const struct task *task, int64_t now_ms);

/* Wakes every waiting thread. */
void tasks_wake(struct tasks *tasks);
/* Writes the task to the books and wakes every waiting thread. */
int tasks_save(struct tasks *tasks, const struct task *task);
/* Frees the entry that the link points to, with everything kept for its task. */
void tasks_forget(struct tasks *tasks, struct tasks_entry **link);
/* Enters a state, with its side effects. */
void tasks_enter(struct tasks *tasks, struct task *task, enum task_state state);
/* Whether a render is running, or will start when a renderer is free. */
bool tasks_is_rendering(const struct task *task);

void *tasks_clerk_main(void *tasks);

#endif
