/*
 * Makes the draft of an order from a folder: reads the trigger, finds the inputs, and
 * makes private copies of them, so that nobody can change what is being sent. Blocking,
 * local disk only; the settler's thread.
 */
#ifndef SEEDANCEFS_FS_ORDER_DRAFT_H
#define SEEDANCEFS_FS_ORDER_DRAFT_H

#include "fs/folder/filesystem.h"

enum draft_outcome {
	DRAFT_READY,   /* request, digest and locked are set */
	DRAFT_WAITS,   /* `waiting` says for what */
	DRAFT_INVALID, /* `problem` and digest are set */
	DRAFT_COPY,    /* the folder holds a copied status, task.json or video.mp4 */
	DRAFT_NOTHING, /* there is no trigger */
};

struct draft_result {
	struct request *request;
	char digest[SHA256_HEX]; /* of the trigger, the prompt beside it, defaults and
				  * inputs */
	struct problem problem;
	char *waiting;
	bool waits_elsewhere; /* for a file outside the folder, whose changes cause no
			       * event */
	uint64_t waits_on;    /* the other task that it waits for; 0: none */
	struct locked_file *locked;
	size_t locked_count;
};

/*
 * `number` is the task of the folder. Returns 0 and sets *ret_outcome, or returns -errno.
 * Call draft_result_clear() in both cases.
 */
int draft_make(struct filesystem *fs, struct node *directory, const char *path,
	       uint64_t number, struct draft_result *ret_gathered,
	       enum draft_outcome *ret_outcome);
void draft_result_clear(struct draft_result *result);

/*
 * Only the digest, of a folder that may have been ordered before: other tasks must be
 * known, but need not be ready. Returns 0; -ENOENT if the folder orders nothing; -EAGAIN
 * if something that the digest covers is missing; or another -errno.
 */
int draft_digest(struct filesystem *fs, struct node *directory, const char *path,
		 char ret_digest[SHA256_HEX]);

/*
 * Judges a trigger or a defaults.json when an editor closes it: its own text, and whether
 * any model of the configured services supports its values, given the other texts in the
 * folder so far. Returns 0; -EINVAL with *ret_problem if it is not acceptable; or another
 * -errno.
 */
int draft_judge(struct filesystem *fs, struct node *folder, int fd, const char *name,
		struct problem *ret_problem);

#endif
