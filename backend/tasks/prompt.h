/*
 * The prompt of a task, as it was sent. Pure; any thread.
 */
#ifndef SEEDANCEFS_BACKEND_TASKS_PROMPT_H
#define SEEDANCEFS_BACKEND_TASKS_PROMPT_H

#include "backend/request/request.h"
#include "backend/tasks/task.h"

/*
 * The texts of the request that was sent last, a space between them; free() it. NULL when
 * nothing was sent, when it has no text, or without memory. Not cleaned (base/text.h).
 */
char *task_prompt(const struct task_view *view);
/* The same of a request that was only read. */
char *request_prompt(const struct request *request);

#endif
