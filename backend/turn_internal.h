/*
 * The backend's thread: turn.c (its turns) and revive.c (what it finds at the start).
 *
 * One turn:
 *   transfers → the writer's news → commands from other threads → timers → orders that
 * may go out (intents) → one commit of all that changed → only then are requests of new
 * intents sent, and the folder side is told.
 */
#ifndef SEEDANCEFS_BACKEND_TURN_INTERNAL_H
#define SEEDANCEFS_BACKEND_TURN_INTERNAL_H

#include <stdbool.h>

struct backend;
struct turn;

/* --- turn.c --- */
int turn_create(struct turn **ret_turn);
void turn_destroy(struct turn *turn);
int turn_start(struct backend *backend);
/* Ends the thread: from here on the caller's is the backend's. False: it never ran. */
bool turn_stop(struct backend *backend);
/* One durable commit of everything that changed; only then is anything sent or told. */
void turn_save(struct backend *backend);
/* Numbers for tasks to come, if few are left. */
void turn_refill_numbers(struct backend *backend);
/* Every folder of a copied library was seen. Backend thread only. */
void turn_library_seen(struct backend *backend);

/* --- revive.c --- */
/* Opens the ledger, loads every task, and goes on with those that go on. */
int revive_tasks(struct backend *backend);

#endif
