/*
 * Task folders: which directory is which task, by the mark that it carries.
 *
 * A folder object stands for one task's directory while the program knows it. What the
 * folder shows besides the user's files is view/virtual_files.h's; its snapshot of `status` is kept
 * here.
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
	uint64_t known_device, known_inode; /* the ledger's, when it was found; or 0 */
	char *waiting; /* why it does not go out; NULL: it settles, or nothing holds it */
	char text_before[SHA256_HEX]; /* of a trigger, before it was last cut; or "" */
	ino_t inode_before;	      /* … which one */
	bool is_cut;		      /* since a save of one was last refused */
	uint64_t waits_on;	      /* another task that it waits for; 0: none */
	uint64_t loops_by; /* the one that it was refused to wait for; 0: none */
	struct snapshot status;
};

struct folders {
	atomic_bool is_walked; /* every directory of the library was seen once */
	pthread_mutex_t lock;
	pthread_cond_t marked; /* one directory's mark was read, or written */
	struct folder **items; /* sorted by number; guarded by lock */
	size_t count, capacity;
	struct node **relics; /* referenced; the walk's until it is over */
	size_t relic_count;
};

/* The bytes that folder/ keeps with each directory's node (struct node_layout). */
size_t folders_state_bytes(void);

int folders_create(struct folders **ret_folders);
void folders_destroy(struct folders *folders, struct nodes *nodes);

/*
 * The task number of a directory; 0: a plain folder (or a copy of a task's folder that is
 * not the task itself). Reads the mark the first time.
 */
uint64_t folder_number(struct filesystem *fs, struct node *directory);
/* The same for a directory that is open already. */
uint64_t folder_number_at(struct filesystem *fs, struct node *directory, int fd);

/* Whether a node is known to be the directory of a task: nothing is read for it. */
bool folder_is_task(const struct node *node);

/*
 * A directory was made this moment: it is no task's, even if its inode was one's whose
 * folder was removed behind the mount.
 */
void folder_made(struct filesystem *fs, struct node *directory);

/*
 * Makes a directory a task's folder: a number, the mark, and a pending task. Nothing
 * happens if it is one already, in the root, or for another user than the owner. 0 or
 * -errno: -EAGAIN while it may turn out to be a task's that was moved.
 */
int folder_mark(struct filesystem *fs, struct node *directory, uid_t uid);
/*
 * Whether a plain directory may yet turn out to be a task's, which the end of the
 * start-up walk tells: until then no order is made or changed there.
 */
bool folder_may_be_task(struct filesystem *fs, struct node *directory);

/*
 * The start-up walk found a directory that is this task's, by a mark that names it or by
 * what is in it, if no other one is: makes it so, and returns whether it did.
 */
bool folder_claim(struct filesystem *fs, struct node *directory, int fd, uint64_t number);
/*
 * It found a plain directory where a task was, and what is missing there keeps it from
 * telling whether it is the task's: an order made there waits for `submit`.
 */
void folder_add_relic(struct filesystem *fs, struct node *directory);
/* Whether a task that no directory was found for was last seen at a known place. */
bool folder_is_lost(struct filesystem *fs, const struct task_view *view);
/* The walk is over. Until then a folder that may be a moved task's takes no new one. */
void folders_walked(struct filesystem *fs);
/* Directories moved: each folder's task follows; what is in the trash now does not go. */
void folders_moved(struct filesystem *fs);

/* The directory of a task, with a reference; NULL when it is not known (yet). */
struct node *folder_node(struct filesystem *fs, uint64_t number);
void folder_forget(struct filesystem *fs, uint64_t number);

/* Why a pending folder waits; NULL: for quiet alone, which is shown counting down. */
void folder_set_waiting(struct filesystem *fs, uint64_t number, const char *waiting);

/* A copy of that, to free(). */
char *folder_waiting(struct filesystem *fs, uint64_t number);

/* What hides a virtual file alone, among those that a user removed (HIDDEN_…). */
static inline unsigned folder_hidden_bit(enum virtual_kind kind)
{
	return kind == VIRTUAL_NONE ? 0 : 1u << (kind - VIRTUAL_STATUS);
}

/* The folder of a task, or NULL; the table's lock is held. */
struct folder *folders_find(struct folders *folders, uint64_t number);

#endif
