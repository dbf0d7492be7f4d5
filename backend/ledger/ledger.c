#include "backend/ledger/ledger.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "backend/ledger/rows_internal.h"
#include "backend/ledger/schema_internal.h"

#include <errno.h>
#include <inttypes.h>

struct ledger {
	struct database *database;
	struct rows rows;
	char library_id[LIBRARY_ID_SIZE];
	char *home; /* the current machine and file, as meta_check_home() gives it */
};

static int set_up(struct ledger *ledger, const char *path, bool *ret_was_copied)
{
	int r = database_open(path, &ledger->database);

	if (!r)
		r = schema_set_up(ledger->database);
	if (!r)
		r = meta_library_id(ledger->database, ledger->library_id);
	if (!r)
		r = meta_check_home(ledger->database, path, &ledger->home,
				    ret_was_copied);
	return r ? r : rows_open(ledger->database, &ledger->rows);
}

int ledger_open(const char *path, struct ledger **ret_ledger, bool *ret_was_copied)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));
	int r;

	if (!ledger)
		return -ENOMEM;
	r = set_up(ledger, path, ret_was_copied);
	if (r)
		ledger_close(ledger);
	else
		*ret_ledger = ledger;
	return r;
}

void ledger_close(struct ledger *ledger)
{
	if (!ledger)
		return;
	rows_close(&ledger->rows);
	database_close(ledger->database);
	free(ledger->home);
	free(ledger);
}

const char *ledger_error(const struct ledger *ledger)
{
	return database_error(ledger->database);
}

const char *ledger_library_id(const struct ledger *ledger)
{
	return ledger->library_id;
}

int ledger_confirm_home(struct ledger *ledger)
{
	return meta_set(ledger->database, "home", ledger->home);
}

int ledger_reserve_numbers(struct ledger *ledger, unsigned count, uint64_t *ret_first)
{
	AUTOFREE char *next = NULL, *after = NULL;
	int64_t first = 1;
	int r = meta_get(ledger->database, "next_number", &next);

	if (r)
		return r;
	if (next && text_to_int64(next, &first))
		return database_fail(ledger->database, "reading next_number");
	after = text_format("%" PRId64, first + count);
	r = after ? meta_set(ledger->database, "next_number", after) : -ENOMEM;
	if (!r)
		*ret_first = (uint64_t)first;
	return r;
}

/* --- tasks --- */

int ledger_save(struct ledger *ledger, struct task_view *const *views, size_t count)
{
	int r = database_execute(ledger->database, "BEGIN IMMEDIATE");

	if (r)
		return r;
	for (size_t i = 0; !r && i < count; i++)
		r = rows_save(&ledger->rows, views[i]);
	if (!r)
		r = database_execute(ledger->database, "COMMIT");
	if (r)
		database_roll_back(ledger->database);
	return r;
}

int ledger_load(struct ledger *ledger,
		int (*found)(void *context, struct task_view *view), void *context)
{
	AUTOSTATEMENT *rows = NULL;
	int r = statement_prepare(ledger->database, ROWS_SQL, &rows);

	while (!r && (r = statement_step(rows, "reading tasks")) > 0) {
		struct task_view *view;

		r = row_load(rows, &view);
		if (!r)
			r = found(context, view);
	}
	return r;
}

/* --- attempts --- */

bool ledger_knows_id(struct ledger *ledger, const char *id)
{
	AUTOSTATEMENT *query = NULL;

	if (statement_prepare(ledger->database,
			      "SELECT 1 FROM attempt WHERE remote_id = ?1 UNION ALL "
			      "SELECT 1 FROM task WHERE remote_id = ?1",
			      &query))
		return false;
	statement_bind_text(query, id);
	return statement_step(query, "looking for an id") > 0;
}

int ledger_load_intents(struct ledger *ledger, int64_t since_ms,
			int (*found)(void *context, int64_t intent_ms), void *context)
{
	AUTOSTATEMENT *query = NULL;
	int r = statement_prepare(
		ledger->database,
		"SELECT intent_ms FROM attempt WHERE intent_ms >= ? ORDER BY intent_ms",
		&query);

	if (r)
		return r;
	statement_bind_int(query, since_ms);
	while (!r && (r = statement_step(query, "reading attempts")) > 0)
		r = found(context, statement_int(query));
	return r;
}
