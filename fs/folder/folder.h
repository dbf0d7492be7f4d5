/*
 * Task folders: maps directories to tasks by the mark that each task's directory carries.
 *
 * A folder object represents one task's directory while the daemon knows it.
 * view/virtual_files.h describes the files that the folder shows besides the user's; its
 * snapshot of `status` is kept here.
 */
#ifndef SEEDANCEFS_FS_FOLDER_FOLDER_H
#define SEEDANCEFS_FS_FOLDER_FOLDER_H

#include "fs/folder/filesystem.h"
#include "fs/folder/status_snapshot.h"

#include <stdatomic.h>

struct folder {
	uint64_t number;
	struct node *node; /* the directory; referenced */

	/* Guarded by the table's lock. */
	struct folder *next;
	uint64_t known_device, known_inode; /* the ledger's values when first found; or
					     * 0 */
	char *waiting; /* why it is not sent; NULL: it is settling, or nothing holds it */
	char text_before[SHA256_HEX]; /* digest of a trigger before its last
				       * truncation; or "" */
	ino_t inode_before;	      /* the inode of that trigger */
	bool is_cut;		      /* a trigger was truncated since the last refused
				       * save */
	uint64_t waits_on;	      /* another task that it waits for; 0: none */
	uint64_t loops_by;	      /* the task that closes its loop; 0: none */
	struct snapshot status;
};

struct folders {
	atomic_bool is_walked; /* the recovery walk has seen every directory */
	pthread_mutex_t lock;
	pthread_cond_t marked; /* the mark of a directory was read or written */
	struct folder **items; /* sorted by number; guarded by lock */
	size_t count, capacity;
	struct node **relics; /* referenced; the recovery walk owns them until it ends */
	size_t relic_count;
};

/* The bytes that folder/ keeps with each directory's node (struct node_layout). */
size_t folders_state_bytes(void);

int folders_create(struct folders **ret_folders);
void folders_destroy(struct folders *folders, struct nodes *nodes);

/*
 * The task number of a directory; 0: a plain folder, or a copy of a task's folder that is
 * not the task itself. The first call reads the mark.
 */
uint64_t folder_number(struct filesystem *fs, struct node *directory);
/* The same for an open directory. */
uint64_t folder_number_at(struct filesystem *fs, struct node *directory, int fd);

/* Whether a node is known to be a task's directory; reads nothing. */
bool folder_is_task(const struct node *node);

/*
 * A directory was just created: it belongs to no task, even if its inode belonged to one
 * whose folder was removed outside the mount.
 */
void folder_made(struct filesystem *fs, struct node *directory);

/*
 * Makes a directory a task's folder: assigns a number, writes the mark, and adds a
 * pending task. Does nothing if the directory is a task's already, is the root or in the
 * trash, or if the user is not the owner. 0 or -errno; -EAGAIN while the directory may
 * turn out to be a moved task's.
 */
int folder_mark(struct filesystem *fs, struct node *directory, uid_t uid);
/*
 * Whether a plain directory may still turn out to be a task's: the end of the recovery
 * walk decides that. Until then no order is made or changed there.
 */
bool folder_may_be_task(struct filesystem *fs, struct node *directory);

/*
 * The recovery walk found a directory that matches this task, by its mark or by its
 * content. Assigns the directory to the task unless the task already has one; returns
 * whether it did.
 */
bool folder_claim(struct filesystem *fs, struct node *directory, int fd, uint64_t number);
/*
 * The walk found a plain directory in a task's last known place, but some files are
 * missing, so it cannot tell whether the directory is the task's: an order made there
 * waits for `submit`.
 */
void folder_add_relic(struct filesystem *fs, struct node *directory);
/* Whether a task has a last known place, but no directory was found for it. */
bool folder_is_lost(struct filesystem *fs, const struct task_view *view);
/*
 * The recovery walk has ended. Until then a folder that may be a moved task's does not
 * become a new task.
 */
void folders_walked(struct filesystem *fs);
/*
 * Directories were moved: the tasks follow their folders, and orders in the trash are not
 * sent.
 */
void folders_moved(struct filesystem *fs);

/* The directory of a task, with a reference; NULL while it is not known. */
struct node *folder_node(struct filesystem *fs, uint64_t number);
void folder_forget(struct filesystem *fs, uint64_t number);

/*
 * Sets why a pending folder waits. NULL: it is only settling, and `status` counts down.
 */
void folder_set_waiting(struct filesystem *fs, uint64_t number, const char *waiting);

/* A copy of that text, to be freed; NULL: none. */
char *folder_waiting(struct filesystem *fs, uint64_t number);

/* The bit for this virtual file among those that a user removed (HIDDEN_…). */
static inline unsigned folder_hidden_bit(enum virtual_kind kind)
{
	return kind == VIRTUAL_NONE ? 0 : 1u << (kind - VIRTUAL_STATUS);
}

/* The folder of a task, or NULL; the table's lock is held. */
struct folder *folders_find(struct folders *folders, uint64_t number);

#endif
