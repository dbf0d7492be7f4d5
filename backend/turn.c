/*
 * The backend's thread and its turns.
 */
#include "backend/turn_internal.h"

#include "backend/backend.h"
#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/thread.h"
#include "backend/core/core.h"
#include "backend/http/http.h"
#include "backend/ledger/ledger.h"
#include "backend/media/stream/stream.h"
#include "backend/orders/sender.h"

#include <errno.h>
#include <stdatomic.h>

#define NUMBERS_AT_ONCE 1024
#define NUMBERS_LOW 512
#define NUMBERS_WAIT_MS 5000
#define LEDGER_RETRY_MS 2000
#define LONGEST_WAIT_MS 60000
#define LAST_ANSWER_MS 5000 /* how long stopping waits for a create's answer */

struct turn {
	/* Only the thread that starts and stops the backend's thread. */
	pthread_t thread;
	bool is_started;

	/* Any thread. */
	atomic_bool is_stopping;
	pthread_mutex_t numbers_lock;
	pthread_cond_t numbers_came; /* signalled with numbers_lock */

	/* Backend thread only. */
	struct timer ledger_retry;
	bool is_seen; /* the home of a copied library must be confirmed */
};

static void ledger_retry_due(void *context)
{
	(void)context; /* the timer only causes a turn, which saves */
}

int turn_create(struct turn **ret_turn)
{
	struct turn *turn = calloc(1, sizeof(*turn));

	if (!turn)
		return -ENOMEM;
	atomic_init(&turn->is_stopping, false);
	pthread_mutex_init(&turn->numbers_lock, NULL);
	thread_condition_init(&turn->numbers_came);
	timer_init(&turn->ledger_retry, ledger_retry_due, NULL);
	*ret_turn = turn;
	return 0;
}

void turn_destroy(struct turn *turn)
{
	if (!turn)
		return;
	pthread_mutex_destroy(&turn->numbers_lock);
	pthread_cond_destroy(&turn->numbers_came);
	free(turn);
}

/* --- task numbers --- */

void turn_refill_numbers(struct backend *backend)
{
	uint64_t first;

	if (tasks_numbers_left(backend->tasks) > NUMBERS_LOW)
		return;
	if (ledger_reserve_numbers(backend->ledger, NUMBERS_AT_ONCE, &first))
		return;
	tasks_give_numbers(backend->tasks, first, NUMBERS_AT_ONCE);
	pthread_mutex_lock(&backend->turn->numbers_lock);
	pthread_cond_broadcast(&backend->turn->numbers_came);
	pthread_mutex_unlock(&backend->turn->numbers_lock);
}

/* Waits only for the local disk: reserving a block of numbers is one small commit. */
int backend_task_reserve(struct backend *backend, uint64_t *ret_number)
{
	struct turn *turn = backend->turn;
	struct timespec until = thread_moment_in(NUMBERS_WAIT_MS);

	for (;;) {
		uint64_t number = tasks_take_number(backend->tasks);
		int r;

		if (number) {
			*ret_number = number;
			return 0;
		}
		backend_wake(backend);
		pthread_mutex_lock(&turn->numbers_lock);
		r = tasks_numbers_left(backend->tasks)
			    ? 0
			    : pthread_cond_timedwait(&turn->numbers_came,
						     &turn->numbers_lock, &until);
		pthread_mutex_unlock(&turn->numbers_lock);
		if (r)
			return -EAGAIN;
	}
}

/* --- the commit --- */

static void tell(struct backend *backend, struct task_view **views, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		backend->events.task_changed(backend->events.context, views[i]->number);
		task_view_unref(views[i]);
	}
	free(views);
}

void turn_save(struct backend *backend)
{
	size_t count = 0;
	struct task_view **views;
	int r = tasks_take_dirty(backend->tasks, &views, &count);

	if (!r && views)
		r = ledger_save(backend->ledger, views, count);
	if (r) {
		sender_unsend(backend);
		tasks_return_dirty(backend->tasks, views, count);
		backend->ledger_is_failing = true;
		timer_set(&backend->timers, &backend->turn->ledger_retry,
			  clock_boot_ms() + LEDGER_RETRY_MS);
		return;
	}
	if (backend->ledger_is_failing && views) {
		log_info("event=ledger_recovered");
		backend_wake(backend); /* orders wait for the ledger */
	}
	if (views)
		backend->ledger_is_failing = false;
	if (backend->turn->is_seen && !ledger_confirm_home(backend->ledger)) {
		backend->turn->is_seen = false;
		log_info("event=library_at_home");
	}
	sender_send(backend);
	tell(backend, views, count);
}

void turn_library_seen(struct backend *backend)
{
	backend->turn->is_seen = true;
}

/* --- the thread --- */

static bool is_stopping(struct backend *backend)
{
	return atomic_load(&backend->turn->is_stopping);
}

static int64_t time_to_wait(struct backend *backend)
{
	int64_t left = timers_next(&backend->timers) - clock_boot_ms();

	if (is_stopping(backend) && left > 100)
		return 100;
	if (left < 0)
		return 0;
	return left > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : left;
}

/*
 * A create in flight would become `unknown` when the program ends. Its answer usually
 * arrives soon, so stopping waits up to LAST_ANSWER_MS for it.
 */
static bool may_end(struct backend *backend, int64_t *end_ms)
{
	if (!is_stopping(backend))
		return false;
	if (!*end_ms) {
		*end_ms = clock_boot_ms() + LAST_ANSWER_MS;
		sender_unsend(backend);
	}
	return !sender_is_sending(backend) || clock_boot_ms() >= *end_ms;
}

static void *turn_run(void *context)
{
	struct backend *backend = context;
	int64_t end_ms = 0;

	while (!may_end(backend, &end_ms)) {
		http_turn(backend->http, time_to_wait(backend));
		media_written(backend);
		backend_run_commands(backend);
		timers_run(&backend->timers, clock_boot_ms());
		if (!end_ms && !is_stopping(backend))
			sender_turn(backend);
		turn_refill_numbers(backend);
		if (!timer_is_set(&backend->turn->ledger_retry))
			turn_save(backend);
	}
	return NULL;
}

int turn_start(struct backend *backend)
{
	struct turn *turn = backend->turn;
	int r = thread_start(&turn->thread, turn_run, backend);

	turn->is_started = r == 0;
	return r;
}

bool turn_stop(struct backend *backend)
{
	struct turn *turn = backend->turn;

	if (!turn->is_started)
		return false;
	atomic_store(&turn->is_stopping, true);
	backend_wake(backend);
	pthread_join(turn->thread, NULL);
	turn->is_started = false;
	return true;
}
