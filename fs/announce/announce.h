/*
 * Announcements, the daemon's end: what changed in the tasks' folders is told to whoever
 * watches them (announcer.h), and wakes whoever polls a `status` (kernel/ops_poll.c).
 *
 * For each task it is kept what watchers were told last. Whatever may have changed it
 * only marks the task; one thread looks what is different now, and gives the announcer
 * one job after the other. Several changes of one file that were not announced yet are
 * one, so that what waits here is bounded by the number of tasks. Nobody waits for the
 * announcer: frozen or dead, everything but the events goes on.
 *
 * What is announced:
 * - a file of the program's that comes or goes, but for one that a person removed (the
 *   kernel told that), at once; what came and went before it was told of is told of only
 *   if somebody found it meanwhile;
 * - `status`, and task.json with it, when a person would see something new: another
 *   state, progress, reason, note, link, percentage kept. The countdown of a folder that
 *   settles, and the times of the service's being asked, change silently. A state is
 *   announced at once, everything else at most once a second and task;
 * - error.txt when its text changes, an output when it became another one;
 * - gallery.html in the root, when any of this would change a card, once a second at
 *   most. The page is not made for that, but for whoever looks after it.
 *
 * The names themselves show at once, to everybody but the announcer, who is told that a
 * name is not there until it made it: so the kernel sees a creation.
 *
 * Any thread, where nothing else is said. No lock is held over I/O or a call elsewhere.
 */
#ifndef SEEDANCEFS_FS_ANNOUNCE_ANNOUNCE_H
#define SEEDANCEFS_FS_ANNOUNCE_ANNOUNCE_H

#include "fs/announce/announcer.h"
#include "fs/folder/filesystem.h"
#include "fs/tree/names.h"

struct announce;

int announce_create(struct filesystem *fs, struct announce **ret_announce);
/*
 * After the mount, before the backend starts: what the tasks show now was there before
 * anybody could watch. `announcer` is borrowed until announce_stop(). 0 or -errno.
 */
int announce_start(struct announce *announce, struct announcer *announcer,
		   const struct mount_identity *mounted);
/* Before the session ends. */
void announce_stop(struct announce *announce);
void announce_destroy(struct announce *announce);

/* Something of a task may have changed. Only queues. */
void announce_changed(struct announce *announce, uint64_t number);
/* Bytes of its outputs are being fetched: for a while it is looked at once a second. */
void announce_watch(struct announce *announce, uint64_t number);
/* Before a person's removal of a virtual file takes effect: the kernel announces that. */
void announce_removed(struct announce *announce, uint64_t number, enum virtual_kind kind);
/* Its folder is gone. */
void announce_forget(struct announce *announce, uint64_t number);
/* The kernel knows this version of a virtual file now. */
void announce_handed(struct announce *announce, uint64_t number, enum virtual_kind kind,
		     uint32_t version);
/* How often its `status` changed so that a person would see it. */
unsigned announce_changes(struct announce *announce, uint64_t number);

/* When task.json came to a folder that was not sent yet (wall clock, ms); 0: not seen. */
int64_t announce_listed_ms(struct announce *announce, uint64_t number);

/* Makes its thread ask those who poll (kernel/ops_poll.h) when they are due. */
void announce_wake(struct announce *announce);

/* Whether a request comes from the announcer. */
bool announce_is_ours(const struct announce *announce, pid_t pid);

/* The job that it has. */
struct announce_job {
	uint32_t id;
	uint64_t number;
	enum virtual_kind kind;
	enum announcement what;
	uint32_t version; /* that the kernel knows */
	char name[24];
};
/* A copy of it; false: it has none. */
bool announce_current(struct announce *announce, struct announce_job *ret_job);

#endif
