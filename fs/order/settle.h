/*
 * Settling: deciding when a folder is ready to be ordered (fs/README.md, "Settle").
 *
 * One thread owns the decision. It takes the folders that are due from the queue
 * (folder/due_queue.h), looks at each once it has been quiet for long enough, reads what
 * is ordered, and hands it to the backend. It also walks the tree once after a start, to
 * find pending folders and lost marks.
 */
#ifndef SEEDANCEFS_FS_ORDER_SETTLE_H
#define SEEDANCEFS_FS_ORDER_SETTLE_H

#include <stdbool.h>
#include <stdint.h>

struct filesystem;
struct settler;

int settler_create(struct filesystem *fs, struct settler **ret_settler);
int settler_start(struct settler *settler);
/*
 * Waits for the walk over the tree, at most that long; true when it is over. In a library
 * that was copied no folder is known by its inode: until then its tasks show nothing.
 */
bool settler_wait_walk(struct settler *settler, int64_t most_ms);
void settler_stop(struct settler *settler);
void settler_destroy(struct settler *settler);

/* A task changed: so may what waits for it. The backend's thread; only queues. */
void settle_changed(struct filesystem *fs, uint64_t number);

#endif
