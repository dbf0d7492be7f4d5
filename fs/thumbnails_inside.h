/*
 * The inside of the thumbnails, which their rooms share. Not for anyone else.
 *
 *   thumbnails.c         what is to be done, in turn; which have been made
 *   thumbnails_make.c    from outputs to pictures in the cache
 *   thumbnails_follow.c  what was removed, or moved
 */
#ifndef SEEDANCEFS_THUMBNAILS_INSIDE_H
#define SEEDANCEFS_THUMBNAILS_INSIDE_H

#include "backend/backend.h"
#include "fs/thumbnail_cache.h"
#include "fs/thumbnail_maker.h"
#include "fs/thumbnails.h"

#include <pthread.h>

#define THUMBNAILS_VIDEO "video.mp4"
#define THUMBNAILS_FRAME "last_frame.png"
#define THUMBNAILS_OTHER_FRAME "last_frame.out.png"

enum job_kind {
	JOB_MAKE,
	JOB_REMOVE,
	JOB_MOVE,
};

struct job {
	struct job *next;
	enum job_kind kind;
	uint64_t number;
	bool is_held;	       /* JOB_MAKE: the task is shown afterwards */
	unsigned kinds;	       /* JOB_REMOVE: of which outputs, a bit each */
	char *path, *new_path; /* JOB_REMOVE, JOB_MOVE; owned */
};

/* The versions of a task's outputs that have thumbnails, or were tried; 0: none. */
struct made {
	uint64_t number;
	uint32_t versions[OUTPUT_COUNT];
};

struct thumbnails {
	/* Set before start. */
	struct filesystem *fs;
	struct thumbnail_cache cache;
	struct thumbnail_maker maker;
	pthread_t thread;
	bool is_started;

	pthread_mutex_t lock;
	pthread_cond_t has_job;
	/* Guarded by lock. */
	struct job *jobs, **jobs_end;
	struct made *made; /* since the start, sorted by number */
	size_t made_count;
	bool is_stopping;

	/* The thread's own. */
	bool has_complained;
};

/* --- thumbnails.c --- */
/* Whether an output of that kind can be read. */
bool thumbnails_is_shown(const struct task_view *view, enum output_kind kind);
/* What the view shows has thumbnails from now on, or was tried. */
void thumbnails_note(struct thumbnails *thumbnails, const struct task_view *view);

/* --- thumbnails_make.c; on the thread --- */
/* Where a file of the mount is, for everybody; NULL: no memory. */
char *thumbnails_shown_path(const struct filesystem *fs, const char *folder,
			    const char *name);
void thumbnails_run_make(struct thumbnails *thumbnails, const struct job *job);

/* --- thumbnails_follow.c; on the thread --- */
void thumbnails_run_remove(struct thumbnails *thumbnails, const struct job *job);
void thumbnails_run_move(struct thumbnails *thumbnails, const struct job *job);

#endif
