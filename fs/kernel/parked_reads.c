#include "fs/kernel/parked_reads.h"

#include "fs/kernel/fuse.h"
#include "fs/kernel/waiter.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/base/thread.h"
#include "backend/media/store/view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define LIMIT_FIRST 6
#define READERS_MS 1000 /* how often those that left are looked for */
#define SMALL_BYTES (128u << 10)
#define FLAG_EXITING 0x4 /* PF_EXITING in the flags of /proc/PID/stat */

struct parked_read {
	struct waiter waiter;
	struct parked_reads *parked;
	/* Set when parked. */
	uint64_t id;
	pid_t pid;
	fuse_req_t request;
	struct media *media;
	uint64_t offset;
	size_t size;
	int result; /* set when it is done */
	/* Guarded by the table's lock. */
	struct parked_read *next, *previous;
	struct parked_read *next_done;
};

struct parked_reads {
	struct backend *backend;
	_Atomic uint64_t next_id;
	pthread_mutex_t lock;
	/* Guarded by lock: oldest first. */
	struct parked_read *first, *last;
	unsigned count, limit;
	struct parked_read *done, **done_end; /* to be replied to */
	bool is_stopping;
	bool watches_readers; /* reads were parked at the last look, or since */
	int64_t reap_ms;      /* boot clock: the next look */
	pthread_cond_t has_done;

	pthread_mutex_t again_lock;
	bool is_ending; /* guarded by again_lock: nothing is parked anew */

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
	parked->next_id = 1;
	parked->done_end = &parked->done;
	pthread_mutex_init(&parked->lock, NULL);
	pthread_mutex_init(&parked->again_lock, NULL);
	thread_condition_init(&parked->has_done);
	*ret_parked = parked;
	return 0;
}

void parked_reads_destroy(struct parked_reads *parked)
{
	if (!parked)
		return;
	pthread_cond_destroy(&parked->has_done);
	pthread_mutex_destroy(&parked->again_lock);
	pthread_mutex_destroy(&parked->lock);
	free(parked);
}

void parked_reads_set_limit(struct parked_reads *parked, unsigned limit)
{
	SCOPED_LOCK(&parked->lock);

	parked->limit = limit < LIMIT_FIRST ? LIMIT_FIRST : limit;
}

/* Readers are looked after from now on. The lock is held. */
static void watch_readers(struct parked_reads *parked)
{
	if (parked->watches_readers)
		return;
	parked->watches_readers = true;
	parked->reap_ms = clock_boot_ms() + READERS_MS;
	pthread_cond_signal(&parked->has_done);
}

/* Adds to the table; the id of the oldest read when there are too many, else 0. */
static uint64_t enlist(struct parked_reads *parked, struct parked_read *read)
{
	SCOPED_LOCK(&parked->lock);

	read->previous = parked->last;
	if (parked->last)
		parked->last->next = read;
	else
		parked->first = read;
	parked->last = read;
	watch_readers(parked);
	return ++parked->count > parked->limit ? parked->first->id : 0;
}

/* Out of the table; the lock is held. */
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

/* --- replying --- */

/* Bytes that were not kept may be forgotten already: then it waits anew. */
static int park_again(const struct parked_read *read)
{
	struct parked_reads *parked = read->parked;
	SCOPED_LOCK(&parked->again_lock);

	if (parked->is_ending)
		return -EIO;
	parked_reads_add(parked, read->request, read->media, (off_t)read->offset,
			 read->size);
	return 0;
}

void parked_reads_end(struct parked_reads *parked)
{
	SCOPED_LOCK(&parked->again_lock);

	parked->is_ending = true;
}

static void reply(struct parked_read *read)
{
	struct parked_reads *parked = read->parked;
	struct media_view view;
	int r = read->result;

	fuse_req_interrupt_func(read->request, NULL, NULL);
	if (!r)
		r = backend_media_view(parked->backend, read->media, read->offset,
				       read->size, &view);
	if (!r) {
		fuse_reply_iov(read->request, view.parts, (int)view.count);
		media_view_clear(&view);
	} else if (r == -EAGAIN) {
		r = park_again(read);
	}
	if (r)
		fuse_reply_err(read->request, -r);
	backend_media_close(parked->backend, read->media);
	free(read);
}

static void strike_off_alone(struct parked_read *read)
{
	SCOPED_LOCK(&read->parked->lock);

	strike_off(read);
}

/* A small one is replied to at once: waking another thread would take longer. */
static void parked_reads_done(struct waiter *waiter, int result)
{
	struct parked_read *read = (struct parked_read *)waiter;
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
		read->next_done = NULL;
		*parked->done_end = read;
		parked->done_end = &read->next_done;
	}
	if (was_empty) /* without the lock: whom it wakes would only wait for it */
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

/* Waits for reads that are done, or until readers are to be looked after. False at the
 * end: every read was replied to. */
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

/* The next look is in a second, if any read is parked then. */
static void look_after_readers(struct parked_reads *parked)
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
			struct parked_read *next = read->next_done;

			reply(read);
			read = next;
		}
		if (reaps)
			look_after_readers(context);
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

/* FUSE's interrupt: the reader got a signal. Its id is all that may be touched here. */
static void interrupted(fuse_req_t request, void *context)
{
	struct parked_read *read = context;

	(void)request;
	backend_media_unpark(read->parked->backend, read->id, -EINTR);
}

void parked_reads_add(struct parked_reads *parked, fuse_req_t request,
		      struct media *media, off_t offset, size_t size)
{
	struct parked_read *read = calloc(1, sizeof(*read));
	uint64_t oldest;

	if (!read) {
		fuse_reply_err(request, ENOMEM);
		return;
	}
	read->waiter.done = parked_reads_done;
	read->parked = parked;
	read->id = atomic_fetch_add(&parked->next_id, 1);
	read->pid = fuse_req_ctx(request)->pid;
	read->request = request;
	read->media = media;
	backend_media_ref(parked->backend, media); /* until its bytes are replied */
	read->offset = (uint64_t)offset;
	read->size = size;
	oldest = enlist(parked, read);
	fuse_req_interrupt_func(request, interrupted, read);
	if (backend_media_park(parked->backend, media, read->offset, size, read,
			       read->id)) {
		parked_reads_done(&read->waiter, -ENOMEM);
		return;
	}
	if (oldest) {
		log_warn("event=too_many_parked action=\"the oldest read ends\"");
		backend_media_unpark(parked->backend, oldest, -EIO);
	}
}

/* --- readers that left --- */

/* pid 0 is a process of another namespace: nothing is known of it. */
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

struct reader {
	uint64_t id;
	pid_t pid;
};

static struct reader *list_readers(struct parked_reads *parked, size_t *ret_count)
{
	SCOPED_LOCK(&parked->lock);
	struct reader *list = parked->count ? calloc(parked->count, sizeof(*list)) : NULL;
	size_t count = 0;

	for (struct parked_read *read = parked->first; list && read; read = read->next)
		list[count++] = (struct reader){ read->id, read->pid };
	*ret_count = count;
	return list;
}

void parked_reads_reap(struct parked_reads *parked)
{
	size_t count = 0;
	AUTOFREE struct reader *list = list_readers(parked, &count);

	for (size_t i = 0; list && i < count; i++)
		if (is_leaving(list[i].pid))
			backend_media_unpark(parked->backend, list[i].id, -EIO);
}
