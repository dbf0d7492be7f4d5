#include "fs/tree/node_internal.h"

#include "backend/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>

#define BUCKETS_FIRST 1024

static size_t hash_of(uint64_t a, uint64_t b, size_t buckets)
{
	uint64_t h = a * UINT64_C(0x9e3779b97f4a7c15) ^
		     (b + UINT64_C(0x7f4a7c15)) * UINT64_C(0xff51afd7ed558ccd);

	return (size_t)((h ^ h >> 29) % buckets);
}

static size_t node_hash(const struct node *node, size_t buckets)
{
	if (node->is_virtual)
		return hash_of(node->number, (uint64_t)node->kind << 32 | node->version,
			       buckets);
	return hash_of((uint64_t)node->inode, (uint64_t)node->device, buckets);
}

static struct node *node_new(void)
{
	struct node *node = calloc(1, sizeof(*node));

	if (!node)
		return NULL;
	node->fd = -1;
	node->references = 1;
	return node;
}

static int make_root(struct nodes *nodes)
{
	struct stat status;

	if (fstat(nodes->tree->fd, &status) < 0)
		return -errno;
	nodes->root = node_new();
	if (!nodes->root)
		return -ENOMEM;
	nodes->root->device = status.st_dev;
	nodes->root->inode = status.st_ino;
	nodes->root->type = S_IFDIR;
	nodes->buckets[node_hash(nodes->root, nodes->bucket_count)] = nodes->root;
	nodes->count = 1;
	return 0;
}

int nodes_init(struct nodes *nodes, const struct tree *tree)
{
	*nodes = (struct nodes){ .tree = tree, .bucket_count = BUCKETS_FIRST };
	pthread_mutex_init(&nodes->lock, NULL);
	nodes->buckets = calloc(BUCKETS_FIRST, sizeof(struct node *));
	return nodes->buckets ? make_root(nodes) : -ENOMEM;
}

static void free_names(struct node *node)
{
	while (node->names) {
		struct node_name *name = node->names;

		node->names = name->next;
		free(name->name);
		free(name);
	}
}

void nodes_clear(struct nodes *nodes)
{
	for (size_t i = 0; nodes->buckets && i < nodes->bucket_count; i++)
		while (nodes->buckets[i]) {
			struct node *node = nodes->buckets[i];

			nodes->buckets[i] = node->next;
			free_names(node);
			cleanup_close(&node->fd);
			free(node->text);
			free(node);
		}
	free(nodes->buckets);
	nodes->buckets = NULL;
	pthread_mutex_destroy(&nodes->lock);
}

/* --- the table; the lock is held --- */

static void grow(struct nodes *nodes)
{
	size_t count = nodes->bucket_count * 4;
	struct node **buckets;

	if (nodes->count < nodes->bucket_count)
		return;
	buckets = calloc(count, sizeof(struct node *));
	if (!buckets)
		return; /* longer chains, nothing worse */
	for (size_t i = 0; i < nodes->bucket_count; i++)
		while (nodes->buckets[i]) {
			struct node *node = nodes->buckets[i];
			struct node **at = &buckets[node_hash(node, count)];

			nodes->buckets[i] = node->next;
			node->next = *at;
			*at = node;
		}
	free(nodes->buckets);
	nodes->buckets = buckets;
	nodes->bucket_count = count;
}

static void insert(struct nodes *nodes, struct node *node)
{
	struct node **at;

	grow(nodes);
	at = &nodes->buckets[node_hash(node, nodes->bucket_count)];
	node->next = *at;
	*at = node;
	nodes->count++;
}

static void take_out(struct nodes *nodes, struct node *node)
{
	struct node **at = &nodes->buckets[node_hash(node, nodes->bucket_count)];

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	nodes->count--;
}

/* The type tells a file from another one that had its inode number before. */
static struct node *find(struct nodes *nodes, dev_t device, ino_t inode, mode_t type)
{
	struct node *node = nodes->buckets[hash_of((uint64_t)inode, (uint64_t)device,
						   nodes->bucket_count)];

	while (node && (node->is_virtual || node->inode != inode ||
			node->device != device || node->type != type))
		node = node->next;
	return node;
}

static struct node *find_by_status(struct nodes *nodes, const struct stat *status)
{
	return find(nodes, status->st_dev, status->st_ino, status->st_mode & S_IFMT);
}

/* A descriptor that nothing needs any more. */
static void drop_fd(struct node *node)
{
	if (node->holds || !node->names)
		return;
	cleanup_close(&node->fd);
	node->fd = -1;
}

/* Gives back references; what this frees may free its parents in turn. */
static void unref(struct nodes *nodes, struct node *node, uint64_t count)
{
	while (node) {
		struct node *parent = NULL;

		node->references -= count;
		if (node->references)
			return;
		take_out(nodes, node);
		while (node->names) {
			struct node_name *name = node->names;

			node->names = name->next;
			if (node->names)
				unref(nodes, name->parent, 1);
			else
				parent = name->parent;
			free(name->name);
			free(name);
		}
		if (node->is_virtual)
			parent = node->folder;
		cleanup_close(&node->fd);
		free(node->text);
		free(node);
		node = parent;
		count = 1;
	}
}

static struct node_name **find_name(struct node *node, const struct node *parent,
				    const char *name)
{
	struct node_name **at = &node->names;

	while (*at && ((*at)->parent != parent || strcmp((*at)->name, name)))
		at = &(*at)->next;
	return at;
}

static int add_name(struct nodes *nodes, struct node *node, struct node *parent,
		    const char *name)
{
	struct node_name **at = find_name(node, parent, name), *added = *at;

	nodes->changes++;
	if (added) { /* just seen: the others may be stale */
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
	unref(nodes, name->parent, 1);
	free(name->name);
	free(name);
}

/* --- getting nodes --- */

/* A directory under another name was moved behind our back, or is another one. */
static int add_other_name(struct nodes *nodes, struct node *node, struct node *parent,
			  const char *name)
{
	if (node->type == S_IFDIR && !*find_name(node, parent, name))
		atomic_store(&node->is_task_known, false);
	return add_name(nodes, node, parent, name);
}

struct node *nodes_get(struct nodes *nodes, struct node *parent, const char *name,
		       const struct stat *status)
{
	SCOPED_LOCK(&nodes->lock);
	struct node *node = find_by_status(nodes, status);

	if (node) {
		if (node != nodes->root && add_other_name(nodes, node, parent, name))
			return NULL;
		node->references++;
		return node;
	}
	node = node_new();
	if (!node)
		return NULL;
	node->device = status->st_dev;
	node->inode = status->st_ino;
	node->type = status->st_mode & S_IFMT;
	if (add_name(nodes, node, parent, name)) {
		free(node);
		return NULL;
	}
	insert(nodes, node);
	return node;
}

static struct node *find_virtual(struct nodes *nodes, uint64_t number,
				 enum virtual_kind kind, uint32_t version)
{
	struct node *node = nodes->buckets[hash_of(number, (uint64_t)kind << 32 | version,
						   nodes->bucket_count)];

	while (node && (!node->is_virtual || node->number != number ||
			node->kind != kind || node->version != version))
		node = node->next;
	return node;
}

struct node *nodes_find_virtual(struct nodes *nodes, uint64_t number,
				enum virtual_kind kind, uint32_t version)
{
	SCOPED_LOCK(&nodes->lock);
	struct node *node = find_virtual(nodes, number, kind, version);

	if (node)
		node->references++;
	return node;
}

struct node *nodes_get_virtual(struct nodes *nodes, struct node *folder, uint64_t number,
			       enum virtual_kind kind, uint32_t version, char *text)
{
	AUTOFREE char *content = text;
	SCOPED_LOCK(&nodes->lock);
	struct node *node = find_virtual(nodes, number, kind, version);

	if (node) {
		node->references++;
		return node;
	}
	node = node_new();
	if (!node)
		return NULL;
	node->is_virtual = true;
	node->type = S_IFREG;
	node->number = number;
	node->kind = kind;
	node->version = version;
	node->folder = folder;
	node->text = TAKE(content);
	folder->references++;
	insert(nodes, node);
	return node;
}

void nodes_ref(struct nodes *nodes, struct node *node)
{
	SCOPED_LOCK(&nodes->lock);

	node->references++;
}

void nodes_unref(struct nodes *nodes, struct node *node, uint64_t count)
{
	SCOPED_LOCK(&nodes->lock);

	unref(nodes, node, count);
}

/* --- names that come and go --- */

struct node *nodes_child(struct nodes *nodes, int directory, const char *name)
{
	struct stat status;
	struct node *node;

	if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return NULL;
	pthread_mutex_lock(&nodes->lock);
	node = find_by_status(nodes, &status);
	if (node)
		node->references++;
	pthread_mutex_unlock(&nodes->lock);
	return node;
}

struct node *nodes_hold(struct nodes *nodes, int directory, const char *name)
{
	AUTOCLOSE int fd = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;
	struct node *node;

	if (fd < 0 || fstat(fd, &status) < 0)
		return NULL;
	pthread_mutex_lock(&nodes->lock);
	node = find_by_status(nodes, &status);
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

/* Whether the name that went was the last: then others that are known are stale. */
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
	unref(nodes, node, 1);
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
	add_name(nodes, node, new_parent, new_name);
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
	    changes != nodes->changes) /* one came since it was seen to be stale */
		return false;
	remove_name(nodes, node, at);
	return true;
}

/* Of several names, one may be stale:
 * what happens to the file is no matter of that folder. */
static bool is_named(struct nodes *nodes, struct node *node, struct node *parent,
		     const char *name)
{
	AUTOCLOSE int fd = nodes_open_directory(nodes, parent);

	return fd >= 0 && node_is_in(fd, name, node);
}

/* A node's names as they are at one moment, each with a reference to its parent; they
 * change while they are visited. NULL: none, or no memory. */
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

void nodes_count_writer(struct nodes *nodes, struct node *node, int change, pid_t pid)
{
	SCOPED_LOCK(&nodes->lock);

	node->writers = (unsigned)((int)node->writers + change);
	if (change > 0)
		node->writer = pid;
}

bool nodes_has_writer(struct nodes *nodes, dev_t device, ino_t inode, pid_t *ret_pid)
{
	SCOPED_LOCK(&nodes->lock);
	const struct node *node = find(nodes, device, inode, S_IFREG);

	if (!node || !node->writers)
		return false;
	*ret_pid = node->writer;
	return true;
}
