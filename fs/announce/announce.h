/*
 * Announcements, on the daemon's side. They report changes in the tasks' folders to
 * programs that watch them (announcer.h), and wake programs that poll a `status`
 * (kernel/ops_poll.c).
 *
 * This module records what was last announced of each task. A possible change only marks
 * the task. One thread finds what is different and gives the announcer one job at a time.
 * Several changes of one file that are not announced yet are merged, so the size of the
 * queue is bounded by the number of tasks. Nothing waits for the announcer: if it is
 * frozen or dead, only the events are missing.
 *
 * The following is announced:
 * - A virtual file that appears or disappears, immediately. Not if a person removed it,
 *   since the kernel reported that. A file that appeared and disappeared before it was
 *   announced counts only if a program found it meanwhile.
 * - `status`, and task.json with it, when they show something new to a person: another
 *   state, progress, reason, note, link or percentage on disk. The countdown of a folder
 *   that settles and the times of polls change silently. A state is announced
 *   immediately, everything else at most once a second per task.
 * - error.txt when its text changes; an output when another version replaces it.
 * - gallery.html in the root, when any of this would change a card, at most once a
 *   second. The announcement does not make the page; the next look-up does.
 *
 * The names themselves are visible to every program immediately, except to the announcer.
 * It does not find a name until it has created it, so that the kernel sees a creation.
 *
 * Any thread, unless stated otherwise. No lock is held during I/O or a call to another
 * module.
 */
#ifndef SEEDANCEFS_FS_ANNOUNCE_ANNOUNCE_H
#define SEEDANCEFS_FS_ANNOUNCE_ANNOUNCE_H

#include "fs/announce/announcer.h"
#include "fs/folder/filesystem.h"
#include "fs/tree/names.h"

struct announce;

int announce_create(struct filesystem *fs, struct announce **ret_announce);
/*
 * Call it after the mount and before the backend starts. What the tasks show now is not
 * announced: it existed before any program could watch. `announcer` is borrowed until
 * announce_stop(). 0 or -errno.
 */
int announce_start(struct announce *announce, struct announcer *announcer,
		   const struct mount_identity *mounted);
/* Call it before the session ends. */
void announce_stop(struct announce *announce);
void announce_destroy(struct announce *announce);

/* Something of a task may have changed. Only queues. */
void announce_changed(struct announce *announce, uint64_t number);
/*
 * Bytes of its outputs are being fetched: for a while the task is checked once a second.
 */
void announce_watch(struct announce *announce, uint64_t number);
/*
 * Call it before a person's removal of a virtual file takes effect: the kernel announces
 * that removal itself.
 */
void announce_removed(struct announce *announce, uint64_t number, enum virtual_kind kind);
/* The task's folder is gone. */
void announce_forget(struct announce *announce, uint64_t number);
/* The kernel now knows this version of a virtual file. */
void announce_handed(struct announce *announce, uint64_t number, enum virtual_kind kind,
		     uint32_t version);
/* How often the task's `status` changed in a way that a person would see. */
unsigned announce_changes(struct announce *announce, uint64_t number);

/*
 * When task.json appeared in a folder that was not sent yet (wall clock, ms); 0: unknown.
 */
int64_t announce_listed_ms(struct announce *announce, uint64_t number);

/* Wakes the thread, which then checks when the pollers are due (kernel/ops_poll.h). */
void announce_wake(struct announce *announce);

/* Whether a request comes from the announcer. */
bool announce_is_ours(const struct announce *announce, pid_t pid);

/* The announcer's current job. */
struct announce_job {
	uint32_t id;
	uint64_t number;
	enum virtual_kind kind;
	enum announcement what;
	uint32_t version; /* the version that the kernel knows */
	char name[24];
};
/* Copies the current job. Returns false if there is none. */
bool announce_current(struct announce *announce, struct announce_job *ret_job);

#endif
