/*
 * A task's rows: one in the table of tasks, and one for each of its attempts. Only for
 * the files of backend/ledger/.
 */
#ifndef SEEDANCEFS_BACKEND_LEDGER_ROWS_INTERNAL_H
#define SEEDANCEFS_BACKEND_LEDGER_ROWS_INTERNAL_H

#include "backend/ledger/database_internal.h"
#include "backend/tasks/task.h"

/* The statements that write rows. */
struct rows {
	struct statement *save_task, *save_attempt, *drop_attempt;
};

int rows_open(struct database *database, struct rows *ret_rows);
void rows_close(struct rows *rows);
/* Writes the task, and its current attempt if it has one. 0, -EIO or -ENOMEM. */
int rows_save(struct rows *rows, const struct task_view *view);

/* Selects the tasks in the order of their numbers, for row_load(). */
#define ROWS_SQL "SELECT * FROM task ORDER BY number"
/* Creates the task from a row: complete, or -ENOMEM. */
int row_load(struct statement *row, struct task_view **ret_view);

#endif
