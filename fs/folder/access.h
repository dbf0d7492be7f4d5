/*
 * Access of other users, where `allow_other` lets them in: the rules that file modes
 * cannot express (fs/README.md, "Other users").
 *
 * The owner (the daemon's user, who pays) and root, who can become the owner anyway, may
 * do what the modes allow. Others may read what the modes allow, but cannot spend money:
 * they must not create or change a file that affects orders (a trigger, a defaults.json),
 * nor anything in a task's folder. A daemon without root privileges cannot give them
 * ownership of a file either, so they create none: in the library it would belong to the
 * owner, whatever its content and mode.
 *
 * Call these functions before any change; any thread. They return 0 or -EACCES; -EAGAIN
 * while the recovery walk has not seen every folder.
 */
#ifndef SEEDANCEFS_FS_FOLDER_ACCESS_H
#define SEEDANCEFS_FS_FOLDER_ACCESS_H

#include "fs/folder/filesystem.h"

bool access_is_owner(const struct filesystem *fs, uid_t uid);

/* Before a name in a directory is created, removed, or given to another file. */
int access_check_name(struct filesystem *fs, struct node *directory, int fd,
		      const char *name, uid_t uid);
/* The same for a new file, folder or link. */
int access_check_new(struct filesystem *fs, struct node *directory, int fd,
		     const char *name, uid_t uid);
/* Before a file's content may change: it is opened for writing. */
int access_check_content(struct filesystem *fs, struct node *node, uid_t uid);
/* Before a directory is moved or removed: no task's folder may go with it. */
int access_check_directory(struct filesystem *fs, struct node *parent, const char *name,
			   uid_t uid);

#endif
