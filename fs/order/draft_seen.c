/*
 * The files that an order was read from, compared again after everything was read: nobody
 * opened one for writing, and none changed. Otherwise the folder waits: a mix of old and
 * new content would be sent and billed. Edits in the folder itself cause events; inputs
 * may be anywhere, and may be changed outside the mount.
 */
#include "fs/order/draft_internal.h"

#include "backend/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S INT64_C(1000000000)
#define TICK_PAUSE_NS 1000000
#define TICK_PAUSES_MAX 50
/* For filesystems with whole seconds; FAT uses steps of two. */
#define COARSE_NS (2 * NS_PER_S)

/*
 * Whether a change at this moment could leave a file's times the same, because they
 * advance in clock ticks. A time in the future (the clock was set) does not count.
 */
static bool is_of_this_tick(const struct stat *status, const struct timespec *now)
{
	int64_t tick_ns = status->st_ctim.tv_nsec ? 1 : COARSE_NS;
	int64_t seconds = now->tv_sec - status->st_ctim.tv_sec;

	if (seconds < -1 || seconds > COARSE_NS / NS_PER_S)
		return false;
	return seconds * NS_PER_S + now->tv_nsec - status->st_ctim.tv_nsec < tick_ns;
}

int draft_stat(struct draft *draft, const char *name, int fd, struct stat *ret_status)
{
	static const struct timespec pause = { .tv_nsec = TICK_PAUSE_NS };
	struct timespec now;

	for (int i = 0; i < TICK_PAUSES_MAX; i++) {
		clock_gettime(CLOCK_REALTIME_COARSE, &now); /* before fstat(), so it is
							     * not later */
		if (fstat(fd, ret_status) < 0)
			return -errno;
		if (!is_of_this_tick(ret_status, &now))
			return 0;
		nanosleep(&pause, NULL);
	}
	return draft_wait(draft, "%s is being changed", name);
}

int draft_add_seen(struct draft *draft, const char *name, int fd,
		   const struct stat *status)
{
	struct seen_file *grown =
		realloc(draft->seen, (draft->seen_count + 1) * sizeof(*grown));
	struct seen_file file = { .status = *status };

	if (!grown)
		return -ENOMEM;
	draft->seen = grown;
	file.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (file.fd < 0)
		return -errno;
	file.name = strdup(name);
	grown[draft->seen_count++] = file;
	return file.name ? 0 : -ENOMEM;
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && is_same_time(&a->st_mtim, &b->st_mtim) &&
	       is_same_time(&a->st_ctim, &b->st_ctim);
}

static int check_file(struct draft *draft, const struct seen_file *file)
{
	struct stat status;
	int r = draft_check_writer(draft, file->name, &file->status);

	if (r)
		return r;
	if (fstat(file->fd, &status) < 0)
		return -errno;
	if (is_unchanged(&file->status, &status))
		return 0;
	return draft_wait(draft, "%s changed while it was being read", file->name);
}

int draft_check_seen(struct draft *draft)
{
	int r = 0;

	for (size_t i = 0; i < draft->seen_count && !r; i++)
		r = check_file(draft, &draft->seen[i]);
	return r;
}

void draft_clear_seen(struct draft *draft)
{
	for (size_t i = 0; i < draft->seen_count; i++) {
		cleanup_close(&draft->seen[i].fd);
		free(draft->seen[i].name);
	}
	free(draft->seen);
}
