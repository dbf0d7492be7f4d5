#include "backend/ledger/rows_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/ledger/lists_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	FLAG_ARCHIVE = 1,
	FLAG_REMOVED = 2,
	FLAG_NEEDS_SUBMIT = 4,
	FLAG_WANTS_CANCEL = 8,
	FLAG_FINISHED = 16,
};

/* --- saving --- */

static const char save_task_sql[] =
	"INSERT OR REPLACE INTO task VALUES "
	"(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,"
	"?,?,?,?,?,?,?,?,?,?)";
static const char save_attempt_sql[] =
	"INSERT OR REPLACE INTO attempt VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

static const char drop_attempt_sql[] =
	"DELETE FROM attempt WHERE task = ? AND attempt = ?";

int rows_open(struct database *database, struct rows *ret_rows)
{
	int r = statement_prepare(database, save_task_sql, &ret_rows->save_task);

	if (!r)
		r = statement_prepare(database, save_attempt_sql,
				      &ret_rows->save_attempt);
	return r ? r
		 : statement_prepare(database, drop_attempt_sql, &ret_rows->drop_attempt);
}

void rows_close(struct rows *rows)
{
	statement_destroy(rows->save_task);
	statement_destroy(rows->save_attempt);
	statement_destroy(rows->drop_attempt);
}

static void bind_problem(struct statement *row, const struct problem *problem)
{
	statement_bind_text(row, problem_is_set(problem)
					 ? problem_class_word(problem->class)
					 : NULL);
	statement_bind_text(row, problem->code);
	statement_bind_text(row, problem->text);
}

static void bind_bound_to(struct statement *row, const struct task_view *view)
{
	statement_bind_text(row, view->provider);
	statement_bind_text(row, view->endpoint);
	statement_bind_text(row, view->key_name);
	statement_bind_text(row, view->model);
	statement_bind_text(row, view->remote_id);
}

/* Binds in the order of the table's columns. */
static int save_task(struct statement *row, const struct task_view *view)
{
	AUTOFREE char *outputs = ledger_print_outputs(view);
	AUTOFREE char *locked = ledger_print_locked(view);

	if (!outputs || !locked)
		return -ENOMEM;
	statement_bind_int(row, (int64_t)view->number);
	statement_bind_int(row, (int64_t)view->revision);
	statement_bind_text(row, task_state_word(view->state));
	statement_bind_text(row, task_state_word(view->previous_state));
	statement_bind_int(row, view->attempt);
	statement_bind_int(row, (view->is_archive ? FLAG_ARCHIVE : 0) |
					(view->is_removed ? FLAG_REMOVED : 0) |
					(view->needs_submit ? FLAG_NEEDS_SUBMIT : 0) |
					(view->wants_cancel ? FLAG_WANTS_CANCEL : 0) |
					(view->is_finished ? FLAG_FINISHED : 0));
	statement_bind_int(row, view->hidden);
	bind_bound_to(row, view);
	statement_bind_text(row, view->raw_state);
	statement_bind_int(row, view->progress);
	statement_bind_int(row, view->created_ms);
	statement_bind_int(row, view->since_ms);
	statement_bind_int(row, view->intent_ms);
	statement_bind_int(row, view->tried_ms);
	statement_bind_int(row, view->listing_ms);
	statement_bind_text(row, view->waiting);
	statement_bind_text(row, view->note);
	bind_problem(row, &view->problem);
	statement_bind_text(row, view->request);
	statement_bind_text(row, view->answer);
	statement_bind_text(row, view->usage);
	statement_bind_text(row, view->digest);
	statement_bind_text(row, outputs);
	statement_bind_text(row, locked);
	statement_bind_text(row, view->place.path);
	statement_bind_int(row, (int64_t)view->place.device);
	statement_bind_int(row, (int64_t)view->place.inode);
	statement_bind_text(row, view->request_note);
	statement_bind_text(row, view->doubtful_digest);
	statement_bind_text(row, view->refused_save.problem);
	statement_bind_int(row, view->refused_save.at_ms);
	statement_bind_text(row, view->refused_save.over);
	return statement_run(row, "writing a task");
}

/*
 * A create that certainly did not arrive was no attempt and does not count towards the
 * hourly limit.
 */
static int drop_attempt(struct statement *row, const struct task_view *view)
{
	statement_bind_int(row, (int64_t)view->number);
	statement_bind_int(row, view->attempt);
	return statement_run(row, "writing a task");
}

static int save_attempt(struct rows *rows, const struct task_view *view)
{
	struct statement *row = rows->save_attempt;

	if (!view->attempt)
		return 0;
	if (view->state == TASK_PENDING) /* keep the row of an ended attempt */
		return !view->intent_ms && view->previous_state == TASK_PENDING
			       ? drop_attempt(rows->drop_attempt, view)
			       : 0;
	statement_bind_int(row, (int64_t)view->number);
	statement_bind_int(row, view->attempt);
	bind_bound_to(row, view);
	statement_bind_text(row, task_state_word(view->state));
	statement_bind_int(row, view->intent_ms);
	statement_bind_int(row, clock_wall_ms());
	bind_problem(row, &view->problem);
	statement_bind_text(row, view->request);
	statement_bind_text(row, view->answer);
	statement_bind_text(row, view->usage);
	return statement_run(row, "writing a task");
}

int rows_save(struct rows *rows, const struct task_view *view)
{
	int r = save_task(rows->save_task, view);

	return r ? r : save_attempt(rows, view);
}

/* --- loading --- */

static void load_flags(struct task_view *view, int64_t flags)
{
	view->is_archive = flags & FLAG_ARCHIVE;
	view->is_removed = flags & FLAG_REMOVED;
	view->needs_submit = flags & FLAG_NEEDS_SUBMIT;
	view->wants_cancel = flags & FLAG_WANTS_CANCEL;
	view->is_finished = flags & FLAG_FINISHED;
}

static void load_texts(struct statement *row, struct task_view *view,
		       const char **const *fields, size_t count)
{
	for (size_t i = 0; i < count; i++)
		task_set_text(view, fields[i], statement_text(row));
}

static void load_digest(struct statement *row, char ret_digest[SHA256_HEX])
{
	const char *digest = statement_text(row);

	snprintf(ret_digest, SHA256_HEX, "%s", digest ? digest : "");
}

static void load_row(struct statement *row, struct task_view *view)
{
	const char **const bound_to[] = { &view->provider,  &view->endpoint,
					  &view->key_name,  &view->model,
					  &view->remote_id, &view->raw_state };

	view->revision = (uint64_t)statement_int(row);
	if (task_state_from_word(statement_text(row), &view->state))
		view->state = TASK_UNKNOWN;
	if (task_state_from_word(statement_text(row), &view->previous_state))
		view->previous_state = TASK_PENDING;
	view->attempt = (unsigned)statement_int(row);
	load_flags(view, statement_int(row));
	view->hidden = (unsigned)statement_int(row);
	load_texts(row, view, bound_to, ARRAY_SIZE(bound_to));
	view->progress = (int)statement_int(row);
	view->created_ms = statement_int(row);
	view->since_ms = statement_int(row);
	view->intent_ms = statement_int(row);
	view->tried_ms = statement_int(row);
	view->listing_ms = statement_int(row);
	load_texts(row, view, (const char **const[]){ &view->waiting, &view->note }, 2);
	view->problem.class = problem_class_from_word(statement_text(row));
	load_texts(row, view,
		   (const char **const[]){ &view->problem.code, &view->problem.text,
					   &view->request, &view->answer, &view->usage },
		   5);
	load_digest(row, view->digest);
	if (ledger_read_outputs(statement_text(row), view) ||
	    ledger_read_locked(statement_text(row), view))
		view->failure = -ENOMEM;
	task_set_text(view, &view->place.path, statement_text(row));
	view->place.device = (uint64_t)statement_int(row);
	view->place.inode = (uint64_t)statement_int(row);
	task_set_text(view, &view->request_note, statement_text(row));
	load_digest(row, view->doubtful_digest);
	task_set_text(view, &view->refused_save.problem, statement_text(row));
	view->refused_save.at_ms = statement_int(row);
	load_digest(row, view->refused_save.over);
}

int row_load(struct statement *row, struct task_view **ret_view)
{
	struct task_view *view = task_view_new((uint64_t)statement_int(row));
	int r;

	if (!view)
		return -ENOMEM;
	load_row(row, view);
	r = view->failure ? view->failure : statement_failure(row);
	if (r)
		task_view_unref(view);
	else
		*ret_view = view;
	return r;
}
