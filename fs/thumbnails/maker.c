#include "fs/thumbnails/maker.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/text.h"
#include "backend/base/program.h"
#include "fs/thumbnails/png.h"
#include "fs/decoder/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define IDLE_NICENESS 15
/*
 * The size of an idle run's request. A larger one at a file's start would count as the
 * start of a copy.
 */
#define IDLE_FETCH_BYTES (192u << 10)

int thumbnail_maker_init(struct thumbnail_maker *maker, struct backend *backend)
{
	*maker = (struct thumbnail_maker){ .backend = backend };
	maker->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return maker->wake < 0 ? -errno : 0;
}

void thumbnail_maker_clear(struct thumbnail_maker *maker)
{
	cleanup_close(&maker->wake);
	maker->wake = -1;
}

void thumbnail_maker_stop(struct thumbnail_maker *maker)
{
	atomic_store(&maker->is_stopping, true);
	eventfd_write(maker->wake, 1);
}

void thumbnail_maker_yield(struct thumbnail_maker *maker, bool must_yield)
{
	atomic_store(&maker->must_yield, must_yield);
	if (must_yield)
		eventfd_write(maker->wake, 1);
}

void thumbnail_pictures_clear(struct thumbnail_pictures *pictures)
{
	for (size_t i = 0; i < THUMBNAIL_SIZES; i++)
		free(pictures->png[i]);
	*pictures = (struct thumbnail_pictures){ 0 };
}

/* One run of the program. */
struct run {
	struct thumbnail_maker *maker;
	struct media *media;
	struct thumbnail_effort *effort;
	uint64_t file_bytes;
	int64_t until_ms; /* boot clock */
	int socket;
	pid_t pid;
	struct thumbnail_pictures *pictures;
};

/* --- waiting --- */

/*
 * Waits until the socket is ready (events 0: it is not polled), or this thread is woken.
 */
static int wait_for(const struct run *run, short events)
{
	struct pollfd wait[] = { { .fd = run->maker->wake, .events = POLLIN },
				 { .fd = events ? run->socket : -1, .events = events } };
	int64_t left_ms = run->until_ms - clock_boot_ms();
	eventfd_t count;

	if (atomic_load(&run->maker->is_stopping))
		return -ECANCELED;
	if (run->effort->is_idle && atomic_load(&run->maker->must_yield))
		return -EAGAIN;
	if (left_ms <= 0)
		return -ETIMEDOUT;
	if (poll(wait, 2, (int)left_ms) < 0 && errno != EINTR)
		return -errno;
	eventfd_read(run->maker->wake, &count);
	return 0;
}

/* Receives all bytes within the time limit. -EPIPE when the program has ended. */
static int receive(const struct run *run, void *into, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t got =
			recv(run->socket, (char *)into + done, size - done, MSG_DONTWAIT);
		int r = 0;

		if (!got || (got < 0 && errno == ECONNRESET))
			return -EPIPE;
		if (got < 0)
			r = errno == EAGAIN || errno == EINTR ? wait_for(run, POLLIN)
							      : -errno;
		if (r)
			return r;
		done += got > 0 ? (size_t)got : 0;
	}
	return 0;
}

static int reply(const struct run *run, const void *bytes, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t put = send(run->socket, (const char *)bytes + done, size - done,
				   MSG_DONTWAIT | MSG_NOSIGNAL);
		int r = 0;

		if (put < 0)
			r = errno == EAGAIN || errno == EINTR ? wait_for(run, POLLOUT)
							      : -errno;
		if (r)
			return r;
		done += put > 0 ? (size_t)put : 0;
	}
	return 0;
}

/* --- bytes that are not on disk yet --- */

struct awaited_bytes {
	struct media_read read;
	int wake;
	int result;
	atomic_bool is_done;
};

/* The record may be freed as soon as is_done is set. */
static void bytes_came(struct media_read *read, int result)
{
	struct awaited_bytes *bytes = (struct awaited_bytes *)read;
	int wake = bytes->wake;

	bytes->result = result;
	atomic_store(&bytes->is_done, true);
	eventfd_write(wake, 1);
}

/*
 * The record is on this stack, so this function returns only after the backend has ended
 * the read.
 */
static int bring(const struct run *run, uint64_t offset, size_t size)
{
	struct thumbnail_maker *maker = run->maker;
	struct awaited_bytes bytes = { .read.done = bytes_came, .wake = maker->wake };
	struct pollfd wait = { .fd = maker->wake, .events = POLLIN };
	eventfd_t count;
	int r = backend_media_park(maker->backend, run->media, offset, size, &bytes.read);

	if (r)
		return r;
	while (!r && !atomic_load(&bytes.is_done))
		r = wait_for(run, 0);
	if (!atomic_load(&bytes.is_done)) {
		media_read_cancel(&bytes.read, -EIO);
		backend_media_end_cancelled(maker->backend);
	}
	while (!atomic_load(&bytes.is_done)) {
		poll(&wait, 1, -1);
		eventfd_read(maker->wake, &count);
	}
	return r ? r : bytes.result;
}

/*
 * The view's bytes are passed to the kernel without a copy: backend/media/store/view.h.
 */
static int answer_view(const struct run *run, const struct media_view *view, size_t size)
{
	int32_t count = (int32_t)size;
	int r = reply(run, &count, sizeof(count));

	for (unsigned i = 0; !r && i < view->count; i++)
		r = reply(run, view->parts[i].iov_base, view->parts[i].iov_len);
	return r;
}

/* Extends a request to what may be fetched at once, within the limit. */
static int plan_fetch(const struct run *run, uint64_t offset, size_t *size)
{
	struct thumbnail_effort *effort = run->effort;
	uint64_t most = run->file_bytes - offset;

	if (effort->fetch_bytes == UINT64_MAX)
		return 0;
	if (most > effort->fetch_bytes)
		most = effort->fetch_bytes;
	if (most < *size)
		return -EDQUOT;
	if (*size < IDLE_FETCH_BYTES)
		*size = (size_t)(most < IDLE_FETCH_BYTES ? most : IDLE_FETCH_BYTES);
	effort->fetch_bytes -= *size;
	return 0;
}

static int answer_read(const struct run *run, uint64_t offset, size_t size)
{
	struct media_view view;
	int32_t nothing = 0;
	int r;

	if (size > THUMBNAILER_READ_MAX)
		return -EPROTO;
	if (offset >= run->file_bytes || !size)
		return reply(run, &nothing, sizeof(nothing));
	if (size > run->file_bytes - offset)
		size = (size_t)(run->file_bytes - offset);
	while ((r = backend_media_view(run->maker->backend, run->media, offset, size,
				       &view)) == -EAGAIN) {
		size_t wanted = size;

		r = plan_fetch(run, offset, &wanted);
		if (!r)
			r = bring(run, offset, wanted);
		if (r)
			return r;
	}
	if (r)
		return r;
	r = answer_view(run, &view, size);
	media_view_clear(&view);
	return r;
}

/* --- messages of the program --- */

static int take_picture(const struct run *run, uint64_t pixels, size_t size)
{
	struct thumbnail_pictures *pictures = run->pictures;

	if (!size || size > THUMBNAIL_BYTES_MAX)
		return -EPROTO;
	for (size_t i = 0; i < THUMBNAIL_SIZES; i++) {
		if (pixels != thumbnail_pixels[i] || pictures->png[i])
			continue;
		pictures->png[i] = malloc(size);
		pictures->bytes[i] = size;
		return pictures->png[i] ? receive(run, pictures->png[i], size) : -ENOMEM;
	}
	return -EPROTO;
}

static int listen_to(const struct run *run)
{
	struct thumbnailer_message message;
	int r;

	while (!(r = receive(run, &message, sizeof(message)))) {
		if (message.word == THUMBNAILER_READ)
			r = answer_read(run, message.offset, message.size);
		else if (message.word == THUMBNAILER_PICTURE)
			r = take_picture(run, message.offset, message.size);
		else
			r = -EPROTO;
		if (r)
			break;
	}
	if (r != -EPIPE)
		return r;
	for (size_t i = 0; i < THUMBNAIL_SIZES; i++)
		if (!run->pictures->png[i])
			return -EINVAL;
	return 0;
}

/* --- the process --- */

/* Starts the program with default signals, although this thread blocks them all. */
static int spawn_as(const char *path, char *const *arguments, int child_end,
		    pid_t *ret_pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	char *const environment[] = { NULL };
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF |
						      POSIX_SPAWN_SETPGROUP);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, child_end, 0);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&files, 3);
	r = posix_spawnp(ret_pid, path, &files, &attributes, arguments, environment);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return -r;
}

static int start(struct run *run)
{
	AUTOFREE char *path = program_beside(THUMBNAILER_PROGRAM);
	AUTOFREE char *size = text_format("%" PRIu64, run->file_bytes);
	char name[] = THUMBNAILER_PROGRAM;
	char *arguments[] = { name, size, NULL };
	int ends[2], r;

	if (!path || !size)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	r = spawn_as(path, arguments, ends[1], &run->pid);
	close(ends[1]);
	run->socket = ends[0];
	if (!r && run->effort->is_idle)
		setpriority(PRIO_PROCESS, (id_t)run->pid, IDLE_NICENESS);
	if (r == -EAGAIN) /* no more processes: yielding would not help */
		return -ENOMEM;
	return r == -ENOENT || r == -EACCES ? -ENOEXEC : r;
}

/* Ends the program, which has sent all its messages or is not needed. */
static void end(const struct run *run)
{
	if (run->socket >= 0)
		close(run->socket);
	if (run->pid <= 0)
		return;
	kill(run->pid, SIGKILL);
	while (waitpid(run->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

int thumbnail_maker_run(struct thumbnail_maker *maker, struct media *media,
			struct thumbnail_effort *effort,
			struct thumbnail_pictures *ret_pictures)
{
	struct run run = { .maker = maker,
			   .media = media,
			   .effort = effort,
			   .file_bytes = backend_media_size(media),
			   .until_ms = clock_boot_ms() + MAKER_MS,
			   .socket = -1,
			   .pid = -1,
			   .pictures = ret_pictures };
	int r;

	*ret_pictures = (struct thumbnail_pictures){ 0 };
	r = start(&run);
	if (!r)
		r = listen_to(&run);
	end(&run);
	return r;
}
