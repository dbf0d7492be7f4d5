#include "fs/tree/node_internal.h"

#include "backend/base/cleanup.h"

#include <errno.h>

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

static struct node *node_new(size_t state_bytes)
{
	struct node *node = calloc(1, sizeof(*node) + state_bytes);

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
	nodes->root = node_new(nodes->layout.directory_bytes);
	if (!nodes->root)
		return -ENOMEM;
	nodes->root->device = status.st_dev;
	nodes->root->inode = status.st_ino;
	nodes->root->type = S_IFDIR;
	nodes->buckets[node_hash(nodes->root, nodes->bucket_count)] = nodes->root;
	nodes->count = 1;
	return 0;
}

int nodes_init(struct nodes *nodes, const struct tree *tree,
	       const struct node_layout *layout)
{
	*nodes = (struct nodes){ .tree = tree,
				 .layout = *layout,
				 .bucket_count = BUCKETS_FIRST };
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
		return; /* no memory: the chains only get longer */
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

/* The type tells a file from an earlier one with the same inode number. */
static struct node *find(struct nodes *nodes, dev_t device, ino_t inode, mode_t type)
{
	struct node *node = nodes->buckets[hash_of((uint64_t)inode, (uint64_t)device,
						   nodes->bucket_count)];

	while (node && (node->is_virtual || node->inode != inode ||
			node->device != device || node->type != type))
		node = node->next;
	return node;
}

struct node *nodes_find(struct nodes *nodes, const struct stat *status)
{
	return find(nodes, status->st_dev, status->st_ino, status->st_mode & S_IFMT);
}

/* Drops references; a node that this frees may free its parents in turn. */
void nodes_unref_locked(struct nodes *nodes, struct node *node, uint64_t count)
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
				nodes_unref_locked(nodes, name->parent, 1);
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

/* --- creating and finding nodes --- */

struct node *nodes_get(struct nodes *nodes, struct node *parent, const char *name,
		       const struct stat *status)
{
	SCOPED_LOCK(&nodes->lock);
	struct node *node = nodes_find(nodes, status);

	if (node) {
		if (node != nodes->root && node_see_name(nodes, node, parent, name))
			return NULL;
		node->references++;
		return node;
	}
	node = node_new(S_ISDIR(status->st_mode) ? nodes->layout.directory_bytes : 0);
	if (!node)
		return NULL;
	node->device = status->st_dev;
	node->inode = status->st_ino;
	node->type = status->st_mode & S_IFMT;
	if (node_add_name(nodes, node, parent, name)) {
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
	node = node_new(nodes->layout.virtual_bytes);
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

	nodes_unref_locked(nodes, node, count);
}

/* --- writers --- */

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
