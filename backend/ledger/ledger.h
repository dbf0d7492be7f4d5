/*
 * The ledger: every task and every attempt, stored in SQLite.
 *
 * The database uses WAL and synchronous=FULL: a commit that has returned survives a power
 * cut. (NORMAL lost all of 200 acknowledged inserts in a test.) One thread at a time: the
 * creator until the backend's thread starts, then only that thread.
 */
#ifndef SEEDANCEFS_BACKEND_LEDGER_LEDGER_H
#define SEEDANCEFS_BACKEND_LEDGER_LEDGER_H

#include "backend/tasks/task.h"

struct ledger;

/*
 * Opens or creates `path`. *ret_was_copied is true if the ledger was last written on
 * another machine or in another place: its unsent tasks must not be sent automatically.
 * It stays true at each start until ledger_confirm_home(). Errors are logged. Returns 0,
 * -EIO, -EPROTO (created by a newer version) or -ENOMEM.
 */
int ledger_open(const char *path, struct ledger **ret_ledger, bool *ret_was_copied);
void ledger_close(struct ledger *ledger);

/*
 * Records the current place as the ledger's home. Call it after the unsent tasks of a
 * copied library were marked and saved, including those that only their folders know.
 */
int ledger_confirm_home(struct ledger *ledger);

/*
 * Calls `found` with each task, in the order of their numbers. `found` takes the
 * reference.
 */
int ledger_load(struct ledger *ledger,
		int (*found)(void *context, struct task_view *view), void *context);

/* Whether any attempt of any task has this id at its service. */
bool ledger_knows_id(struct ledger *ledger, const char *id);

/* Reserves `count` numbers that were never used. They are durable when it returns. */
int ledger_reserve_numbers(struct ledger *ledger, unsigned count, uint64_t *ret_first);

/*
 * Passes the times (wall clock, ms) of the creates sent since `since_ms` to `found`,
 * oldest first.
 */
int ledger_load_intents(struct ledger *ledger, int64_t since_ms,
			int (*found)(void *context, int64_t intent_ms), void *context);

/*
 * Writes the tasks, and the current attempt of each task that has one, in one durable
 * commit: all or none. Returns 0, -EIO or -ENOMEM. The reason is in ledger_error() until
 * the next call.
 */
int ledger_save(struct ledger *ledger, struct task_view *const *views, size_t count);
const char *ledger_error(const struct ledger *ledger);

/* The library's random name, created with the library: 32 hexadecimal digits. */
const char *ledger_library_id(const struct ledger *ledger);

#endif
