/*
 * Orders: requests that wait to go out. Backend thread only, but for making an order.
 *
 * The money rule: an order leaves only from sender_send(), which runs after the commit
 * that holds its intent. It is sent again only when it is certain that the service did
 * not get it.
 */
#ifndef SEEDANCEFS_BACKEND_ORDERS_SENDER_H
#define SEEDANCEFS_BACKEND_ORDERS_SENDER_H

#include "backend/core/core.h"
#include "backend/orders/task_order.h"
#include "backend/request/problem.h"

/* Copies the order and takes its request (in every case). NULL without memory. */
struct order *order_create(const struct task_order *order);
void order_destroy(struct order *order);
/* A value that no other order has: the task's view holds it while the order stands. */
uint64_t order_token(const struct order *order);
/* The command that hands it to the backend's thread. */
struct command *order_command(struct order *order);

/* Makes backend->sender. 0 or -ENOMEM. */
int sender_create(struct backend *backend);
void sender_destroy(struct backend *backend);
/* The creates of the last hour, from the ledger. */
int sender_load_intents(struct backend *backend);
bool sender_is_sending(const struct backend *backend); /* a create is on its way */
/* Marks what may go out as `submitting`. */
void sender_turn(struct backend *backend);
/* Their intents are durable: sends them. */
void sender_send(struct backend *backend);
/* Their intents are not durable: they are pending again. */
void sender_unsend(struct backend *backend);

/* `invalid`: refused before anything was sent. In tasks_begin() … tasks_commit(). */
void order_enter_invalid(struct task_view *view, const struct problem *problem,
			 const char *digest);

#endif
