#include "backend/core/note.h"

#include "backend/core/core.h"

#include <string.h>

static bool differs(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) != 0 : a != b;
}

void backend_set_waiting(struct backend *backend, uint64_t number, const char *waiting)
{
	struct task_view *view = tasks_begin(backend->tasks, number);

	if (!view)
		return;
	if (!differs(view->waiting, waiting)) {
		tasks_abandon(backend->tasks, view);
		return;
	}
	task_set_text(view, &view->waiting, waiting);
	tasks_try_commit(backend->tasks, view);
}

void backend_set_note(struct backend *backend, uint64_t number, const char *note)
{
	struct task_view *view = tasks_begin(backend->tasks, number);

	if (!view)
		return;
	if (!differs(view->note, note)) {
		tasks_abandon(backend->tasks, view);
		return;
	}
	task_set_text(view, &view->note, note);
	tasks_try_commit(backend->tasks, view);
}
