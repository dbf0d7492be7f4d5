#include "backend/tasks/task.h"

#include "backend/base/cleanup.h"
#include "backend/base/shared.h"
#include "backend/base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

struct task_view *task_view_new(uint64_t number)
{
	struct task_view *view = calloc(1, sizeof(*view));

	if (!view)
		return NULL;
	atomic_init(&view->references, 1);
	view->number = number;
	view->progress = -1;
	return view;
}

struct task_view *task_view_ref(struct task_view *view)
{
	if (view)
		atomic_fetch_add_explicit(&view->references, 1, memory_order_relaxed);
	return view;
}

/* Lists the shared texts, for copying and freeing. */
static const char **text_at(struct task_view *view, size_t n)
{
	const char **const texts[] = {
		&view->provider,	&view->endpoint,
		&view->key_name,	&view->model,
		&view->remote_id,	&view->raw_state,
		&view->waiting,		&view->note,
		&view->problem.code,	&view->problem.text,
		&view->request,		&view->answer,
		&view->usage,		&view->outputs[0].url,
		&view->outputs[0].etag, &view->outputs[1].url,
		&view->outputs[1].etag, &view->place.path,
		&view->request_note,	&view->refused_save.problem,
	};

	return n < ARRAY_SIZE(texts) ? texts[n] : NULL;
}

void task_view_unref(struct task_view *view)
{
	const char **text;

	if (!view ||
	    atomic_fetch_sub_explicit(&view->references, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; (text = text_at(view, i)); i++)
		shared_unref(*text);
	shared_unref(view->locked);
	free(view);
}

struct task_view *task_view_copy(const struct task_view *view)
{
	const size_t start = offsetof(struct task_view, number);
	struct task_view *copy = calloc(1, sizeof(*copy));
	const char **text;

	if (!copy)
		return NULL;
	/*
	 * Other threads may count references meanwhile, so everything except the counter
	 * is copied.
	 */
	memcpy((char *)copy + start, (const char *)view + start, sizeof(*copy) - start);
	atomic_init(&copy->references, 1);
	for (size_t i = 0; (text = text_at(copy, i)); i++)
		shared_ref(*text);
	shared_ref(copy->locked);
	return copy;
}

const char *task_advice(const struct task_view *view)
{
	if (view->state == TASK_UNKNOWN)
		return "Look for the task in the service's console. If it is there, "
		       "write \"adopt ID\" to status. If it is not, write \"retry\" to "
		       "status, which submits and bills the request again.";
	if (view->state == TASK_SUCCEEDED)
		return "Write \"fetch\" to status to try again. If that fails, look for "
		       "the file in the service's console, or submit the request again "
		       "in a new folder.";
	return problem_advice(view->problem.class);
}

void task_begin_attempt(struct task_view *view)
{
	if (!view->attempt || view->intent_ms || view->previous_state != TASK_PENDING)
		view->attempt++;
	view->previous_state = TASK_PENDING;
	view->wants_cancel = false;
}

void task_clear_refused_save(struct task_view *view)
{
	task_set_text(view, &view->refused_save.problem, NULL);
	view->refused_save.at_ms = 0;
	view->refused_save.over[0] = '\0';
}

void task_set_text(struct task_view *view, const char **field, const char *text)
{
	if (shared_text_set(field, text))
		view->failure = -ENOMEM;
}

void task_format_text(struct task_view *view, const char **field, const char *format, ...)
{
	AUTOFREE char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = text_vformat(format, arguments);
	va_end(arguments);
	if (text)
		task_set_text(view, field, text);
	else
		view->failure = -ENOMEM;
}

void task_set_problem(struct task_view *view, enum problem_class class,
		      const char *format, ...)
{
	AUTOPROBLEM problem = { 0 };
	va_list arguments;

	va_start(arguments, format);
	if (problem_vset(&problem, class, format, arguments))
		view->failure = -ENOMEM;
	else
		problem_copy(&view->problem, &problem);
	va_end(arguments);
}

/* Packs the list and the names into one block. NULL without memory. */
static struct locked_file *pack_locked(const struct locked_file *files, size_t count)
{
	struct locked_file *list;
	size_t names_size = 0;
	char *name;

	for (size_t i = 0; i < count; i++)
		names_size += files[i].name ? strlen(files[i].name) + 1 : 0;
	list = shared_new(count * sizeof(*list) + names_size);
	if (!list)
		return NULL;
	name = (char *)(list + count);
	for (size_t i = 0; i < count; i++) {
		list[i] = files[i];
		if (!files[i].name)
			continue;
		list[i].name = name;
		name = stpcpy(name, files[i].name) + 1;
	}
	return list;
}

void task_set_locked(struct task_view *view, const struct locked_file *files,
		     size_t count)
{
	struct locked_file *list = count ? pack_locked(files, count) : NULL;

	if (count && !list) {
		view->failure = -ENOMEM;
		return;
	}
	shared_unref(view->locked);
	view->locked = list;
	view->locked_count = count;
}

void task_set_place(struct task_view *view, const struct task_place *place)
{
	task_set_text(view, &view->place.path, place->path);
	view->place.device = place->device;
	view->place.inode = place->inode;
}

void task_end_cancel(struct task_view *view)
{
	if (!view->wants_cancel)
		return;
	view->wants_cancel = false;
	task_set_text(view, &view->note, "the task ended before it could be cancelled");
}
