/*
 * The table of all tasks: where a task's state changes, under one lock, in memory first.
 *
 * That makes the lock the one judge between a person's edit and a submission: whoever
 * changes the state first wins, and the other one sees it. Nothing is done under the lock
 * but the change itself; the ledger and the listeners are told later by the backend's
 * thread, which collects what changed with tasks_take_dirty().
 *
 * Any thread may call these, but where it is said otherwise.
 */
#ifndef SEEDANCEFS_BACKEND_TASKS_TASK_TABLE_H
#define SEEDANCEFS_BACKEND_TASKS_TASK_TABLE_H

#include "backend/tasks/task.h"

struct tasks;

/* `wake` is called (without the lock) whenever something became dirty. */
int tasks_create(void (*wake)(void *context), void *context, struct tasks **ret_tasks);
void tasks_destroy(struct tasks *tasks);

/* The numbers from `first` on, `count` of them, are free to be taken. */
void tasks_give_numbers(struct tasks *tasks, uint64_t first, unsigned count);
unsigned tasks_numbers_left(struct tasks *tasks);
/* A number that no task ever had; 0 when none is left just now. */
uint64_t tasks_take_number(struct tasks *tasks);

/*
 * Adds a task: takes the reference. `is_new` makes it dirty. 0, -EEXIST or -ENOMEM, also
 * for a view with a failure.
 */
int tasks_add(struct tasks *tasks, struct task_view *view, bool is_new);

/* A reference to a task's present view, or NULL. */
struct task_view *tasks_view(struct tasks *tasks, uint64_t number);

/*
 * Changes a task: between the two calls the table is locked, so only fields may be set.
 * tasks_begin() gives a copy to change, or NULL: tasks_begin_error() tells why, -ENOENT or
 * -ENOMEM. tasks_commit() makes it the present view: 0; or -ENOMEM, when a setter failed:
 * then the old view stays in force, whole. tasks_abandon() drops the copy.
 *
 * One answer of a service is one change: what comes together is durable together.
 */
struct task_view *tasks_begin(struct tasks *tasks, uint64_t number);
int tasks_begin_error(struct tasks *tasks, uint64_t number);
int tasks_commit(struct tasks *tasks, struct task_view *changed)
	__attribute__((warn_unused_result));
/* tasks_commit() of what may be lost without harm: a failure is only logged. */
void tasks_try_commit(struct tasks *tasks, struct task_view *changed);
void tasks_abandon(struct tasks *tasks, struct task_view *changed);
/* tasks_commit() of a mere hint: it is saved with the next real change, or dropped. */
void tasks_commit_hint(struct tasks *tasks, struct task_view *changed);

/*
 * Edits of a task's files. While one is in progress, and when one came since the files
 * were read (in the middle of one, perhaps), an order made from them is not taken:
 * tasks_is_edited_locked(), between
 * tasks_begin() and tasks_commit(), compares with tasks_edits() before the reading.
 */
void tasks_edit_begin(struct tasks *tasks, uint64_t number);
void tasks_edit_end(struct tasks *tasks, uint64_t number);
uint64_t tasks_edits(struct tasks *tasks, uint64_t number);
bool tasks_is_edited_locked(struct tasks *tasks, uint64_t number, uint64_t edits);

/*
 * The tasks that changed since they were saved last: an array of *ret_count references,
 * to be given back one by one and freed; NULL when there are none. 0 or -ENOMEM: then
 * nothing was taken, and nothing may leave. Backend thread only.
 */
int tasks_take_dirty(struct tasks *tasks, struct task_view ***ret_views,
		     size_t *ret_count);
/* They could not be saved: they are dirty again. Takes the array and its references. */
void tasks_return_dirty(struct tasks *tasks, struct task_view **views, size_t count);

/* Calls `visit` with each task's view, without the lock. */
void tasks_each(struct tasks *tasks, void (*visit)(void *context, struct task_view *view),
		void *context);

#endif
