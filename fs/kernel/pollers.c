#include "fs/kernel/pollers.h"

#include "fs/kernel/fuse.h"

#include "backend/base/cleanup.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

/* A program to wake. */
struct poller {
	struct poller *next;
	const struct handle *handle;
	uint64_t number;
	int64_t end_ms; /* boot clock: woken then in any case; INT64_MAX: never */
	struct fuse_pollhandle *poll;
};

struct pollers {
	pthread_mutex_t lock;
	struct poller *first; /* guarded by lock */
};

int pollers_create(struct pollers **ret_pollers)
{
	struct pollers *pollers = calloc(1, sizeof(*pollers));

	if (!pollers)
		return -ENOMEM;
	pthread_mutex_init(&pollers->lock, NULL);
	*ret_pollers = pollers;
	return 0;
}

static void destroy_list(struct poller *list)
{
	while (list) {
		struct poller *poller = list;

		list = poller->next;
		fuse_pollhandle_destroy(poller->poll);
		free(poller);
	}
}

void pollers_destroy(struct pollers *pollers)
{
	if (!pollers)
		return;
	destroy_list(pollers->first);
	pthread_mutex_destroy(&pollers->lock);
	free(pollers);
}

/* --- waking --- */

/* Takes out the pollers of a task (0: of any) that are due by `until_ms`, as a list. */
static struct poller *take(struct pollers *pollers, uint64_t number, int64_t until_ms)
{
	SCOPED_LOCK(&pollers->lock);
	struct poller **at = &pollers->first, *taken = NULL;

	while (*at) {
		struct poller *poller = *at;

		if ((number && poller->number != number) || poller->end_ms > until_ms) {
			at = &poller->next;
			continue;
		}
		*at = poller->next;
		poller->next = taken;
		taken = poller;
	}
	return taken;
}

static void notify(struct poller *list)
{
	for (struct poller *poller = list; poller; poller = poller->next)
		fuse_lowlevel_notify_poll(poller->poll);
	destroy_list(list);
}

void pollers_wake(struct pollers *pollers, uint64_t number)
{
	notify(take(pollers, number, INT64_MAX));
}

int64_t pollers_tick(struct pollers *pollers, int64_t now_ms)
{
	int64_t next_ms = INT64_MAX;

	notify(take(pollers, 0, now_ms));
	SCOPED_LOCK(&pollers->lock);
	for (const struct poller *poller = pollers->first; poller; poller = poller->next)
		if (poller->end_ms < next_ms)
			next_ms = poller->end_ms;
	return next_ms;
}

/* Takes out the pollers of a handle, as a list. */
static struct poller *take_of(struct pollers *pollers, const struct handle *handle)
{
	SCOPED_LOCK(&pollers->lock);
	struct poller **at = &pollers->first, *taken = NULL;

	while (*at) {
		struct poller *poller = *at;

		if (poller->handle != handle) {
			at = &poller->next;
			continue;
		}
		*at = poller->next;
		poller->next = taken;
		taken = poller;
	}
	return taken;
}

void pollers_leave(struct pollers *pollers, const struct handle *handle)
{
	destroy_list(take_of(pollers, handle));
}

void pollers_add(struct pollers *pollers, const struct handle *handle, uint64_t number,
		 struct fuse_pollhandle *poll)
{
	struct poller *poller = calloc(1, sizeof(*poller));

	pollers_leave(pollers, handle);
	if (!poller) {
		fuse_pollhandle_destroy(poll);
		return;
	}
	poller->handle = handle;
	poller->number = number;
	poller->end_ms = INT64_MAX;
	poller->poll = poll;
	SCOPED_LOCK(&pollers->lock);
	poller->next = pollers->first;
	pollers->first = poller;
}

void pollers_set_end(struct pollers *pollers, const struct handle *handle, int64_t end_ms)
{
	SCOPED_LOCK(&pollers->lock);

	for (struct poller *poller = pollers->first; poller; poller = poller->next)
		if (poller->handle == handle)
			poller->end_ms = end_ms;
}
