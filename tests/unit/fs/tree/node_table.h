/*
 * A table of nodes over a tree of files, for its unit tests.
 */
#ifndef SEEDANCEFS_TESTS_UNIT_FS_TREE_NODE_TABLE_H
#define SEEDANCEFS_TESTS_UNIT_FS_TREE_NODE_TABLE_H

#include "tests/unit/unit.h"

#include "fs/tree/node.h"

static struct tree tree;
static struct nodes nodes;
static const struct node_layout layout = { .directory_bytes = 64, .virtual_bytes = 16 };

static inline int set_up(void **state)
{
	int r = set_up_tree(state, &tree);

	return r ? r : nodes_init(&nodes, &tree, &layout);
}

static inline int tear_down(void **state)
{
	nodes_clear(&nodes);
	return tear_down_tree(state, &tree);
}

static inline ino_t inode_of(const char *path)
{
	struct stat status;

	assert_int_equal(fstatat(tree.fd, path, &status, AT_SYMLINK_NOFOLLOW), 0);
	return status.st_ino;
}

/* As a look-up of the kernel: the file of a path, seen as the last part in `parent`. */
static inline struct node *look_up(struct node *parent, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct stat status;
	struct node *node;

	assert_int_equal(fstatat(tree.fd, path, &status, AT_SYMLINK_NOFOLLOW), 0);
	node = nodes_get(&nodes, parent, slash ? slash + 1 : path, &status);
	assert_non_null(node);
	assert_int_equal(node->inode, status.st_ino);
	return node;
}

static inline void drop(struct node *node)
{
	nodes_unref(&nodes, node, 1);
}

static inline void expect_path(struct node *node, const char *wanted)
{
	AUTOFREE char *path = nodes_path(&nodes, node);

	if (!path || strcmp(path, wanted))
		fail_msg("the path is \"%s\"; expected \"%s\"", path ? path : "(none)",
			 wanted);
}

/* What a node opens holds what was written there first: its own path. */
static inline void expect_content(struct node *node, const char *wanted)
{
	AUTOCLOSE int fd = nodes_open(&nodes, node, O_RDONLY);
	char text[256];
	ssize_t got;

	assert_true(fd >= 0);
	got = read(fd, text, sizeof(text) - 1);
	assert_true(got >= 0);
	text[got] = '\0';
	assert_string_equal(text, wanted);
}

static inline int open_directory(struct node *node)
{
	int fd = nodes_open_directory(&nodes, node);

	assert_true(fd >= 0);
	return fd;
}

/* rename(2) in the mount. */
static inline void move(struct node *from, const char *old_name, struct node *to,
			const char *new_name)
{
	AUTOCLOSE int from_fd = open_directory(from);
	AUTOCLOSE int to_fd = open_directory(to);
	struct node *node = nodes_hold(&nodes, from_fd, old_name);
	struct node *target = nodes_hold(&nodes, to_fd, new_name);

	assert_int_equal(renameat(from_fd, old_name, to_fd, new_name), 0);
	nodes_release(&nodes, target, to, new_name, true);
	nodes_move_name(&nodes, node, from, old_name, to, new_name);
	nodes_release(&nodes, node, from, old_name, false);
}

/* unlink(2) in the mount. */
static inline void remove_in(struct node *parent, const char *name, int flags)
{
	AUTOCLOSE int fd = open_directory(parent);
	struct node *node = nodes_hold(&nodes, fd, name);

	assert_int_equal(unlinkat(fd, name, flags), 0);
	nodes_release(&nodes, node, parent, name, true);
}

static inline size_t count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

#endif
