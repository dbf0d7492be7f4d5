/*
 * A database and its statements. database.c is the only file of the backend that includes
 * sqlite3. Only for the files of backend/ledger/; one thread at a time.
 *
 * The database uses WAL and synchronous=FULL: a commit that has returned survives a power
 * cut. (NORMAL lost all of 200 acknowledged inserts in a test.)
 */
#ifndef SEEDANCEFS_BACKEND_LEDGER_DATABASE_INTERNAL_H
#define SEEDANCEFS_BACKEND_LEDGER_DATABASE_INTERNAL_H

#include <stdint.h>

struct database;
struct statement;

/* Opens or creates the file. 0, -EIO or -ENOMEM. */
int database_open(const char *path, struct database **ret_database);
void database_close(struct database *database); /* NULL is fine; after its statements */
/* Runs SQL without parameters and without result rows. 0 or -EIO. */
int database_execute(struct database *database, const char *sql);
/* Rolls back a failed transaction, if one is open. */
void database_roll_back(struct database *database);
/* Stores and logs SQLite's error message. Returns -EIO. */
int database_fail(struct database *database, const char *doing);
/* The message of the last failure. */
const char *database_error(const struct database *database);

/* 0, -EIO or -ENOMEM. */
int statement_prepare(struct database *database, const char *sql,
		      struct statement **ret_statement);
void statement_destroy(struct statement *statement); /* NULL is fine */

/*
 * Binds the next parameter. The text is borrowed until the statement has run; it may be
 * NULL.
 */
void statement_bind_text(struct statement *statement, const char *text);
void statement_bind_int(struct statement *statement, int64_t value);
/*
 * Runs a statement without result rows; fails if a parameter could not be bound. It can
 * be bound and run again. `doing` describes it for messages. 0 or -EIO.
 */
int statement_run(struct statement *statement, const char *doing);

/* Steps to the next row. Returns 1, 0 after the last row, or -EIO. */
int statement_step(struct statement *statement, const char *doing);
/* The row's next column. A text is valid until the next step. */
const char *statement_text(struct statement *statement);
int64_t statement_int(struct statement *statement);
/* -ENOMEM if a text of this row could not be read, else 0. */
int statement_failure(const struct statement *statement);

static inline void statement_cleanup(struct statement **statement)
{
	statement_destroy(*statement);
}
#define AUTOSTATEMENT __attribute__((cleanup(statement_cleanup))) struct statement

#endif
