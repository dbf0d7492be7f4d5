#include "backend/tasks/task.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

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

static void clear_locked(struct task_view *view)
{
	for (size_t i = 0; i < view->locked_count; i++)
		free(view->locked[i].name);
	free(view->locked);
	view->locked = NULL;
	view->locked_count = 0;
}

/* The owned texts, listed once for copying and freeing. */
static char **text_at(struct task_view *view, size_t n)
{
	char **const texts[] = {
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
	char **text;

	if (!view ||
	    atomic_fetch_sub_explicit(&view->references, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; (text = text_at(view, i)); i++)
		free(*text);
	clear_locked(view);
	free(view);
}

struct task_view *task_view_copy(const struct task_view *view)
{
	const size_t start = offsetof(struct task_view, number);
	struct task_view *copy = malloc(sizeof(*copy));
	char **text;

	if (!copy)
		return NULL;
	/* Others count references meanwhile: all but the counter is copied. */
	memcpy((char *)copy + start, (const char *)view + start, sizeof(*copy) - start);
	atomic_init(&copy->references, 1);
	for (size_t i = 0; (text = text_at(copy, i)); i++)
		*text = text_dup(*text);
	copy->locked = NULL;
	copy->locked_count = 0;
	task_set_locked(copy, view->locked, view->locked_count);
	return copy;
}

const char *task_advice(const struct task_view *view)
{
	if (view->state == TASK_UNKNOWN)
		return "Look for the task in the service's console. If it is there, "
		       "write \"adopt ID\" to status. Only if it is not, write \"retry\" "
		       "to status, which submits and bills the request again.";
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
	task_set_text(&view->refused_save.problem, NULL);
	view->refused_save.at_ms = 0;
	view->refused_save.over[0] = '\0';
}

void task_set_text(char **field, const char *text)
{
	char *copy = text_dup(text);

	free(*field);
	*field = copy;
}

void task_set_locked(struct task_view *view, const struct locked_file *files,
		     size_t count)
{
	struct locked_file *list = count ? calloc(count, sizeof(*list)) : NULL;
	size_t copied = 0;

	for (; list && copied < count; copied++) {
		list[copied] = files[copied];
		list[copied].name = text_dup(files[copied].name);
	}
	clear_locked(view);
	view->locked = list;
	view->locked_count = copied;
}

void task_set_place(struct task_view *view, const struct task_place *place)
{
	task_set_text(&view->place.path, place->path);
	view->place.device = place->device;
	view->place.inode = place->inode;
}

void task_end_cancel(struct task_view *view)
{
	if (!view->wants_cancel)
		return;
	view->wants_cancel = false;
	task_set_text(&view->note, "it was finished before it could be cancelled");
}
