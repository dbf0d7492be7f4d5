/*
 * The announcer: a small process that makes changes visible to those who watch the mount.
 *
 * The kernel tells watchers (inotify) of what is done through the mount, never of what
 * the daemon does by itself. So the announcer does it once more, through the mount, as
 * any program would; the daemon knows it by its pid and answers that all is done
 * (kernel/ops_announce.c). It is a process of its own because a thread that waits for its own
 * daemon could never be ended.
 *
 * It is forked before threads, keys, ledger and lock exist, wipes its copy of the
 * environment, which may hold keys, holds one end of a socket, takes one job at a time
 * and ends when the daemon does. It reaches a folder over no link and no other mount,
 * makes names with O_EXCL and never writes a byte.
 *
 * So that nothing it does makes the mount busy, it works through a mount of its own,
 * which is in no list and nobody else sees (open_tree). It keeps what is mounted alive:
 * the daemon ends the announcer as soon as it is mounted nowhere else. Where the kernel
 * does not allow that, it holds nothing of the mount between two jobs; for each it opens
 * the mount point and goes on only if what is mounted there is the daemon's.
 */
#ifndef SEEDANCEFS_FS_ANNOUNCE_ANNOUNCER_H
#define SEEDANCEFS_FS_ANNOUNCE_ANNOUNCER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What watchers are told of a name, and what they see. */
enum announcement {
	ANNOUNCE_APPEARS, /* CREATE, OPEN, CLOSE_WRITE */
	ANNOUNCE_CHANGED, /* OPEN, MODIFY, ATTRIB, CLOSE_WRITE */
	ANNOUNCE_TOUCHED, /* MODIFY, ATTRIB: an output, which nobody may open to write */
	ANNOUNCE_GONE,	  /* DELETE */
	ANNOUNCE_BEGIN,	  /* no announcement: what is mounted is ready for them */
};

/* What is mounted somewhere, whatever its daemon does. */
struct mount_identity {
	uint64_t device;
	uint64_t mount; /* never used twice, where the kernel has that; 0: not known */
};

/* A job; only the bytes up to the end of its names are sent. */
struct announcer_job {
	uint32_t id;
	uint32_t what; /* enum announcement */
	struct mount_identity mounted;
	char names[PATH_MAX + NAME_MAX + 2]; /* folder below the mount, NUL, file, NUL */
};

struct announcer_result {
	uint32_t id;
	int32_t error;	  /* 0 or -errno */
	uint32_t took_us; /* with the daemon's answers */
};

struct announcer {
	pid_t pid;  /* -1: none */
	int socket; /* SOCK_SEQPACKET, non-blocking; -1: none */
};

/*
 * Forks it, before there are threads. `mount_point` is absolute, without links. 0 or
 * -errno.
 */
int announcer_start(const char *mount_point, struct announcer *ret_announcer);
/* It ends as soon as it has nothing under way. Only while no thread uses the socket. */
void announcer_let_go(struct announcer *announcer);
/*
 * Lets go of it, and kills it if it does not end in a moment. Whether it ended. It may
 * not, though killed: when it waits for an answer that nobody gives any more; that ends
 * with the session.
 */
bool announcer_end(struct announcer *announcer);
/* The same, until it ended. After the session was destroyed:
 * what it waits for is over. */
void announcer_stop(struct announcer *announcer);

/* What is mounted at a path. Asks the kernel alone: no daemon is waited for. */
int announcer_identify(const char *mount_point, struct mount_identity *ret_identity);

#endif
