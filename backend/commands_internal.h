/*
 * What the files of commands share.
 */
#ifndef SEEDANCEFS_BACKEND_COMMANDS_INTERNAL_H
#define SEEDANCEFS_BACKEND_COMMANDS_INTERNAL_H

#include "backend/core/core.h"

/* An ended attempt is followed by a new one; its state is kept, to go back to. In
 * tasks_begin() … tasks_commit(). */
void command_reopen(struct task_view *view);

/* Opens a task for a change that was read from its files. 0, -ENOENT or -EAGAIN. */
int command_begin_read(struct backend *backend, uint64_t number, uint64_t edits,
		       struct task_view **ret_view);

#endif
