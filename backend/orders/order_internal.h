/*
 * An order: one request on its way out. The backend's thread owns it;
 * any thread may make one.
 *
 * order.c: its life.   limits.c: what holds it back.   build.c: writing the
 * request down.   outcome.c: what became of it.   sender.c: the turn.
 */
#ifndef SEEDANCEFS_BACKEND_ORDERS_ORDER_INTERNAL_H
#define SEEDANCEFS_BACKEND_ORDERS_ORDER_INTERNAL_H

#include "backend/base/digest.h"
#include "backend/base/timers.h"
#include "backend/core/command.h"
#include "backend/http/message.h"
#include "backend/orders/sender.h"
#include "backend/providers/provider.h"
#include "backend/tasks/task.h"

#define ORDER_RETRY_FIRST_MS 1000
#define ORDER_RETRY_LAST_MS 60000

enum order_stage {
	ORDER_WAITS,  /* for its turn, the limits, or a retry */
	ORDER_MARKED, /* the task is `submitting` in memory; the intent is not durable yet
		       */
	ORDER_SENT,   /* the request is on its way */
	ORDER_ANSWERED, /* what became of it is to be put down yet: there was no memory */
};

struct order {
	struct command command;
	struct backend *backend;
	struct order *next;
	enum order_stage stage;
	uint64_t number, token;
	uint64_t edits; /* of the task's files, before they were read */
	struct request *request;
	char digest[SHA256_HEX];
	struct locked_file *locked;
	size_t locked_count;
	struct task_place place;
	const struct provider_section *section;
	struct inputs *inputs;	  /* what it needs from elsewhere */
	struct http_request http; /* as it was built last */
	int64_t built_ms;	  /* boot clock; 0: not yet */
	/* What became of it, until that is put down. */
	struct http_response response; /* to be read; its body is taken */
	struct create_answer answer;
	bool is_read, goes_back; /* it did not arrive, and goes out again … */
	char *waiting;		 /* … because of this */
	unsigned failures;
	int64_t not_before_ms; /* boot clock */
	struct timer timer;
};

struct sender {
	struct order *orders; /* in the order they came */
	int64_t *
		intents; /* wall clock of the creates sent in the last hour, oldest first */
	size_t intent_count;
};

/* --- order.c --- */
void order_drop(struct backend *backend, struct order *order);
/* It is not looked at for so long. */
void order_wait(struct order *order, int64_t wait_ms);
/* Whether it is still what its task waits for. */
bool order_stands(const struct order *order, const struct task_view *view);

/* --- limits.c --- */
int budget_add(void *context, int64_t intent_ms);
/* An order that certainly did not arrive costs nothing of the budget. */
void budget_take_back(struct backend *backend, int64_t intent_ms);
/* Why the order may not go out now: a line for `waiting:`, or NULL. */
char *budget_holds(struct backend *backend, struct order *order);

/* --- build.c --- */
/*
 * Builds the request, with all that it needs from elsewhere. 0; -EAGAIN: not all is there
 * yet, *ret_waiting (free() it) tells why; -EINVAL with the problem set; -ESTALE: the
 * folder must be read again; -errno.
 */
int order_build(struct order *order, char **ret_waiting, struct problem *problem);

/* --- outcome.c --- */
/* The end of the create's call: http_options.done. */
void order_answered(void *context, struct http_response *response);
void order_not_sent(struct order *order, const char *failure);
/* Certain that it did not arrive: it goes out again in `wait_ms`. Takes the text. */
void order_send_again(struct order *order, char *waiting, int64_t wait_ms);
/* Puts the outcome down, and ends the order unless it waits again. */
void order_conclude(struct order *order);

#endif
