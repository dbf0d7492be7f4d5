/*
 * gallery.html in the mount's root: every task as a card, for a browser.
 *
 * The page is made when somebody looks at its name, at most once a second, and kept. Each
 * text is a version with an inode of its own, as after an atomic save; its version is the
 * second that it was made in, which is its time, too. It tells of all folders, so that it
 * is the owner's alone to read.
 *
 * Any thread. Local disk only; nothing is locked while a page is made.
 */
#ifndef SEEDANCEFS_FS_VIEW_GALLERY_H
#define SEEDANCEFS_FS_VIEW_GALLERY_H

#include "fs/folder/filesystem.h"

struct gallery;

int gallery_create(struct gallery **ret_gallery);
void gallery_destroy(struct gallery *gallery);

/* Whether this is where the page shows itself, unless a user's file has the name. */
bool gallery_is_at(const struct filesystem *fs, const struct node *directory,
		   const char *name);

/* The node of the page as it is now, with a reference.
 * 0, -ENOENT when a user removed it, or -ENOMEM. */
int gallery_find(struct filesystem *fs, struct node **ret_node);
/* The same as it was made last, for the announcer, who asks for no new one. -ENOENT, too,
 * where a user's file has the name. */
int gallery_find_made(struct filesystem *fs, struct node **ret_node);
/* What it tells of has changed: whoever looks from now on gets a new one. */
void gallery_outdate(struct gallery *gallery);
/* Its inode's number as users see it, for a listing; 0: it is not shown. */
ino_t gallery_inode(struct filesystem *fs);
/* The attributes of a version. */
void gallery_stat(struct filesystem *fs, const struct node *node,
		  struct stat *ret_status);

/* A user removed it: it stays away until the next mount. -EACCES for others. */
int gallery_hide(struct filesystem *fs, uid_t uid);

#endif
