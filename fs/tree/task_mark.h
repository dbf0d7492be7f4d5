/*
 * The mark of a task's folder: the task's number, stored on the directory itself, so that
 * moving folders writes nothing to the ledger.
 *
 * It is an extended attribute where the filesystem supports them, else a hidden file. The
 * mount shows neither. Blocking, local disk only; any thread.
 */
#ifndef SEEDANCEFS_FS_TREE_TASK_MARK_H
#define SEEDANCEFS_FS_TREE_TASK_MARK_H

#include <stdint.h>

/*
 * Reads the mark of a directory (an O_PATH descriptor is enough). Returns 0 and sets
 * *ret_number, or -ENODATA: there is none.
 */
int task_mark_read(int directory, const char *library_id, uint64_t *ret_number);

/* Writes the mark; it survives a kill of the daemon. 0 or -errno. */
int task_mark_write(int directory, const char *library_id, uint64_t number);

/* Removes the hidden file, if one is used. Call it before rmdir(). */
void mark_remove_file(int directory);

#endif
