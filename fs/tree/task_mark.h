/*
 * The mark of a task's folder: its number, kept with the directory itself, so that moving
 * folders about writes nothing to the ledger.
 *
 * An extended attribute where the filesystem has them, else a hidden file. The mount
 * shows neither. Blocking, local disk only; any thread.
 */
#ifndef SEEDANCEFS_FS_TREE_TASK_MARK_H
#define SEEDANCEFS_FS_TREE_TASK_MARK_H

#include <stdint.h>

/* Reads the mark of a directory (O_PATH will do).
 * 0: *ret_number is set; -ENODATA: none. */
int task_mark_read(int directory, const char *library_id, uint64_t *ret_number);

/* Writes it, durably enough to survive a kill of this program. 0 or -errno. */
int task_mark_write(int directory, const char *library_id, uint64_t number);

/* Removes the hidden file, if that is what is used: before rmdir(). */
void mark_remove_file(int directory);

#endif
