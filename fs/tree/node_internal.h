/*
 * What the files of the node table share. Not for others.
 */
#ifndef SEEDANCEFS_FS_TREE_NODE_INTERNAL_H
#define SEEDANCEFS_FS_TREE_NODE_INTERNAL_H

#include "fs/tree/node.h"

/* Whether a directory has this very node under the name. */
bool node_is_in(int directory, const char *name, const struct node *node);
/*
 * Forgets a name that turned out to be stale. False when it is gone already, or when any
 * name came since `changes` was read from the table: then it may be right again.
 */
bool nodes_forget_name(struct nodes *nodes, struct node *node, struct node *parent,
		       const char *name, uint64_t changes);

#endif
