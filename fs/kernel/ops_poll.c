#include "fs/kernel/ops_poll.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "fs/announce/announce.h"
#include "fs/kernel/ops.h"
#include "fs/kernel/pollers.h"

#include <poll.h>

#define END_MS 1000 /* time until a reader that polls finds the end of file */
#define ALWAYS (POLLOUT | POLLWRNORM)
#define READABLE (POLLIN | POLLRDNORM)

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
	else if (offset > 0) { /* it continues to read: it will look for the end again */
		polled->found_end = false;
		polled->end_ms = 0;
	}
}

/* Returns the ready events. If none, *ret_end_ms is when the end of file may be found. */
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

/* The poller is registered before the check, so that a change in between wakes it. */
static unsigned wait_for_status(struct filesystem *fs, struct handle *handle,
				struct fuse_pollhandle *poll)
{
	int64_t end_ms = INT64_MAX;
	unsigned events;

	if (poll)
		pollers_add(fs->pollers, handle, handle->node->number, poll);
	events = poll_status(fs, handle, &end_ms);
	if (poll && end_ms != INT64_MAX) {
		pollers_set_end(fs->pollers, handle, end_ms);
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
