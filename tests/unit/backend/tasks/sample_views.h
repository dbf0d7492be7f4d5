/* Views of tasks for tests, also such as hostile services make them. */
#ifndef SEEDANCEFS_TESTS_UNIT_BACKEND_TASKS_SAMPLE_VIEWS_H
#define SEEDANCEFS_TESTS_UNIT_BACKEND_TASKS_SAMPLE_VIEWS_H

#include "tests/unit/unit.h"

#include "backend/tasks/task.h"

static inline struct task_view *view_in(enum task_state task_state)
{
	struct task_view *view = task_view_new(7);

	view->state = task_state;
	view->since_ms = 1743414619000;
	return view;
}

/* What every sent task has. */
static inline struct task_view *sent_view(enum task_state task_state)
{
	struct task_view *view = view_in(task_state);

	view->attempt = 1;
	task_set_text(view, &view->provider, "ark");
	task_set_text(view, &view->model, "m-1");
	task_set_text(view, &view->remote_id, "cgt-1");
	view->tried_ms = 1743414689000;
	view->next_ms = 1743414710000;
	return view;
}

static inline char *repeat(const char *unit, size_t times)
{
	AUTOBUFFER text = BUFFER_INIT(FILE_CEILING);

	for (size_t i = 0; i < times; i++)
		buffer_add(&text, unit);
	return buffer_take(&text);
}

static inline struct task_view *hostile_view(enum task_state task_state, const char *text)
{
	struct task_view *view = sent_view(task_state);
	const char **const fields[] = { &view->provider, &view->model, &view->remote_id,
					&view->waiting,	 &view->note,  &view->raw_state };

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		task_set_text(view, fields[i], text);
	problem_set_from_service(&view->problem, PROBLEM_SERVER, text, text);
	return view;
}

static const char *const hostile[] = {
	"x",   "\xc3\xa4",	"\xe7\x8c\xab",	  "\xf0\x9f\x90\x88",
	"a\n", "\nsucceeded\n", "\x1b[31m\x07\r", "\xff\xfe",
	"%s%n"
};

#endif
