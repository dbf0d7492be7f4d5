/*
 * Shared by the files of folder/: the state with each directory's node, and the steps
 * that make a directory a task's.
 *
 *   folder.c     the table of task folders
 *   identity.c   which task a directory belongs to
 *   marking.c    makes a directory a task's, and follows its moves
 *   waits_on.c   which folder waits for which
 */
#ifndef SEEDANCEFS_FS_FOLDER_FOLDER_INTERNAL_H
#define SEEDANCEFS_FS_FOLDER_FOLDER_INTERNAL_H

#include "fs/folder/folder.h"

#include <assert.h>

/* copy_detect.c: actions of programs in a directory. Any thread. */
struct copy_trace {
	_Atomic pid_t maker;	     /* the thread that made it, while it copies into
				      * it */
	_Atomic bool is_listed;	     /* another thread has listed it since */
	_Atomic pid_t lister;	     /* the last thread that listed it */
	_Atomic int64_t worked_ms;   /* boot clock: the maker's last action in it */
	_Atomic bool is_copied;	     /* the directory's maker made the trigger */
	_Atomic pid_t trigger_maker; /* the last thread that made a trigger … */
	_Atomic int64_t trigger_ms;  /* … when it did: boot clock … */
	_Atomic int64_t asking_ms;   /* … when it found a virtual name taken: boot
				      * clock */
};

/* State with a directory's node (struct node_layout); initially zero. */
struct directory_state {
	/* identity.c and marking.c; any thread. */
	_Atomic uint64_t task; /* the task's number; 0: none, or not known yet */
	/*
	 * One more than the node's other_names when `task` was read from the mark; 0: not
	 * read.
	 */
	_Atomic uint64_t known_by_names;
	_Atomic bool is_relic; /* possibly a task's that lost its mark: folder.h */
	/* Guarded by the lock of the folders' table. */
	bool is_marking;
	uint32_t names_seen; /* the node's other_names when the marking started */

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

/* The position of a number in the table, or where to insert it; the lock is held. */
size_t folders_find_place(const struct folders *folders, uint64_t number);
/* The numbers of all folders, to be freed. NULL: none, or no memory. */
uint64_t *folders_list(struct folders *folders, size_t *ret_count);
/*
 * Adds the folder to the table, or updates it with the directory that has the mark now. 0
 * or -ENOMEM.
 */
int folder_remember(struct filesystem *fs, uint64_t number, struct node *directory);

/* --- identity.c --- */

/*
 * Excludes other threads while a directory's mark is read or written: they wait for the
 * result. Two concurrent writers of a new folder get one task.
 */
void folder_begin_marking(struct filesystem *fs, struct node *directory);
void folder_end_marking(struct filesystem *fs, struct node *directory);

/* A folder's place as the ledger records it; `path` is borrowed. */
struct task_place folder_place(const struct node *directory, char *path);

/*
 * Between folder_begin_marking() and folder_end_marking(): the directory's number. The
 * first call reads its mark.
 */
uint64_t folder_know_number(struct filesystem *fs, struct node *directory, int fd);
/* … sets the number that is now known. */
void folder_set_number(struct filesystem *fs, struct node *directory, uint64_t number);
/*
 * … assigns the directory to the task: updates the table and the place in the ledger. 0
 * or -ENOMEM.
 */
int folder_take_over(struct filesystem *fs, const struct task_view *view,
		     struct node *directory, const struct task_place *place);

#endif
