/*
 * FUSE passthrough: the kernel reads an output that is whole on disk from its media file
 * itself, without asking this program. It needs root (CAP_SYS_ADMIN), a kernel that has
 * it (6.9) and a libfuse that has it (3.17); without any of them nothing changes.
 *
 * The kernel wants all opens of an inode at one time to be of one kind: the first one
 * decides for all until the last one closes (fs/README.md, "Immutable outputs").
 */
#ifndef SEEDANCEFS_FS_KERNEL_PASSTHROUGH_H
#define SEEDANCEFS_FS_KERNEL_PASSTHROUGH_H

#include "fs/kernel/handle.h"

struct fuse_conn_info;
struct fuse_file_info;
struct fuse_req;

/* The bytes that it keeps with each virtual file's node (struct node_layout). */
size_t passthrough_state_bytes(void);
/* Whether an output is open: perhaps in the one way that allows no other. */
bool passthrough_is_open(struct filesystem *fs, const struct node *node);

/* At INIT. */
void passthrough_init(struct filesystem *fs, struct fuse_conn_info *connection);
/* An output is opened: chooses how, before the reply. */
void passthrough_open(struct filesystem *fs, struct fuse_req *request,
		      struct handle *handle, struct fuse_file_info *info);
/*
 * … and closed. Without a request its open was not taken, and what the kernel knows of
 * the file is left for the next one.
 */
void passthrough_close(struct filesystem *fs, struct fuse_req *request,
		       struct handle *handle);

#endif
