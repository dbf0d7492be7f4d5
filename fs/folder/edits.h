/*
 * Activity in folders: the effect of a user's changes on the task there (fs/README.md,
 * "Settle", "Scratch names", "Copies are not orders" and "Locked once sent"). The
 * handlers call these functions around each change; any thread. Nothing here waits for
 * anything but the local disk.
 */
#ifndef SEEDANCEFS_FS_FOLDER_EDITS_H
#define SEEDANCEFS_FS_FOLDER_EDITS_H

#include "fs/folder/filesystem.h"

/*
 * The edits that a handler has started. Until they end, at the end of its scope, nothing
 * is ordered from the folders concerned: a check reads the files either before the change
 * or after it.
 */
#define EDITS_MAX 8
struct edits {
	struct filesystem *fs;
	uint64_t numbers[EDITS_MAX];
	unsigned count;
};

void edits_end(struct edits *edits);
#define AUTOEDITS __attribute__((cleanup(edits_end))) struct edits

/*
 * Before a file is opened for writing: -EACCES if it is locked under one of its names, as
 * a trigger or input of a task that was sent.
 */
int edits_check_open(struct filesystem *fs, struct node *node);

/*
 * Before a file's content changes: withdraws an order that waits to be sent, and turns an
 * ended attempt into a new one. 0 or -EACCES.
 */
int edits_before_change(struct filesystem *fs, struct node *node, struct edits *edits);

/*
 * After the change, before the handler replies: a non-empty trigger makes its folder a
 * task. 0 or -errno: the handler must report the change as failed.
 */
int edits_after_change(struct filesystem *fs, struct node *node, uid_t uid);

/* A file was written, or a writer closed it: its folders are not quiet. */
void edits_note(struct filesystem *fs, struct node *node);
/* A writer that wrote nothing closed the file: the folder may be ready now. */
void edits_closed(struct filesystem *fs, struct node *node);
/*
 * The time of the last activity of a file in a directory: boot clock, ms; 0: none seen.
 */
int64_t edits_active_ms(const struct node *directory);
/* A name was created, removed or moved in a directory. */
void edits_note_name(struct filesystem *fs, struct node *directory, const char *name);

/*
 * Files of another task are being copied into the folder of a task that ended badly:
 * files that arrive with them are not an order (fs/README.md, "Copies are not orders").
 */
void edits_copy_came(struct filesystem *fs, uint64_t number);

/*
 * Before a name is given to a new file, or to the existing file `coming` (device and
 * inode; NULL: a new file). Withdraws an order that waits to be sent. Returns 0 or:
 *   -EACCES   a locked file had that name; set_aside.h puts that file back first
 *   -EACCES   the daemon itself shows this name in a folder that was sent; a file that the
 *             user removed there is shown again
 *   -ESTALE   the same for a new `status` where the user removed it: the kernel looks the
 *             name up again
 *   -EAGAIN   the directory may turn out to be a task's (folder_may_be_task())
 */
int edits_check_name(struct filesystem *fs, struct node *directory, int fd,
		     const char *name, const struct stat *coming, struct edits *edits);

/* Before a name is removed: withdraws an order that waits to be sent. */
void edits_name_goes(struct filesystem *fs, struct node *directory, const char *name,
		     struct edits *edits);

/*
 * After a file got the name: an edit of the task in that folder, a new task if it is a
 * non-empty trigger, or a copy of a task's folder. 0 or -errno.
 */
int edits_name_came(struct filesystem *fs, struct node *directory, int fd,
		    const char *name, uid_t uid);

/* Whether a file is locked under this name: then unlinking sets it aside. */
bool edits_is_locked(struct filesystem *fs, struct node *directory, const char *name);
#endif
