/*
 * What the files of the node table share. Not for others.
 */
#ifndef SEEDANCEFS_FS_TREE_NODE_INTERNAL_H
#define SEEDANCEFS_FS_TREE_NODE_INTERNAL_H

#include "fs/tree/node.h"

/* --- node.c; the table's lock is held --- */

/* The node of a file below, if it is known. The type tells a file from another one that
 * had its inode number before. */
struct node *nodes_find(struct nodes *nodes, const struct stat *status);
/* Gives back references; what this frees may free its parents in turn. */
void nodes_unref_locked(struct nodes *nodes, struct node *node, uint64_t count);

/* --- node_names.c; the table's lock is held --- */

/* The node was seen, or is new, under this name. 0 or -ENOMEM. */
int node_add_name(struct nodes *nodes, struct node *node, struct node *parent,
		  const char *name);
/* The same for a node that is known: another name than those that it had may be another
 * directory's. */
int node_see_name(struct nodes *nodes, struct node *node, struct node *parent,
		  const char *name);

/* --- node_names.c, node_open.c --- */

/* Whether a directory has this very node under the name. */
bool node_is_in(int directory, const char *name, const struct node *node);
/*
 * Forgets a name that turned out to be stale. False when it is gone already, or when any
 * name came since `changes` was read from the table: then it may be right again.
 */
bool nodes_forget_name(struct nodes *nodes, struct node *node, struct node *parent,
		       const char *name, uint64_t changes);

#endif
