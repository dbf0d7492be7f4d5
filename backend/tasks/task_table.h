/*
 * The table of all tasks. A task's state changes here: under one lock, and in memory
 * first.
 *
 * The lock decides between a user's edit and a submission: the first change of the state
 * wins, and the other caller sees it. Only the change itself runs under the lock. The
 * backend's thread saves the ledger and notifies listeners later; it collects the changes
 * with tasks_take_dirty().
 *
 * Any thread may call these functions unless noted otherwise.
 */
#ifndef SEEDANCEFS_BACKEND_TASKS_TASK_TABLE_H
#define SEEDANCEFS_BACKEND_TASKS_TASK_TABLE_H

#include "backend/tasks/task.h"

struct tasks;

/* `wake` is called without the lock whenever a task becomes dirty. */
int tasks_create(void (*wake)(void *context), void *context, struct tasks **ret_tasks);
void tasks_destroy(struct tasks *tasks);

/* Makes `count` numbers from `first` on available. */
void tasks_give_numbers(struct tasks *tasks, uint64_t first, unsigned count);
unsigned tasks_numbers_left(struct tasks *tasks);
/* A number that was never used; 0 if none is available at the moment. */
uint64_t tasks_take_number(struct tasks *tasks);

/*
 * Adds a task and takes the reference. `is_new` marks it as dirty. 0, -EEXIST, or -ENOMEM
 * (also for a view with a failure).
 */
int tasks_add(struct tasks *tasks, struct task_view *view, bool is_new);

/* A reference to a task's current view, or NULL. */
struct task_view *tasks_view(struct tasks *tasks, uint64_t number);

/*
 * Changes a task. The table is locked between the two calls, so only set fields in
 * between. tasks_begin() returns a copy to change, or NULL; tasks_begin_error() then
 * gives the reason, -ENOENT or -ENOMEM. tasks_commit() makes the copy the current view.
 * It returns 0, or -ENOMEM if a setter failed; then the old view stays current,
 * unchanged. tasks_abandon() drops the copy.
 *
 * One answer of a service is one change: facts that arrive together become durable
 * together.
 */
struct task_view *tasks_begin(struct tasks *tasks, uint64_t number);
int tasks_begin_error(struct tasks *tasks, uint64_t number);
int tasks_commit(struct tasks *tasks, struct task_view *changed)
	__attribute__((warn_unused_result));
/* tasks_commit() for a change that may be lost: a failure is only logged. */
void tasks_try_commit(struct tasks *tasks, struct task_view *changed);
void tasks_abandon(struct tasks *tasks, struct task_view *changed);
/* tasks_commit() for a hint: it is saved with the next real change, or dropped. */
void tasks_commit_hint(struct tasks *tasks, struct task_view *changed);

/*
 * Edits of a task's files. An order is rejected while an edit is in progress, and if an
 * edit started or was in progress since the order's files were read. Take tasks_edits()
 * before reading the files; tasks_is_edited_locked() compares it between tasks_begin()
 * and tasks_commit().
 */
void tasks_edit_begin(struct tasks *tasks, uint64_t number);
void tasks_edit_end(struct tasks *tasks, uint64_t number);
uint64_t tasks_edits(struct tasks *tasks, uint64_t number);
bool tasks_is_edited_locked(struct tasks *tasks, uint64_t number, uint64_t edits);

/*
 * Takes the tasks that changed since they were last saved: an array of *ret_count
 * references; NULL if there are none. Release each reference and free the array. 0, or
 * -ENOMEM: then nothing was taken, and no request may be sent. Backend thread only.
 */
int tasks_take_dirty(struct tasks *tasks, struct task_view ***ret_views,
		     size_t *ret_count);
/*
 * Marks tasks that could not be saved as dirty again. Takes the array and its references.
 */
void tasks_return_dirty(struct tasks *tasks, struct task_view **views, size_t count);

/* Calls `visit` with each task's view, without holding the lock. */
void tasks_each(struct tasks *tasks, void (*visit)(void *context, struct task_view *view),
		void *context);

#endif
