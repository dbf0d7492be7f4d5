/*
 * What the rooms of the announcements share: announce.c (what the tasks were told of, and
 * the queue), jobs.c (jobs) and changes.c (what is different now).
 */
#ifndef SEEDANCEFS_FS_ANNOUNCE_ANNOUNCE_INTERNAL_H
#define SEEDANCEFS_FS_ANNOUNCE_ANNOUNCE_INTERNAL_H

#include "fs/announce/announce.h"

#define KIND_BIT(kind) (1u << (kind))
_Static_assert(VIRTUAL_COUNT <= 8, "a mask of kinds has eight bits");
#define NEVER INT64_MAX

/* What watchers were told of a task. Guarded by the lock. */
struct told {
	uint64_t number;
	struct told *next; /* in the queue */
	bool is_queued;
	int64_t due_ms;		/* boot clock: to be looked at; NEVER */
	int64_t watch_until_ms; /* boot clock: its kept percentage moves */

	bool is_outdated; /* `status` says something that was not announced yet */
	enum task_state state;
	uint64_t gist;	     /* of what `status` says */
	uint64_t error;	     /* of what error.txt says */
	int kept;	     /* per cent; -1: not looked at */
	int64_t listed_ms;   /* wall clock: when an unsent folder got its task.json */
	int64_t status_ms;   /* boot clock: when `status` was announced last */
	unsigned changes;    /* of gist or kept */
	uint8_t shown;	     /* KIND_BIT()s, announced or queued */
	bool frame_is_out;   /* the last frame is called last_frame.out.png */
	uint32_t outputs[2]; /* the versions announced, video first */

	/* Not announced yet. */
	uint8_t appears, changed, gone;
	uint8_t missed; /* the announcer did not find them, and they were looked at again
			 */
	uint32_t known[VIRTUAL_COUNT]; /* versions that the kernel was given last; 0 */
	uint32_t error_gone;	       /* the version of error.txt that went last */
};

/* What there is to tell of a task. */
struct look {
	enum task_state state;
	uint64_t gist, error;
	int kept;
	uint8_t shown;
	bool json_rests; /* a folder in motion: its task.json comes and goes silently */
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

	_Atomic pid_t pid; /* the announcer's; 0: there is none */

	/* The thread alone. */
	struct announcer *announcer; /* borrowed; NULL: there is none any more */
	uint32_t last_id;
	int mounts; /* the kernel's list of them: tells of changes; -1 */

	pthread_mutex_t lock;
	/* Guarded by lock. */
	struct told **items; /* sorted by number */
	size_t count, capacity;
	struct told *first, **end; /* the queue */
	struct announce_job job;   /* id 0: none */
	bool page_is_outdated;	   /* gallery.html */
	int64_t page_ms;	   /* boot clock: when it was announced last */
	bool is_stopping;
};

/* The lock is held for these: a task's; NULL: not known, or no memory. */
struct told *told_find(const struct announce *announce, uint64_t number);
struct told *told_find_or_add(struct announce *announce, uint64_t number);
/* Takes the one that `at` points at out of the queue. */
void told_dequeue(struct announce *announce, struct told **at);

/* Looks at a task; `directory` may be NULL before anybody saw its folder. No lock. */
void look_at(struct filesystem *fs, const struct task_view *view, struct node *directory,
	     struct look *ret_look);
/*
 * Whether a task is to be looked at now. That settles it: what changes from here on, be
 * it during the look, makes it due again. The lock is held.
 */
bool told_take_due(struct told *told, int64_t now_ms);
/*
 * Takes over a look: marks what is to be announced. Returns whether `status` changed so
 * that whoever polls it is to be woken. The lock is held.
 */
bool told_take(struct told *told, const struct look *look, int64_t now_ms);
/*
 * The announcer did not find a name that it was to make: a person had just removed it,
 * and the look was of before. So nobody was told of it. Whether the task is to be looked
 * at again now: it may be back already. The lock is held.
 */
bool told_take_back(struct told *told, enum virtual_kind kind);
/* Takes over a look at what nobody can have watched. */
void told_begin(struct told *told, const struct look *look);

#endif
