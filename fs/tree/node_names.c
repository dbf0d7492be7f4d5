/* The names under which nodes were seen: added, removed and moved. */
#include "fs/tree/node_internal.h"

#include "backend/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* --- one node's names; the lock is held --- */

/* Closes a descriptor that nothing needs. */
static void drop_fd(struct node *node)
{
	if (node->holds || !node->names)
		return;
	cleanup_close(&node->fd);
	node->fd = -1;
}

static struct node_name **find_name(struct node *node, const struct node *parent,
				    const char *name)
{
	struct node_name **at = &node->names;

	while (*at && ((*at)->parent != parent || strcmp((*at)->name, name)))
		at = &(*at)->next;
	return at;
}

int node_add_name(struct nodes *nodes, struct node *node, struct node *parent,
		  const char *name)
{
	struct node_name **at = find_name(node, parent, name), *added = *at;

	nodes->changes++;
	if (added) { /* just seen: the other names may be stale */
		*at = added->next;
		added->next = node->names;
		node->names = added;
		return 0;
	}
	added = calloc(1, sizeof(*added));
	if (!added)
		return -ENOMEM;
	added->name = strdup(name);
	if (!added->name) {
		free(added);
		return -ENOMEM;
	}
	added->parent = parent;
	parent->references++;
	added->next = node->names;
	node->names = added;
	drop_fd(node);
	return 0;
}

static void remove_name(struct nodes *nodes, struct node *node, struct node_name **at)
{
	struct node_name *name = *at;

	*at = name->next;
	nodes_unref_locked(nodes, name->parent, 1);
	free(name->name);
	free(name);
}

/* A directory with a new name was moved outside the mount, or is another one. */
int node_see_name(struct nodes *nodes, struct node *node, struct node *parent,
		  const char *name)
{
	if (node->type == S_IFDIR && !*find_name(node, parent, name))
		atomic_fetch_add(&node->other_names, 1);
	return node_add_name(nodes, node, parent, name);
}

/* --- adding and removing names --- */

struct node *nodes_hold(struct nodes *nodes, int directory, const char *name)
{
	AUTOCLOSE int fd = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;
	struct node *node;

	if (fd < 0 || fstat(fd, &status) < 0)
		return NULL;
	pthread_mutex_lock(&nodes->lock);
	node = nodes_find(nodes, &status);
	if (node) {
		node->references++;
		node->holds++;
		node->moves++;
		if (node->fd < 0)
			node->fd = take_fd(&fd);
	}
	pthread_mutex_unlock(&nodes->lock);
	return node;
}

/* Whether the removed name was the last one: then all other known names are stale. */
static bool was_last_name(const struct node *node)
{
	struct stat status;

	return node->type == S_IFDIR || (!fstat(node->fd, &status) && !status.st_nlink);
}

void nodes_release(struct nodes *nodes, struct node *node, struct node *parent,
		   const char *name, bool is_gone)
{
	struct node_name **at;

	if (!node)
		return;
	pthread_mutex_lock(&nodes->lock);
	at = find_name(node, parent, name);
	if (is_gone && *at)
		remove_name(nodes, node, at);
	while (is_gone && node->names && was_last_name(node))
		remove_name(nodes, node, &node->names);
	node->holds--;
	node->moves--;
	drop_fd(node);
	nodes_unref_locked(nodes, node, 1);
	pthread_mutex_unlock(&nodes->lock);
}

void nodes_keep(struct nodes *nodes, struct node *node, int fd)
{
	AUTOCLOSE int kept = tree_reopen(fd, O_PATH);
	SCOPED_LOCK(&nodes->lock);

	node->holds++;
	if (node->fd < 0)
		node->fd = take_fd(&kept);
}

void nodes_unkeep(struct nodes *nodes, struct node *node)
{
	SCOPED_LOCK(&nodes->lock);

	node->holds--;
	drop_fd(node);
}

void nodes_move_name(struct nodes *nodes, struct node *node, struct node *old_parent,
		     const char *old_name, struct node *new_parent, const char *new_name)
{
	SCOPED_LOCK(&nodes->lock);
	struct node_name **at;

	if (!node)
		return;
	node_add_name(nodes, node, new_parent, new_name);
	at = find_name(node, old_parent, old_name);
	if (*at)
		remove_name(nodes, node, at);
}

bool nodes_forget_name(struct nodes *nodes, struct node *node, struct node *parent,
		       const char *name, uint64_t changes)
{
	SCOPED_LOCK(&nodes->lock);
	struct node_name **at = find_name(node, parent, name);

	if (!*at ||
	    changes != nodes->changes) /* another name was added since this one was
				        * found stale */
		return false;
	remove_name(nodes, node, at);
	return true;
}

/*
 * A file with several names may have a stale one; its changes must not affect that
 * folder.
 */
static bool is_named(struct nodes *nodes, struct node *node, struct node *parent,
		     const char *name)
{
	AUTOCLOSE int fd = nodes_open_directory(nodes, parent);

	return fd >= 0 && node_is_in(fd, name, node);
}

/*
 * A node's names at one moment, each with a reference to its parent: the visitor's calls
 * may change them. NULL: none, or no memory.
 */
static struct node_name *copy_names(struct nodes *nodes, const struct node *node,
				    size_t *ret_count)
{
	SCOPED_LOCK(&nodes->lock);
	struct node_name *copies;
	size_t count = 0;

	*ret_count = 0;
	for (const struct node_name *name = node->names; name; name = name->next)
		count++;
	copies = count ? calloc(count, sizeof(*copies)) : NULL;
	if (!copies)
		return NULL;
	for (const struct node_name *name = node->names; name; name = name->next) {
		struct node_name *copy = &copies[(*ret_count)++];

		copy->parent = name->parent;
		copy->parent->references++;
		copy->name = strdup(name->name);
	}
	return copies;
}

void nodes_each_name(struct nodes *nodes, struct node *node,
		     void (*visit)(void *context, struct node *parent, const char *name),
		     void *context)
{
	size_t count;
	AUTOFREE struct node_name *names = copy_names(nodes, node, &count);

	for (size_t i = 0; i < count; i++) {
		struct node *parent = names[i].parent;
		AUTOFREE char *text = names[i].name;

		if (text && (count == 1 || is_named(nodes, node, parent, text)))
			visit(context, parent, text);
		nodes_unref(nodes, parent, 1);
	}
}
