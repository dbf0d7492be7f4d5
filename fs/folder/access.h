/*
 * Other users, where `allow_other` lets them in: what the modes do not say.
 *
 * The owner (whose daemon it is, and who pays) and root, who can become the owner anyway,
 * do what the modes allow. Others read what the modes allow, and cannot spend money: what
 * orders (a trigger, a defaults.json) is not theirs to make or change, and in a task's
 * folder nothing is. A daemon that is not root's cannot give them a file either, so they
 * make none: in the library it would be the owner's, whatever its content and its mode.
 *
 * Before any change; any thread. The functions return 0 or -EACCES;
 * -EAGAIN while the start-up walk has not seen every folder.
 */
#ifndef SEEDANCEFS_FS_FOLDER_ACCESS_H
#define SEEDANCEFS_FS_FOLDER_ACCESS_H

#include "fs/folder/filesystem.h"

bool access_is_owner(const struct filesystem *fs, uid_t uid);

/* Before a name comes, goes, or is given to something else in a directory. */
int access_check_name(struct filesystem *fs, struct node *directory, int fd,
		      const char *name, uid_t uid);
/* The same for a new file, folder or link. */
int access_check_new(struct filesystem *fs, struct node *directory, int fd,
		     const char *name, uid_t uid);
/* Before a file's content changes, or may: it is opened for writing. */
int access_check_content(struct filesystem *fs, struct node *node, uid_t uid);
/* Before a directory moves or goes: no task's folder goes with it. */
int access_check_directory(struct filesystem *fs, struct node *parent, const char *name,
			   uid_t uid);

#endif
