#include "backend/sim/tasks/tasks_internal.h"

#include "backend/base/cleanup.h"
#include "backend/sim/server/patience.h"

#include <errno.h>
#include <sys/eventfd.h>

void tasks_wake(struct tasks *tasks)
{
	pthread_cond_broadcast(&tasks->changed);
	for (struct tasks_watcher *watcher = tasks->watchers; watcher;
	     watcher = watcher->next)
		eventfd_write(watcher->event, 1);
}

static void watch(struct tasks *tasks, struct tasks_watcher *watcher)
{
	SCOPED_LOCK(&tasks->lock);

	watcher->next = tasks->watchers;
	tasks->watchers = watcher;
}

static void unwatch(struct tasks *tasks, struct tasks_watcher *watcher)
{
	SCOPED_LOCK(&tasks->lock);
	struct tasks_watcher **link = &tasks->watchers;

	while (*link != watcher)
		link = &(*link)->next;
	*link = watcher->next;
}

/* -EAGAIN: not ended yet. */
static int look(struct tasks *tasks, const char *id, struct task **ret_task)
{
	SCOPED_LOCK(&tasks->lock);
	struct task *task = tasks_lookup_visible(tasks, id);

	if (tasks->is_ending)
		return -ESHUTDOWN;
	if (!task)
		return -ENOENT;
	if (!task_is_finished(task))
		return -EAGAIN;
	*ret_task = task_copy(task);
	return *ret_task ? 0 : -ENOMEM;
}

int tasks_await_end(struct tasks *tasks, const char *id, int socket,
		    struct task **ret_task)
{
	AUTOCLOSE int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct tasks_watcher watcher = { .event = event };
	eventfd_t count;
	int r;

	if (event < 0)
		return -errno;
	watch(tasks, &watcher);
	while ((r = look(tasks, id, ret_task)) == -EAGAIN) {
		r = patience_wait(PATIENCE_FOREVER, event, socket);
		if (r)
			break;
		eventfd_read(event, &count);
	}
	unwatch(tasks, &watcher);
	return r;
}
