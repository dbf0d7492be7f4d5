/*
 * Virtual files: what a task's folder shows besides the user's files, and their
 * attributes. Any thread.
 */
#ifndef SEEDANCEFS_FS_VIEW_VIRTUAL_FILES_H
#define SEEDANCEFS_FS_VIEW_VIRTUAL_FILES_H

#include "fs/folder/filesystem.h"

/* What a virtual file is, for a look-up. */
struct virtual_file {
	enum virtual_kind kind;
	uint32_t
		version; /* of task.json 0: it is its text's, which is not rendered yet */
	const char *name;
};
#define VIRTUAL_FILES_MAX 5

/*
 * The virtual files that the folder shows now, `status` first. `has_own_frame`: the user
 * has a file called last_frame.png there. Returns their count.
 */
size_t virtual_list(struct filesystem *fs, struct node *directory,
		    const struct task_view *view, bool has_own_frame,
		    struct virtual_file files[VIRTUAL_FILES_MAX]);

/*
 * What is hidden (HIDDEN_…) when a user removes a virtual file. Once `status` was
 * removed, nothing that is not in the list now appears any more.
 */
unsigned virtual_hiding(const struct virtual_file *files, size_t count,
			enum virtual_kind kind);

/* The attributes of a virtual file;
 * -ESTALE when that version is gone and nobody holds it. */
int virtual_stat(struct filesystem *fs, struct node *node, struct stat *ret_status);
/* The node of a virtual file, with a reference; -ENOMEM. */
int virtual_get(struct filesystem *fs, struct node *directory,
		const struct task_view *view, const struct virtual_file *file,
		struct node **ret_node);

#endif
