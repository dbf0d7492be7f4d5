/*
 * Nodes: what the kernel knows of the mount, by lookup count.
 *
 * A node of a user's file is its device and inode below, with the names (parent, name)
 * that it was seen under; hard links are one node. It holds a descriptor only once its
 * last known name is gone while the kernel still knows it, while a name of it goes or
 * moves, or while it is an open file, so tens of thousands of nodes need none. A node of
 * a virtual file is a task's number, the file's kind and its version.
 *
 * Identity is checked: a path is built from the names, below the nearest node that has a
 * descriptor, opened, and must be the device and inode of the node. Otherwise a name on
 * the way is stale (something moved behind our back, or a look-up was overtaken by a
 * rename): it is forgotten, and the path is built again.
 *
 * All functions lock the table themselves; any thread. Reference counts: the kernel's
 * look-ups and our own (folders, handles, children) are one count.
 *
 * A higher module may keep state of its own with each directory or each virtual file. It
 * is allocated with the node, so that it needs no check and no table of its own, and lies
 * behind the node, where this module does not look.
 */
#ifndef SEEDANCEFS_FS_TREE_NODE_H
#define SEEDANCEFS_FS_TREE_NODE_H

#include "fs/tree/names.h"
#include "fs/tree/tree.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct node_name {
	struct node_name *next;
	struct node *parent; /* referenced */
	char *name;
};

struct node {
	/* Set when made. */
	bool is_virtual;
	/* … of a user's file: */
	dev_t device;
	ino_t inode;
	mode_t type; /* S_IFMT part */
	/* … of a virtual file: */
	uint64_t number;
	enum virtual_kind kind;
	uint32_t version;
	struct node *folder; /* referenced */
	char *text;	     /* task.json, error.txt: this version's content; else NULL */

	/* Guarded by the table's lock. */
	struct node *next; /* in the hash chain */
	uint64_t references;
	struct node_name *names;
	int fd;		  /* O_PATH: while held, and once no name is left; else -1 */
	unsigned holds;	  /* nodes_hold() and nodes_keep() that were not ended yet */
	unsigned moves;	  /* … nodes_hold() alone: a name of it goes just now */
	unsigned writers; /* open handles that may write */
	pid_t writer;	  /* the last one that opened it so */

	/* Any thread. Of a directory: names that it got without a rename of ours, so that
	 * what was known of it may be of another one. */
	_Atomic uint32_t other_names;

	/* A higher module's (struct node_layout). */
	_Alignas(max_align_t) unsigned char state[];
};

/* The sizes of what higher modules keep with a node: plain data, zeros in a new node,
 * freed with it. */
struct node_layout {
	size_t directory_bytes;
	size_t virtual_bytes;
};

struct nodes {
	const struct tree *tree;
	struct node_layout layout;
	pthread_mutex_t lock;
	/* Guarded by lock. */
	struct node **buckets;
	size_t bucket_count, count;
	uint64_t changes; /* counts names that came: what was seen before may be old */
	struct node *root;
};

int nodes_init(struct nodes *nodes, const struct tree *tree,
	       const struct node_layout *layout);
void nodes_clear(struct nodes *nodes); /* frees every node, referenced or not */

/* The node of a file below, seen as `name` in `parent`:
 * adds a reference. NULL: no memory. */
struct node *nodes_get(struct nodes *nodes, struct node *parent, const char *name,
		       const struct stat *status);
/*
 * The same for a virtual file of a task's folder. `text` (taken, may be NULL) is its
 * content if this version is not known yet.
 */
struct node *nodes_get_virtual(struct nodes *nodes, struct node *folder, uint64_t number,
			       enum virtual_kind kind, uint32_t version, char *text);

/* The same if the kernel knows that version; else NULL. */
struct node *nodes_find_virtual(struct nodes *nodes, uint64_t number,
				enum virtual_kind kind, uint32_t version);

/* What a higher module keeps with it. */
static inline void *node_state(const struct node *node)
{
	return (void *)node->state;
}

void nodes_ref(struct nodes *nodes, struct node *node);
void nodes_unref(struct nodes *nodes, struct node *node, uint64_t count);

/* The path below the tree ("" for the root); free() it.
 * NULL: no name is left, or no memory. */
char *nodes_path(struct nodes *nodes, struct node *node);

/*
 * Opens a user's file, checked. O_PATH for attributes. A descriptor or -errno; -ESTALE
 * when it is no longer there.
 */
int nodes_open(struct nodes *nodes, struct node *node, int flags);
/*
 * The same for who comes by a name: -ESTALE, too, when the file is there because somebody
 * has it open, but all its names went behind our back. Asked again, it is opened: then it
 * is known to have none.
 */
int nodes_open_named(struct nodes *nodes, struct node *node, int flags);
/* A descriptor (O_PATH) of a directory, for the *at calls. */
int nodes_open_directory(struct nodes *nodes, struct node *node);
int nodes_stat(struct nodes *nodes, struct node *node, struct stat *ret_status);

/*
 * What has a name in a directory (opened as `directory`), if it is known: adds a
 * reference. nodes_hold() also keeps a descriptor, for a name that is about to be
 * removed, replaced or moved: an open and unlinked file goes on working, and what lies
 * below a directory is found at every moment of its move.
 */
struct node *nodes_child(struct nodes *nodes, int directory, const char *name);
struct node *nodes_hold(struct nodes *nodes, int directory, const char *name);
/* After nodes_hold(): the name is gone, or is still there.
 * Gives the reference back; NULL is fine. */
void nodes_release(struct nodes *nodes, struct node *node, struct node *parent,
		   const char *name, bool is_gone);
/*
 * While a file is open (as `fd`), its node has a descriptor: the way to it may be closed
 * to us meanwhile. Not for directories: one that is moved out of the library is none of
 * ours.
 */
void nodes_keep(struct nodes *nodes, struct node *node, int fd);
void nodes_unkeep(struct nodes *nodes, struct node *node);
/* A name moved. `node` (may be NULL) is what nodes_hold() gave; its reference is kept. */
void nodes_move_name(struct nodes *nodes, struct node *node, struct node *old_parent,
		     const char *old_name, struct node *new_parent, const char *new_name);

/* Calls `visit` for each (parent, name) that a node has now, without the lock: look-ups
 * and moves meanwhile hide none of them. */
void nodes_each_name(struct nodes *nodes, struct node *node,
		     void (*visit)(void *context, struct node *parent, const char *name),
		     void *context);

/* Counts open handles that may write: +1 or -1. */
void nodes_count_writer(struct nodes *nodes, struct node *node, int change, pid_t pid);
/* Whether a file is open for writing in the mount; tells one that has it open. */
bool nodes_has_writer(struct nodes *nodes, dev_t device, ino_t inode, pid_t *ret_pid);

#endif
