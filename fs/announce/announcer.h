/*
 * The announcer: a small process that makes changes visible to programs that watch the
 * mount.
 *
 * The kernel notifies watchers (inotify) of operations through the mount, not of what the
 * daemon does by itself. So the announcer repeats a change through the mount, like any
 * program. The daemon recognises it by its pid and answers each request as done
 * (kernel/ops_announce.c). It is a process because a thread that waits for its own daemon
 * could never be ended.
 *
 * It is forked before threads, keys, ledger and lock exist. It wipes its copy of the
 * environment, which may hold keys. It holds one end of a socket, takes one job at a
 * time, and ends when the daemon does. It follows no link and crosses no mount on its way
 * to a folder, creates names with O_EXCL, and never writes a byte.
 *
 * The announcer must not make the mount busy. So it works through a mount of its own,
 * which is in no list and invisible to others (open_tree). That mount keeps the
 * filesystem alive, so the daemon ends the announcer as soon as the filesystem is mounted
 * nowhere else. Where the kernel does not allow such a mount, the announcer holds nothing
 * of the mount between two jobs. For each job it opens the mount point, and continues
 * only if the daemon's filesystem is mounted there.
 */
#ifndef SEEDANCEFS_FS_ANNOUNCE_ANNOUNCER_H
#define SEEDANCEFS_FS_ANNOUNCE_ANNOUNCER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What to announce of a name, and the events that watchers see. */
enum announcement {
	ANNOUNCE_APPEARS, /* CREATE, OPEN, CLOSE_WRITE */
	ANNOUNCE_CHANGED, /* OPEN, MODIFY, ATTRIB, CLOSE_WRITE */
	ANNOUNCE_TOUCHED, /* MODIFY, ATTRIB: an output, which is read-only */
	ANNOUNCE_GONE,	  /* DELETE */
	ANNOUNCE_BEGIN,	  /* no announcement: the mount is ready */
};

/* Identifies a mounted filesystem, whatever its daemon does. */
struct mount_identity {
	uint64_t device;
	uint64_t mount; /* never reused, if the kernel supports that; 0: unknown */
};

/* A job. Only the bytes up to the end of its names are sent. */
struct announcer_job {
	uint32_t id;
	uint32_t what; /* enum announcement */
	struct mount_identity mounted;
	char names[PATH_MAX + NAME_MAX +
		   2]; /* folder path in the mount, NUL, file, NUL */
};

struct announcer_result {
	uint32_t id;
	int32_t error;	  /* 0 or -errno */
	uint32_t took_us; /* including the daemon's replies */
};

struct announcer {
	pid_t pid;  /* -1: none */
	int socket; /* SOCK_SEQPACKET, non-blocking; -1: none */
};

/*
 * Forks the announcer. Call it before threads exist. `mount_point` is absolute, without
 * links. 0 or -errno.
 */
int announcer_start(const char *mount_point, struct announcer *ret_announcer);
/*
 * Closes the socket: the announcer ends as soon as it has no job. Only while no thread
 * uses the socket.
 */
void announcer_let_go(struct announcer *announcer);
/*
 * Closes the socket, and kills the announcer if it does not end soon. Returns whether it
 * ended. Even a killed announcer stays while it waits for a reply that is never sent,
 * until the session ends.
 */
bool announcer_end(struct announcer *announcer);
/*
 * Closes the socket and waits until the announcer has ended. Call it after the session is
 * destroyed, which ends what the announcer waits for.
 */
void announcer_stop(struct announcer *announcer);

/* What is mounted at a path. The kernel alone answers; no daemon is involved. */
int announcer_identify(const char *mount_point, struct mount_identity *ret_identity);

#endif
