/*
 * The handlers of FUSE requests, and what they share. A handler decodes, calls a module,
 * and replies exactly once.
 */
#ifndef SEEDANCEFS_FS_KERNEL_OPS_H
#define SEEDANCEFS_FS_KERNEL_OPS_H

#include "fs/folder/copy_detect.h"
#include "fs/folder/filesystem.h"
#include "fs/kernel/fuse.h"
#include "fs/kernel/handle.h"

/* The table of all handlers, for fuse_session_new(); its userdata is the filesystem. */
const struct fuse_lowlevel_ops *ops_table(void);

static inline struct filesystem *ops_fs(fuse_req_t request)
{
	return fuse_req_userdata(request);
}

static inline struct handle *ops_handle(const struct fuse_file_info *info)
{
	return (struct handle *)(uintptr_t)info->fh;
}

/* Reports what the caller does in a directory, or to a file (folder/copy_detect.h). */
static inline bool ops_copy_event(fuse_req_t request, enum copy_action action,
				  struct node *node, const char *name)
{
	return copy_detect(&ops_fs(request)->nodes,
			   &(struct copy_event){ .action = action,
						 .node = node,
						 .name = name,
						 .pid = fuse_req_ctx(request)->pid });
}

struct node *ops_node(struct filesystem *fs, fuse_ino_t id);

/* Attributes as users see them, and for how many seconds the kernel may cache them. */
int ops_stat(struct filesystem *fs, struct node *node, struct stat *ret_status);

/* Fills an entry for a node. The kernel takes over the node's reference. */
int ops_fill_entry(struct filesystem *fs, struct node *node, const char *name,
		   struct fuse_entry_param *ret_entry);
/* Looks up a name. Returns 0 with the node referenced, or -ENOENT. */
int ops_find(struct filesystem *fs, struct node *parent, const char *name,
	     struct node **ret_node);
/*
 * Whether a virtual file may be written: `status`, and task.json while nothing is sent,
 * since a copier may find it there already.
 */
bool ops_may_cover(struct filesystem *fs, const struct node *node);

/*
 * Notes that files of another task arrive in a virtual file's folder, even if they are
 * refused.
 */
void ops_note_copy(struct filesystem *fs, const struct node *node);

/* ops_node.c */
void op_lookup(fuse_req_t request, fuse_ino_t parent, const char *name);
void op_forget(fuse_req_t request, fuse_ino_t id, uint64_t count);
void op_forget_multi(fuse_req_t request, size_t count, struct fuse_forget_data *forgets);
void op_getattr(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *info);
void op_setattr(fuse_req_t request, fuse_ino_t id, struct stat *attr, int to_set,
		struct fuse_file_info *info);
void op_readlink(fuse_req_t request, fuse_ino_t id);
void op_statfs(fuse_req_t request, fuse_ino_t id);
/* ops_xattr.c */
void op_setxattr(fuse_req_t request, fuse_ino_t id, const char *name, const char *value,
		 size_t size, int flags);
void op_getxattr(fuse_req_t request, fuse_ino_t id, const char *name, size_t size);
void op_listxattr(fuse_req_t request, fuse_ino_t id, size_t size);
void op_removexattr(fuse_req_t request, fuse_ino_t id, const char *name);
/* ops_name.c */
void op_mknod(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode,
	      dev_t device);
void op_mkdir(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode);
void op_symlink(fuse_req_t request, const char *target, fuse_ino_t parent,
		const char *name);
void op_link(fuse_req_t request, fuse_ino_t id, fuse_ino_t parent, const char *name);
void op_create(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode,
	       struct fuse_file_info *info);
/* ops_remove.c */
void op_unlink(fuse_req_t request, fuse_ino_t parent, const char *name);
void op_rmdir(fuse_req_t request, fuse_ino_t parent, const char *name);
void op_rename(fuse_req_t request, fuse_ino_t parent, const char *name,
	       fuse_ino_t new_parent, const char *new_name, unsigned flags);
/* ops_file.c */
void op_open(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *info);
void op_flush(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *info);
void op_release(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *info);
/* ops_read.c */
void op_read(fuse_req_t request, fuse_ino_t id, size_t size, off_t offset,
	     struct fuse_file_info *info);
void op_lseek(fuse_req_t request, fuse_ino_t id, off_t offset, int whence,
	      struct fuse_file_info *info);
/* ops_write.c */
void op_write(fuse_req_t request, fuse_ino_t id, const char *bytes, size_t size,
	      off_t offset, struct fuse_file_info *info);
void op_fsync(fuse_req_t request, fuse_ino_t id, int data_only,
	      struct fuse_file_info *info);
void op_fallocate(fuse_req_t request, fuse_ino_t id, int mode, off_t offset, off_t length,
		  struct fuse_file_info *info);
void op_copy_file_range(fuse_req_t request, fuse_ino_t from, off_t from_offset,
			struct fuse_file_info *from_info, fuse_ino_t to, off_t to_offset,
			struct fuse_file_info *to_info, size_t size, int flags);
/* ops_poll.c */
void op_poll(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *info,
	     struct fuse_pollhandle *poll);
/*
 * ops_announce.c: the same requests when the announcer sends them. They change nothing.
 */
void announced_lookup(fuse_req_t request, struct node *parent, const char *name,
		      struct node *present);
void announced_make(fuse_req_t request, fuse_ino_t parent, const char *name,
		    struct fuse_file_info *info);
void announced_open(fuse_req_t request, struct node *node, struct fuse_file_info *info);
void announced_unlink(fuse_req_t request, fuse_ino_t parent, const char *name);
/* ops_directory.c */
void op_opendir(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *info);
void op_readdir(fuse_req_t request, fuse_ino_t id, size_t size, off_t offset,
		struct fuse_file_info *info);
void op_readdirplus(fuse_req_t request, fuse_ino_t id, size_t size, off_t offset,
		    struct fuse_file_info *info);
void op_releasedir(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *info);
void op_fsyncdir(fuse_req_t request, fuse_ino_t id, int data_only,
		 struct fuse_file_info *info);

#endif
