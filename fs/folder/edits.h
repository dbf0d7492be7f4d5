/*
 * Activity in folders: what a person's writing means for the task there (README.md, rules
 * 1 to 4). Called by the handlers around each change; any thread. Nothing here waits but
 * for the local disk.
 */
#ifndef SEEDANCEFS_FS_FOLDER_EDITS_H
#define SEEDANCEFS_FS_FOLDER_EDITS_H

#include "fs/folder/filesystem.h"

/*
 * The edits that a handler has begun. Until they end, at the end of its scope, nothing is
 * ordered from the folders concerned: what is read there is before the change, or after
 * it.
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
 * Before a file is opened for writing: -EACCES when it is locked under one of its names,
 * that is, a trigger or input of a task that was sent.
 */
int edits_check_open(struct filesystem *fs, struct node *node);

/*
 * Before a file's content changes: what waits to be sent is withdrawn, an ended attempt
 * becomes a new one. 0 or -EACCES.
 */
int edits_before_change(struct filesystem *fs, struct node *node, struct edits *edits);

/*
 * After it changed, before that is answered: a trigger that is not empty makes its folder
 * a task. 0 or -errno: then the change must be reported as failed.
 */
int edits_after_change(struct filesystem *fs, struct node *node, uid_t uid);

/* Something was written again, or a writer closed:
 * the folders of the file are not quiet. */
void edits_note(struct filesystem *fs, struct node *node);
/* A writer that wrote nothing closed: the folder may be ready now. */
void edits_closed(struct filesystem *fs, struct node *node);
/* When something last happened to a file in a directory: boot clock; 0: not seen. */
int64_t edits_active_ms(const struct node *directory);
/* A name came, went or moved in a directory. */
void edits_note_name(struct filesystem *fs, struct node *directory, const char *name);

/*
 * Files of another task are copied into the folder of one that ended badly: what comes
 * with them is no order by itself (fs/README.md, "Copies are not orders").
 */
void edits_copy_came(struct filesystem *fs, uint64_t number);

/*
 * Before a name is taken by a new file, or by `coming` (device and inode, NULL: a new
 * one): -EACCES when a locked file had that name; set_aside.h puts that back
 * first. -EACCES for a name that the program itself shows in a folder that was sent (a
 * new `status`, where a user removed that: -ESTALE); what was removed there is shown
 * again. What waits to be sent is withdrawn.
 */
int edits_check_name(struct filesystem *fs, struct node *directory, int fd,
		     const char *name, const struct stat *coming, struct edits *edits);

/* Before a name goes: what waits to be sent is withdrawn. */
void edits_name_goes(struct filesystem *fs, struct node *directory, const char *name,
		     struct edits *edits);

/*
 * After a file got a name that way: an edit of the task that is there, a new task if it
 * is a trigger with content, or a copy of a task's folder. 0 or -errno.
 */
int edits_name_came(struct filesystem *fs, struct node *directory, int fd,
		    const char *name, uid_t uid);

/* Whether a file is locked under this name: then unlinking keeps it aside. */
bool edits_is_locked(struct filesystem *fs, struct node *directory, const char *name);
#endif
