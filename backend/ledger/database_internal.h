/*
 * A database and its statements: the only file behind this header includes sqlite3. For
 * the files of the ledger alone, one thread at a time.
 *
 * WAL and synchronous=FULL: a commit that returned has survived a power cut (NORMAL lost
 * all of 200 acknowledged inserts when it was tried).
 */
#ifndef SEEDANCEFS_BACKEND_LEDGER_DATABASE_INTERNAL_H
#define SEEDANCEFS_BACKEND_LEDGER_DATABASE_INTERNAL_H

#include <stdint.h>

struct database;
struct statement;

/* Opens or creates. 0, -EIO or -ENOMEM. */
int database_open(const char *path, struct database **ret_database);
void database_close(struct database *database); /* NULL is fine; after its statements */
/* Runs statements without values and without rows. 0 or -EIO. */
int database_execute(struct database *database, const char *sql);
/* Ends a transaction that failed, if one is open. */
void database_roll_back(struct database *database);
/* Notes and logs what failed, in SQLite's own words. Returns -EIO. */
int database_fail(struct database *database, const char *doing);
/* What failed last. */
const char *database_error(const struct database *database);

/* 0, -EIO or -ENOMEM. */
int statement_prepare(struct database *database, const char *sql,
		      struct statement **ret_statement);
void statement_destroy(struct statement *statement); /* NULL is fine */

/* Binds the next value; the text is borrowed until the statement ran, and may be NULL. */
void statement_bind_text(struct statement *statement, const char *text);
void statement_bind_int(struct statement *statement, int64_t value);
/*
 * Runs a statement without rows, unless one of its values could not be bound. It may be
 * bound and run again. 0 or -EIO; `doing` tells what.
 */
int statement_run(struct statement *statement, const char *doing);

/* The next row: 1; 0: there is none; -EIO. */
int statement_step(struct statement *statement, const char *doing);
/* The row's next value. A text is valid until the next step. */
const char *statement_text(struct statement *statement);
int64_t statement_int(struct statement *statement);
/* -ENOMEM when a text of this row could not be read, else 0. */
int statement_failure(const struct statement *statement);

static inline void statement_cleanup(struct statement **statement)
{
	statement_destroy(*statement);
}
#define AUTOSTATEMENT __attribute__((cleanup(statement_cleanup))) struct statement

#endif
