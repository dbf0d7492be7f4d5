/*
 * Virtual files: the files that a task's folder shows besides the user's, and their
 * attributes. Any thread.
 */
#ifndef SEEDANCEFS_FS_VIEW_VIRTUAL_FILES_H
#define SEEDANCEFS_FS_VIEW_VIRTUAL_FILES_H

#include "fs/folder/filesystem.h"

/* A virtual file, for a look-up. */
struct virtual_file {
	enum virtual_kind kind;
	uint32_t version; /* 0 for task.json, whose text is not rendered yet */
	const char *name;
};
#define VIRTUAL_FILES_MAX 5

/*
 * Lists the virtual files that the folder shows now, `status` first. `has_own_frame`: the
 * user has a file called last_frame.png there. Returns their count.
 */
size_t virtual_list(struct filesystem *fs, struct node *directory,
		    const struct task_view *view, bool has_own_frame,
		    struct virtual_file files[VIRTUAL_FILES_MAX]);

/*
 * What to hide (HIDDEN_…) when a user removes a virtual file. After `status` is removed,
 * files that are not in the list never appear.
 */
unsigned virtual_hiding(const struct virtual_file *files, size_t count,
			enum virtual_kind kind);

/*
 * The attributes of a virtual file. -ESTALE if that version is gone and no longer
 * referenced.
 */
int virtual_stat(struct filesystem *fs, struct node *node, struct stat *ret_status);
/* The node of a virtual file, with a reference. 0 or -errno. */
int virtual_get(struct filesystem *fs, struct node *directory,
		const struct task_view *view, const struct virtual_file *file,
		struct node **ret_node);

#endif
