/*
 * Gathers what a folder orders: reads the trigger, finds the inputs, and copies them
 * aside, so that nobody can change what is being sent. Blocking, local disk only; the
 * settler's thread.
 */
#ifndef SEEDANCEFS_FS_ORDER_DRAFT_H
#define SEEDANCEFS_FS_ORDER_DRAFT_H

#include "fs/folder/filesystem.h"

enum draft_outcome {
	DRAFT_READY,   /* request, digest and locked are set */
	DRAFT_WAITS,   /* `waiting` tells for what */
	DRAFT_INVALID, /* `problem` and digest are set */
	DRAFT_COPY,    /* the folder holds a copied status, task.json or video.mp4 */
	DRAFT_NOTHING, /* there is no trigger (any more) */
};

struct draft_result {
	struct request *request;
	char digest[SHA256_HEX]; /* of trigger, text beside it, defaults and inputs */
	struct problem problem;
	char *waiting;
	bool waits_elsewhere; /* for a file outside the folder: nothing will announce it
			       */
	uint64_t waits_on;    /* for this other task; 0: none */
	struct locked_file *locked;
	size_t locked_count;
};

/*
 * `number` is the task that the folder is, or is to be. Returns 0 with *ret_outcome set,
 * or -errno. draft_result_clear() in any case.
 */
int draft_make(struct filesystem *fs, struct node *directory, const char *path,
	       uint64_t number, struct draft_result *ret_gathered,
	       enum draft_outcome *ret_outcome);
void draft_result_clear(struct draft_result *result);

/*
 * The digest alone, of a folder that was ordered before perhaps: other tasks need only be
 * known, not ready. 0; -ENOENT when it orders nothing; -EAGAIN when something that the
 * digest is of is not there; or another -errno.
 */
int draft_digest(struct filesystem *fs, struct node *directory, const char *path,
		 char ret_digest[SHA256_HEX]);

/*
 * Judges a trigger file, or one of defaults, for an editor's close: as far as its own
 * text shows, and whether any model of the configured services could do its values, with
 * what the folder says so far. 0, or -EINVAL with *ret_problem when it is not acceptable.
 */
int draft_judge(struct filesystem *fs, struct node *folder, int fd, const char *name,
		struct problem *ret_problem);

#endif
