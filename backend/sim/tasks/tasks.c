#include "backend/sim/tasks/tasks_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/thread.h"

#include <errno.h>
#include <string.h>

#define DAY_MS (24 * 3600 * 1000ll)
#define TASK_LIFE_MS (7 * DAY_MS)

struct task *tasks_lookup(struct tasks *tasks, const char *id)
{
	for (struct tasks_entry *entry = tasks->newest; entry; entry = entry->next)
		if (!strcmp(entry->task->id, id))
			return entry->task;
	return NULL;
}

bool tasks_is_over(const struct task *task, int64_t now)
{
	int64_t end = task->created_ms + TASK_LIFE_MS;

	if (task->state == TASK_CANCELLED && task->state_ms + DAY_MS < end)
		end = task->state_ms + DAY_MS;
	return now >= end;
}

struct task *tasks_lookup_visible(struct tasks *tasks, const char *id)
{
	struct task *task = tasks_lookup(tasks, id);

	return task && !task->is_gone && !tasks_is_over(task, clock_wall_ms()) ? task
									       : NULL;
}

int tasks_save(struct tasks *tasks, const struct task *task)
{
	AUTOBUFFER text = BUFFER_INIT(4 * TASK_TEXT_MAX);
	int r;

	task_write(&text, NULL, task);
	r = buffer_error(&text);
	if (!r)
		r = books_put(tasks->books, task->id, task->created_ms, text.data);
	if (r)
		log_error("task not in the books task=%s", task->id);
	tasks_wake(tasks);
	return r;
}

void tasks_forget(struct tasks *tasks, struct tasks_entry **link)
{
	struct tasks_entry *entry = *link;

	*link = entry->next;
	books_remove(tasks->books, entry->task->id);
	home_remove_media(tasks->home, entry->task->id);
	task_destroy(entry->task);
	free(entry);
}

/* The lock is held, or no threads have started. */
static int push(struct tasks *tasks, struct task *task)
{
	struct tasks_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return -ENOMEM;
	*entry = (struct tasks_entry){ task, tasks->newest };
	tasks->newest = entry;
	return 0;
}

/* Reads the books. A render that a kill interrupted starts again. */
static int restore(void *context, const char *id, const char *json)
{
	struct task *task = task_read(json);
	int r;

	if (!task) {
		log_warn("unreadable task in the books task=%s", id);
		return 0;
	}
	if (task->render == RENDER_RUNNING)
		task->render = RENDER_WANTED;
	r = push(context, task);
	if (r)
		task_destroy(task);
	return r;
}

int tasks_create(const struct tasks_settings *settings, struct home *home,
		 struct books *books, struct tasks **ret_tasks)
{
	struct tasks *tasks = calloc(1, sizeof(*tasks));
	int r;

	if (!tasks)
		return -ENOMEM;
	tasks->settings = *settings;
	tasks->home = home;
	tasks->books = books;
	tasks->hold = TASK_STATES;
	pthread_mutex_init(&tasks->lock, NULL);
	thread_condition_init(&tasks->changed);
	r = books_each(books, restore, tasks);
	if (!r)
		r = thread_start(&tasks->clerk, tasks_clerk_main, tasks);
	if (r) {
		tasks_destroy(tasks);
		return r;
	}
	tasks->has_clerk = true;
	*ret_tasks = tasks;
	return 0;
}

void tasks_end(struct tasks *tasks)
{
	SCOPED_LOCK(&tasks->lock);

	tasks->is_ending = true;
	tasks_wake(tasks);
}

void tasks_destroy(struct tasks *tasks)
{
	if (!tasks)
		return;
	tasks_end(tasks);
	if (tasks->has_clerk)
		pthread_join(tasks->clerk, NULL);
	while (tasks->newest) {
		struct tasks_entry *entry = tasks->newest;

		tasks->newest = entry->next;
		task_destroy(entry->task);
		free(entry);
	}
	pthread_cond_destroy(&tasks->changed);
	pthread_mutex_destroy(&tasks->lock);
	free(tasks);
}

int tasks_add(struct tasks *tasks, struct task *task)
{
	SCOPED_LOCK(&tasks->lock);
	int r;

	task->state = TASK_QUEUED;
	task->state_ms = task->created_ms;
	task->hold = tasks->hold;
	r = push(tasks, task);
	if (r)
		return r;
	r = tasks_save(tasks, task);
	if (r) { /* the caller still owns it */
		struct tasks_entry *entry = tasks->newest;

		tasks->newest = entry->next;
		free(entry);
	}
	return r;
}

struct task *tasks_find(struct tasks *tasks, const char *id)
{
	SCOPED_LOCK(&tasks->lock);
	struct task *task = tasks_lookup_visible(tasks, id);

	return task ? task_copy(task) : NULL;
}

void tasks_visit(struct tasks *tasks,
		 void (*visit)(void *context, const struct task *task), void *context)
{
	SCOPED_LOCK(&tasks->lock);
	int64_t now = clock_wall_ms();

	for (struct tasks_entry *entry = tasks->newest; entry; entry = entry->next)
		if (!tasks_is_over(entry->task, now))
			visit(context, entry->task);
}

/* The lock is held. */
static void forget_by_id(struct tasks *tasks, const char *id)
{
	struct tasks_entry **link = &tasks->newest;

	while (strcmp((*link)->task->id, id))
		link = &(*link)->next;
	tasks_forget(tasks, link);
}

int tasks_delete(struct tasks *tasks, const char *id)
{
	SCOPED_LOCK(&tasks->lock);
	struct task *task = tasks_lookup_visible(tasks, id);

	if (!task)
		return -ENOENT;
	if (task->state == TASK_RUNNING)
		return -EBUSY;
	if (task->state == TASK_CANCELLED)
		return -EALREADY;
	if (task->state == TASK_QUEUED)
		tasks_enter(tasks, task, TASK_CANCELLED);
	else
		forget_by_id(tasks, id);
	return 0;
}
