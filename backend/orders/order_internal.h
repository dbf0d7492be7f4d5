/*
 * An order: one request that is to be sent. The backend's thread owns it; any thread may
 * create one.
 *
 * order.c: life cycle.   limits.c: what holds it back.   build.c: building the request.
 * outcome.c: handling the result.   sender.c: the turn.
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
	ORDER_SENT,   /* the request is in flight */
	ORDER_ANSWERED, /* the outcome is not stored yet, because memory ran out */
};

struct order {
	struct command command;
	struct backend *backend;
	struct order *next;
	enum order_stage stage;
	uint64_t number, token;
	uint64_t edits; /* edit count of the task's files, taken before they were read */
	struct request *request;
	char digest[SHA256_HEX];
	struct locked_file *locked;
	size_t locked_count;
	struct task_place place;
	const struct provider_section *section;
	struct inputs *inputs;	  /* inputs from elsewhere */
	struct http_request http; /* as built last */
	int64_t built_ms;	  /* boot clock; 0: not built */
	/* The outcome, until it is stored. */
	struct http_response response; /* to be parsed; owns the body */
	struct create_answer answer;
	bool is_read, goes_back; /* goes_back: it did not arrive, and is sent again … */
	char *waiting;		 /* … for this reason */
	unsigned failures;
	int64_t not_before_ms; /* boot clock */
	struct timer timer;
};

struct sender {
	struct order *orders; /* in order of arrival */
	int64_t *intents;     /* wall clock of the last hour's creates, oldest first */
	size_t intent_count;
};

/* --- order.c --- */
void order_drop(struct backend *backend, struct order *order);
/* Considers the order again after `wait_ms`. */
void order_wait(struct order *order, int64_t wait_ms);
/* Whether the task still waits for this order. */
bool order_stands(const struct order *order, const struct task_view *view);

/* --- limits.c --- */
int budget_add(void *context, int64_t intent_ms);
/* An order that certainly did not arrive does not count towards the limit. */
void budget_take_back(struct backend *backend, int64_t intent_ms);
/* Why the order may not be sent now: a text for `waiting:`, or NULL. free() it. */
char *budget_holds(struct backend *backend, struct order *order);

/* --- build.c --- */
/*
 * Builds the request, including its inputs from elsewhere. 0; -EAGAIN while an input is
 * missing, with the reason in *ret_waiting (free() it); -EINVAL with the problem set;
 * -ESTALE when the folder must be read again; -errno.
 */
int order_build(struct order *order, char **ret_waiting, struct problem *problem);

/* --- outcome.c --- */
/* http_options.done of the create. */
void order_answered(void *context, struct http_response *response);
void order_not_sent(struct order *order, const char *failure);
/*
 * The request certainly did not arrive: it is sent again after `wait_ms`. Takes the text.
 */
void order_send_again(struct order *order, char *waiting, int64_t wait_ms);
/* Stores the outcome. The order ends unless it is sent again. */
void order_conclude(struct order *order);

#endif
