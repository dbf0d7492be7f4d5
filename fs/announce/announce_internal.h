/*
 * What the files of this module share: announce.c (what was announced, and the queue),
 * jobs.c (jobs) and changes.c (what is different now).
 */
#ifndef SEEDANCEFS_FS_ANNOUNCE_ANNOUNCE_INTERNAL_H
#define SEEDANCEFS_FS_ANNOUNCE_ANNOUNCE_INTERNAL_H

#include "fs/announce/announce.h"

#define KIND_BIT(kind) (1u << (kind))
_Static_assert(VIRTUAL_COUNT <= 8, "a mask of kinds has eight bits");
#define NEVER INT64_MAX

/* What was announced of a task. Guarded by the lock. */
struct told {
	uint64_t number;
	struct told *next; /* in the queue */
	bool is_queued;
	int64_t due_ms;		/* boot clock: the next check; NEVER */
	int64_t watch_until_ms; /* boot clock: its percentage changes until then */

	bool is_outdated; /* `status` shows something that is not announced yet */
	enum task_state state;
	uint64_t gist;	     /* hash of what `status` shows */
	uint64_t error;	     /* hash of what error.txt shows */
	int kept;	     /* per cent; -1: not checked */
	int64_t listed_ms;   /* wall clock: when task.json appeared in an unsent folder */
	int64_t status_ms;   /* boot clock: when `status` was last announced */
	unsigned changes;    /* how often gist or kept changed */
	uint8_t shown;	     /* KIND_BIT()s, announced or queued */
	bool frame_is_out;   /* the last frame is called last_frame.out.png */
	uint32_t outputs[2]; /* the announced versions, video first */

	/* Not announced yet. */
	uint8_t appears, changed, gone;
	uint8_t missed;		       /* not found by the announcer, and checked again */
	uint32_t known[VIRTUAL_COUNT]; /* last versions that the kernel got; 0: none */
	uint32_t error_gone;	       /* the last version of error.txt that vanished */
};

/* What there is to announce of a task. */
struct look {
	enum task_state state;
	uint64_t gist, error;
	int kept;
	uint8_t shown;
	bool json_rests; /* the folder is active: its task.json comes and goes silently */
	bool frame_is_out, is_fetching;
	uint32_t outputs[2];
	int64_t again_ms; /* boot clock; NEVER */
};

struct announce {
	/* Set before start. */
	struct filesystem *fs;
	struct mount_identity mounted;
	int wake; /* eventfd: something is queued */
	pthread_t thread;
	bool is_started;

	_Atomic pid_t pid; /* of the announcer; 0: none */

	/* Only for the thread. */
	struct announcer *announcer; /* borrowed; NULL: none, or ended */
	uint32_t last_id;
	int mounts; /* /proc/self/mountinfo: reports changes; -1 */

	pthread_mutex_t lock;
	/* Guarded by lock. */
	struct told **items; /* sorted by number */
	size_t count, capacity;
	struct told *first, **end; /* the queue */
	struct announce_job job;   /* id 0: none */
	bool page_is_outdated;	   /* gallery.html */
	int64_t page_ms;	   /* boot clock: when it was last announced */
	bool is_stopping;
};

/* A task's record; NULL: unknown, or no memory. The lock is held for these. */
struct told *told_find(const struct announce *announce, uint64_t number);
struct told *told_find_or_add(struct announce *announce, uint64_t number);
/* Removes the record that `at` points at from the queue. */
void told_dequeue(struct announce *announce, struct told **at);

/*
 * Checks a task. `directory` may be NULL before any program has seen its folder. Without
 * the lock.
 */
void look_at(struct filesystem *fs, const struct task_view *view, struct node *directory,
	     struct look *ret_look);
/*
 * Whether a task is due for a check. Clears the due time, so that a later change, even
 * during the check, makes it due again. The lock is held.
 */
bool told_take_due(struct told *told, int64_t now_ms);
/*
 * Takes over the result of a check: marks what to announce. Returns whether `status`
 * changed so that its pollers must be woken. The lock is held.
 */
bool told_take(struct told *told, const struct look *look, int64_t now_ms);
/*
 * The announcer did not find a name that it should create: a person removed it after the
 * check, so no watcher learned of it. Returns whether to check the task again now, since
 * the name may be back already. The lock is held.
 */
bool told_take_back(struct told *told, enum virtual_kind kind);
/*
 * Takes over the result of a check without announcing anything: no program can have
 * watched yet.
 */
void told_begin(struct told *told, const struct look *look);

#endif
