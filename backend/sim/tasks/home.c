#include "backend/sim/tasks/home.h"

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/file.h"
#include "backend/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>

#define PATH_CEILING 4096
#define LOCK_WAIT_TICKS 30
#define LOCK_TICK_US 100000

struct home {
	char *path;
	int lock;
	bool is_temporary;
};

static char *join(const char *a, const char *b, const char *c, const char *d)
{
	AUTOBUFFER path = BUFFER_INIT(PATH_CEILING);
	const char *const parts[] = { b, c, d };

	buffer_add(&path, a);
	for (size_t i = 0; i < ARRAY_SIZE(parts) && parts[i]; i++)
		buffer_addf(&path, "/%s", parts[i]);
	return buffer_take(&path);
}

static int make_directory(const char *path)
{
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

static int make_temporary(char **ret_path)
{
	const char *where = getenv("TMPDIR");
	AUTOFREE char *path =
		join(where && *where ? where : "/tmp", "seedance-sim-XXXXXX", NULL, NULL);

	if (!path)
		return -ENOMEM;
	if (!mkdtemp(path))
		return -errno;
	*ret_path = TAKE(path);
	return 0;
}

static void on_tick(int number)
{
}

/* Ticks of SIGALRM interrupt the wait for the lock, so that it is bounded. */
static void set_ticks(bool on, struct sigaction *previous)
{
	struct sigaction action = { .sa_handler = on_tick };
	struct itimerval timer = { { 0, on ? LOCK_TICK_US : 0 },
				   { 0, on ? LOCK_TICK_US : 0 } };

	if (on)
		sigaction(SIGALRM, &action, previous);
	setitimer(ITIMER_REAL, &timer, NULL);
	if (!on)
		sigaction(SIGALRM, previous, NULL);
}

static int wait_for_lock(int fd)
{
	struct sigaction previous;
	int r = -EINTR;

	set_ticks(true, &previous);
	for (int i = 0; i < LOCK_WAIT_TICKS && r == -EINTR; i++)
		r = flock(fd, LOCK_EX) ? -errno : 0;
	set_ticks(false, &previous);
	return r == -EINTR ? -EBUSY : r;
}

static int lock_home(struct home *home)
{
	AUTOFREE char *path = join(home->path, "lock", NULL, NULL);

	if (!path)
		return -ENOMEM;
	home->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (home->lock < 0)
		return -errno;
	return wait_for_lock(home->lock);
}

static int open_parts(struct home *home)
{
	AUTOFREE char *media = join(home->path, "media", NULL, NULL);
	int r = lock_home(home);

	if (r)
		return r;
	return media ? make_directory(media) : -ENOMEM;
}

int home_open(const char *path, struct home **ret_home)
{
	struct home *home = calloc(1, sizeof(*home));
	int r;

	if (!home)
		return -ENOMEM;
	home->lock = -1;
	home->is_temporary = !path;
	if (path) {
		home->path = strdup(path);
		r = home->path ? make_directory(path) : -ENOMEM;
	} else {
		r = make_temporary(&home->path);
	}
	if (!r)
		r = open_parts(home);
	if (r) {
		home_close(home);
		return r;
	}
	*ret_home = home;
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int kind,
			struct FTW *where)
{
	if (remove(path))
		log_warn("cannot remove path=%s error=%s", path, strerror(errno));
	return 0;
}

static void remove_tree(const char *path)
{
	if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) && errno != ENOENT)
		log_warn("cannot remove path=%s error=%s", path, strerror(errno));
}

void home_close(struct home *home)
{
	if (!home)
		return;
	if (home->is_temporary && home->path)
		remove_tree(home->path);
	cleanup_close(&home->lock);
	free(home->path);
	free(home);
}

const char *home_path(const struct home *home)
{
	return home->path;
}

char *home_media_path(const struct home *home, const char *task, const char *name)
{
	return join(home->path, "media", task, name);
}

int home_make_media(const struct home *home, const char *task)
{
	AUTOFREE char *path = home_media_path(home, task, NULL);

	return path ? make_directory(path) : -ENOMEM;
}

void home_remove_media(const struct home *home, const char *task)
{
	AUTOFREE char *path = home_media_path(home, task, NULL);

	if (path)
		remove_tree(path);
}

int home_write_media(const struct home *home, const char *task, const char *name,
		     const void *bytes, unsigned long size)
{
	AUTOFREE char *path = home_media_path(home, task, name);
	AUTOCLOSE int fd = -1;

	if (!path)
		return -ENOMEM;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : file_write(fd, bytes, size);
}

/* A hard link: neither file is ever written to again. */
int home_copy_media(const struct home *home, const char *from_task, const char *to_task,
		    const char *name)
{
	AUTOFREE char *from = home_media_path(home, from_task, name);
	AUTOFREE char *to = home_media_path(home, to_task, name);

	if (!from || !to)
		return -ENOMEM;
	return link(from, to) ? -errno : 0;
}
