/*
 * Locked files that a program removed, or renamed to a backup, in order to save another
 * file in their place. When the new file is refused, the locked file is put back, so the
 * folder still shows the files that were sent. Any thread; local disk only.
 */
#ifndef SEEDANCEFS_FS_FOLDER_SET_ASIDE_H
#define SEEDANCEFS_FS_FOLDER_SET_ASIDE_H

#include "fs/folder/filesystem.h"

/*
 * Instead of removing a locked file, moves it out of its folder (`fd`, the directory). 0
 * or -errno.
 */
int set_aside_keep(struct filesystem *fs, uint64_t number, int fd, const char *name);
/*
 * Another file was refused the name of a locked file. If no file has that name now, puts
 * back the file that was set aside, or else a copy of the locked file, which has another
 * name in that folder.
 *
 * `is_create`: a create was refused, not a rename. An editor that moves the file to
 * `name~` before a create moves it back itself, and reports the error more clearly if
 * nothing is in its place.
 */
void set_aside_put_back(struct filesystem *fs, uint64_t number, int fd,
			const struct locked_file *locked, bool is_create);
/* Removes the files set aside for a task whose folder was removed. */
void set_aside_drop(struct filesystem *fs, uint64_t number);

#endif
