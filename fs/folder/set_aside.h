/*
 * Locked files that a program took away to save another in their place: removed, or moved
 * to a backup's name. When the new one is refused, they are there again, so that nobody
 * is left without what was sent. Any thread; local disk only.
 */
#ifndef SEEDANCEFS_FS_FOLDER_SET_ASIDE_H
#define SEEDANCEFS_FS_FOLDER_SET_ASIDE_H

#include "fs/folder/filesystem.h"

/* Instead of removing a locked file:
 * moves it out of its folder (`fd`, the directory). 0 or -errno. */
int set_aside_keep(struct filesystem *fs, uint64_t number, int fd, const char *name);
/*
 * The name of a locked file was refused to another: if it has none any more, it gets back
 * what was kept, or a copy of the file itself, which has another name in that folder.
 * `is_create`: a new file was refused, not a rename. An editor that made room for one by
 * moving the file to `name~` brings it back by itself, and says so in plainer words when
 * there is nothing in its place.
 */
void set_aside_put_back(struct filesystem *fs, uint64_t number, int fd,
			const struct locked_file *locked, bool is_create);
/* A task's folder was removed: so is what was kept of it. */
void set_aside_drop(struct filesystem *fs, uint64_t number);

#endif
