#include "fs/view/virtual_files.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "fs/folder/edits.h"
#include "fs/folder/folder.h"
#include "fs/view/gallery.h"
#include "fs/view/inode_number.h"
#include "fs/view/status_file.h"
#include "fs/view/status_text.h"
#include "fs/view/task_json_file.h"

#include <errno.h>
#include <string.h>

#define QUIET_JSON_MS \
	500 /* delay before task.json appears: fs/README.md, "Copies are not orders" */
#define BLOCKS_LEAST 8 /* archivers write a file without blocks as zeros */

/* --- which files there are, and what removing one of them hides --- */

static bool is_hidden(const struct task_view *view, enum virtual_kind kind)
{
	return view->hidden & folder_hidden_bit(kind);
}

static bool is_quiet(const struct node *directory)
{
	return clock_boot_ms() - edits_active_ms(directory) >= QUIET_JSON_MS;
}

static void add_file(struct virtual_file *files, size_t *count,
		     const struct task_view *view, enum virtual_kind kind,
		     uint64_t version, const char *name)
{
	if (is_hidden(view, kind))
		return;
	files[(*count)++] = (struct virtual_file){ kind, (uint32_t)version, name };
}

size_t virtual_list(struct filesystem *fs, struct node *directory,
		    const struct task_view *view, bool has_own_frame,
		    struct virtual_file files[VIRTUAL_FILES_MAX])
{
	const struct output *video = &view->outputs[OUTPUT_VIDEO];
	const struct output *frame = &view->outputs[OUTPUT_LAST_FRAME];
	bool is_ended = view->state == TASK_SUCCEEDED;
	size_t count = 0;

	add_file(files, &count, view, VIRTUAL_STATUS, 0, "status");
	if (view->state != TASK_PENDING || is_quiet(directory))
		add_file(files, &count, view, VIRTUAL_TASK_JSON, 0, "task.json");
	if (error_text_exists(view))
		add_file(files, &count, view, VIRTUAL_ERROR, view->revision, "error.txt");
	if (is_ended && video->is_ready)
		add_file(files, &count, view, VIRTUAL_VIDEO, video->version, "video.mp4");
	if (is_ended && frame->is_ready)
		add_file(files, &count, view, VIRTUAL_LAST_FRAME, frame->version,
			 has_own_frame ? "last_frame.out.png" : "last_frame.png");
	return count;
}

unsigned virtual_hiding(const struct virtual_file *files, size_t count,
			enum virtual_kind kind)
{
	unsigned hidden = folder_hidden_bit(kind);

	if (kind != VIRTUAL_STATUS)
		return hidden;
	for (int other = VIRTUAL_STATUS; other < VIRTUAL_COUNT; other++)
		hidden |= folder_hidden_bit((enum virtual_kind)other);
	for (size_t i = 0; i < count; i++)
		if (files[i].kind != VIRTUAL_STATUS)
			hidden &= ~folder_hidden_bit(files[i].kind);
	return hidden;
}

/* --- attributes --- */

static void set_times(struct stat *status, int64_t wall_ms)
{
	status->st_mtim.tv_sec = wall_ms / 1000;
	status->st_mtim.tv_nsec = wall_ms % 1000 * 1000000;
}

static int stat_output(struct filesystem *fs, const struct task_view *view,
		       struct node *node, struct stat *status)
{
	enum output_kind kind =
		node->kind == VIRTUAL_VIDEO ? OUTPUT_VIDEO : OUTPUT_LAST_FRAME;
	const struct output *output = &view->outputs[kind];

	if (output->version != node->version)
		return -ESTALE;
	status->st_size = (off_t)output->size;
	status->st_blocks =
		(blkcnt_t)((backend_media_kept(fs->backend, view, kind) + 511) / 512);
	set_times(status, output->mtime * 1000);
	return 0;
}

static int stat_of_task(struct filesystem *fs, struct node *node, struct stat *ret_status)
{
	AUTOVIEW *view = backend_task_view(fs->backend, node->number);
	struct stat status = { .st_ino = virtual_inode(node->number, node->kind,
						       node->version),
			       .st_mode = S_IFREG | 0644,
			       .st_nlink = 1,
			       .st_uid = fs->owner,
			       .st_gid = fs->group,
			       .st_blksize = 4096 };
	int r = 0;

	if (!view)
		return -ESTALE;
	if (node->kind == VIRTUAL_TASK_JSON)
		status.st_mode = S_IFREG | 0600;
	if (node->text) {
		status.st_size = (off_t)strlen(node->text);
		set_times(&status, view->since_ms);
	} else if (node->kind == VIRTUAL_STATUS) {
		r = status_file_stat(fs, view, &status);
	} else {
		r = stat_output(fs, view, node, &status);
	}
	if (status.st_blocks < BLOCKS_LEAST)
		status.st_blocks = BLOCKS_LEAST;
	status.st_atim = status.st_ctim = status.st_mtim;
	*ret_status = status;
	return r;
}

int virtual_stat(struct filesystem *fs, struct node *node, struct stat *ret_status)
{
	if (node->kind == VIRTUAL_GALLERY) {
		gallery_stat(fs, node, ret_status);
		return 0;
	}
	return stat_of_task(fs, node, ret_status);
}

int virtual_get(struct filesystem *fs, struct node *directory,
		const struct task_view *view, const struct virtual_file *file,
		struct node **ret_node)
{
	uint32_t version = file->version;
	char *text = NULL;

	if (file->kind == VIRTUAL_TASK_JSON)
		text = task_json_file_text(fs, view, &version);
	else if (file->kind == VIRTUAL_ERROR)
		text = error_text_render(view);
	if (!text && (file->kind == VIRTUAL_TASK_JSON || file->kind == VIRTUAL_ERROR))
		return -ENOMEM;
	*ret_node = nodes_get_virtual(&fs->nodes, directory, view->number, file->kind,
				      version, text);
	return *ret_node ? 0 : -ENOMEM;
}
