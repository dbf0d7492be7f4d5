/*
 * The ledger: every task and every attempt, in SQLite.
 *
 * WAL and synchronous=FULL: a commit that returned has survived a power cut (NORMAL lost
 * all of 200 acknowledged inserts when it was tried). One thread at a time: the creator
 * until the backend's thread starts, then that thread alone.
 */
#ifndef SEEDANCEFS_BACKEND_LEDGER_LEDGER_H
#define SEEDANCEFS_BACKEND_LEDGER_LEDGER_H

#include "backend/tasks/task.h"

struct ledger;

/*
 * Opens or creates `path`. *ret_was_copied tells that the ledger was last written on
 * another machine or in another place: unsent tasks must then not go out by themselves.
 * It goes on telling so until ledger_confirm_home(). Errors are logged. Returns 0, -EIO,
 * -EPROTO (made by a newer version) or -ENOMEM.
 */
int ledger_open(const char *path, struct ledger **ret_ledger, bool *ret_was_copied);
void ledger_close(struct ledger *ledger);

/* This is the ledger's place now: call it when the unsent tasks of a copy, also those
 * that only their folders know of, were marked and saved. */
int ledger_confirm_home(struct ledger *ledger);

/* Calls `found` with each task, in the order of their numbers; it takes the reference. */
int ledger_load(struct ledger *ledger,
		int (*found)(void *context, struct task_view *view), void *context);

/* Whether any attempt of any task has this id at its service. */
bool ledger_knows_id(struct ledger *ledger, const char *id);

/* Reserves `count` numbers that were never used; durable when it returns. */
int ledger_reserve_numbers(struct ledger *ledger, unsigned count, uint64_t *ret_first);

/* Times (wall clock, ms) of the creates sent since `since_ms`, oldest first. */
int ledger_load_intents(struct ledger *ledger, int64_t since_ms,
			int (*found)(void *context, int64_t intent_ms), void *context);

/*
 * Writes the tasks, and an attempt's row for each that has one, in one durable commit.
 * All or none. Returns 0, -EIO or -ENOMEM; the reason is in ledger_error() until the next call.
 */
int ledger_save(struct ledger *ledger, struct task_view *const *views, size_t count);
const char *ledger_error(const struct ledger *ledger);

/* A random name of this library, made with it: 32 hexadecimal digits. */
const char *ledger_library_id(const struct ledger *ledger);

#endif
