/*
 * Extended attributes: those of the filesystem below, except for our own names.
 *
 * What tasks show (view/task_xattrs.h) is read-only. Copiers set it on copies, so setting
 * and removing it succeeds and does nothing. The marks (tree/task_mark.h) are hidden.
 * Attributes that a person's programs set on a virtual file (tags, ratings) are stored on
 * its folder, under names that are hidden there.
 */
#include "fs/kernel/ops.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "fs/view/task_xattrs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#define LIST_MAX_BYTES 65536

static bool is_shown(const char *name)
{
	return text_starts_with(name, TASK_XATTR_PREFIX);
}

static bool is_ours(const char *name)
{
	return text_starts_with(name, TASK_MARK_XATTR_PREFIX) || is_shown(name);
}

/*
 * The prefix of a virtual file's attributes as they are stored on its folder. Those of an
 * output contain its version: another video has none of them.
 */
#define PREFIX_SIZE 48

static void put_prefix(const struct node *node, char ret_prefix[PREFIX_SIZE])
{
	static const char *const names[] = {
		[VIRTUAL_STATUS] = "status",	     [VIRTUAL_TASK_JSON] = "task.json",
		[VIRTUAL_ERROR] = "error.txt",	     [VIRTUAL_VIDEO] = "video",
		[VIRTUAL_LAST_FRAME] = "last_frame", [VIRTUAL_GALLERY] = "gallery",
	};
	bool is_output = node->kind == VIRTUAL_VIDEO || node->kind == VIRTUAL_LAST_FRAME;

	snprintf(ret_prefix, PREFIX_SIZE, TASK_MARK_XATTR_PREFIX "%s.%" PRIu32 ":",
		 names[node->kind], is_output ? node->version : 0);
}

/* Where an attribute is stored. */
struct location {
	int fd; /* O_PATH */
	const char *name;
	char on_folder[XATTR_NAME_MAX + 1];
};

#define AUTOLOCATION __attribute__((cleanup(location_clear))) struct location

static void location_clear(struct location *location)
{
	cleanup_close(&location->fd);
}

static int locate(struct filesystem *fs, struct node *node, const char *name,
		  struct location *location)
{
	char prefix[PREFIX_SIZE];
	int length;

	location->name = name;
	location->fd =
		nodes_open(&fs->nodes, node->is_virtual ? node->folder : node, O_PATH);
	if (location->fd < 0 || !node->is_virtual)
		return location->fd < 0 ? location->fd : 0;
	put_prefix(node, prefix);
	length = snprintf(location->on_folder, sizeof(location->on_folder), "%s%s",
			  prefix, name);
	location->name = location->on_folder;
	return length <= XATTR_NAME_MAX ? 0 : -ERANGE;
}

/* Removes the attributes of an output's earlier versions. */
static void forget_earlier(const struct node *node, int folder)
{
	AUTOFREE char *list = malloc(LIST_MAX_BYTES);
	struct fd_path path = tree_fd_path(folder);
	char prefix[PREFIX_SIZE];
	size_t kind;
	ssize_t got = list ? listxattr(path.text, list, LIST_MAX_BYTES) : -1;

	put_prefix(node, prefix);
	kind = (size_t)(strrchr(prefix, '.') - prefix) + 1;
	for (ssize_t at = 0; at < got; at += (ssize_t)strlen(list + at) + 1)
		if (!strncmp(list + at, prefix, kind) &&
		    !text_starts_with(list + at, prefix))
			removexattr(path.text, list + at);
}

/*
 * Whether a file may have an attribute of that name. On a virtual file only user
 * attributes are possible, since they are stored on the folder.
 */
static bool may_have(const struct node *node, const char *name)
{
	return !is_ours(name) && (!node->is_virtual || text_starts_with(name, "user."));
}

void op_setxattr(fuse_req_t request, fuse_ino_t id, const char *name, const char *value,
		 size_t size, int flags)
{
	struct filesystem *fs = ops_fs(request);
	struct node *node = ops_node(fs, id);
	AUTOLOCATION location = { .fd = -1 };
	int r = 0;

	if (is_ours(name)) {
		fuse_reply_err(request, 0);
		return;
	}
	r = may_have(node, name) ? locate(fs, node, name, &location) : -ENOTSUP;
	if (!r && node->is_virtual)
		forget_earlier(node, location.fd);
	if (!r && setxattr(tree_fd_path(location.fd).text, location.name, value, size,
			   flags) < 0)
		r = -errno;
	fuse_reply_err(request, -r);
}

static void reply_value(fuse_req_t request, const char *value, size_t got, size_t size)
{
	if (!size)
		fuse_reply_xattr(request, got);
	else if (got > size)
		fuse_reply_err(request, ERANGE);
	else
		fuse_reply_buf(request, value, got);
}

static void get_shown(fuse_req_t request, struct filesystem *fs, struct node *node,
		      const char *name, size_t size)
{
	AUTOFREE char *value =
		task_xattr_value(fs, node, name, fuse_req_ctx(request)->uid);

	if (value)
		reply_value(request, value, strlen(value), size);
	else
		fuse_reply_err(request, ENODATA);
}

void op_getxattr(fuse_req_t request, fuse_ino_t id, const char *name, size_t size)
{
	struct filesystem *fs = ops_fs(request);
	struct node *node = ops_node(fs, id);
	AUTOFREE char *value = NULL;
	AUTOLOCATION location = { .fd = -1 };
	ssize_t got;
	int r;

	if (is_shown(name)) {
		get_shown(request, fs, node, name, size);
		return;
	}
	if (!may_have(node, name)) {
		fuse_reply_err(request, ENODATA);
		return;
	}
	r = locate(fs, node, name, &location);
	value = size ? malloc(size) : NULL;
	if (!r && size && !value)
		r = -ENOMEM;
	if (r) {
		fuse_reply_err(request, -r);
		return;
	}
	got = getxattr(tree_fd_path(location.fd).text, location.name, value, size);
	if (got < 0)
		fuse_reply_err(request, errno);
	else
		reply_value(request, value, (size_t)got, size);
}

/*
 * Filters a list of NUL-terminated names. With a prefix, keeps the names that have it,
 * without the prefix; without one, keeps the names that are not ours. Returns the new
 * size.
 */
static size_t pick(char *list, size_t size, const char *prefix)
{
	size_t skip = prefix ? strlen(prefix) : 0;
	size_t kept = 0;

	for (size_t at = 0; at < size;) {
		const char *name = list + at;
		size_t length = strlen(name) + 1;

		if (prefix ? text_starts_with(name, prefix) : !is_ours(name)) {
			memmove(list + kept, name + skip, length - skip);
			kept += length - skip;
		}
		at += length;
	}
	return kept;
}

/* The names that the file has in the library. Returns their size, or -errno. */
static ssize_t list_below(struct filesystem *fs, struct node *node, char *list)
{
	AUTOLOCATION location = { .fd = -1 };
	int r = locate(fs, node, "", &location);
	char prefix[PREFIX_SIZE];
	ssize_t got;

	if (r)
		return r;
	got = listxattr(tree_fd_path(location.fd).text, list, LIST_MAX_BYTES);
	if (got < 0)
		return errno == ENOTSUP ? 0 : -errno; /* not supported there */
	if (node->is_virtual)
		put_prefix(node, prefix);
	return (ssize_t)pick(list, (size_t)got, node->is_virtual ? prefix : NULL);
}

void op_listxattr(fuse_req_t request, fuse_ino_t id, size_t size)
{
	struct filesystem *fs = ops_fs(request);
	struct node *node = ops_node(fs, id);
	AUTOFREE char *list = malloc(LIST_MAX_BYTES + SHOWN_NAMES_MAX_BYTES);
	ssize_t got = list ? list_below(fs, node, list) : -ENOMEM;

	if (got < 0) {
		fuse_reply_err(request, (int)-got);
		return;
	}
	got += (ssize_t)task_xattr_names(fs, node, fuse_req_ctx(request)->uid,
					 list + got);
	reply_value(request, list, (size_t)got, size);
}

void op_removexattr(fuse_req_t request, fuse_ino_t id, const char *name)
{
	struct filesystem *fs = ops_fs(request);
	struct node *node = ops_node(fs, id);
	AUTOLOCATION location = { .fd = -1 };
	int r;

	if (!may_have(node, name)) {
		fuse_reply_err(request, is_shown(name) ? 0 : ENODATA);
		return;
	}
	r = locate(fs, node, name, &location);
	if (!r && removexattr(tree_fd_path(location.fd).text, location.name) < 0)
		r = -errno;
	fuse_reply_err(request, -r);
}
