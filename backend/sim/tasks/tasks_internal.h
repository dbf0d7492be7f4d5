/*
 * The inside of tasks.h, shared by its files: tasks.c (the table), tasks_clerk.c (time
 * passes), tasks_change.c (decrees of the control port), tasks_render.c (the renderers'
 * side), tasks_await.c (those who wait for an end). Nobody else includes this. Every
 * function here needs the lock.
 */
#ifndef SEEDANCE_SIM_TASKS_TASKS_INTERNAL_H
#define SEEDANCE_SIM_TASKS_TASKS_INTERNAL_H

#include "backend/sim/tasks/tasks.h"

#include <pthread.h>

struct tasks_entry {
	struct task *task;
	struct tasks_entry *next;
};

/* Somebody who waits for a change with a descriptor; on that one's stack. */
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

/* Any task, or only one that clients may see (not gone, not too old).
 * NULL if there is none. */
struct task *tasks_lookup(struct tasks *tasks, const char *id);
struct task *tasks_lookup_visible(struct tasks *tasks, const char *id);
bool tasks_is_over(const struct task *task, int64_t now_ms);

/* Wakes everybody who waits. */
void tasks_wake(struct tasks *tasks);
/* Writes the task into the books and wakes everybody who waits. */
int tasks_save(struct tasks *tasks, const struct task *task);
/* Frees the entry behind the link, and all that was kept of its task. */
void tasks_forget(struct tasks *tasks, struct tasks_entry **link);
/* Into a state, with all that goes with it. */
void tasks_enter(struct tasks *tasks, struct task *task, enum task_state state);
/* Is a render on its way, or will it be as soon as a renderer is free? */
bool tasks_is_rendering(const struct task *task);

void *tasks_clerk_main(void *tasks);

#endif
