#include "backend/sim/tasks/tasks_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/log.h"

struct task *tasks_await_media(struct tasks *tasks, const char *id)
{
	SCOPED_LOCK(&tasks->lock);
	struct task *task = tasks_lookup_visible(tasks, id);

	while (task && !tasks->is_ending && tasks_is_rendering(task)) {
		pthread_cond_wait(&tasks->changed, &tasks->lock);
		task = tasks_lookup_visible(tasks, id);
	}
	return task ? task_copy(task) : NULL;
}

/* The oldest of the tasks that wait for a renderer. */
static struct task *oldest_wanted(struct tasks *tasks)
{
	struct task *oldest = NULL;

	for (struct tasks_entry *entry = tasks->newest; entry; entry = entry->next)
		if (entry->task->render == RENDER_WANTED &&
		    tasks_is_rendering(entry->task))
			oldest = entry->task;
	return oldest;
}

struct task *tasks_next_render(struct tasks *tasks)
{
	SCOPED_LOCK(&tasks->lock);

	while (!tasks->is_ending) {
		struct task *task = oldest_wanted(tasks);
		struct task *copy = task ? task_copy(task) : NULL;

		if (!task) {
			pthread_cond_wait(&tasks->changed, &tasks->lock);
			continue;
		}
		task->render = copy ? RENDER_RUNNING : RENDER_FAILED;
		tasks_save(tasks, task);
		if (copy)
			return copy;
	}
	return NULL;
}

void tasks_rendered(struct tasks *tasks, const char *id, int result)
{
	SCOPED_LOCK(&tasks->lock);
	struct task *task = tasks_lookup(tasks, id);

	if (!task) { /* deleted in the meantime */
		home_remove_media(tasks->home, id);
		return;
	}
	if (tasks->is_ending && result)
		return; /* interrupted: the books say that it is running, so it will
			 * start again */
	if (result)
		log_warn("render failed task=%s result=%d", id, result);
	task->render = result ? RENDER_FAILED : RENDER_DONE;
	tasks_save(tasks, task);
}
