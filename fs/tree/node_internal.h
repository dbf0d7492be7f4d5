/* Shared by the files of the node table. */
#ifndef SEEDANCEFS_FS_TREE_NODE_INTERNAL_H
#define SEEDANCEFS_FS_TREE_NODE_INTERNAL_H

#include "fs/tree/node.h"

/* --- node.c; the table's lock is held --- */

/*
 * The known node of a file in the library, or NULL. The type tells a file from an earlier
 * one with the same inode number.
 */
struct node *nodes_find(struct nodes *nodes, const struct stat *status);
/* Drops references; a node that this frees may free its parents in turn. */
void nodes_unref_locked(struct nodes *nodes, struct node *node, uint64_t count);

/* --- node_names.c; the table's lock is held --- */

/* Records that the node, known or new, was seen under this name. 0 or -ENOMEM. */
int node_add_name(struct nodes *nodes, struct node *node, struct node *parent,
		  const char *name);
/*
 * The same for a known node. A new name of a directory may mean that it is another one
 * with the same inode.
 */
int node_see_name(struct nodes *nodes, struct node *node, struct node *parent,
		  const char *name);

/* --- node_names.c, node_open.c --- */

/* Whether the directory has this node under the name. */
bool node_is_in(int directory, const char *name, const struct node *node);
/*
 * Forgets a stale name. Returns false when the name is already gone, or when any name was
 * added since `changes` was read from the table: then it may be valid again.
 */
bool nodes_forget_name(struct nodes *nodes, struct node *node, struct node *parent,
		       const char *name, uint64_t changes);

#endif
