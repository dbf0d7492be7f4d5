#include "fs/tree/resolve.h"

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define LINKS_MAX 40
#define PATH_CEILING 65536

/* Removes the last component; -EXDEV at the root. */
static int go_up(struct buffer *at)
{
	char *slash;

	if (!at->size)
		return -EXDEV;
	slash = strrchr(at->data, '/');
	at->size = slash ? (size_t)(slash - at->data) : 0;
	at->data[at->size] = '\0';
	return 0;
}

/*
 * The part of an absolute target below the mount point, counted from the root (file
 * managers make such links). NULL: the target is elsewhere.
 */
static const char *below_mount_point(const struct tree *tree, const char *target)
{
	size_t length = tree->mounted_at ? strlen(tree->mounted_at) : 0;

	if (!length || strncmp(target, tree->mounted_at, length))
		return NULL;
	return target[length] == '/' || !target[length] ? target + length : NULL;
}

/*
 * Follows the link at `at`: sets `at` to the directory where its target starts, and
 * prepends the target to the rest. Returns 1 or -errno.
 */
static int expand(const struct tree *tree, struct buffer *at, int fd, const char *rest,
		  char **ret_rest)
{
	char text[PATH_MAX];
	const char *target = text;
	ssize_t got = readlinkat(fd, "", text, sizeof(text) - 1);

	if (got < 0)
		return -errno;
	text[got] = '\0';
	if (*target == '/') {
		target = below_mount_point(tree, text);
		if (!target)
			return -EXDEV;
		at->size = 0;
		at->data[0] = '\0';
	} else {
		go_up(at);
	}
	*ret_rest = text_format("%s/%s", target, rest);
	return *ret_rest ? 1 : -ENOMEM;
}

/*
 * Enters one component. Returns 0; 1 for a link, with its target prepended in *ret_rest;
 * or -errno.
 */
static int go_into(const struct tree *tree, struct buffer *at, const char *name,
		   const char *rest, char **ret_rest)
{
	AUTOCLOSE int fd = -1;
	struct stat status;

	if (at->size)
		buffer_add(at, "/");
	if (buffer_add(at, name))
		return -ENOMEM;
	fd = tree_openat(tree, at->data, O_PATH);
	if (fd < 0)
		return fd;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISLNK(status.st_mode))
		return 0;
	return expand(tree, at, fd, rest, ret_rest);
}

/* Takes the first component off *rest and enters it. 0 or -errno. */
static int step(const struct tree *tree, struct buffer *at, char **rest, unsigned *links)
{
	size_t length = strcspn(*rest, "/");
	AUTOFREE char *name = strndup(*rest, length);
	AUTOFREE char *tail = strdup(*rest + length + strspn(*rest + length, "/"));
	char *expanded = NULL;
	int r = 0;

	if (!name || !tail)
		return -ENOMEM;
	if (!strcmp(name, ".."))
		r = go_up(at);
	else if (*name && strcmp(name, "."))
		r = go_into(tree, at, name, tail, &expanded);
	free(*rest);
	*rest = r == 1 ? expanded : TAKE(tail);
	if (r == 1)
		r = ++*links > LINKS_MAX ? -ELOOP : 0;
	return r;
}

int resolve_path(const struct tree *tree, const char *from, const char *path,
		 char **ret_path)
{
	AUTOBUFFER at = BUFFER_INIT(PATH_CEILING);
	AUTOFREE char *rest = strdup(path);
	unsigned links = 0;
	int r = rest ? buffer_add(&at, from) : -ENOMEM;

	if (*path == '/')
		return -EXDEV;
	while (!r && *rest)
		r = step(tree, &at, &rest, &links);
	if (r && (r != -ENOENT || *rest))
		return r;
	*ret_path = buffer_take(&at);
	return *ret_path ? r : -ENOMEM;
}
