#include "fs/kernel/parked_reads.h"

#include "fs/kernel/fuse.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/base/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define LIMIT_FIRST 6
#define READERS_MS 1000 /* interval of the check for readers that left */
#define SMALL_BYTES (128u << 10)
#define FLAG_EXITING 0x4 /* PF_EXITING in the flags of /proc/PID/stat */

/* One parked request. Freed with its reply. */
struct parked_read {
	struct media_read read; /* owned by the backend while the request is parked */
	struct parked_reads *parked;
	/* Set when the request arrives. */
	pid_t pid;
	fuse_req_t request;
	struct media *media; /* open until the reply */
	uint64_t offset;
	size_t size;
	int result; /* set when the read ends */
	/*
	 * Guarded by the lock: in the list of waiting requests, then in the list of done
	 * ones.
	 */
	struct parked_read *next, *previous;
};

struct parked_reads {
	struct backend *backend;
	pthread_mutex_t lock;
	/* Guarded by lock: requests whose read is owned by the backend, oldest first. */
	struct parked_read *first, *last;
	unsigned count, limit;
	/* Guarded by lock: requests for the replying thread, oldest first. */
	struct parked_read *done, **done_end;
	bool is_stopping;
	bool watches_readers; /* reads were parked at the last check, or since */
	int64_t reap_ms;      /* boot clock: the next check */
	pthread_cond_t has_done;

	pthread_t thread;
	bool is_started;
};

int parked_reads_create(struct backend *backend, struct parked_reads **ret_parked)
{
	struct parked_reads *parked = calloc(1, sizeof(*parked));

	if (!parked)
		return -ENOMEM;
	parked->backend = backend;
	parked->limit = LIMIT_FIRST;
	parked->done_end = &parked->done;
	pthread_mutex_init(&parked->lock, NULL);
	thread_condition_init(&parked->has_done);
	*ret_parked = parked;
	return 0;
}

void parked_reads_destroy(struct parked_reads *parked)
{
	if (!parked)
		return;
	pthread_cond_destroy(&parked->has_done);
	pthread_mutex_destroy(&parked->lock);
	free(parked);
}

void parked_reads_set_limit(struct parked_reads *parked, unsigned limit)
{
	SCOPED_LOCK(&parked->lock);

	parked->limit = limit < LIMIT_FIRST ? LIMIT_FIRST : limit;
}

/* Starts the checks for readers that left. The lock is held. */
static void watch_readers(struct parked_reads *parked)
{
	if (parked->watches_readers)
		return;
	parked->watches_readers = true;
	parked->reap_ms = clock_boot_ms() + READERS_MS;
	pthread_cond_signal(&parked->has_done);
}

/* --- parking --- */

/*
 * Cancels the oldest read if more are parked than allowed. Reads that are cancelled but
 * not over yet do not count. The lock is held, so that no record in the list can be
 * freed.
 */
static bool cancel_surplus(struct parked_reads *parked)
{
	struct parked_read *oldest = NULL;
	unsigned count = 0;

	if (parked->count <= parked->limit)
		return false;
	for (struct parked_read *read = parked->first; read; read = read->next) {
		if (atomic_load(&read->read.cancelled))
			continue;
		count++;
		if (!oldest)
			oldest = read;
	}
	if (count <= parked->limit)
		return false;
	media_read_cancel(&oldest->read, -EIO);
	return true;
}

/* Adds a request to the list. Returns true if that made the oldest one end. */
static bool enlist(struct parked_read *read)
{
	struct parked_reads *parked = read->parked;
	SCOPED_LOCK(&parked->lock);

	read->next = NULL;
	read->previous = parked->last;
	if (parked->last)
		parked->last->next = read;
	else
		parked->first = read;
	parked->last = read;
	parked->count++;
	watch_readers(parked);
	return cancel_surplus(parked);
}

/* The lock is held. */
static void strike_off(struct parked_read *read)
{
	struct parked_reads *parked = read->parked;

	if (read->previous)
		read->previous->next = read->next;
	else
		parked->first = read->next;
	if (read->next)
		read->next->previous = read->previous;
	else
		parked->last = read->previous;
	parked->count--;
}

static void strike_off_alone(struct parked_read *read)
{
	SCOPED_LOCK(&read->parked->lock);

	strike_off(read);
}

/*
 * FUSE's interrupt: the reader got a signal. libfuse holds the request's lock here, and
 * the reply takes that lock first; so the record is not freed meanwhile.
 */
static void interrupted(fuse_req_t request, void *context)
{
	struct parked_read *read = context;

	(void)request;
	media_read_cancel(&read->read, -EINTR);
	backend_media_end_cancelled(read->parked->backend);
}

static void read_done(struct media_read *base, int result);

/* Hands the record to the backend and returns 0. On an error it stays the caller's. */
static int park(struct parked_read *read)
{
	struct parked_reads *parked = read->parked;
	bool has_surplus;
	int r;

	read->read = (struct media_read){ .done = read_done };
	has_surplus = enlist(read);
	fuse_req_interrupt_func(read->request, interrupted, read);
	r = backend_media_park(parked->backend, read->media, read->offset, read->size,
			       &read->read);
	if (r)
		strike_off_alone(read);
	if (has_surplus) {
		log_warn("event=too_many_parked action=\"the oldest read fails\"");
		backend_media_end_cancelled(parked->backend);
	}
	return r;
}

/* --- replying --- */

/*
 * Sends the one reply. Bytes that are not cached may be gone already; then the read is
 * parked again.
 */
static void reply(struct parked_read *read)
{
	struct parked_reads *parked = read->parked;
	struct media_view view;
	int r = read->result;

	fuse_req_interrupt_func(read->request, NULL, NULL);
	if (!r)
		r = backend_media_view(parked->backend, read->media, read->offset,
				       read->size, &view);
	if (r == -EAGAIN) {
		r = park(read);
		if (!r)
			return;
		fuse_req_interrupt_func(read->request, NULL, NULL);
	} else if (!r) {
		fuse_reply_iov(read->request, view.parts, (int)view.count);
		media_view_clear(&view);
	}
	if (r)
		fuse_reply_err(read->request, -r);
	backend_media_close(parked->backend, read->media);
	free(read);
}

/* A small read is replied to immediately: waking another thread would take longer. */
static void read_done(struct media_read *base, int result)
{
	struct parked_read *read = (struct parked_read *)base;
	struct parked_reads *parked = read->parked;
	bool was_empty;

	read->result = result;
	if (!result && read->size <= SMALL_BYTES) {
		strike_off_alone(read);
		reply(read);
		return;
	}
	{
		SCOPED_LOCK(&parked->lock);

		was_empty = !parked->done;
		strike_off(read);
		read->next = NULL;
		*parked->done_end = read;
		parked->done_end = &read->next;
	}
	if (was_empty) /* without the lock: the woken thread would only wait for it */
		pthread_cond_signal(&parked->has_done);
}

/* The lock is held. */
static bool is_time_to_reap(const struct parked_reads *parked)
{
	return parked->watches_readers && clock_boot_ms() >= parked->reap_ms;
}

/* The lock is held. */
static void wait_for_something(struct parked_reads *parked)
{
	struct timespec until;

	if (!parked->watches_readers) {
		pthread_cond_wait(&parked->has_done, &parked->lock);
		return;
	}
	until = thread_moment_in(parked->reap_ms - clock_boot_ms() + 1);
	pthread_cond_timedwait(&parked->has_done, &parked->lock, &until);
}

/*
 * Waits for reads that are done, or until the next check of the readers. Returns false at
 * the end, when every read has its reply.
 */
static bool take_work(struct parked_reads *parked, struct parked_read **ret_done,
		      bool *ret_reaps)
{
	SCOPED_LOCK(&parked->lock);

	while (!parked->done && !parked->is_stopping && !is_time_to_reap(parked))
		wait_for_something(parked);
	*ret_reaps = is_time_to_reap(parked);
	*ret_done = parked->done;
	parked->done = NULL;
	parked->done_end = &parked->done;
	return *ret_done || !parked->is_stopping;
}

/* Checks the readers. The next check is in a second, if any read is parked then. */
static void check_readers(struct parked_reads *parked)
{
	parked_reads_reap(parked);
	SCOPED_LOCK(&parked->lock);
	parked->watches_readers = parked->count > 0;
	parked->reap_ms = clock_boot_ms() + READERS_MS;
}

static void *parked_reads_run(void *context)
{
	struct parked_read *read;
	bool reaps;

	while (take_work(context, &read, &reaps)) {
		while (read) {
			struct parked_read *next = read->next;

			reply(read);
			read = next;
		}
		if (reaps)
			check_readers(context);
	}
	return NULL;
}

int parked_reads_start(struct parked_reads *parked)
{
	int r = thread_start(&parked->thread, parked_reads_run, parked);

	parked->is_started = r == 0;
	return r;
}

void parked_reads_stop(struct parked_reads *parked)
{
	if (!parked->is_started)
		return;
	pthread_mutex_lock(&parked->lock);
	parked->is_stopping = true;
	pthread_cond_signal(&parked->has_done);
	pthread_mutex_unlock(&parked->lock);
	pthread_join(parked->thread, NULL);
	parked->is_started = false;
}

void parked_reads_add(struct parked_reads *parked, fuse_req_t request,
		      struct media *media, off_t offset, size_t size)
{
	struct parked_read *read = calloc(1, sizeof(*read));
	int r;

	if (!read) {
		fuse_reply_err(request, ENOMEM);
		return;
	}
	read->parked = parked;
	read->pid = fuse_req_ctx(request)->pid;
	read->request = request;
	read->media = media;
	backend_media_ref(parked->backend, media);
	read->offset = (uint64_t)offset;
	read->size = size;
	r = park(read);
	if (!r)
		return; /* the backend owns the record now, and may have freed it */
	read->result = r;
	reply(read);
}

/* --- readers that left --- */

/* pid 0 is a process of another namespace, of which nothing is known. */
static bool is_leaving(pid_t pid)
{
	AUTOFREE char *path = text_format("/proc/%d/stat", (int)pid);
	AUTOCLOSE int fd = -1;
	char text[512], state, *after;
	unsigned flags;
	ssize_t got;

	if (pid <= 0 || !path)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT;
	got = read(fd, text, sizeof(text) - 1);
	if (got < 0)
		return errno == ESRCH;
	text[got] = '\0';
	after = strrchr(text, ')');
	if (!after ||
	    sscanf(after + 1, " %c %*d %*d %*d %*d %*d %u", &state, &flags) != 2)
		return false;
	return state == 'Z' || state == 'X' || flags & FLAG_EXITING;
}

/* The processes that wait, each once. NULL: none, or no memory. */
static pid_t *list_readers(struct parked_reads *parked, size_t *ret_count)
{
	SCOPED_LOCK(&parked->lock);
	pid_t *pids = parked->count ? calloc(parked->count, sizeof(*pids)) : NULL;
	size_t count = 0;

	for (struct parked_read *read = parked->first; pids && read; read = read->next) {
		size_t i = 0;

		while (i < count && pids[i] != read->pid)
			i++;
		if (i == count)
			pids[count++] = read->pid;
	}
	*ret_count = count;
	return pids;
}

static void cancel_reads_of(struct parked_reads *parked, pid_t pid)
{
	SCOPED_LOCK(&parked->lock);

	for (struct parked_read *read = parked->first; read; read = read->next)
		if (read->pid == pid)
			media_read_cancel(&read->read, -EIO);
}

void parked_reads_reap(struct parked_reads *parked)
{
	size_t count = 0;
	AUTOFREE pid_t *pids = list_readers(parked, &count);
	bool has_left = false;

	for (size_t i = 0; i < count; i++)
		if (is_leaving(pids[i])) {
			cancel_reads_of(parked, pids[i]);
			has_left = true;
		}
	if (has_left)
		backend_media_end_cancelled(parked->backend);
}
