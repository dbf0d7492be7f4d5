#include "fs/kernel/ops_poll.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "fs/announce/announce.h"
#include "fs/kernel/ops.h"

#include <errno.h>
#include <poll.h>

#define END_MS 1000 /* until who looks for the end finds it */
#define ALWAYS (POLLOUT | POLLWRNORM)
#define READABLE (POLLIN | POLLRDNORM)

/* One who is to be woken. */
struct poller {
	struct poller *next;
	const struct handle *handle;
	uint64_t number;
	int64_t end_ms; /* boot clock: woken then in any case; INT64_MAX */
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

static void poller_destroy(struct poller *poller)
{
	fuse_pollhandle_destroy(poller->poll);
	free(poller);
}

void pollers_destroy(struct pollers *pollers)
{
	if (!pollers)
		return;
	while (pollers->first) {
		struct poller *poller = pollers->first;

		pollers->first = poller->next;
		poller_destroy(poller);
	}
	pthread_mutex_destroy(&pollers->lock);
	free(pollers);
}

/* --- waking --- */

/* Takes out those of a task (0: of any) that are due by then, as a list. */
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
	while (list) {
		struct poller *poller = list;

		list = poller->next;
		fuse_lowlevel_notify_poll(poller->poll);
		poller_destroy(poller);
	}
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

void pollers_leave(struct pollers *pollers, const struct handle *handle)
{
	SCOPED_LOCK(&pollers->lock);
	struct poller **at = &pollers->first;

	while (*at) {
		struct poller *poller = *at;

		if (poller->handle != handle) {
			at = &poller->next;
			continue;
		}
		*at = poller->next;
		poller_destroy(poller);
	}
}

/* A later poll of a handle replaces the one before: it stands for the same waiters. */
static void add(struct pollers *pollers, const struct handle *handle,
		struct fuse_pollhandle *poll)
{
	struct poller *poller = calloc(1, sizeof(*poller));

	pollers_leave(pollers, handle);
	if (!poller) {
		fuse_pollhandle_destroy(poll);
		return;
	}
	poller->handle = handle;
	poller->number = handle->node->number;
	poller->end_ms = INT64_MAX;
	poller->poll = poll;
	SCOPED_LOCK(&pollers->lock);
	poller->next = pollers->first;
	pollers->first = poller;
}

static void set_end(struct pollers *pollers, const struct handle *handle, int64_t end_ms)
{
	SCOPED_LOCK(&pollers->lock);

	for (struct poller *poller = pollers->first; poller; poller = poller->next)
		if (poller->handle == handle)
			poller->end_ms = end_ms;
}

/* --- what is ready --- */

void polled_was_read(struct polled *polled, unsigned changes, off_t offset, size_t got,
		     size_t size)
{
	bool goes_on = polled->is_read && offset > 0 &&
		       !(polled->found_end && (size_t)offset >= polled->size);

	polled->is_read = true;
	if (!goes_on) {
		polled->changes = changes;
		polled->size = size;
	}
	polled->has_rest = offset + (off_t)got < (off_t)size;
	if (!got)
		polled->found_end = true;
	else if (offset > 0) { /* it reads on: it will look for the end again */
		polled->found_end = false;
		polled->end_ms = 0;
	}
}

/* Ready events; else *ret_end_ms is when the end may be looked for. */
static unsigned ready_events(struct polled *polled, unsigned changes, int64_t now_ms,
			     int64_t *ret_end_ms)
{
	if (!polled->is_read)
		return READABLE;
	if (polled->changes != changes)
		return READABLE | POLLPRI;
	if (polled->has_rest)
		return READABLE;
	if (polled->found_end)
		return 0;
	if (!polled->end_ms)
		polled->end_ms = now_ms + END_MS;
	*ret_end_ms = polled->end_ms;
	if (now_ms < polled->end_ms)
		return 0;
	polled->found_end = true;
	return READABLE;
}

static unsigned poll_status(struct filesystem *fs, struct handle *handle,
			    int64_t *ret_end_ms)
{
	unsigned changes = announce_changes(fs->announce, handle->node->number);
	SCOPED_LOCK(&handle->lock);

	return ready_events(&handle->polled, changes, clock_boot_ms(), ret_end_ms);
}

/* Who waits is noted before it is looked, so that a change in between wakes him. */
static unsigned wait_for_status(struct filesystem *fs, struct handle *handle,
				struct fuse_pollhandle *poll)
{
	int64_t end_ms = INT64_MAX;
	unsigned events;

	if (poll)
		add(fs->pollers, handle, poll);
	events = poll_status(fs, handle, &end_ms);
	if (poll && end_ms != INT64_MAX) {
		set_end(fs->pollers, handle, end_ms);
		announce_wake(fs->announce);
	}
	return events;
}

void op_poll(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *info,
	     struct fuse_pollhandle *poll)
{
	struct handle *handle = ops_handle(info);
	unsigned events = READABLE;

	(void)id;
	if (handle->node->is_virtual && handle->fd < 0 &&
	    handle->node->kind == VIRTUAL_STATUS)
		events = wait_for_status(ops_fs(request), handle, poll);
	else if (poll)
		fuse_pollhandle_destroy(poll);
	fuse_reply_poll(request, events | ALWAYS);
}
