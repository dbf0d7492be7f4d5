/*
 * task.json: all that is known of a task, for programs. Pure.
 */
#ifndef SEEDANCEFS_TASK_JSON_H
#define SEEDANCEFS_TASK_JSON_H

#include "backend/task.h"

/* The text of task.json; free() it. NULL without memory. Holds signed links. */
char *task_json(const struct task_view *view);

#endif
