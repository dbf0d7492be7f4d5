/*
 * The walk over the tree after a start: folders whose order was not sent yet are found
 * and settle anew, wherever they were moved to. In the background: nothing waits for it.
 */
#ifndef SEEDANCEFS_WALK_H
#define SEEDANCEFS_WALK_H

#include "fs/filesystem.h"

/* Returns when done, or soon after *is_stopping (guarded by lock) became true. */
void walk_tree(struct filesystem *fs, const bool *is_stopping, pthread_mutex_t *lock);

#endif
