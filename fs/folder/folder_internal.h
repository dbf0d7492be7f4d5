/*
 * What the files of folder/ share: what they keep with each directory's node, and the
 * steps by which a directory becomes a task's. Not for others.
 *
 *   folder.c     the table of tasks' folders
 *   identity.c   which task a directory is
 *   marking.c    making it one, and following it
 *   waits_on.c   which folder waits for which
 */
#ifndef SEEDANCEFS_FS_FOLDER_FOLDER_INTERNAL_H
#define SEEDANCEFS_FS_FOLDER_FOLDER_INTERNAL_H

#include "fs/folder/folder.h"

#include <assert.h>

/* copy_detect.c: what programs did in a directory. Any thread. */
struct copy_trace {
	_Atomic pid_t maker;	     /* who made it, as long as it copies into it */
	_Atomic bool is_listed;	     /* by another one since */
	_Atomic pid_t lister;	     /* who listed it last */
	_Atomic int64_t worked_ms;   /* boot clock: when its maker last did so in it */
	_Atomic bool is_copied;	     /* its maker made the trigger */
	_Atomic pid_t trigger_maker; /* who did so last … */
	_Atomic int64_t trigger_ms;  /* … when: boot clock … */
	_Atomic int64_t asking_ms;   /* … and found a virtual name taken */
};

/* With a directory's node (struct node_layout); zeros at first. */
struct directory_state {
	/* identity.c and marking.c; any thread. */
	_Atomic uint64_t task; /* the task's number, 0: none, or not known yet */
	/* The node's other_names when `task` was read from the mark, and one more; 0: it
	 * was not read. */
	_Atomic uint64_t known_by_names;
	_Atomic bool is_relic; /* perhaps a task's that lost its mark: folder.h */
	/* Guarded by the lock of the folders' table. */
	bool is_marking;
	uint32_t names_seen; /* the node's other_names when that began */

	_Atomic int64_t
		active_ms; /* edits.c: boot clock, last activity of a file in it */
	struct copy_trace trace;
};

static inline struct directory_state *directory_state(const struct node *directory)
{
	assert(directory->type == S_IFDIR && !directory->is_virtual);
	return node_state(directory);
}

/* --- folder.c --- */

/* Where a number stands in the table, or would stand; the lock is held. */
size_t folders_find_place(const struct folders *folders, uint64_t number);
/* The numbers of all folders; free() it. NULL: none, or no memory. */
uint64_t *folders_list(struct folders *folders, size_t *ret_count);
/* Makes the folder known, or points it at the directory that has the mark now. 0 or
 * -ENOMEM. */
int folder_remember(struct filesystem *fs, uint64_t number, struct node *directory);

/* --- identity.c --- */

/*
 * Reading a directory's mark, and giving it one, is one step for everybody else: whoever
 * comes meanwhile waits for what comes out. Two writers of one new folder get one task.
 */
void folder_begin_marking(struct filesystem *fs, struct node *directory);
void folder_end_marking(struct filesystem *fs, struct node *directory);

/* What the ledger is told of where a folder is; `path` is borrowed. */
struct task_place folder_place(const struct node *directory, char *path);

/* Between begin and end: the directory's number, read from its mark the first time. */
uint64_t folder_know_number(struct filesystem *fs, struct node *directory, int fd);
/* … that number is known now. */
void folder_set_number(struct filesystem *fs, struct node *directory, uint64_t number);
/* … the directory is the task's: the table and the ledger's hint follow. 0 or -ENOMEM. */
int folder_take_over(struct filesystem *fs, const struct task_view *view,
		     struct node *directory, const struct task_place *place);

#endif
