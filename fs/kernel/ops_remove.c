/* Removing and renaming. */
#include "fs/kernel/ops.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "fs/folder/edits.h"
#include "fs/announce/announce.h"
#include "fs/folder/set_aside.h"
#include "fs/folder/folder.h"
#include "fs/view/gallery.h"
#include "fs/tree/task_mark.h"
#include "fs/folder/access.h"
#include "fs/order/settle.h"
#include "fs/thumbnails/thumbnails.h"
#include "fs/view/virtual_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* A name in a folder. */
struct place {
	struct filesystem *fs;
	struct node *parent;
	const char *name;
	int fd; /* of the folder, O_PATH */
	struct stat status;
	bool exists;		 /* a user's file has the name */
	enum virtual_kind shown; /* otherwise: the virtual file of this name */
};

static void place_clear(struct place *place)
{
	cleanup_close(&place->fd);
}
#define AUTOPLACE __attribute__((cleanup(place_clear))) struct place

/* Finds what has the name now. Returns 0 or -errno; a free name is no error. */
static int look(struct filesystem *fs, fuse_ino_t parent, const char *name,
		struct place *place)
{
	struct node *node;

	*place = (struct place){
		.fs = fs, .parent = ops_node(fs, parent), .name = name, .fd = -1
	};
	place->fd = nodes_open_directory(&fs->nodes, place->parent);
	if (place->fd < 0)
		return place->fd;
	if (!strcmp(name, TASK_MARK_FILE_NAME))
		return -ENOENT;
	place->exists = !fstatat(place->fd, name, &place->status, AT_SYMLINK_NOFOLLOW);
	if (place->exists || (name_virtual_kind(name) == VIRTUAL_NONE &&
			      !gallery_is_at(fs, place->parent, name)))
		return 0;
	if (ops_find(fs, place->parent, name, &node))
		return 0;
	if (node->is_virtual)
		place->shown = node->kind;
	nodes_unref(&fs->nodes, node, 1);
	return 0;
}

/* Whether another user may move or remove what has the name. */
static int check_others(const struct place *place, uid_t uid)
{
	struct filesystem *fs = place->fs;
	int r = access_check_name(fs, place->parent, place->fd, place->name, uid);

	if (!r && place->exists && S_ISDIR(place->status.st_mode))
		r = access_check_directory(fs, place->parent, place->name, uid);
	return r;
}

static bool is_output(enum virtual_kind kind)
{
	return kind == VIRTUAL_VIDEO || kind == VIRTUAL_LAST_FRAME;
}

/* --- unlink --- */

static int hide(const struct place *place)
{
	struct filesystem *fs = place->fs;
	uint64_t number = folder_number(fs, place->parent);
	AUTOVIEW *view = backend_task_view(fs->backend, number);
	struct virtual_file files[VIRTUAL_FILES_MAX];
	size_t count = view ? virtual_list(fs, place->parent, view, false, files) : 0;

	if (is_output(place->shown))
		thumbnails_removed(fs->thumbnails, number,
				   nodes_path(&fs->nodes, place->parent),
				   place->shown == VIRTUAL_VIDEO ? OUTPUT_VIDEO
								 : OUTPUT_LAST_FRAME);
	announce_removed(fs->announce, number, place->shown);
	return backend_task_hide(fs->backend, number,
				 virtual_hiding(files, count, place->shown));
}

static int unlink_user_file(const struct place *place)
{
	struct filesystem *fs = place->fs;
	bool is_locked = edits_is_locked(fs, place->parent, place->name);
	struct node *node = nodes_hold(&fs->nodes, place->fd, place->name);
	AUTOEDITS edits = { 0 };
	int r;

	edits_name_goes(fs, place->parent, place->name, &edits);
	if (is_locked)
		r = set_aside_keep(fs, folder_number(fs, place->parent), place->fd,
				   place->name);
	else
		r = unlinkat(place->fd, place->name, 0) < 0 ? -errno : 0;
	nodes_release(&fs->nodes, node, place->parent, place->name, !r);
	if (!r)
		edits_note_name(fs, place->parent, place->name);
	return r;
}

void op_unlink(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct filesystem *fs = ops_fs(request);
	AUTOPLACE place = { .fd = -1 };
	int r;

	if (announce_is_ours(fs->announce, fuse_req_ctx(request)->pid)) {
		announced_unlink(request, parent, name);
		return;
	}
	r = look(fs, parent, name, &place);
	if (!r)
		r = check_others(&place, fuse_req_ctx(request)->uid);
	if (!r && place.exists)
		r = unlink_user_file(&place);
	else if (!r && place.shown == VIRTUAL_GALLERY)
		r = gallery_hide(place.fs, fuse_req_ctx(request)->uid);
	else if (!r)
		r = place.shown ? hide(&place) : -ENOENT;
	fuse_reply_err(request, -r);
}

/* --- rmdir --- */

/*
 * Whether the folder still shows files of its task. Before anything is sent they do not
 * count: removing copied files uncovers the virtual ones.
 */
static bool shows_something(struct filesystem *fs, struct node *directory,
			    uint64_t number)
{
	AUTOVIEW *view = backend_task_view(fs->backend, number);
	struct virtual_file files[VIRTUAL_FILES_MAX];

	return view && view->state != TASK_PENDING &&
	       virtual_list(fs, directory, view, false, files) > 0;
}

static int remove_directory(const struct place *place, struct node *node, uint64_t number)
{
	struct filesystem *fs = place->fs;
	AUTOCLOSE int fd = node ? nodes_open_directory(&fs->nodes, node) : -1;

	if (number && shows_something(fs, node, number))
		return -ENOTEMPTY;
	if (!unlinkat(place->fd, place->name, AT_REMOVEDIR))
		return 0;
	if (errno != ENOTEMPTY || !number || fd < 0)
		return -errno;
	mark_remove_file(fd); /* if the mark is a hidden file, it is the last one */
	if (!unlinkat(place->fd, place->name, AT_REMOVEDIR))
		return 0;
	task_mark_write(fd, backend_library_id(fs->backend), number);
	return -ENOTEMPTY;
}

/* The path of a name in the mount. NULL if nothing needs it, or without memory. */
static char *path_of(const struct place *place)
{
	struct filesystem *fs = place->fs;
	AUTOFREE char *parent =
		fs->thumbnails ? nodes_path(&fs->nodes, place->parent) : NULL;

	if (!parent)
		return NULL;
	return text_format("%s%s%s", parent, *parent ? "/" : "", place->name);
}

static void forget_task(const struct place *place, uint64_t number)
{
	struct filesystem *fs = place->fs;

	backend_task_remove(fs->backend, number);
	thumbnails_folder_removed(fs->thumbnails, number, path_of(place));
	set_aside_drop(fs, number);
	folder_forget(fs, number);
	announce_forget(fs->announce, number);
}

void op_rmdir(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct filesystem *fs = ops_fs(request);
	AUTOPLACE place;
	struct node *node = NULL, *held;
	uint64_t number = 0;
	int r = look(fs, parent, name, &place);

	if (!r && !place.exists)
		r = place.shown ? -ENOTDIR : -ENOENT;
	if (!r && !S_ISDIR(place.status.st_mode))
		r = -ENOTDIR;
	if (!r)
		r = check_others(&place, fuse_req_ctx(request)->uid);
	if (r) {
		fuse_reply_err(request, -r);
		return;
	}
	node = nodes_get(&fs->nodes, place.parent, name, &place.status);
	number = node ? folder_number(fs, node) : 0;
	held = nodes_hold(&fs->nodes, place.fd, name);
	r = node ? remove_directory(&place, node, number) : -ENOMEM;
	nodes_release(&fs->nodes, held, place.parent, name, !r);
	if (!r && number)
		forget_task(&place, number);
	if (!r)
		edits_note_name(fs, place.parent, name);
	if (node)
		nodes_unref(&fs->nodes, node, 1);
	fuse_reply_err(request, -r);
}

/* --- rename --- */

/* Refuses renames: fs/README.md, "Locked once sent", "Rename and remove". */
static int check_rename(const struct place *from, const struct place *to, unsigned flags,
			struct edits *edits)
{
	int r;

	if (from->shown || to->shown) {
		if (flags & RENAME_EXCHANGE)
			return -EPERM;
		if (from->shown) /* an output leaves its folder as a copy, made by `mv` */
			return is_output(from->shown) ? -EXDEV : -EACCES;
	}
	if (!from->exists)
		return -ENOENT;
	r = edits_check_name(from->fs, to->parent, to->fd, to->name, &from->status,
			     edits);
	if (!r && flags & RENAME_EXCHANGE && to->exists)
		r = edits_check_name(from->fs, from->parent, from->fd, from->name,
				     &to->status, edits);
	if (!r && to->shown && flags & RENAME_NOREPLACE)
		r = -EEXIST;
	return r;
}

/*
 * Checks the task of a folder that would be replaced, as rmdir does: -ENOTEMPTY while it
 * shows files.
 */
static int check_replaced(const struct place *from, const struct place *to,
			  uint64_t *ret_number)
{
	struct filesystem *fs = to->fs;
	struct node *node;
	int r = 0;

	if (!to->exists || !S_ISDIR(to->status.st_mode) || !S_ISDIR(from->status.st_mode))
		return 0;
	node = nodes_get(&fs->nodes, to->parent, to->name, &to->status);
	if (!node)
		return -ENOMEM;
	*ret_number = folder_number(fs, node);
	if (*ret_number && shows_something(fs, node, *ret_number))
		r = -ENOTEMPTY;
	nodes_unref(&fs->nodes, node, 1);
	return r;
}

/* The nodes of both names before the rename, so that the table can follow it. */
struct moving {
	struct node *source, *target;
};

static void follow_names(const struct place *from, const struct place *to,
			 struct moving *moving, unsigned flags, bool is_done)
{
	struct nodes *nodes = &from->fs->nodes;

	if (flags & RENAME_EXCHANGE) {
		if (is_done)
			nodes_move_name(nodes, moving->target, to->parent, to->name,
					from->parent, from->name);
		nodes_release(nodes, moving->target, to->parent, to->name, false);
	} else {
		nodes_release(nodes, moving->target, to->parent, to->name, is_done);
	}
	if (is_done)
		nodes_move_name(nodes, moving->source, from->parent, from->name,
				to->parent, to->name);
	nodes_release(nodes, moving->source, from->parent, from->name, false);
}

/*
 * A locked file may be replaced by itself (a hard link of it), and stays. Other locked
 * files are refused before.
 */
static int move(const struct place *from, const struct place *to, unsigned flags)
{
	struct nodes *nodes = &from->fs->nodes;
	struct moving moving;
	int r = 0;

	moving.source = nodes_hold(nodes, from->fd, from->name);
	moving.target = nodes_hold(nodes, to->fd, to->name);
	if (renameat2(from->fd, from->name, to->fd, to->name, flags) < 0)
		r = -errno;
	follow_names(from, to, &moving, flags, !r);
	return r;
}

/* Finds both names and checks whether the caller may change them. Returns 0 or -errno. */
static int look_at_both(fuse_req_t request, fuse_ino_t parent, const char *name,
			fuse_ino_t new_parent, const char *new_name, struct place *from,
			struct place *to)
{
	struct filesystem *fs = ops_fs(request);
	uid_t uid = fuse_req_ctx(request)->uid;
	int r = look(fs, parent, name, from);

	if (!r && !strcmp(new_name, TASK_MARK_FILE_NAME))
		r = -EPERM;
	if (!r)
		r = look(fs, new_parent, new_name, to);
	if (!r)
		r = check_others(from, uid);
	return r ? r : check_others(to, uid);
}

/* Tasks move with their directories. */
static void note_directories(const struct place *from, const struct place *to,
			     unsigned flags)
{
	struct filesystem *fs = from->fs;
	bool is_directory = S_ISDIR(from->status.st_mode);

	if (is_directory || (to->exists && S_ISDIR(to->status.st_mode))) {
		folders_moved(fs);
		thumbnails_folders_moved(fs->thumbnails);
	}
	if (is_directory && !(flags & RENAME_EXCHANGE))
		thumbnails_moved(fs->thumbnails, path_of(from), path_of(to));
}

/*
 * Updates everything that follows a rename. Returns 0 or -errno; on an error the rename
 * is reported as failed.
 */
static int note_moved(fuse_req_t request, const struct place *from,
		      const struct place *to, unsigned flags)
{
	struct filesystem *fs = from->fs;
	uid_t uid = fuse_req_ctx(request)->uid;
	int r, other = 0;

	edits_note_name(fs, from->parent, from->name);
	ops_copy_event(request, COPY_MADE_NAME, to->parent, to->name);
	r = edits_name_came(fs, to->parent, to->fd, to->name, uid);
	if (flags & RENAME_EXCHANGE)
		other = edits_name_came(fs, from->parent, from->fd, from->name, uid);
	note_directories(from, to, flags);
	return r ? r : other;
}

void op_rename(fuse_req_t request, fuse_ino_t parent, const char *name,
	       fuse_ino_t new_parent, const char *new_name, unsigned flags)
{
	AUTOPLACE from = { .fd = -1 }, to = { .fd = -1 };
	AUTOEDITS edits = { 0 };
	uint64_t replaced = 0;
	int r = look_at_both(request, parent, name, new_parent, new_name, &from, &to);

	if (!r)
		r = check_rename(&from, &to, flags, &edits);
	if (!r && !(flags & RENAME_EXCHANGE))
		r = check_replaced(&from, &to, &replaced);
	if (!r) {
		edits_name_goes(from.fs, from.parent, name, &edits);
		r = move(&from, &to, flags);
	}
	if (!r && replaced)
		forget_task(&to, replaced);
	if (!r)
		r = note_moved(request, &from, &to, flags);
	fuse_reply_err(request, -r);
}
