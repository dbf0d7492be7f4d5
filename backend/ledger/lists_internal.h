/*
 * The lists in a row of the ledger: a task's outputs and its locked files, as JSON texts.
 * Texts of earlier versions can be read, too. Only for rows.c.
 */
#ifndef SEEDANCEFS_BACKEND_LEDGER_LISTS_INTERNAL_H
#define SEEDANCEFS_BACKEND_LEDGER_LISTS_INTERNAL_H

#include "backend/tasks/task.h"

/* free() it; NULL without memory. */
char *ledger_print_outputs(const struct task_view *view);
char *ledger_print_locked(const struct task_view *view);
/* A text that is NULL or not such a list leaves the view unchanged. 0 or -ENOMEM. */
int ledger_read_outputs(const char *text, struct task_view *view);
int ledger_read_locked(const char *text, struct task_view *view);

#endif
