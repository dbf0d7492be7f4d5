/*
 * Look-ups and attributes.
 */
#include "fs/kernel/ops.h"

#include "backend/base/cleanup.h"
#include "fs/folder/edits.h"
#include "fs/announce/announce.h"
#include "fs/folder/folder.h"
#include "fs/view/gallery.h"
#include "fs/folder/access.h"
#include "fs/order/refused_saves.h"
#include "fs/view/inode_number.h"
#include "fs/view/virtual_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/statvfs.h>

#define LOOK_TRIES 4

#define USER_SECONDS 1.0 /* user files change without us only directly in the library */
#define OUTPUT_SECONDS \
	3600.0 /* an output's inode never changes; its name is looked up each time */

struct node *ops_node(struct filesystem *fs, fuse_ino_t id)
{
	return id == FUSE_ROOT_ID ? fs->nodes.root : (struct node *)(uintptr_t)id;
}

static fuse_ino_t id_of(struct filesystem *fs, const struct node *node)
{
	return node == fs->nodes.root ? FUSE_ROOT_ID : (fuse_ino_t)(uintptr_t)node;
}

static double attr_seconds(const struct node *node)
{
	if (node->is_virtual)
		return node->kind == VIRTUAL_VIDEO || node->kind == VIRTUAL_LAST_FRAME
			       ? OUTPUT_SECONDS
			       : 0;
	return folder_is_task(node) ? 0 : USER_SECONDS;
}

static double entry_seconds(const char *name)
{
	return name_virtual_kind(name) == VIRTUAL_NONE && !name_is_gallery(name)
		       ? USER_SECONDS
		       : 0;
}

static bool is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec > b->tv_sec ||
	       (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

/*
 * A folder's time changes whenever its listing does, which the service may have caused.
 * The time is rounded up to the end of its millisecond, so that it is later than a change
 * that a person made just before.
 */
static void add_listing_time(struct filesystem *fs, uint64_t number, struct stat *status)
{
	AUTOVIEW *view = backend_task_view(fs->backend, number);
	int64_t came_ms = announce_listed_ms(fs->announce, number);
	struct timespec listed;

	if (!view)
		return;
	if (came_ms < view->listing_ms)
		came_ms = view->listing_ms;
	listed.tv_sec = came_ms / 1000;
	listed.tv_nsec = came_ms % 1000 * 1000000 + 999999;
	if (is_later(&listed, &status->st_mtim))
		status->st_mtim = listed;
	if (is_later(&listed, &status->st_ctim))
		status->st_ctim = listed;
}

static void convert_stat(struct filesystem *fs, struct node *node, struct stat *status)
{
	uint64_t number = S_ISDIR(status->st_mode) ? folder_number(fs, node) : 0;

	status->st_ino = user_inode(status->st_ino);
	if (number)
		add_listing_time(fs, number, status);
}

int ops_stat(struct filesystem *fs, struct node *node, struct stat *ret_status)
{
	int r;

	if (node->is_virtual)
		return virtual_stat(fs, node, ret_status);
	r = nodes_stat(&fs->nodes, node, ret_status);
	if (!r)
		convert_stat(fs, node, ret_status);
	return r;
}

int ops_fill_entry(struct filesystem *fs, struct node *node, const char *name,
		   struct fuse_entry_param *ret_entry)
{
	int r;

	*ret_entry = (struct fuse_entry_param){ .ino = id_of(fs, node) };
	r = ops_stat(fs, node, &ret_entry->attr);
	ret_entry->attr_timeout = attr_seconds(node);
	ret_entry->entry_timeout = entry_seconds(name);
	return r;
}

/* --- looking up --- */

static bool exists(int fd, const char *name)
{
	return !faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW);
}

static int find_virtual(struct filesystem *fs, struct node *parent, int fd,
			const char *name, struct node **ret_node)
{
	uint64_t number = folder_number_at(fs, parent, fd);
	AUTOVIEW *view = number ? backend_task_view(fs->backend, number) : NULL;
	struct virtual_file files[VIRTUAL_FILES_MAX];
	size_t count;

	if (gallery_is_at(fs, parent, name))
		return gallery_find(fs, ret_node);
	if (!view || name_virtual_kind(name) == VIRTUAL_NONE)
		return -ENOENT;
	count = virtual_list(fs, parent, view, exists(fd, "last_frame.png"), files);
	for (size_t i = 0; i < count; i++)
		if (!strcmp(files[i].name, name))
			return virtual_get(fs, parent, view, &files[i], ret_node);
	return -ENOENT;
}

int ops_find(struct filesystem *fs, struct node *parent, const char *name,
	     struct node **ret_node)
{
	AUTOCLOSE int fd = nodes_open_directory(&fs->nodes, parent);
	struct stat status;

	if (fd < 0)
		return fd;
	if (!strcmp(name, TASK_MARK_FILE_NAME))
		return -ENOENT;
	if (fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? find_virtual(fs, parent, fd, name, ret_node)
				       : -errno;
	if (status.st_dev != fs->tree.device)
		return -EXDEV; /* another filesystem mounted inside the library */
	*ret_node = nodes_get(&fs->nodes, parent, name, &status);
	return *ret_node ? 0 : -ENOMEM;
}

/*
 * Whether the caller finds a virtual file. Copiers do not find those of a task that is
 * not sent, so that they can create their own.
 */
static bool is_found(fuse_req_t request, struct node *parent, const char *name,
		     const struct node *node)
{
	struct filesystem *fs = ops_fs(request);
	AUTOVIEW *view = backend_task_view(fs->backend, node->number);

	return !view || view->state != TASK_PENDING ||
	       ops_copy_event(request, COPY_LOOKED_UP, parent, name);
}

/*
 * The node, referenced, with its entry. Looks again if the file was replaced meanwhile.
 */
static int find_entry(fuse_req_t request, struct node *parent, const char *name,
		      struct fuse_entry_param *ret_entry, struct node **ret_node)
{
	struct filesystem *fs = ops_fs(request);
	int r = -ESTALE;

	for (int i = 0; r == -ESTALE && i < LOOK_TRIES; i++) {
		r = ops_find(fs, parent, name, ret_node);
		if (r)
			continue;
		if ((*ret_node)->is_virtual &&
		    !is_found(request, parent, name, *ret_node))
			r = -ENOENT;
		else
			r = ops_fill_entry(fs, *ret_node, name, ret_entry);
		if (r)
			nodes_unref(&fs->nodes, *ret_node, 1);
	}
	return r;
}

/* A look-up by the announcer. Returns whether it was answered; a user's file is not. */
static bool lookup_announced(fuse_req_t request, struct node *parent, const char *name)
{
	struct filesystem *fs = ops_fs(request);
	struct node *node = NULL;
	int r = gallery_is_at(fs, parent, name) ? gallery_find_made(fs, &node)
						: ops_find(fs, parent, name, &node);

	if (r == -ENOENT || (!r && node->is_virtual)) {
		announced_lookup(request, parent, name, node);
		return true;
	}
	if (!r)
		nodes_unref(&fs->nodes, node, 1);
	return false;
}

void op_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct filesystem *fs = ops_fs(request);
	struct fuse_entry_param entry = { 0 };
	struct node *directory = ops_node(fs, parent), *node = NULL;
	int r;

	if (announce_is_ours(fs->announce, fuse_req_ctx(request)->pid) &&
	    lookup_announced(request, directory, name))
		return;
	r = find_entry(request, directory, name, &entry, &node);
	if (r) { /* a missing name is not cached: a virtual file may appear soon */
		fuse_reply_err(request, r == -ESTALE ? ENOENT : -r);
		return;
	}
	if (node->is_virtual)
		announce_handed(fs->announce, node->number, node->kind, node->version);
	if (fuse_reply_entry(request, &entry) == -ENOENT)
		nodes_unref(&fs->nodes, node, 1); /* interrupted: the kernel did not take
						     it */
}

void op_forget(fuse_req_t request, fuse_ino_t id, uint64_t count)
{
	struct filesystem *fs = ops_fs(request);

	if (id != FUSE_ROOT_ID)
		nodes_unref(&fs->nodes, ops_node(fs, id), count);
	fuse_reply_none(request);
}

void op_forget_multi(fuse_req_t request, size_t count, struct fuse_forget_data *forgets)
{
	struct filesystem *fs = ops_fs(request);

	for (size_t i = 0; i < count; i++)
		if (forgets[i].ino != FUSE_ROOT_ID)
			nodes_unref(&fs->nodes, ops_node(fs, forgets[i].ino),
				    forgets[i].nlookup);
	fuse_reply_none(request);
}

void op_getattr(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *info)
{
	struct filesystem *fs = ops_fs(request);
	struct node *node = ops_node(fs, id);
	struct stat status;
	int r = ops_stat(fs, node, &status);

	(void)info;
	if (r)
		fuse_reply_err(request, -r);
	else
		fuse_reply_attr(request, &status, attr_seconds(node));
}

/* --- changing attributes --- */

static int set_size(struct filesystem *fs, struct node *node, struct handle *handle,
		    off_t size, uid_t uid)
{
	AUTOEDITS edits = { 0 };
	AUTOCLOSE int fd = -1;
	int r = access_check_content(fs, node, uid);

	if (!r)
		r = edits_before_change(fs, node, &edits);
	if (r)
		return r;
	if (!size) {
		refused_saves_begin(fs, node);
		copy_detect(&fs->nodes,
			    &(struct copy_event){ .action = COPY_REWROTE, .node = node });
	}
	if (handle && handle->fd >= 0) {
		if (ftruncate(handle->fd, size) < 0)
			return -errno;
	} else {
		fd = nodes_open_named(&fs->nodes, node, O_WRONLY);
		if (fd < 0)
			return fd;
		if (ftruncate(fd, size) < 0)
			return -errno;
	}
	return size ? edits_after_change(fs, node, uid) : 0;
}

static void choose_times(const struct stat *attr, int to_set, struct timespec times[2])
{
	times[0].tv_nsec = times[1].tv_nsec = UTIME_OMIT;
	times[0].tv_sec = times[1].tv_sec = 0;
	if (to_set & FUSE_SET_ATTR_ATIME_NOW)
		times[0].tv_nsec = UTIME_NOW;
	else if (to_set & FUSE_SET_ATTR_ATIME)
		times[0] = attr->st_atim;
	if (to_set & FUSE_SET_ATTR_MTIME_NOW)
		times[1].tv_nsec = UTIME_NOW;
	else if (to_set & FUSE_SET_ATTR_MTIME)
		times[1] = attr->st_mtim;
}

static int set_on_descriptor(int fd, const struct stat *attr, int to_set)
{
	struct fd_path path = tree_fd_path(fd);
	struct timespec times[2];

	if (to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID) &&
	    fchownat(fd, "", to_set & FUSE_SET_ATTR_UID ? attr->st_uid : (uid_t)-1,
		     to_set & FUSE_SET_ATTR_GID ? attr->st_gid : (gid_t)-1,
		     AT_EMPTY_PATH) < 0)
		return -errno;
	if (to_set & FUSE_SET_ATTR_MODE &&
	    fchmodat(AT_FDCWD, path.text, attr->st_mode, 0) < 0)
		return -errno;
	if (!(to_set & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME |
			FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME_NOW)))
		return 0;
	choose_times(attr, to_set, times);
	return utimensat(AT_FDCWD, path.text, times, 0) < 0 ? -errno : 0;
}

static int set_attributes(struct filesystem *fs, struct node *node, struct handle *handle,
			  const struct stat *attr, int to_set, uid_t uid)
{
	AUTOCLOSE int fd = -1;
	int r = 0;

	if (to_set & FUSE_SET_ATTR_SIZE)
		r = set_size(fs, node, handle, attr->st_size, uid);
	if (r || !(to_set & ~FUSE_SET_ATTR_SIZE))
		return r;
	fd = nodes_open(&fs->nodes, node, O_PATH);
	return fd < 0 ? fd : set_on_descriptor(fd, attr, to_set);
}

bool ops_may_cover(struct filesystem *fs, const struct node *node)
{
	AUTOVIEW *view = NULL;

	if (node->kind != VIRTUAL_TASK_JSON)
		return node->kind == VIRTUAL_STATUS;
	view = backend_task_view(fs->backend, node->number);
	return view && view->state == TASK_PENDING;
}

/*
 * Virtual files accept every change and ignore it, except that an output cannot be
 * truncated.
 */
static int set_on_virtual(struct filesystem *fs, const struct node *node, int to_set)
{
	return to_set & FUSE_SET_ATTR_SIZE && !ops_may_cover(fs, node) ? -EACCES : 0;
}

void op_setattr(fuse_req_t request, fuse_ino_t id, struct stat *attr, int to_set,
		struct fuse_file_info *info)
{
	struct filesystem *fs = ops_fs(request);
	struct node *node = ops_node(fs, id);
	struct handle *handle = info ? ops_handle(info) : NULL;
	struct stat status;
	int r;

	if (!node->is_virtual)
		ops_copy_event(request, COPY_SET_ATTRIBUTES, node, NULL);
	if (node->is_virtual)
		r = set_on_virtual(fs, node, to_set);
	else if (announce_is_ours(fs->announce, fuse_req_ctx(request)->pid))
		r = -EACCES; /* a user's file has the name by now */
	else
		r = set_attributes(fs, node, handle, attr, to_set,
				   fuse_req_ctx(request)->uid);
	if (!r)
		r = ops_stat(fs, node, &status);
	if (r)
		fuse_reply_err(request, -r);
	else
		fuse_reply_attr(request, &status, attr_seconds(node));
}

void op_readlink(fuse_req_t request, fuse_ino_t id)
{
	struct filesystem *fs = ops_fs(request);
	AUTOCLOSE int fd = nodes_open(&fs->nodes, ops_node(fs, id), O_PATH);
	char target[PATH_MAX + 1];
	ssize_t got = fd < 0 ? fd : readlinkat(fd, "", target, PATH_MAX);

	if (fd < 0 || got < 0) {
		fuse_reply_err(request, fd < 0 ? -fd : errno);
		return;
	}
	target[got] = '\0';
	fuse_reply_readlink(request, target);
}

void op_statfs(fuse_req_t request, fuse_ino_t id)
{
	struct statvfs status;

	(void)id;
	if (fstatvfs(ops_fs(request)->tree.fd, &status) < 0)
		fuse_reply_err(request, errno);
	else
		fuse_reply_statfs(request, &status);
}
