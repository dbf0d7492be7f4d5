/*
 * The backend's thread: its turns (turn.c), and the start (revive.c).
 *
 * One turn:
 *   transfers → results of the writer → commands of other threads → timers → orders that
 *   may be sent (intents) → one commit of all changes → then the requests of the new
 *   intents are sent, and the folder side is notified.
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
/*
 * Ends the thread. From then on the caller's thread counts as the backend's. Returns
 * false if the thread never ran.
 */
bool turn_stop(struct backend *backend);
/*
 * Saves all changes in one durable commit. Only then are requests sent and events
 * reported.
 */
void turn_save(struct backend *backend);
/* Reserves task numbers if few are left. */
void turn_refill_numbers(struct backend *backend);
/* Every folder of a copied library was visited. Backend thread only. */
void turn_library_seen(struct backend *backend);

/* --- revive.c --- */
/* Opens the ledger, loads every task, and resumes the active ones. */
int revive_tasks(struct backend *backend);

#endif
