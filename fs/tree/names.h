/* The meaning of a file's name in a folder. Pure. */
#ifndef SEEDANCEFS_FS_TREE_NAMES_H
#define SEEDANCEFS_FS_TREE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The files that the daemon itself shows in a task's folder. Their positions are part of
 * inode numbers and of the hidden bits in the ledger: add new ones directly before
 * VIRTUAL_COUNT only.
 */
enum virtual_kind {
	VIRTUAL_NONE,
	VIRTUAL_STATUS, /* lowest inode number: copiers make it first */
	VIRTUAL_TASK_JSON,
	VIRTUAL_ERROR,
	VIRTUAL_VIDEO,
	VIRTUAL_LAST_FRAME,
	VIRTUAL_COUNT,
	VIRTUAL_GALLERY = VIRTUAL_COUNT, /* in the root; belongs to no task */
};

/* Holds the task's number on a filesystem without extended attributes; never shown. */
#define TASK_MARK_FILE_NAME ".seedancefs-task"
/* The prefix of our own extended attributes on folders, which the mount never shows. */
#define TASK_MARK_XATTR_PREFIX "user.seedancefs."
/* The prefix of the extended attributes that a task shows; setting one has no effect. */
#define TASK_XATTR_PREFIX "user.seedance."

/* `prompt.txt`, `prompt.md`, `prompt`, `request.json`. */
bool name_is_trigger(const char *name);
/* If a folder has two triggers, the one with the lower rank counts. -1: not a trigger. */
int name_trigger_rank(const char *name);

/* Holds defaults for the tasks in its folder and below; never a trigger. */
#define DEFAULTS_NAME "defaults.json"
bool name_is_defaults(const char *name);

/*
 * Temporary names of editors, copiers and file managers: they are neither activity nor
 * inputs.
 */
bool name_is_scratch(const char *name);

/*
 * The scratch names under which a copier or a download writes a file that it renames once
 * it is complete. While such a file is open for writing, more data is on its way. An
 * editor's own files (`.x.swp`, `#x#`) do not count: they stay open as long as the editor
 * runs.
 */
bool name_is_arriving(const char *name);

/* The role of a file in an order, by its name alone. */
enum name_role {
	NAME_OTHER,
	NAME_FIRST_FRAME,
	NAME_LAST_FRAME,
	NAME_REFERENCE,
};
enum name_role name_input_role(const char *name);
/*
 * Orders names by the value of their numbers: reference2 comes before reference10.
 * Returns like strcmp(); 0: equal.
 */
int name_compare(const char *a, const char *b);

/* The virtual file that can have this name in some state of a task, or VIRTUAL_NONE. */
enum virtual_kind name_virtual_kind(const char *name);

/* The page that the mount's root shows. */
#define GALLERY_NAME "gallery.html"
bool name_is_gallery(const char *name);

/*
 * Whether a written file of this name shows that a task's folder was copied
 * (fs/README.md, "Copies are not orders").
 */
bool name_tells_copy(const char *name);

/* Whether a path below the mount has a component that begins with ".Trash". */
bool path_is_in_trash(const char *path);
/*
 * The first component of a path that is a hidden or temporary name: rsync's `.~tmp~`,
 * `.stversions`, `*.part`, `*.tmp`, `*~`. Points into the path and sets its length; NULL:
 * there is none.
 */
const char *path_scratch_folder(const char *path, size_t *ret_size);

#endif
