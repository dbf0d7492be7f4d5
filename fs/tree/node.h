/*
 * Nodes: the files of the mount that the kernel knows, by lookup count.
 *
 * The node of a user's file is its device and inode in the library, with the names
 * (parent, name) under which it was seen; hard links share one node. It holds a
 * descriptor only while it is open, while one of its names is being removed or moved, and
 * once its last known name is gone while the kernel still knows it. So tens of thousands
 * of nodes need no descriptor. The node of a virtual file is a task's number, the file's
 * kind and its version.
 *
 * Identity is checked. A path is built from the names, starting at the nearest ancestor
 * that has a descriptor; it is opened, and must lead to the device and inode of the node.
 * Otherwise a name on the path is stale (a change outside the mount, or a lookup that
 * raced with a rename): that name is forgotten, and the path is built again.
 *
 * All functions lock the table themselves; any thread. The kernel's lookups and our own
 * references (folders, handles, children) share one count.
 *
 * A higher module may keep its own state with each directory or each virtual file. The
 * state is allocated with the node, behind it, so a higher module needs neither a table
 * of its own nor a check for a missing entry. This module never reads it.
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
	/* Set at creation. */
	bool is_virtual;
	/* A user's file only: */
	dev_t device;
	ino_t inode;
	mode_t type; /* S_IFMT part */
	/* A virtual file only: */
	uint64_t number;
	enum virtual_kind kind;
	uint32_t version;
	struct node *folder; /* referenced */
	char *text;	     /* the content of this version of task.json or error.txt;
			      * else NULL */

	/* Guarded by the table's lock. */
	struct node *next; /* in the hash chain */
	uint64_t references;
	struct node_name *names;
	int fd;		  /* O_PATH: while held, and once no name is left; else -1 */
	unsigned holds;	  /* nodes_hold() and nodes_keep() calls that have not ended */
	unsigned moves;	  /* nodes_hold() calls only: a name is being removed or moved */
	unsigned writers; /* open handles that may write */
	pid_t writer;	  /* the last process that opened it for writing */

	/*
	 * Any thread. A directory only: counts the names that it received without a
	 * rename through the mount. After such a change, what is known of it may concern
	 * another directory.
	 */
	_Atomic uint32_t other_names;

	/* State of a higher module (struct node_layout). */
	_Alignas(max_align_t) unsigned char state[];
};

/*
 * The sizes of the states of higher modules: plain data, zero in a new node, freed with
 * it.
 */
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
	uint64_t changes; /* counts added names; after a change, earlier observations
			   * may be outdated */
	struct node *root;
};

int nodes_init(struct nodes *nodes, const struct tree *tree,
	       const struct node_layout *layout);
void nodes_clear(struct nodes *nodes); /* frees every node, even one with references */

/*
 * The node of a file in the library, seen as `name` in `parent`. Adds a reference. NULL:
 * no memory.
 */
struct node *nodes_get(struct nodes *nodes, struct node *parent, const char *name,
		       const struct stat *status);
/*
 * The same for a virtual file of a task's folder. `text` (takes ownership, may be NULL)
 * is its content if this version is new.
 */
struct node *nodes_get_virtual(struct nodes *nodes, struct node *folder, uint64_t number,
			       enum virtual_kind kind, uint32_t version, char *text);

/* The same for a version that the kernel already knows; else NULL. */
struct node *nodes_find_virtual(struct nodes *nodes, uint64_t number,
				enum virtual_kind kind, uint32_t version);

/* The state that a higher module keeps with the node. */
static inline void *node_state(const struct node *node)
{
	return (void *)node->state;
}

void nodes_ref(struct nodes *nodes, struct node *node);
void nodes_unref(struct nodes *nodes, struct node *node, uint64_t count);

/*
 * The path below the tree ("" for the root), to be freed. NULL: no name is left, or no
 * memory.
 */
char *nodes_path(struct nodes *nodes, struct node *node);

/*
 * Opens a user's file and checks its identity; use O_PATH for attributes. Returns a
 * descriptor or -errno; -ESTALE when the file no longer exists.
 */
int nodes_open(struct nodes *nodes, struct node *node, int flags);
/*
 * The same for a lookup by name. Also returns -ESTALE when the file exists only because
 * somebody has it open and all its names were removed outside the mount. A second call
 * opens it: by then it is known to have no name.
 */
int nodes_open_named(struct nodes *nodes, struct node *node, int flags);
/* Returns a descriptor (O_PATH) of a directory, for the *at calls, or -errno. */
int nodes_open_directory(struct nodes *nodes, struct node *node);
int nodes_stat(struct nodes *nodes, struct node *node, struct stat *ret_status);

/*
 * The known node under a name in a directory (opened as `directory`), or NULL. Adds a
 * reference and keeps a descriptor, for a name that is about to be removed, replaced or
 * moved: an open unlinked file keeps working, and files below a directory can be found at
 * every moment of its move.
 */
struct node *nodes_hold(struct nodes *nodes, int directory, const char *name);
/*
 * Ends nodes_hold(): the name is gone, or it still exists. Drops the reference; NULL is
 * fine.
 */
void nodes_release(struct nodes *nodes, struct node *node, struct node *parent,
		   const char *name, bool is_gone);
/*
 * Keeps a descriptor in the node while the file is open (as `fd`): its path may become
 * inaccessible meanwhile. Not for directories: one that moves out of the library no
 * longer concerns the mount.
 */
void nodes_keep(struct nodes *nodes, struct node *node, int fd);
void nodes_unkeep(struct nodes *nodes, struct node *node);
/*
 * Records the move of a name. `node` (may be NULL) comes from nodes_hold(); its reference
 * is kept.
 */
void nodes_move_name(struct nodes *nodes, struct node *node, struct node *old_parent,
		     const char *old_name, struct node *new_parent, const char *new_name);

/*
 * Calls `visit` for each current (parent, name) of a node, without the lock: concurrent
 * lookups and moves hide none of them.
 */
void nodes_each_name(struct nodes *nodes, struct node *node,
		     void (*visit)(void *context, struct node *parent, const char *name),
		     void *context);

/* Counts open handles that may write: +1 or -1. */
void nodes_count_writer(struct nodes *nodes, struct node *node, int change, pid_t pid);
/*
 * Whether a file is open for writing in the mount; *ret_pid is a process that has it
 * open.
 */
bool nodes_has_writer(struct nodes *nodes, dev_t device, ino_t inode, pid_t *ret_pid);

#endif
