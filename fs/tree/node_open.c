/* From a node to its file: builds the path from names, opens and checks it. */
#include "fs/tree/node_internal.h"

#include "backend/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define PATH_CEILING (1u << 20)
#define TRIES 16

/* --- paths --- */

static size_t path_length(const struct node *from, const struct node *node)
{
	size_t length = 0;

	for (; node != from; node = node->names->parent) {
		if (!node->names || length > PATH_CEILING)
			return SIZE_MAX;
		length += strlen(node->names->name) + 1;
	}
	return length;
}

/* Builds the path from its end; the lock is held. */
static char *build_path(const struct node *from, const struct node *node)
{
	size_t length = path_length(from, node), at;
	char *path;

	if (length == SIZE_MAX)
		return NULL;
	if (!length)
		return strdup("");
	path = malloc(length);
	if (!path)
		return NULL;
	at = length;
	for (; node != from; node = node->names->parent) {
		size_t size = strlen(node->names->name);

		at--;
		path[at] = at + 1 == length ? '\0' : '/';
		at -= size;
		memcpy(path + at, node->names->name, size);
	}
	return path;
}

char *nodes_path(struct nodes *nodes, struct node *node)
{
	SCOPED_LOCK(&nodes->lock);

	return build_path(nodes->root, node);
}

/*
 * The nearest ancestor (or the node itself) that has a descriptor, or the root. NULL: no
 * name is left.
 */
static struct node *find_start(const struct nodes *nodes, struct node *node)
{
	size_t depth = 0;

	while (node && node != nodes->root && node->fd < 0 && depth++ < PATH_CEILING)
		node = node->names ? node->names->parent : NULL;
	return depth > PATH_CEILING ? NULL : node;
}

/*
 * A duplicate of the descriptor to start from, and the path relative to it; "" is the
 * start itself.
 */
static int locate(struct nodes *nodes, struct node *node, char **ret_path)
{
	SCOPED_LOCK(&nodes->lock);
	struct node *start = find_start(nodes, node);
	int fd;

	*ret_path = start ? build_path(start, node) : NULL;
	if (!*ret_path)
		return -ESTALE;
	fd = fcntl(start == nodes->root ? nodes->tree->fd : start->fd, F_DUPFD_CLOEXEC,
		   0);
	return fd < 0 ? -errno : fd;
}

static bool is_node(const struct stat *status, const struct node *node)
{
	return status->st_ino == node->inode && status->st_dev == node->device &&
	       (status->st_mode & S_IFMT) == node->type;
}

static bool is_same(int fd, const struct node *node)
{
	struct stat status;

	return !fstat(fd, &status) && is_node(&status, node);
}

bool node_is_in(int directory, const char *name, const struct node *node)
{
	struct stat status;

	return !fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) &&
	       is_node(&status, node);
}

/*
 * Whether the directory certainly lacks the node under this name: an inaccessible path
 * proves nothing.
 */
static bool is_not_in(int directory, const char *name, const struct node *node)
{
	struct stat status;

	if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT;
	return !is_node(&status, node);
}

/* Opens with O_PATH and checks first: opening the wrong file could have side effects. */
static int open_once(struct nodes *nodes, struct node *node)
{
	AUTOFREE char *path = NULL;
	AUTOCLOSE int start = locate(nodes, node, &path);
	AUTOCLOSE int fd = -1;

	if (start < 0 || !*path)
		return take_fd(&start);
	fd = tree_open_below(start, path, O_PATH);
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
		return -ESTALE;
	return fd < 0 || is_same(fd, node) ? take_fd(&fd) : -ESTALE;
}

/* The node's first name, or NULL; adds a reference to its parent. */
static char *first_name(struct nodes *nodes, struct node *node, struct node **ret_parent,
			uint64_t *ret_changes)
{
	SCOPED_LOCK(&nodes->lock);
	char *text = node->names ? strdup(node->names->name) : NULL;

	*ret_changes = nodes->changes;
	if (!text)
		return NULL;
	*ret_parent = node->names->parent;
	(*ret_parent)->references++;
	return text;
}

/*
 * A node with a name that is being removed or moved through the mount does not count: the
 * mount updates its names itself.
 */
static bool is_only_open(struct nodes *nodes, const struct node *node)
{
	SCOPED_LOCK(&nodes->lock);

	return node->fd >= 0 && !node->moves;
}

static bool has_descriptor(struct nodes *nodes, const struct node *node)
{
	SCOPED_LOCK(&nodes->lock);

	return node->fd >= 0;
}

/*
 * Goes up to the first ancestor that is where its names say: the name in it is the stale
 * one. Returns whether it was forgotten.
 */
static bool forget_stale_name(struct nodes *nodes, struct node *node)
{
	bool is_forgotten = false;

	nodes_ref(nodes, node);
	while (node) {
		struct node *parent = NULL;
		uint64_t changes;
		AUTOFREE char *name =
			has_descriptor(nodes, node)
				? NULL
				: first_name(nodes, node, &parent, &changes);
		AUTOCLOSE int fd = name ? open_once(nodes, parent) : -1;

		if (fd >= 0 && !node_is_in(fd, name, node))
			is_forgotten =
				nodes_forget_name(nodes, node, parent, name, changes);
		nodes_unref(nodes, node, 1);
		if (parent && fd != -ESTALE) {
			nodes_unref(nodes, parent, 1);
			parent = NULL;
		}
		node = parent;
	}
	return is_forgotten;
}

static int open_checked(struct nodes *nodes, struct node *node)
{
	for (int i = 0; i < TRIES;) {
		int fd = open_once(nodes, node);

		if (fd != -ESTALE)
			return fd;
		if (!forget_stale_name(nodes, node))
			i++; /* no name is left, or names change concurrently */
	}
	return -ESTALE;
}

int nodes_open(struct nodes *nodes, struct node *node, int flags)
{
	AUTOCLOSE int fd = open_checked(nodes, node);

	if (fd < 0 || flags & O_PATH)
		return take_fd(&fd);
	return tree_reopen(fd, flags);
}

/* Forgets a file's names until a valid one is found. Returns whether all were stale. */
static bool forget_stale_names(struct nodes *nodes, struct node *node)
{
	bool is_stale = false;

	for (int i = 0; i < TRIES;) {
		struct node *parent = NULL;
		uint64_t changes;
		AUTOFREE char *name = first_name(nodes, node, &parent, &changes);
		AUTOCLOSE int fd = name ? open_checked(nodes, parent) : -1;

		if (!name)
			return is_stale;
		is_stale = fd == -ESTALE || (fd >= 0 && is_not_in(fd, name, node));
		if (is_stale && !nodes_forget_name(nodes, node, parent, name, changes))
			i++;
		nodes_unref(nodes, parent, 1);
		if (!is_stale)
			return false;
	}
	return true;
}

int nodes_open_named(struct nodes *nodes, struct node *node, int flags)
{
	if (is_only_open(nodes, node) && forget_stale_names(nodes, node))
		return -ESTALE;
	return nodes_open(nodes, node, flags);
}

int nodes_open_directory(struct nodes *nodes, struct node *node)
{
	if (node->is_virtual || node->type != S_IFDIR)
		return -ENOTDIR;
	return open_checked(nodes, node);
}

int nodes_stat(struct nodes *nodes, struct node *node, struct stat *ret_status)
{
	AUTOCLOSE int fd = open_checked(nodes, node);

	if (fd < 0)
		return fd;
	return fstat(fd, ret_status) < 0 ? -errno : 0;
}
