/* New names: files, folders, links. */
#include "fs/kernel/ops.h"

#include "backend/base/cleanup.h"
#include "fs/folder/edits.h"
#include "fs/announce/announce.h"
#include "fs/folder/folder.h"
#include "fs/folder/access.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/* A name that is being created in an opened and checked folder. */
struct making {
	struct filesystem *fs;
	struct node *parent;
	const char *name;
	int fd; /* of the folder, O_PATH */
	uid_t uid;
	gid_t gid;
	mode_t mask;
	struct edits edits;
};

static void making_clear(struct making *making)
{
	edits_end(&making->edits);
	cleanup_close(&making->fd);
}
#define AUTOMAKING __attribute__((cleanup(making_clear))) struct making

/* Returns 0 or -errno: the name is reserved or locked, or the folder is gone. */
static int begin(fuse_req_t request, fuse_ino_t parent, const char *name,
		 const struct stat *coming, struct making *making)
{
	const struct fuse_ctx *context = fuse_req_ctx(request);
	struct filesystem *fs = ops_fs(request);
	int r;

	*making = (struct making){ .fs = fs,
				   .parent = ops_node(fs, parent),
				   .name = name,
				   .fd = -1,
				   .uid = context->uid,
				   .gid = context->gid,
				   .mask = context->umask };
	if (!strcmp(name, TASK_MARK_FILE_NAME))
		return -EPERM;
	making->fd = nodes_open_directory(&fs->nodes, making->parent);
	if (making->fd < 0)
		return making->fd;
	r = coming ? access_check_name(fs, making->parent, making->fd, name, making->uid)
		   : access_check_new(fs, making->parent, making->fd, name, making->uid);
	if (r)
		return r;
	return edits_check_name(fs, making->parent, making->fd, name, coming,
				&making->edits);
}

/* A default ACL of the folder replaces the umask; the filesystem below applies it. */
static mode_t masked(const struct making *making, mode_t mode)
{
	if (getxattr(tree_fd_path(making->fd).text, "system.posix_acl_default", NULL, 0) >
	    0)
		return mode;
	return mode & ~making->mask;
}

/*
 * A daemon that runs as root gives new files to the caller, or to the folder's group. A
 * file that cannot be given away is removed again. Returns 0 or -errno.
 */
static int give_to_caller(const struct making *making, bool is_directory)
{
	struct stat folder;
	gid_t gid = making->gid;
	int r;

	if (!making->fs->is_root || (!making->uid && !making->gid))
		return 0;
	if (!fstat(making->fd, &folder) && folder.st_mode & S_ISGID)
		gid = (gid_t)-1;
	if (!fchownat(making->fd, making->name, making->uid, gid, AT_SYMLINK_NOFOLLOW) ||
	    access_is_owner(making->fs, making->uid))
		return 0;
	r = -errno;
	unlinkat(making->fd, making->name, is_directory ? AT_REMOVEDIR : 0);
	return r;
}

/* The new name's node, as an entry. The kernel takes over its reference. */
static int finish(const struct making *making, struct fuse_entry_param *ret_entry,
		  struct node **ret_node)
{
	struct filesystem *fs = making->fs;
	struct stat status;
	int r = edits_name_came(fs, making->parent, making->fd, making->name,
				making->uid);

	if (r)
		return r;
	if (fstatat(making->fd, making->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	*ret_node = nodes_get(&fs->nodes, making->parent, making->name, &status);
	if (!*ret_node)
		return -ENOMEM;
	r = ops_fill_entry(fs, *ret_node, making->name, ret_entry);
	if (r)
		nodes_unref(&fs->nodes, *ret_node, 1);
	return r;
}

static void reply_made(fuse_req_t request, const struct making *making, int r)
{
	struct fuse_entry_param entry;
	struct node *node;

	if (!r)
		r = finish(making, &entry, &node);
	if (!r && S_ISDIR(entry.attr.st_mode)) {
		folder_made(making->fs, node);
		ops_copy_event(request, COPY_MADE_DIRECTORY, node, NULL);
	}
	if (r)
		fuse_reply_err(request, -r);
	else if (fuse_reply_entry(request, &entry) == -ENOENT)
		nodes_unref(&making->fs->nodes, node, 1);
}

void op_mknod(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode,
	      dev_t device)
{
	AUTOMAKING making = { .fd = -1 };
	int r;

	if (announce_is_ours(ops_fs(request)->announce, fuse_req_ctx(request)->pid)) {
		announced_make(request, parent, name, NULL);
		return;
	}
	r = begin(request, parent, name, NULL, &making);
	if (!r && mknodat(making.fd, name, masked(&making, mode), device) < 0)
		r = -errno;
	if (!r)
		r = give_to_caller(&making, false);
	reply_made(request, &making, r);
}

void op_mkdir(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode)
{
	AUTOMAKING making;
	int r = begin(request, parent, name, NULL, &making);

	if (!r && mkdirat(making.fd, name, masked(&making, mode)) < 0)
		r = -errno;
	if (!r)
		r = give_to_caller(&making, true);
	reply_made(request, &making, r);
}

void op_symlink(fuse_req_t request, const char *target, fuse_ino_t parent,
		const char *name)
{
	AUTOMAKING making;
	int r = begin(request, parent, name, NULL, &making);

	if (!r && symlinkat(target, making.fd, name) < 0)
		r = -errno;
	if (!r)
		r = give_to_caller(&making, false);
	reply_made(request, &making, r);
}

/*
 * A link onto a trigger's name never orders, so edits_name_came() and its marking are not
 * called.
 */
static int finish_link(const struct making *making, struct node *node,
		       struct fuse_entry_param *ret_entry)
{
	struct filesystem *fs = making->fs;
	struct stat status;
	struct node *same;
	int r;

	edits_note_name(fs, making->parent, making->name);
	if (fstatat(making->fd, making->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	same = nodes_get(&fs->nodes, making->parent, making->name, &status);
	if (!same)
		return -ENOMEM;
	r = same == node ? ops_fill_entry(fs, same, making->name, ret_entry) : -ESTALE;
	if (r)
		nodes_unref(&fs->nodes, same, 1);
	return r;
}

void op_link(fuse_req_t request, fuse_ino_t id, fuse_ino_t parent, const char *name)
{
	struct filesystem *fs = ops_fs(request);
	struct node *node = ops_node(fs, id);
	AUTOMAKING making = { .fd = -1 };
	AUTOCLOSE int source = -1;
	struct fuse_entry_param entry;
	struct stat status;
	int r;

	if (node->is_virtual) {
		fuse_reply_err(request, EPERM);
		return;
	}
	source = nodes_open(&fs->nodes, node, O_PATH);
	r = source < 0 ? source : fstat(source, &status) < 0 ? -errno : 0;
	if (!r) /* a second link of a task's file would hold its folder back */
		r = access_check_content(fs, node, fuse_req_ctx(request)->uid);
	if (!r)
		r = begin(request, parent, name, &status, &making);
	if (!r && linkat(AT_FDCWD, tree_fd_path(source).text, making.fd, name,
			 AT_SYMLINK_FOLLOW) < 0)
		r = -errno;
	if (!r)
		r = finish_link(&making, node, &entry);
	if (r)
		fuse_reply_err(request, -r);
	else if (fuse_reply_entry(request, &entry) == -ENOENT)
		nodes_unref(&fs->nodes, node, 1);
}

/*
 * A file that was created directly in the library is opened as it is: it is not the
 * caller's new file.
 */
static int open_new(const struct making *making, mode_t mode, int flags)
{
	AUTOCLOSE int fd = -1;
	int r = 0;

	flags &= ~(O_CREAT | O_DIRECT | O_NOCTTY | O_APPEND); /* op_write() appends */
	flags |= O_NOFOLLOW | O_CLOEXEC;
	fd = openat(making->fd, making->name, flags | O_CREAT | O_EXCL,
		    masked(making, mode));
	if (fd >= 0)
		r = give_to_caller(making, false);
	else if (errno == EEXIST && !(flags & O_EXCL))
		fd = openat(making->fd, making->name, flags | O_NONBLOCK);
	return r ? r : fd < 0 ? -errno : take_fd(&fd);
}

void op_create(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode,
	       struct fuse_file_info *info)
{
	struct filesystem *fs = ops_fs(request);
	AUTOMAKING making = { .fd = -1 };
	AUTOCLOSE int fd = -1;
	struct fuse_entry_param entry;
	struct handle *handle = NULL;
	struct node *node = NULL;
	int r;

	if (announce_is_ours(fs->announce, fuse_req_ctx(request)->pid)) {
		announced_make(request, parent, name, info);
		return;
	}
	r = begin(request, parent, name, NULL, &making);
	/*
	 * The name exists again: the kernel looks it up and opens it. An exclusive create
	 * is refused instead: tar would otherwise remove the file again and again.
	 */
	if (r == -ESTALE && info->flags & O_EXCL)
		r = -EACCES;
	if (!r) {
		fd = open_new(&making, mode, info->flags);
		r = fd < 0 ? fd : 0;
	}
	if (!r)
		r = finish(&making, &entry, &node);
	if (!r) {
		handle = handle_create(fs, node);
		r = handle ? 0 : -ENOMEM;
	}
	if (r) {
		if (node)
			nodes_unref(&fs->nodes, node, 1);
		fuse_reply_err(request, -r);
		return;
	}
	ops_copy_event(request, COPY_MADE_NAME, making.parent, name);
	handle_set_fd(fs, handle, take_fd(&fd));
	handle->uid = making.uid;
	handle->may_write = (info->flags & O_ACCMODE) != O_RDONLY;
	if (handle->may_write)
		nodes_count_writer(&fs->nodes, node, 1, fuse_req_ctx(request)->pid);
	info->fh = (uintptr_t)handle;
	if (fuse_reply_create(request, &entry, info) == -ENOENT) {
		if (handle->may_write)
			nodes_count_writer(&fs->nodes, node, -1, 0);
		handle_destroy(fs, handle);
		nodes_unref(&fs->nodes, node, 1);
	}
}
