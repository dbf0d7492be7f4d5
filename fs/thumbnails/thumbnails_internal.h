/*
 * The inside of the thumbnails, which their rooms share. Not for anyone else.
 *
 *   thumbnails.c          what is to be done, in turn
 *   known.c    what is known of each task: where its thumbnails are, and of
 * what make.c     from outputs to pictures in the cache look.c in
 * the background: what is missing in the cache follow.c   what was removed, or
 * moved
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
	unsigned kinds; /* JOB_REMOVE: of which outputs, a bit each */
	char *path;	/* JOB_REMOVE; owned */
};

/* A directory that moved before the walk was over. */
struct early_move {
	char *from, *to; /* owned */
};

/* What is known of a task. */
struct known {
	uint64_t number;
	char *folder; /* whose address the thumbnails have; owned; NULL: none yet */
	uint32_t versions[OUTPUT_COUNT]; /* that have some, or never will; 0: none */
	bool is_lacking;		 /* bytes were missing, or did not come … */
	unsigned wholes; /* … when these outputs were whole, a bit each … */
	uint32_t tried_versions[OUTPUT_COUNT]; /* … and these the present ones */
	unsigned tries;
};

/* What the background did so far, for the log. */
struct looking {
	bool is_on; /* the first round, of all that the start found */
	size_t tasks, made, lacking;
	int64_t cpu_ms; /* of the thread, before */
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
	uint64_t *looks; /* tasks to be looked at when nothing else is to be done; the
			    last one first */
	size_t look_count, look_capacity;
	struct early_move *early_moves;
	size_t early_count;
	bool is_walked, has_moved;
	bool is_stopping;

	/* The thread's own. */
	struct known *known; /* sorted by number */
	size_t known_count;
	uint64_t fetch_bytes; /* left for the background … */
	bool is_unreachable;  /* … for which a media host did not answer … */
	bool is_idle_over; /* … and which has nothing to make them with, or no room */
	struct looking looking;
	bool has_complained;
};

/* --- thumbnails.c --- */
/* A task is to be looked at, when there is time. Any thread. */
void thumbnails_push_look(struct thumbnails *thumbnails, uint64_t number);

/* --- known.c; on the thread --- */
/* What is known of a task, until the next call; NULL: nothing. */
struct known *thumbnails_find(struct thumbnails *thumbnails, uint64_t number);
/* The same; from now on something is. NULL without memory. */
struct known *thumbnails_know(struct thumbnails *thumbnails, uint64_t number);
void thumbnails_forget(struct thumbnails *thumbnails, uint64_t number);
void thumbnails_forget_all(struct thumbnails *thumbnails);
/* Whether an output of that kind can be read. */
bool thumbnails_is_shown(const struct task_view *view, enum output_kind kind);
/* The outputs that are whole on disk, a bit each. */
unsigned thumbnails_wholes(const struct task_view *view);
/* What the view shows has thumbnails from now on, or never will. */
void thumbnails_note(struct known *known, const struct task_view *view);
/* The bytes for it were missing. */
void thumbnails_note_lack(struct known *known, const struct task_view *view);
/* They would be again: nothing is different since, or it was tried often enough. */
bool thumbnails_is_hopeless(const struct known *known, const struct task_view *view);

/* --- make.c; on the thread --- */
/* Where a file of the mount is, for everybody; NULL: no memory. */
char *thumbnails_shown_path(const struct filesystem *fs, const char *folder,
			    const char *name);
/* The same for an output, under the name that it has there. */
char *thumbnails_output_path(const struct filesystem *fs, const char *folder,
			     enum output_kind kind);
/* The folder of a task now, below the tree; NULL when it is not known. */
char *thumbnails_folder(struct filesystem *fs, uint64_t number);
/* From the last frame; where that is none, or no picture, or costs too much, from the
 * video. `is_kept`: what is valid in the cache is left. 0 or -errno. */
int thumbnails_make(struct thumbnails *thumbnails, const struct task_view *view,
		    const char *folder, struct thumbnail_effort *effort, bool is_kept);
/* A task's thumbnails will have this folder's address. 0 or -ENOMEM. */
int thumbnails_set_folder(struct thumbnails *thumbnails, uint64_t number,
			  const char *folder);
/* What became of it goes down in what is known, and r is passed on. */
int thumbnails_note_result(struct thumbnails *thumbnails, const struct task_view *view,
			   const char *folder, int r);
/* One line for each task; what is missing for all of them is a warning, once. */
void thumbnails_complain(struct thumbnails *thumbnails, uint64_t number, int r);
void thumbnails_run_make(struct thumbnails *thumbnails, const struct job *job);

/* --- look.c; on the thread --- */
/* After the walk: all tasks that succeeded are to be looked at. */
void thumbnails_look_at_all(struct thumbnails *thumbnails);
void thumbnails_look(struct thumbnails *thumbnails, uint64_t number);
/* There is nothing left to be looked at for now. */
void thumbnails_looked(struct thumbnails *thumbnails);

/* --- follow.c; on the thread --- */
void thumbnails_run_remove(struct thumbnails *thumbnails, const struct job *job);
/* Outputs that were shown before, and were removed while their thumbnails were made. */
void thumbnails_take_back(struct thumbnails *thumbnails, const struct task_view *before,
			  const struct task_view *now, const char *folder);
/* To where the folders are now. */
void thumbnails_follow(struct thumbnails *thumbnails);
/* Where a folder was before what moved before the walk was over; free() it. */
char *thumbnails_early_path(struct thumbnails *thumbnails, const char *path);
void thumbnails_forget_early(struct thumbnails *thumbnails);

#endif
