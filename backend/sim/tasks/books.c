#include "backend/sim/tasks/books.h"

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/log.h"

#include <sqlite3.h>

#include <errno.h>
#include <string.h>
#include <sys/random.h>

struct books {
	sqlite3 *database;
};

static const char schema[] =
	"PRAGMA journal_mode=WAL;"
	"PRAGMA synchronous=NORMAL;"
	"CREATE TABLE IF NOT EXISTS tasks("
	" id TEXT PRIMARY KEY, created_ms INTEGER NOT NULL, json TEXT NOT NULL) WITHOUT "
	"ROWID;"
	"CREATE TABLE IF NOT EXISTS secrets(name TEXT PRIMARY KEY, value BLOB NOT NULL);";

static int fail(struct books *books, const char *doing)
{
	log_error("books doing=%s error=%s", doing, sqlite3_errmsg(books->database));
	return -EIO;
}

static void finalize(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
}

static int prepare(struct books *books, const char *sql, sqlite3_stmt **ret)
{
	if (sqlite3_prepare_v2(books->database, sql, -1, ret, NULL) != SQLITE_OK)
		return fail(books, "prepare");
	return 0;
}

int books_open(const char *directory, struct books **ret_books)
{
	AUTOBUFFER path = BUFFER_INIT(4096);
	struct books *books;
	int r = 0;

	if (buffer_addf(&path, "%s/tasks.db", directory))
		return buffer_error(&path);
	books = calloc(1, sizeof(*books));
	if (!books)
		return -ENOMEM;
	if (sqlite3_open_v2(path.data, &books->database,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
				    SQLITE_OPEN_FULLMUTEX,
			    NULL) != SQLITE_OK)
		r = fail(books, "open");
	else if (sqlite3_exec(books->database, schema, NULL, NULL, NULL) != SQLITE_OK)
		r = fail(books, "schema");
	if (r) {
		books_close(books);
		return r;
	}
	*ret_books = books;
	return 0;
}

void books_close(struct books *books)
{
	if (!books)
		return;
	sqlite3_close(books->database);
	free(books);
}

int books_put(struct books *books, const char *id, int64_t created_ms, const char *json)
{
	CLEANUP(finalize) sqlite3_stmt *statement = NULL;
	int r = prepare(books, "INSERT OR REPLACE INTO tasks VALUES(?,?,?)", &statement);

	if (r)
		return r;
	sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 2, created_ms);
	sqlite3_bind_text(statement, 3, json, -1, SQLITE_STATIC);
	return sqlite3_step(statement) == SQLITE_DONE ? 0 : fail(books, "put");
}

int books_remove(struct books *books, const char *id)
{
	CLEANUP(finalize) sqlite3_stmt *statement = NULL;
	int r = prepare(books, "DELETE FROM tasks WHERE id=?", &statement);

	if (r)
		return r;
	sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC);
	return sqlite3_step(statement) == SQLITE_DONE ? 0 : fail(books, "remove");
}

int books_each(struct books *books,
	       int (*visit)(void *context, const char *id, const char *json),
	       void *context)
{
	CLEANUP(finalize) sqlite3_stmt *statement = NULL;
	int r = prepare(books, "SELECT id,json FROM tasks ORDER BY created_ms,id",
			&statement);
	int step;

	if (r)
		return r;
	while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
		const char *id = (const char *)sqlite3_column_text(statement, 0);
		const char *json = (const char *)sqlite3_column_text(statement, 1);

		r = id && json ? visit(context, id, json) : -ENOMEM;
		if (r < 0)
			return r;
	}
	return step == SQLITE_DONE ? 0 : fail(books, "each");
}

static int make_key(struct books *books)
{
	CLEANUP(finalize) sqlite3_stmt *statement = NULL;
	unsigned char key[BOOKS_KEY_BYTES];
	int r = prepare(books, "INSERT OR IGNORE INTO secrets VALUES('links',?)",
			&statement);

	if (r)
		return r;
	if (getrandom(key, sizeof(key), 0) != sizeof(key))
		return -EIO;
	sqlite3_bind_blob(statement, 1, key, sizeof(key), SQLITE_STATIC);
	return sqlite3_step(statement) == SQLITE_DONE ? 0 : fail(books, "key");
}

int books_key(struct books *books, unsigned char key[BOOKS_KEY_BYTES])
{
	CLEANUP(finalize) sqlite3_stmt *statement = NULL;
	int r = make_key(books);

	if (!r)
		r = prepare(books, "SELECT value FROM secrets WHERE name='links'",
			    &statement);
	if (r)
		return r;
	if (sqlite3_step(statement) != SQLITE_ROW ||
	    sqlite3_column_bytes(statement, 0) != BOOKS_KEY_BYTES)
		return fail(books, "key");
	memcpy(key, sqlite3_column_blob(statement, 0), BOOKS_KEY_BYTES);
	return 0;
}
