/*
 * FUSE passthrough: the kernel itself reads an output that is complete on disk from its
 * media file, without a request to this program. It needs root (CAP_SYS_ADMIN), kernel
 * 6.9 and libfuse 3.17. Without one of them, nothing changes.
 *
 * The kernel requires that all simultaneous opens of an inode are of one kind. The first
 * open decides for all until the last one closes (fs/README.md, "Immutable outputs").
 */
#ifndef SEEDANCEFS_FS_KERNEL_PASSTHROUGH_H
#define SEEDANCEFS_FS_KERNEL_PASSTHROUGH_H

#include "fs/kernel/handle.h"

struct fuse_conn_info;
struct fuse_file_info;
struct fuse_req;

/*
 * Bytes of state that this module keeps with each virtual file's node (struct
 * node_layout).
 */
size_t passthrough_state_bytes(void);
/* Whether an output is open, and possibly in a way that allows no other kind of open. */
bool passthrough_is_open(struct filesystem *fs, const struct node *node);

/* Call it in INIT. */
void passthrough_init(struct filesystem *fs, struct fuse_conn_info *connection);
/* Decides how an output is opened. Call it before the reply. */
void passthrough_open(struct filesystem *fs, struct fuse_req *request,
		      struct handle *handle, struct fuse_file_info *info);
/*
 * Ends an open. `request` is NULL if the kernel did not take the open; the backing file
 * then stays registered for the next open.
 */
void passthrough_close(struct filesystem *fs, struct fuse_req *request,
		       struct handle *handle);

#endif
