/* A task's prompt as it was sent. Pure; any thread. */
#ifndef SEEDANCEFS_BACKEND_TASKS_PROMPT_H
#define SEEDANCEFS_BACKEND_TASKS_PROMPT_H

#include "backend/request/request.h"
#include "backend/tasks/task.h"

/*
 * The texts of the last request that was sent, separated by spaces; free() it. NULL if
 * nothing was sent, if it has no text, or without memory. Not cleaned (base/text.h).
 */
char *task_prompt(const struct task_view *view);
/* The texts of a request that was only parsed, in the same form. */
char *request_prompt(const struct request *request);

#endif
