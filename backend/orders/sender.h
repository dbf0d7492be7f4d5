/*
 * Orders: requests that wait to be sent. Backend thread only, except for creating an
 * order.
 *
 * The money rule: only sender_send() sends an order, and it runs after the commit that
 * stores the order's intent. A request is sent again only when it is certain that the
 * service did not receive it (fs/README.md, "Never billed twice").
 */
#ifndef SEEDANCEFS_BACKEND_ORDERS_SENDER_H
#define SEEDANCEFS_BACKEND_ORDERS_SENDER_H

#include "backend/core/core.h"
#include "backend/orders/task_order.h"
#include "backend/request/problem.h"

/*
 * Copies the order and takes its request (in every case, even on failure). NULL without
 * memory.
 */
struct order *order_create(const struct task_order *order);
void order_destroy(struct order *order);
/*
 * A value that is unique to the order. The task's view holds it while it waits for the
 * order.
 */
uint64_t order_token(const struct order *order);
/* The command that passes the order to the backend's thread. */
struct command *order_command(struct order *order);

/* Makes backend->sender. 0 or -ENOMEM. */
int sender_create(struct backend *backend);
void sender_destroy(struct backend *backend);
/* Loads the times of the creates of the last hour from the ledger. */
int sender_load_intents(struct backend *backend);
bool sender_is_sending(const struct backend *backend); /* a create is in flight */
/* Marks the orders that may be sent as `submitting`. */
void sender_turn(struct backend *backend);
/* Sends the marked orders, whose intents are durable. */
void sender_send(struct backend *backend);
/* Makes the marked orders pending again: their intents could not be made durable. */
void sender_unsend(struct backend *backend);

/*
 * Enters `invalid`: rejected before anything was sent. Call it between tasks_begin() and
 * tasks_commit().
 */
void order_enter_invalid(struct task_view *view, const struct problem *problem,
			 const char *digest);

#endif
