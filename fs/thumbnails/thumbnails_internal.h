/*
 * What the files of this module share. Private.
 *
 *   thumbnails.c  the queue of work, and the thread
 *   known.c       what is known of each task: the place and versions of its thumbnails
 *   make.c        from outputs to pictures in the cache
 *   look.c        in the background: finds and makes missing thumbnails
 *   follow.c      removes and moves thumbnails with their outputs
 */
#ifndef SEEDANCEFS_FS_THUMBNAILS_THUMBNAILS_INTERNAL_H
#define SEEDANCEFS_FS_THUMBNAILS_THUMBNAILS_INTERNAL_H

#include "backend/backend.h"
#include "fs/thumbnails/cache.h"
#include "fs/thumbnails/maker.h"
#include "fs/thumbnails/thumbnails.h"

#include <pthread.h>

#define THUMBNAILS_VIDEO "video.mp4"
#define THUMBNAILS_FRAME "last_frame.png"
#define THUMBNAILS_OTHER_FRAME "last_frame.out.png"

enum job_kind {
	JOB_MAKE, /* the task is shown afterwards */
	JOB_REMOVE,
};

struct job {
	struct job *next;
	enum job_kind kind;
	uint64_t number;
	unsigned kinds; /* JOB_REMOVE: one bit for each output */
	char *path;	/* JOB_REMOVE; owned */
};

/* A directory that moved before the start-up walk was complete. */
struct early_move {
	char *from, *to; /* owned */
};

/* What is known of a task. */
struct known {
	uint64_t number;
	char *folder; /* whose path is in the thumbnails' URIs; owned; NULL: none yet */
	uint32_t versions[OUTPUT_COUNT]; /* with thumbnails, or never any; 0: none */
	bool is_lacking;		 /* bytes were missing, or did not arrive … */
	unsigned wholes; /* … when these outputs were complete, one bit each … */
	uint32_t tried_versions[OUTPUT_COUNT]; /* … in these versions */
	unsigned tries;
};

/* Progress of the background work, for the log. */
struct looking {
	bool is_on; /* the first round, of all tasks found at the start */
	size_t tasks, made, lacking;
	int64_t cpu_ms; /* of the thread, before the round */
};

struct thumbnails {
	/* Set before start. */
	struct filesystem *fs;
	struct thumbnail_cache cache;
	struct thumbnail_maker maker;
	pthread_t thread;
	bool is_started;

	pthread_mutex_t lock;
	pthread_cond_t has_work;
	/* Guarded by lock. */
	struct job *jobs, **jobs_end;
	uint64_t *looks; /* tasks to check when idle; the last one first */
	size_t look_count, look_capacity;
	struct early_move *early_moves;
	size_t early_count;
	bool is_walked, has_moved;
	bool is_stopping;

	/* Only for the thread. */
	struct known *known; /* sorted by number */
	size_t known_count;
	uint64_t fetch_bytes; /* left for the background work … */
	bool is_unreachable;  /* … during which a media host did not answer … */
	bool is_idle_over;    /* … and which cannot make or store thumbnails */
	struct looking looking;
	bool has_complained;
};

/* --- thumbnails.c --- */
/* Queues a check of a task in the background. Any thread. */
void thumbnails_push_look(struct thumbnails *thumbnails, uint64_t number);

/* --- known.c; on the thread --- */
/* The record of a task, valid until the next call; NULL: none. */
struct known *thumbnails_find(struct thumbnails *thumbnails, uint64_t number);
/* The same, but adds a missing record. NULL without memory. */
struct known *thumbnails_know(struct thumbnails *thumbnails, uint64_t number);
void thumbnails_forget(struct thumbnails *thumbnails, uint64_t number);
void thumbnails_forget_all(struct thumbnails *thumbnails);
/* Whether an output of that kind can be read. */
bool thumbnails_is_shown(const struct task_view *view, enum output_kind kind);
/* Notes that what the view shows has thumbnails, or never will. */
void thumbnails_note(struct known *known, const struct task_view *view);
/* Notes that the bytes for the thumbnails were missing. */
void thumbnails_note_lack(struct known *known, const struct task_view *view);
/*
 * Whether another try would lack the same bytes: nothing has changed, or there were
 * enough tries.
 */
bool thumbnails_is_hopeless(const struct known *known, const struct task_view *view);

/* --- make.c; on the thread --- */
/* The path of a file in the mount, with the mount point; NULL: no memory. */
char *thumbnails_shown_path(const struct filesystem *fs, const char *folder,
			    const char *name);
/* The same for an output, under the name that it has there. */
char *thumbnails_output_path(const struct filesystem *fs, const char *folder,
			     enum output_kind kind);
/* A task's current folder, relative to the mount; NULL: unknown. */
char *thumbnails_folder(struct filesystem *fs, uint64_t number);
/*
 * Makes them from the last frame. Falls back to the video if there is no last frame, or
 * it is no picture or costs too much. `is_kept`: valid thumbnails in the cache are kept.
 * 0 or -errno.
 */
int thumbnails_make(struct thumbnails *thumbnails, const struct task_view *view,
		    const char *folder, struct thumbnail_effort *effort, bool is_kept);
/* Sets the folder that a task's thumbnails will name. 0 or -ENOMEM. */
int thumbnails_set_folder(struct thumbnails *thumbnails, uint64_t number,
			  const char *folder);
/* Records the result, and returns r. */
int thumbnails_note_result(struct thumbnails *thumbnails, const struct task_view *view,
			   const char *folder, int r);
/* Logs one line for each task. What is missing for all tasks is a warning, once. */
void thumbnails_complain(struct thumbnails *thumbnails, uint64_t number, int r);
void thumbnails_run_make(struct thumbnails *thumbnails, const struct job *job);

/* --- look.c; on the thread --- */
/* Queues a check of all tasks that succeeded. Call it after the start-up walk. */
void thumbnails_look_at_all(struct thumbnails *thumbnails);
void thumbnails_look(struct thumbnails *thumbnails, uint64_t number);
/* Call it when there is nothing left to check for now. */
void thumbnails_looked(struct thumbnails *thumbnails);

/* --- follow.c; on the thread --- */
void thumbnails_run_remove(struct thumbnails *thumbnails, const struct job *job);
/*
 * Removes the thumbnails of outputs that were removed while their thumbnails were made.
 */
void thumbnails_take_back(struct thumbnails *thumbnails, const struct task_view *before,
			  const struct task_view *now, const char *folder);
/* Moves the thumbnails to where the folders are now. */
void thumbnails_follow(struct thumbnails *thumbnails);
/* The path of a folder before the moves during the start-up walk; free() it. */
char *thumbnails_early_path(struct thumbnails *thumbnails, const char *path);
void thumbnails_forget_early(struct thumbnails *thumbnails);

#endif
