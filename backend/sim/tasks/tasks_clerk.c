#include "backend/sim/tasks/tasks_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/thread.h"

#define LONGEST_NAP_MS (3600 * 1000ll)

bool tasks_is_rendering(const struct task *task)
{
	return (task->state == TASK_RUNNING || task->state == TASK_SUCCEEDED) &&
	       !task->media[MEDIA_VIDEO] &&
	       (task->render == RENDER_WANTED || task->render == RENDER_RUNNING);
}

/* A task whose file a test has provided needs no render. */
static void want_render(struct task *task)
{
	if (task->media[MEDIA_VIDEO])
		return;
	if (task->render == RENDER_NONE || task->render == RENDER_FAILED)
		task->render = RENDER_WANTED;
}

void tasks_enter(struct tasks *tasks, struct task *task, enum task_state state)
{
	task->state = state;
	task->state_ms = clock_wall_ms();
	if (state == TASK_RUNNING && !task->started_ms)
		task->started_ms = task->state_ms;
	if (state == TASK_RUNNING && !task->fail_code && !task->ends_expired)
		want_render(task);
	if (state == TASK_SUCCEEDED) {
		want_render(task);
		task->link_date_ms = task->state_ms;
	}
	log_info("task=%s state=%s", task->id, task_state_name(state));
	tasks_save(tasks, task);
}

static void fail_task(struct tasks *tasks, struct task *task, const char *code,
		      const char *message)
{
	task_set_text(&task->error_code, code);
	task_set_text(&task->error_message, message);
	tasks_enter(tasks, task, TASK_FAILED);
}

static void finish(struct tasks *tasks, struct task *task)
{
	if (task->fail_code)
		fail_task(tasks, task, task->fail_code, task->fail_message);
	else if (task->ends_expired)
		tasks_enter(tasks, task, TASK_EXPIRED);
	else if (task->render == RENDER_FAILED)
		fail_task(tasks, task, "InternalServiceError",
			  "The service encountered an unexpected internal error.");
	else if (task->render == RENDER_DONE || task->media[MEDIA_VIDEO])
		tasks_enter(tasks, task, TASK_SUCCEEDED);
	else
		tasks_enter(tasks, task, TASK_RUNNING); /* its render was never
							 * requested */
}

static bool waits_for_render(const struct task *task)
{
	return task->state == TASK_RUNNING && !task->fail_code && !task->ends_expired &&
	       tasks_is_rendering(task);
}

static int64_t step_due(const struct tasks *tasks, const struct task *task)
{
	return task->state_ms + (task->state == TASK_QUEUED ? tasks->settings.queue_ms
							    : tasks->settings.run_ms);
}

/* Advances a task that is due; returns when to look again. */
static int64_t advance(struct tasks *tasks, struct task *task, int64_t now)
{
	int64_t due = step_due(tasks, task);

	if (task_is_finished(task))
		return now + LONGEST_NAP_MS;
	if (now >= task->expires_ms) {
		tasks_enter(tasks, task, TASK_EXPIRED);
		return now;
	}
	if (task->hold == task->state || waits_for_render(task))
		return task->expires_ms;
	if (now < due)
		return due < task->expires_ms ? due : task->expires_ms;
	if (task->state == TASK_QUEUED)
		tasks_enter(tasks, task, TASK_RUNNING);
	else
		finish(tasks, task);
	return now;
}

/* Advances everything that is due; returns the time until the next task is. */
static int64_t work(struct tasks *tasks)
{
	int64_t now = clock_wall_ms(), next = now + LONGEST_NAP_MS;

	for (struct tasks_entry **link = &tasks->newest; *link;) {
		int64_t due;

		if (tasks_is_over((*link)->task, now)) {
			tasks_forget(tasks, link);
			continue;
		}
		due = advance(tasks, (*link)->task, now);
		next = due < next ? due : next;
		link = &(*link)->next;
	}
	return next - now;
}

void *tasks_clerk_main(void *context)
{
	struct tasks *tasks = context;
	SCOPED_LOCK(&tasks->lock);

	while (!tasks->is_ending) {
		struct timespec deadline = thread_moment_in(work(tasks));

		pthread_cond_timedwait(&tasks->changed, &tasks->lock, &deadline);
	}
	return NULL;
}
