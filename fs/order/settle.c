#include "fs/order/settle_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/thread.h"
#include "fs/folder/folder.h"
#include "fs/kernel/parked_reads.h"
#include "fs/thumbnails/thumbnails.h"
#include "fs/folder/recovery_walk.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define READERS_MS 1000

/* A folder to be looked at. */
struct due {
	struct due *next;
	struct settle_wish wish;
	int64_t at_ms; /* boot clock */
};

struct settler {
	struct filesystem *fs; /* set when made */
	pthread_t thread;
	bool is_started;

	pthread_mutex_t lock;
	pthread_cond_t changed, walked;
	/* Guarded by lock. */
	struct due *dues;
	uint64_t looking; /* the folder that is being looked at; 0: none */
	bool was_poked;	  /* something happened in it since */
	bool is_stopping, is_walked, watches_readers;
};

int settler_create(struct filesystem *fs, struct settler **ret_settler)
{
	struct settler *settler = calloc(1, sizeof(*settler));
	pthread_condattr_t monotonic;

	if (!settler)
		return -ENOMEM;
	settler->fs = fs;
	pthread_mutex_init(&settler->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&settler->changed, &monotonic);
	pthread_cond_init(&settler->walked, &monotonic);
	pthread_condattr_destroy(&monotonic);
	*ret_settler = settler;
	return 0;
}

void settler_destroy(struct settler *settler)
{
	if (!settler)
		return;
	while (settler->dues) {
		struct due *due = settler->dues;

		settler->dues = due->next;
		free(due);
	}
	pthread_cond_destroy(&settler->walked);
	pthread_cond_destroy(&settler->changed);
	pthread_mutex_destroy(&settler->lock);
	free(settler);
}

/* --- what is due --- */

/* The lock is held. */
static struct due *find_due(const struct settler *settler, uint64_t number)
{
	struct due *due = settler->dues;

	while (due && due->wish.number != number)
		due = due->next;
	return due;
}

/* The lock is held. NULL without memory:
 * the next thing that happens in the folder pokes again. */
static struct due *add_due(struct settler *settler, uint64_t number)
{
	struct due *due = calloc(1, sizeof(*due));

	if (!due)
		return NULL;
	due->wish.number = number;
	due->at_ms = INT64_MAX;
	due->next = settler->dues;
	settler->dues = due;
	return due;
}

/* What was wished for before stays so. The lock is held. Returns whether it is new. */
static bool put_due(struct settler *settler, const struct settle_wish *wish,
		    int64_t at_ms)
{
	struct due *due = find_due(settler, wish->number);
	bool is_new = !due;

	if (!due)
		due = add_due(settler, wish->number);
	if (!due)
		return false;
	due->wish.is_now = due->wish.is_now || wish->is_now;
	due->wish.is_wanted = due->wish.is_wanted || wish->is_wanted;
	if (at_ms < due->at_ms)
		due->at_ms = at_ms;
	pthread_cond_signal(&settler->changed);
	return is_new;
}

/* The person's word was about what was there then:
 * what comes now settles. The lock is held. */
static void end_haste(struct settler *settler, uint64_t number)
{
	struct due *due = find_due(settler, number);

	if (due)
		due->wish.is_now = false;
	if (settler->looking == number)
		settler->was_poked = true;
}

static bool put_poke(struct settler *settler, uint64_t number)
{
	int64_t settle_ms = backend_config(settler->fs->backend)->settle_ms;
	struct settle_wish wish = { .number = number };
	SCOPED_LOCK(&settler->lock);

	end_haste(settler, number);
	return put_due(settler, &wish, clock_boot_ms() + settle_ms);
}

void settle_poke(struct settler *settler, uint64_t number)
{
	folder_waits_no_more(settler->fs, number);
	if (put_poke(settler, number))
		folder_set_waiting(settler->fs, number, NULL);
}

void settle_now(struct settler *settler, uint64_t number)
{
	struct settle_wish wish = { number, true, true };

	folder_waits_no_more(settler->fs, number);
	SCOPED_LOCK(&settler->lock);
	put_due(settler, &wish, clock_boot_ms());
}

void settle_look_soon(void *context, uint64_t number)
{
	struct settler *settler = context;
	struct settle_wish wish = { .number = number };
	SCOPED_LOCK(&settler->lock);

	put_due(settler, &wish, clock_boot_ms());
}

/* It was sent, refused or cancelled: what was wished for is done. */
static void forget_wish(struct settler *settler, uint64_t number)
{
	SCOPED_LOCK(&settler->lock);
	struct due *due = find_due(settler, number);

	if (due)
		due->wish.is_now = due->wish.is_wanted = false;
}

void settle_changed(struct settler *settler, uint64_t number)
{
	struct filesystem *fs = settler->fs;
	AUTOVIEW *view = backend_task_view(fs->backend, number);

	/* An order was given back: its folder is read again. */
	if (view && view->state == TASK_PENDING && !view->order)
		settle_look_soon(settler, number);
	if (view && view->state != TASK_PENDING) {
		folder_waits_no_more(fs, number);
		forget_wish(settler, number);
	}
	folder_each_waiting(fs, number, settle_look_soon, settler);
	folder_each_in_loop(fs, settle_look_soon, settler);
}

void settle_watch_readers(struct settler *settler)
{
	SCOPED_LOCK(&settler->lock);

	if (settler->watches_readers)
		return;
	settler->watches_readers = true;
	pthread_cond_signal(&settler->changed);
}

/* --- the thread --- */

/* Takes out one that is due, or tells when the next one is. The lock is held. */
static struct due *take_due(struct settler *settler, int64_t now_ms, int64_t *ret_next_ms)
{
	*ret_next_ms = INT64_MAX;
	for (struct due **at = &settler->dues; *at; at = &(*at)->next) {
		struct due *due = *at;

		if (due->at_ms <= now_ms) {
			*at = due->next;
			settler->looking = due->wish.number;
			settler->was_poked = false;
			return due;
		}
		if (due->at_ms < *ret_next_ms)
			*ret_next_ms = due->at_ms;
	}
	return NULL;
}

/* A moment that far ahead, on the conditions' clock. */
static struct timespec moment_in(int64_t ms)
{
	struct timespec moment;

	clock_gettime(CLOCK_MONOTONIC, &moment);
	moment.tv_sec += ms / 1000;
	moment.tv_nsec += ms % 1000 * 1000000;
	if (moment.tv_nsec >= 1000000000) {
		moment.tv_nsec -= 1000000000;
		moment.tv_sec++;
	}
	return moment;
}

static void wait_until(struct settler *settler, int64_t at_ms)
{
	struct timespec until;
	int64_t left_ms = at_ms - clock_boot_ms();

	if (at_ms == INT64_MAX || left_ms > 60000)
		left_ms = 60000;
	if (left_ms <= 0)
		return;
	until = moment_in(left_ms);
	pthread_cond_timedwait(&settler->changed, &settler->lock, &until);
}

bool settler_wait_walk(struct settler *settler, int64_t most_ms)
{
	struct timespec until = moment_in(most_ms);
	int r = 0;
	SCOPED_LOCK(&settler->lock);

	while (!settler->is_walked && !r)
		r = pthread_cond_timedwait(&settler->walked, &settler->lock, &until);
	return settler->is_walked;
}

static int64_t look_after_readers(struct settler *settler, int64_t next_ms)
{
	struct parked_reads *parked = settler->fs->parked;
	bool is_empty;

	if (clock_boot_ms() < next_ms)
		return next_ms;
	parked_reads_reap(parked);
	is_empty = parked_reads_is_empty(parked);
	SCOPED_LOCK(&settler->lock);
	if (is_empty)
		settler->watches_readers = false;
	return clock_boot_ms() + READERS_MS;
}

static void handle_due(struct settler *settler, struct due *due)
{
	int64_t again_ms = settle_look(settler->fs, &due->wish);

	pthread_mutex_lock(&settler->lock);
	settler->looking = 0;
	due->wish.is_now = due->wish.is_now && !settler->was_poked;
	if (again_ms)
		put_due(settler, &due->wish, clock_boot_ms() + again_ms);
	pthread_mutex_unlock(&settler->lock);
	free(due);
}

static void look_at_library(struct settler *settler)
{
	if (recovery_walk(settler->fs, &settler->is_stopping, &settler->lock)) {
		backend_library_seen(settler->fs->backend);
		thumbnails_walked(settler->fs->thumbnails);
	}
	SCOPED_LOCK(&settler->lock);
	settler->is_walked = true;
	pthread_cond_broadcast(&settler->walked);
}

static void *settler_run(void *context)
{
	struct settler *settler = context;
	int64_t readers_ms = 0;

	look_at_library(settler);
	for (;;) {
		struct due *due;
		int64_t next_ms;
		bool watches;

		pthread_mutex_lock(&settler->lock);
		due = take_due(settler, clock_boot_ms(), &next_ms);
		watches = settler->watches_readers;
		if (watches && readers_ms < next_ms)
			next_ms = readers_ms;
		if (!due && !settler->is_stopping)
			wait_until(settler, next_ms);
		if (settler->is_stopping) {
			pthread_mutex_unlock(&settler->lock);
			free(due);
			return NULL;
		}
		pthread_mutex_unlock(&settler->lock);
		if (due)
			handle_due(settler, due);
		if (watches)
			readers_ms = look_after_readers(settler, readers_ms);
	}
}

int settler_start(struct settler *settler)
{
	int r = thread_start(&settler->thread, settler_run, settler);

	settler->is_started = r == 0;
	return r;
}

void settler_stop(struct settler *settler)
{
	if (!settler->is_started)
		return;
	pthread_mutex_lock(&settler->lock);
	settler->is_stopping = true;
	pthread_cond_signal(&settler->changed);
	pthread_mutex_unlock(&settler->lock);
	pthread_join(settler->thread, NULL);
	settler->is_started = false;
}
