/*
 * The books: tasks as JSON texts in SQLite (WAL), and the key that signs links. The only
 * module of the simulator that includes sqlite3. A stored task survives a kill at any
 * moment; a power cut may lose the last ones.
 *
 * Not thread-safe: one caller at a time (tasks.c calls it under its lock).
 */
#ifndef SEEDANCE_SIM_TASKS_BOOKS_H
#define SEEDANCE_SIM_TASKS_BOOKS_H

#include <stdint.h>

#define BOOKS_KEY_BYTES 32

struct books;

int books_open(const char *directory, struct books **ret_books);
void books_close(struct books *books);

int books_put(struct books *books, const char *id, int64_t created_ms, const char *json);
int books_remove(struct books *books, const char *id);
/* Oldest first. Stops at the first negative result of `visit` and returns it. */
int books_each(struct books *books,
	       int (*visit)(void *context, const char *id, const char *json),
	       void *context);
/* The same bytes at each call, chosen at random when the books are created. */
int books_key(struct books *books, unsigned char key[BOOKS_KEY_BYTES]);

#endif
