#include "backend/sim/tasks/tasks_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"

#include <errno.h>

static int change_texts(struct task *task, const struct task_change *change)
{
	int r = 0;

	if (change->has_error) {
		r = task_set_text(&task->error_code, change->error_code);
		if (!r)
			r = task_set_text(&task->error_message, change->error_message);
	}
	if (!r && change->raw_status)
		r = task_set_text(&task->raw_status,
				  *change->raw_status ? change->raw_status : NULL);
	for (int i = 0; !r && i < MEDIA_KINDS; i++)
		if (change->media[i])
			r = task_set_text(&task->media[i], change->media[i]);
	if (!r && change->link_video_url)
		r = task_set_text(&task->link_video_url, *change->link_video_url
								 ? change->link_video_url
								 : NULL);
	return r;
}

static void change_flags(struct task *task, const struct task_change *change)
{
	if (change->has_omit_video_url)
		task->omit_video_url = change->omit_video_url;
	if (change->has_gone)
		task->is_gone = change->is_gone;
	if (change->has_hold)
		task->hold = change->hold;
	if (change->expire_links) {
		task->link_generation++;
		task->link_date_ms = clock_wall_ms();
	}
}

int tasks_change(struct tasks *tasks, const char *id, const struct task_change *change)
{
	SCOPED_LOCK(&tasks->lock);
	struct task *task = tasks_lookup(tasks, id);
	int r;

	if (!task)
		return -ENOENT;
	r = change_texts(task, change);
	if (r)
		return r;
	change_flags(task, change);
	if (change->state == TASK_STATES)
		tasks_save(tasks, task);
	else
		tasks_enter(tasks, task, change->state);
	return 0;
}

void tasks_hold(struct tasks *tasks, enum task_state hold)
{
	SCOPED_LOCK(&tasks->lock);

	tasks->hold = hold;
	for (struct tasks_entry *entry = tasks->newest; entry; entry = entry->next) {
		if (hold != TASK_STATES || entry->task->hold == TASK_STATES)
			continue;
		entry->task->hold = TASK_STATES;
		tasks_save(tasks, entry->task);
	}
	tasks_wake(tasks);
}
