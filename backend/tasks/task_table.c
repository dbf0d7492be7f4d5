#include "backend/tasks/task_table.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/sorted.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct slot {
	struct task_view *view;
	bool is_dirty;
	uint64_t edits;	  /* number of edits started */
	unsigned editing; /* number in progress */
};

struct tasks {
	/* Set before start. */
	void (*wake)(void *context);
	void *wake_context;

	pthread_mutex_t lock;
	/* Guarded by lock. */
	struct slot *slots; /* sorted by number */
	size_t slot_count, slot_capacity;
	uint64_t *dirty;
	size_t dirty_count, dirty_capacity;
	uint64_t next_number, end_number;
};

int tasks_create(void (*wake)(void *context), void *context, struct tasks **ret_tasks)
{
	struct tasks *tasks = calloc(1, sizeof(*tasks));

	if (!tasks)
		return -ENOMEM;
	tasks->wake = wake;
	tasks->wake_context = context;
	pthread_mutex_init(&tasks->lock, NULL);
	*ret_tasks = tasks;
	return 0;
}

void tasks_destroy(struct tasks *tasks)
{
	if (!tasks)
		return;
	for (size_t i = 0; i < tasks->slot_count; i++)
		task_view_unref(tasks->slots[i].view);
	free(tasks->slots);
	free(tasks->dirty);
	pthread_mutex_destroy(&tasks->lock);
	free(tasks);
}

void tasks_give_numbers(struct tasks *tasks, uint64_t first, unsigned count)
{
	SCOPED_LOCK(&tasks->lock);

	tasks->next_number = first;
	tasks->end_number = first + count;
}

unsigned tasks_numbers_left(struct tasks *tasks)
{
	SCOPED_LOCK(&tasks->lock);

	return (unsigned)(tasks->end_number - tasks->next_number);
}

uint64_t tasks_take_number(struct tasks *tasks)
{
	SCOPED_LOCK(&tasks->lock);

	return tasks->next_number < tasks->end_number ? tasks->next_number++ : 0;
}

static int compare_number(const void *key, const void *item)
{
	return sorted_compare_numbers(*(const uint64_t *)key,
				      ((const struct slot *)item)->view->number);
}

/* The place of the number in the sorted table, also of a missing one. */
static size_t find_slot(const struct tasks *tasks, uint64_t number)
{
	return sorted_place(&number, tasks->slots, tasks->slot_count,
			    sizeof(*tasks->slots), compare_number);
}

static struct slot *slot_of(struct tasks *tasks, uint64_t number)
{
	size_t at = find_slot(tasks, number);

	if (at < tasks->slot_count && tasks->slots[at].view->number == number)
		return &tasks->slots[at];
	return NULL;
}

static int grow(struct tasks *tasks)
{
	size_t wanted = tasks->slot_capacity ? tasks->slot_capacity * 2 : 64;
	struct slot *slots;

	if (tasks->slot_count < tasks->slot_capacity)
		return 0;
	slots = realloc(tasks->slots, wanted * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	tasks->slots = slots;
	tasks->slot_capacity = wanted;
	return 0;
}

/*
 * Reserves space for every task in advance, so that marking a task as dirty cannot fail.
 */
static int grow_dirty(struct tasks *tasks)
{
	uint64_t *dirty;

	if (tasks->dirty_capacity >= tasks->slot_capacity)
		return 0;
	dirty = realloc(tasks->dirty, tasks->slot_capacity * sizeof(*dirty));
	if (!dirty)
		return -ENOMEM;
	tasks->dirty = dirty;
	tasks->dirty_capacity = tasks->slot_capacity;
	return 0;
}

static void mark_dirty(struct tasks *tasks, struct slot *slot)
{
	if (slot->is_dirty)
		return;
	slot->is_dirty = true;
	tasks->dirty[tasks->dirty_count++] = slot->view->number;
}

static int add_locked(struct tasks *tasks, struct task_view *view, bool is_new)
{
	SCOPED_LOCK(&tasks->lock);
	size_t at = find_slot(tasks, view->number);
	int r = slot_of(tasks, view->number) ? -EEXIST : grow(tasks);

	if (!r)
		r = grow_dirty(tasks);
	if (r)
		return r;
	memmove(&tasks->slots[at + 1], &tasks->slots[at],
		(tasks->slot_count - at) * sizeof(*tasks->slots));
	tasks->slots[at] = (struct slot){ .view = view };
	tasks->slot_count++;
	if (is_new)
		mark_dirty(tasks, &tasks->slots[at]);
	return 0;
}

int tasks_add(struct tasks *tasks, struct task_view *view, bool is_new)
{
	int r = view->failure ? view->failure : add_locked(tasks, view, is_new);

	if (r)
		task_view_unref(view);
	else if (is_new)
		tasks->wake(tasks->wake_context);
	return r;
}

static struct task_view *present(struct tasks *tasks, uint64_t number)
{
	struct slot *slot = slot_of(tasks, number);

	return slot ? slot->view : NULL;
}

struct task_view *tasks_view(struct tasks *tasks, uint64_t number)
{
	SCOPED_LOCK(&tasks->lock);

	return task_view_ref(present(tasks, number));
}

static void log_not_changed(uint64_t number)
{
	log_warn("event=not_changed task=%" PRIu64 " reason=\"out of memory\"", number);
}

struct task_view *tasks_begin(struct tasks *tasks, uint64_t number)
{
	struct task_view *copy = NULL, *view;

	pthread_mutex_lock(&tasks->lock);
	view = present(tasks, number);
	if (view)
		copy = task_view_copy(view);
	if (copy)
		return copy;
	pthread_mutex_unlock(&tasks->lock);
	if (view)
		log_not_changed(number);
	return NULL;
}

static void log_breach(const struct task_view *view)
{
	if (view->breach.event)
		log_warn("event=transition task=%" PRIu64 " allowed=no from=%s by=%s "
			 "to=%s id=%s",
			 view->number, view->breach.from, view->breach.event,
			 task_state_word(view->state),
			 view->remote_id ? view->remote_id : "none");
}

int tasks_begin_error(struct tasks *tasks, uint64_t number)
{
	SCOPED_LOCK(&tasks->lock);

	return present(tasks, number) ? -ENOMEM : -ENOENT;
}

int tasks_commit(struct tasks *tasks, struct task_view *changed)
{
	struct slot *slot = slot_of(tasks, changed->number);
	struct task_view *old = slot->view;
	uint64_t number = changed->number;
	int r = changed->failure;

	if (r) {
		tasks_abandon(tasks, changed);
		log_not_changed(number);
		return r;
	}
	changed->revision = old->revision + 1;
	task_view_ref(changed); /* until it is logged */
	slot->view = changed;
	mark_dirty(tasks, slot);
	pthread_mutex_unlock(&tasks->lock);
	task_view_unref(old);
	log_breach(changed);
	task_view_unref(changed);
	tasks->wake(tasks->wake_context);
	return 0;
}

void tasks_try_commit(struct tasks *tasks, struct task_view *changed)
{
	if (tasks_commit(tasks, changed))
		return; /* already logged */
}

void tasks_commit_hint(struct tasks *tasks, struct task_view *changed)
{
	struct slot *slot = slot_of(tasks, changed->number);
	struct task_view *old = slot->view;

	if (changed->failure) {
		tasks_abandon(tasks, changed);
		return;
	}
	slot->view = changed;
	pthread_mutex_unlock(&tasks->lock);
	task_view_unref(old);
}

void tasks_abandon(struct tasks *tasks, struct task_view *changed)
{
	pthread_mutex_unlock(&tasks->lock);
	task_view_unref(changed);
}

uint64_t tasks_edits(struct tasks *tasks, uint64_t number)
{
	SCOPED_LOCK(&tasks->lock);
	const struct slot *slot = slot_of(tasks, number);

	return slot ? slot->edits : 0;
}

bool tasks_is_edited_locked(struct tasks *tasks, uint64_t number, uint64_t edits)
{
	const struct slot *slot = slot_of(tasks, number);

	return !slot || slot->editing || slot->edits != edits;
}

void tasks_edit_begin(struct tasks *tasks, uint64_t number)
{
	SCOPED_LOCK(&tasks->lock);
	struct slot *slot = slot_of(tasks, number);

	if (!slot)
		return;
	slot->edits++;
	slot->editing++;
}

void tasks_edit_end(struct tasks *tasks, uint64_t number)
{
	SCOPED_LOCK(&tasks->lock);
	struct slot *slot = slot_of(tasks, number);

	if (!slot || !slot->editing)
		return;
	slot->editing--;
	slot->edits++; /* invalidates reads made during the edit */
}

int tasks_take_dirty(struct tasks *tasks, struct task_view ***ret_views,
		     size_t *ret_count)
{
	SCOPED_LOCK(&tasks->lock);
	struct task_view **views;

	*ret_count = 0;
	*ret_views = NULL;
	if (!tasks->dirty_count)
		return 0;
	views = calloc(tasks->dirty_count, sizeof(struct task_view *));
	if (!views)
		return -ENOMEM;
	for (size_t i = 0; i < tasks->dirty_count; i++) {
		struct slot *slot = slot_of(tasks, tasks->dirty[i]);

		slot->is_dirty = false;
		views[i] = task_view_ref(slot->view);
	}
	*ret_count = tasks->dirty_count;
	*ret_views = views;
	tasks->dirty_count = 0;
	return 0;
}

void tasks_return_dirty(struct tasks *tasks, struct task_view **views, size_t count)
{
	pthread_mutex_lock(&tasks->lock);
	for (size_t i = 0; i < count; i++)
		mark_dirty(tasks, slot_of(tasks, views[i]->number));
	pthread_mutex_unlock(&tasks->lock);
	for (size_t i = 0; i < count; i++)
		task_view_unref(views[i]);
	free(views);
}

void tasks_each(struct tasks *tasks, void (*visit)(void *context, struct task_view *view),
		void *context)
{
	for (uint64_t number = 0;; number++) {
		struct task_view *view = NULL;
		size_t at;

		pthread_mutex_lock(&tasks->lock);
		at = find_slot(tasks, number);
		if (at < tasks->slot_count)
			view = task_view_ref(tasks->slots[at].view);
		pthread_mutex_unlock(&tasks->lock);
		if (!view)
			return;
		number = view->number;
		visit(context, view);
		task_view_unref(view);
	}
}
