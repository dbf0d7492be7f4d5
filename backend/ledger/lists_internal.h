/*
 * What a row of the ledger holds as a list: a task's outputs and its locked files, as
 * JSON texts. What earlier versions wrote is read, too. For rows.c alone.
 */
#ifndef SEEDANCEFS_BACKEND_LEDGER_LISTS_INTERNAL_H
#define SEEDANCEFS_BACKEND_LEDGER_LISTS_INTERNAL_H

#include "backend/tasks/task.h"

/* Owned by the caller; NULL: no memory. */
char *ledger_print_outputs(const struct task_view *view);
char *ledger_print_locked(const struct task_view *view);
/* NULL, and what is no such text, leaves the view as it is. 0 or -ENOMEM. */
int ledger_read_outputs(const char *text, struct task_view *view);
int ledger_read_locked(const char *text, struct task_view *view);

#endif
