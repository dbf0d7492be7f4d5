/*
 * gallery.html in the mount's root: every task as a card, for a browser.
 *
 * The page is made when its name is looked up, at most once a second, and cached. Each
 * text is a version with its own inode, as after an atomic save. The version is the
 * second in which the text was made, and serves as its time, too. The page lists all
 * folders, so only the owner may read it.
 *
 * Any thread. Local disk only. No lock is held while a page is made.
 */
#ifndef SEEDANCEFS_FS_VIEW_GALLERY_H
#define SEEDANCEFS_FS_VIEW_GALLERY_H

#include "fs/folder/filesystem.h"

struct gallery;

int gallery_create(struct gallery **ret_gallery);
void gallery_destroy(struct gallery *gallery);

/* Whether the page has this name in this directory, unless a user's file has it. */
bool gallery_is_at(const struct filesystem *fs, const struct node *directory,
		   const char *name);

/*
 * The node of the current page, with a reference. Returns 0, -ENOENT if a user removed
 * the page, or -ENOMEM.
 */
int gallery_find(struct filesystem *fs, struct node **ret_node);
/*
 * The page as it was made last, for the announcer, which needs no new one. Also -ENOENT
 * if a user's file has the name.
 */
int gallery_find_made(struct filesystem *fs, struct node **ret_node);
/* Call it when a card has changed. The next look-up makes a new page. */
void gallery_outdate(struct gallery *gallery);
/* The inode number that users see, for a listing; 0 if the page is not shown. */
ino_t gallery_inode(struct filesystem *fs);
/* The attributes of a version. */
void gallery_stat(struct filesystem *fs, const struct node *node,
		  struct stat *ret_status);

/* A user removed the page: it is hidden until the next mount. -EACCES for other users. */
int gallery_hide(struct filesystem *fs, uid_t uid);

#endif
