/*
 * Settling: deciding when a folder is ready to be ordered (README.md, rule 1).
 *
 * One thread owns the decision. Handlers only poke it: something happened in a folder. It
 * looks when the folder has been quiet for long enough, reads what is ordered, and hands
 * it to the backend. It also walks the tree once after a start, to find pending folders
 * and lost marks, and looks once a second for readers that left.
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

/* Something happened in a task's folder:
 * it is looked at when it has settled. Any thread. */
void settle_poke(struct settler *settler, uint64_t number);
/* `submit` or `retry` was written: it is looked at without waiting for quiet, until
 * something happens in it. */
void settle_now(struct settler *settler, uint64_t number);
/* A task changed: so may what waits for it.
 * Called on the backend's thread; only queues. */
void settle_changed(struct settler *settler, uint64_t number);
/* A read was parked: readers are looked after from now on. */
void settle_watch_readers(struct settler *settler);

#endif
