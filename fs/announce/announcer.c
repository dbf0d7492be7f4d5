#include "fs/announce/announcer.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMAND_NAME "sdfs-announcer" /* as ps shows it: up to 15 characters */
#define SOCKET_FD 3
#define STOP_MS 500 /* for the job in progress */
#define STEP_MS 10
#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x00004000U /* Linux 6.8 */
#endif

/* --- one job --- */

int announcer_identify(const char *mount_point, struct mount_identity *ret_identity)
{
	struct statx status = { 0 };

	if (statx(AT_FDCWD, mount_point,
		  AT_STATX_DONT_SYNC | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
		  STATX_MNT_ID | STATX_MNT_ID_UNIQUE, &status) < 0)
		return -errno;
	ret_identity->device =
		(uint64_t)status.stx_dev_major << 32 | status.stx_dev_minor;
	ret_identity->mount = status.stx_mask & (STATX_MNT_ID | STATX_MNT_ID_UNIQUE)
				      ? status.stx_mnt_id
				      : 0;
	return 0;
}

static bool is_same(const struct mount_identity *a, const struct mount_identity *b)
{
	return a->device == b->device && a->mount == b->mount;
}

static int open_beneath(int directory, const char *path, uint64_t resolve)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
		.resolve = resolve | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	do {
		fd = syscall(SYS_openat2, directory, path, &how, sizeof(how));
	} while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	return fd < 0 ? -errno : (int)fd;
}

/* Whether the opened root is the daemon's, judged by its device. */
static bool is_on_device(int root, uint64_t device)
{
	struct statx status;

	return !statx(root, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0,
		      &status) &&
	       ((uint64_t)status.stx_dev_major << 32 | status.stx_dev_minor) == device;
}

/*
 * EBUSY: the daemon has the mount open in a way that allows no other open. Then mknod()
 * creates only the name.
 */
static int make_name(int folder, const char *name)
{
	AUTOCLOSE int fd = openat(folder, name,
				  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC |
					  O_NOCTTY | O_NONBLOCK,
				  0600);

	if (fd >= 0)
		return 0;
	return errno == EBUSY && !mknodat(folder, name, S_IFREG | 0600, 0) ? 0 : -errno;
}

/*
 * The times that are set decide the event: one of them alone is IN_MODIFY, both are
 * IN_ATTRIB (fsnotify_change() in Linux's include/linux/fsnotify.h).
 */
static const struct timespec modified[] = { { .tv_nsec = UTIME_OMIT },
					    { .tv_nsec = UTIME_NOW } };
static const struct timespec *const changed_attributes = NULL; /* both, now */

static int open_and_touch(int folder, const char *name)
{
	AUTOCLOSE int fd =
		openat(folder, name,
		       O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0 || futimens(fd, modified) < 0 || futimens(fd, changed_attributes) < 0)
		return -errno;
	return 0;
}

static int touch(int folder, const char *name)
{
	if (utimensat(folder, name, modified, AT_SYMLINK_NOFOLLOW) < 0 ||
	    utimensat(folder, name, changed_attributes, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int announce_in(int folder, enum announcement what, const char *name)
{
	switch (what) {
	case ANNOUNCE_APPEARS:
		return make_name(folder, name);
	case ANNOUNCE_CHANGED:
		return open_and_touch(folder, name);
	case ANNOUNCE_TOUCHED:
		return touch(folder, name);
	case ANNOUNCE_GONE:
		return unlinkat(folder, name, 0) < 0 ? -errno : 0;
	default:
		return -EINVAL;
	}
}

/* Opens the mount's root by its path, for one job. */
static int open_by_path(const char *mount_point, const struct mount_identity *mounted)
{
	struct mount_identity there;
	int r = announcer_identify(mount_point, &there), root;

	if (r)
		return r;
	if (!is_same(&there, mounted))
		return -ENODEV;
	root = open_beneath(AT_FDCWD, mount_point, 0);
	if (root < 0 || is_on_device(root, mounted->device))
		return root;
	close(root);
	return -ENODEV;
}

static int carry_out(const char *mount_point, int own_root,
		     const struct announcer_job *job)
{
	const char *path = job->names, *name = path + strlen(path) + 1;
	AUTOCLOSE int root = -1, folder = -1;

	if (own_root < 0)
		root = open_by_path(mount_point, &job->mounted);
	if (own_root < 0 && root < 0)
		return root;
	folder = open_beneath(own_root < 0 ? root : own_root, *path ? path : ".",
			      RESOLVE_BENEATH | RESOLVE_NO_XDEV);
	return folder < 0 ? folder : announce_in(folder, job->what, name);
}

/* --- a mount of its own --- */

static int clone_mount(const char *mount_point)
{
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, mount_point,
			      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW |
				      AT_NO_AUTOMOUNT);

	return fd < 0 ? -errno : fd;
}

union ancillary {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static void send_fd(int socket, int fd)
{
	char byte = 0;
	struct iovec part = { &byte, 1 };
	union ancillary ancillary = { 0 };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = ancillary.room,
				  .msg_controllen = sizeof(ancillary.room) };

	ancillary.header.cmsg_len = CMSG_LEN(sizeof(int));
	ancillary.header.cmsg_level = SOL_SOCKET;
	ancillary.header.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&ancillary.header), &fd, sizeof(fd));
	sendmsg(socket, &message, MSG_NOSIGNAL);
}

static int receive_fd(int socket)
{
	char byte;
	struct iovec part = { &byte, 1 };
	union ancillary ancillary = { 0 };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = ancillary.room,
				  .msg_controllen = sizeof(ancillary.room) };
	int fd = -EPERM;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) == 1 &&
	    ancillary.header.cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(&ancillary.header), sizeof(fd));
	return fd;
}

/*
 * An ordinary user may clone a mount in their own user namespace, if the kernel allows
 * that to everybody. A child enters the namespace and passes the mount back.
 */
static int clone_elsewhere(const char *mount_point)
{
	int ends[2], fd;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	child = fork();
	if (child == 0) {
		fd = unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ? -errno
							      : clone_mount(mount_point);
		if (fd >= 0)
			send_fd(ends[1], fd);
		_exit(0);
	}
	close(ends[1]);
	fd = child < 0 ? -EAGAIN : receive_fd(ends[0]);
	close(ends[0]);
	if (child > 0)
		waitpid(child, NULL, 0);
	return fd;
}

/*
 * Makes a private mount of what is mounted there, so that the announcer does not make the
 * real one busy. On -errno (not allowed) the path is used instead.
 */
static int begin(const char *mount_point, const struct mount_identity *mounted)
{
	int root = clone_mount(mount_point);

	if (root == -EPERM)
		root = clone_elsewhere(mount_point);
	if (root < 0 || is_on_device(root, mounted->device))
		return root;
	close(root);
	return -ENODEV;
}

/* --- the process --- */

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

__attribute__((noreturn)) static void serve(int socket, const char *mount_point)
{
	struct announcer_job job;
	int own_root = -1;

	for (;;) {
		ssize_t got = recv(socket, &job, sizeof(job), 0);
		struct announcer_result result = { 0 };
		int64_t began_us;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= (ssize_t)offsetof(struct announcer_job, names))
			_exit(0); /* the daemon ended */
		began_us = now_us();
		result.id = job.id;
		if (job.what == ANNOUNCE_BEGIN) {
			own_root = begin(mount_point, &job.mounted);
			result.error = own_root < 0 ? own_root : 0;
		} else {
			result.error = carry_out(mount_point, own_root, &job);
		}
		result.took_us = (uint32_t)(now_us() - began_us);
		send(socket, &result, sizeof(result), MSG_NOSIGNAL);
	}
}

/*
 * Wipes the environment: it may hold a service's key, and the announcer needs none of it.
 */
static void wipe_environment(void)
{
	for (char **at = environ; at && *at; at++)
		explicit_bzero(*at, strlen(*at));
	environ = NULL;
}

/*
 * The announcer keeps only its socket: no terminal, and no pipe that another program
 * reads to its end. Ctrl-C in a terminal is for the daemon.
 */
__attribute__((noreturn)) static void run(int socket, const char *mount_point)
{
	int high = fcntl(socket, F_DUPFD_CLOEXEC, SOCKET_FD + 1);
	int nowhere = open("/dev/null", O_RDWR);

	wipe_environment();
	setpgid(0, 0);
	prctl(PR_SET_NAME, COMMAND_NAME);
	if (chdir("/") < 0 || nowhere < 0 || fcntl(high, F_SETFL, 0) < 0)
		_exit(1);
	for (int fd = 0; fd < SOCKET_FD; fd++)
		dup2(nowhere, fd);
	dup3(high, SOCKET_FD, O_CLOEXEC);
	close_range(SOCKET_FD + 1, ~0U, 0);
	serve(SOCKET_FD, mount_point);
}

int announcer_start(const char *mount_point, struct announcer *ret_announcer)
{
	int ends[2];

	*ret_announcer = (struct announcer){ .pid = -1, .socket = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) <
	    0)
		return -errno;
	ret_announcer->pid = fork();
	if (ret_announcer->pid == 0)
		run(ends[1], mount_point);
	close(ends[1]);
	ret_announcer->socket = ends[0];
	if (ret_announcer->pid > 0)
		return 0;
	announcer_let_go(ret_announcer);
	return -EAGAIN;
}

void announcer_let_go(struct announcer *announcer)
{
	cleanup_close(&announcer->socket);
	announcer->socket = -1;
}

/* Whether it ended within that time. */
static bool wait_for_end(struct announcer *announcer, int64_t most_ms)
{
	int64_t until_ms = clock_boot_ms() + most_ms;

	while (announcer->pid > 0 && !waitpid(announcer->pid, NULL, WNOHANG)) {
		if (clock_boot_ms() > until_ms)
			return false;
		poll(NULL, 0, STEP_MS);
	}
	announcer->pid = -1;
	return true;
}

bool announcer_end(struct announcer *announcer)
{
	announcer_let_go(announcer);
	if (wait_for_end(announcer, STOP_MS))
		return true;
	kill(announcer->pid, SIGKILL); /* it is frozen */
	return wait_for_end(announcer, STOP_MS);
}

void announcer_stop(struct announcer *announcer)
{
	if (announcer_end(announcer))
		return;
	waitpid(announcer->pid, NULL, 0);
	announcer->pid = -1;
}
