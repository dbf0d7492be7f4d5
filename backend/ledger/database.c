#include "backend/ledger/database_internal.h"

#include "backend/base/log.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define BUSY_TIMEOUT_MS 5000

struct database {
	sqlite3 *db;
	char error[256];
};

struct statement {
	struct database *database;
	sqlite3_stmt *handle;
	int column; /* the last column bound or read */
	int failure;
};

int database_fail(struct database *database, const char *doing)
{
	const char *why = database->db ? sqlite3_errmsg(database->db) : "out of memory";

	snprintf(database->error, sizeof(database->error), "%s: %s", doing, why);
	log_error("event=ledger_failed doing=\"%s\" reason=\"%s\"", doing, why);
	return -EIO;
}

const char *database_error(const struct database *database)
{
	return database->error;
}

int database_execute(struct database *database, const char *sql)
{
	if (sqlite3_exec(database->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	return database_fail(database, "writing");
}

void database_roll_back(struct database *database)
{
	if (!sqlite3_get_autocommit(database->db))
		sqlite3_exec(database->db, "ROLLBACK", NULL, NULL, NULL);
}

static int set_up(struct database *database, const char *path)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

	if (sqlite3_open_v2(path, &database->db, flags, NULL) != SQLITE_OK)
		return database_fail(database, "opening");
	sqlite3_busy_timeout(database->db, BUSY_TIMEOUT_MS);
	return database_execute(
		database, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
			  "PRAGMA cache_size=-1024; PRAGMA wal_autocheckpoint=256;");
}

int database_open(const char *path, struct database **ret_database)
{
	struct database *database = calloc(1, sizeof(*database));
	int r;

	if (!database)
		return -ENOMEM;
	r = set_up(database, path);
	if (r)
		database_close(database);
	else
		*ret_database = database;
	return r;
}

void database_close(struct database *database)
{
	if (!database)
		return;
	sqlite3_close(database->db);
	free(database);
}

/* --- statements --- */

int statement_prepare(struct database *database, const char *sql,
		      struct statement **ret_statement)
{
	struct statement *statement = calloc(1, sizeof(*statement));

	if (!statement)
		return -ENOMEM;
	statement->database = database;
	if (sqlite3_prepare_v2(database->db, sql, -1, &statement->handle, NULL) !=
	    SQLITE_OK) {
		free(statement);
		return database_fail(database, "preparing");
	}
	*ret_statement = statement;
	return 0;
}

void statement_destroy(struct statement *statement)
{
	if (!statement)
		return;
	sqlite3_finalize(statement->handle);
	free(statement);
}

static void check_bound(struct statement *statement, int result)
{
	if (result != SQLITE_OK)
		statement->failure = -ENOMEM;
}

void statement_bind_text(struct statement *statement, const char *text)
{
	check_bound(statement, sqlite3_bind_text(statement->handle, ++statement->column,
						 text, -1, SQLITE_STATIC));
}

void statement_bind_int(struct statement *statement, int64_t value)
{
	check_bound(statement,
		    sqlite3_bind_int64(statement->handle, ++statement->column, value));
}

int statement_run(struct statement *statement, const char *doing)
{
	int result = statement->failure ? SQLITE_NOMEM : sqlite3_step(statement->handle);
	int r = result == SQLITE_DONE ? 0 : database_fail(statement->database, doing);

	sqlite3_reset(statement->handle);
	sqlite3_clear_bindings(statement->handle);
	statement->column = statement->failure = 0;
	return r;
}

int statement_step(struct statement *statement, const char *doing)
{
	int result = statement->failure ? SQLITE_NOMEM : sqlite3_step(statement->handle);

	statement->column = statement->failure = 0;
	if (result == SQLITE_ROW)
		return 1;
	return result == SQLITE_DONE ? 0 : database_fail(statement->database, doing);
}

const char *statement_text(struct statement *statement)
{
	int column = statement->column++;
	bool is_null = sqlite3_column_type(statement->handle, column) == SQLITE_NULL;
	const char *text = (const char *)sqlite3_column_text(statement->handle, column);

	if (!text && !is_null)
		statement->failure = -ENOMEM;
	return text;
}

int64_t statement_int(struct statement *statement)
{
	return sqlite3_column_int64(statement->handle, statement->column++);
}

int statement_failure(const struct statement *statement)
{
	return statement->failure;
}
