/* Functions that the files with the functions of backend.h share. */
#ifndef SEEDANCEFS_BACKEND_COMMANDS_INTERNAL_H
#define SEEDANCEFS_BACKEND_COMMANDS_INTERNAL_H

#include "backend/core/core.h"

/*
 * Starts a new attempt after an ended one. The old state is kept, so that the task can
 * return to it. Call it between tasks_begin() and tasks_commit().
 */
void command_reopen(struct task_view *view);

/*
 * Opens a task for a change based on its files, as read at `edits`. 0, -ENOENT or
 * -EAGAIN.
 */
int command_begin_read(struct backend *backend, uint64_t number, uint64_t edits,
		       struct task_view **ret_view);

#endif
