/*
 * Settling decides when a folder is ready to be ordered (fs/README.md, "Settle").
 *
 * One thread makes this decision. It takes due folders from the queue
 * (folder/due_queue.h), checks each one after it has been quiet for the configured time,
 * reads the order, and hands it to the backend. Once after a start, it also runs the
 * recovery walk to find pending folders and lost marks.
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
 * Waits for the recovery walk for at most `most_ms`; returns whether it has ended. In a
 * copied library no folder is known by its inode: until the walk ends, its tasks show
 * nothing.
 */
bool settler_wait_walk(struct settler *settler, int64_t most_ms);
void settler_stop(struct settler *settler);
void settler_destroy(struct settler *settler);

/*
 * A task changed, so folders that wait for it may have become ready. The backend's
 * thread; only queues.
 */
void settle_changed(struct filesystem *fs, uint64_t number);

#endif
