/*
 * What a file's name means in a folder. Pure.
 */
#ifndef SEEDANCEFS_FS_TREE_NAMES_H
#define SEEDANCEFS_FS_TREE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The files that the program itself shows in a task's folder. Their positions are in inode
 * numbers and in what the ledger keeps as hidden: add new ones before VIRTUAL_COUNT only.
 */
enum virtual_kind {
	VIRTUAL_NONE,
	VIRTUAL_STATUS, /* lowest inode number: copiers make it first */
	VIRTUAL_TASK_JSON,
	VIRTUAL_ERROR,
	VIRTUAL_VIDEO,
	VIRTUAL_LAST_FRAME,
	VIRTUAL_COUNT,
	VIRTUAL_GALLERY = VIRTUAL_COUNT, /* the root's; of no task */
};

/* Where the id is kept on a filesystem without extended attributes; never shown. */
#define TASK_MARK_FILE_NAME ".seedancefs-task"
/* The names of our own extended attributes: kept on folders, and never shown. */
#define TASK_MARK_XATTR_PREFIX "user.seedancefs."
/* What tasks show as extended attributes; setting one does nothing. */
#define TASK_XATTR_PREFIX "user.seedance."

/* `prompt.txt`, `prompt.md`, `prompt`, `request.json`. */
bool name_is_trigger(const char *name);
/* Of two triggers in one folder, the lower rank counts. */
int name_trigger_rank(const char *name);

/* Says what the tasks in its folder and below do not say themselves; never a trigger. */
#define DEFAULTS_NAME "defaults.json"
bool name_is_defaults(const char *name);

/*
 * Names that editors, copiers and file managers make on the way: they are neither
 * activity nor inputs.
 */
bool name_is_scratch(const char *name);

/*
 * Of those, the names under which a copier or a download makes what will have another
 * name when it is whole. While one is open for writing, something still arrives; an
 * editor's own files (`.x.swp`, `#x#`) are open for as long as it is.
 */
bool name_is_arriving(const char *name);

/* What a file is for in an order, by its name alone. */
enum name_role {
	NAME_OTHER,
	NAME_FIRST_FRAME,
	NAME_LAST_FRAME,
	NAME_REFERENCE,
};
enum name_role name_input_role(const char *name);
/* As people count: reference2 comes before reference10. Like strcmp(); 0: equal. */
int name_compare(const char *a, const char *b);

/* Which virtual file can have this name, in any state. */
enum virtual_kind name_virtual_kind(const char *name);

/* The page that the mount's root shows. */
#define GALLERY_NAME "gallery.html"
bool name_is_gallery(const char *name);

/* Names of written files that mark a copied folder: fs/README.md, "Copies are not orders". */
bool name_tells_copy(const char *name);

/* Whether a path below the mount has a component that begins with ".Trash". */
bool path_is_in_trash(const char *path);
/*
 * The first component of a path that programs use for folders on the way, or for what is
 * no more: hidden ones (rsync's `.~tmp~`, `.stversions`), `*.part`, `*.tmp`, `*~`. Points
 * into the path, with its length; NULL: there is none.
 */
const char *path_scratch_folder(const char *path, size_t *ret_size);

#endif
