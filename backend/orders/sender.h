/*
 * Orders: requests that wait to go out. A room of the backend; see core_internal.h for its turn,
 * and order_internal.h for what is inside.
 *
 * The money rule: an order leaves only from sender_send(), which runs after the commit
 * that holds its intent. It is sent again only when it is certain that the service did
 * not get it.
 */
#ifndef SEEDANCEFS_BACKEND_ORDERS_SENDER_H
#define SEEDANCEFS_BACKEND_ORDERS_SENDER_H

#include "backend/core_internal.h"

/* Copies the order and takes its request (in every case). NULL without memory. */
struct order *order_create(const struct task_order *order);
void order_destroy(struct order *order);
/* A value that no other order has: the task's view holds it while the order stands. */
uint64_t order_token(const struct order *order);
/* The command that hands it to the backend's thread. */
struct command *order_command(struct order *order);

/* `invalid`: refused before anything was sent. In tasks_begin() … tasks_commit(). */
void order_enter_invalid(struct task_view *view, const struct problem *problem,
			 const char *digest);

#endif
