#include "fs/view/virtual_files.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/digest.h"
#include "backend/base/text.h"
#include "fs/folder/edits.h"
#include "fs/folder/folder.h"
#include "fs/view/gallery.h"
#include "fs/view/status_text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define QUIET_JSON_MS 500 /* task.json stays away so long: README.md, rule 3 */
#define BLOCKS_LEAST 8	  /* a file without blocks would be archived as zeros */
#define NUMBER_SHIFT 32
#define KIND_SHIFT 28 /* the last kind leaves bit 31 clear */
#define VERSION_MASK ((UINT64_C(1) << KIND_SHIFT) - 1)
#define USER_INODE_BIT (UINT64_C(1) << 63)
#define SIGN_BIT (UINT64_C(1) << 31)
#define SIGN_SHIFT 31 /* from there to bit 62 */

/* --- which files there are --- */

/*
 * Copiers that sort by inode must come to `status` first and to a video last, whose being
 * read changes what task.json says. GIO compares by the lower 32 bits of the difference,
 * signed: so those of `status` are zeros, and nothing of a user's or a task's has bit 31.
 */
ino_t user_inode(ino_t inode)
{
	uint64_t number = (uint64_t)inode;

	return (ino_t)((number & ~SIGN_BIT) | (number & SIGN_BIT) << SIGN_SHIFT |
		       USER_INODE_BIT);
}

ino_t virtual_inode(uint64_t number, enum virtual_kind kind, uint64_t version)
{
	return (ino_t)(number << NUMBER_SHIFT |
		       (uint64_t)(kind - VIRTUAL_STATUS) << KIND_SHIFT |
		       (version & VERSION_MASK));
}

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

/* --- what status and task.json say besides the view --- */

/* Why a pending task does not go out; NULL:
 * it settles. Gives the changes of that so far. */
static char *waiting_of(struct filesystem *fs, const struct task_view *view,
			int64_t *ret_active_ms, unsigned *ret_changes)
{
	static const char copy[] =
		"this folder is a copy of a task's folder, which is not an order; to "
		"order it, remove the copied status, task.json and video.mp4 and write "
		"\"submit\" to status";
	static const char copied[] =
		"the library, or this folder, was copied or restored, or another task's "
		"files were copied into it: write \"submit\" to status to order this";
	SCOPED_LOCK(&fs->folders->lock);
	const struct folder *folder = folders_find(fs->folders, view->number);

	*ret_active_ms = folder ? edits_active_ms(folder->node) : 0;
	*ret_changes = folder ? folder->waiting_changes : 0;
	if (view->state != TASK_PENDING)
		return NULL;
	if (view->needs_submit)
		return strdup(copied);
	if (view->is_archive)
		return strdup(copy);
	return folder && !view->order ? text_dup(folder->waiting) : NULL;
}

char *virtual_waiting(struct filesystem *fs, const struct task_view *view)
{
	int64_t active_ms;
	unsigned changes;

	return waiting_of(fs, view, &active_ms, &changes);
}

static int kept_percent(struct filesystem *fs, const struct task_view *view)
{
	const struct output *video = &view->outputs[OUTPUT_VIDEO];

	if (view->state != TASK_SUCCEEDED || !video->is_ready || !video->size)
		return 0;
	return (int)(backend_media_kept(fs->backend, view, OUTPUT_VIDEO) * 100 /
		     video->size);
}

static char *render_json(struct filesystem *fs, const struct task_view *view)
{
	int64_t active_ms;
	unsigned changes;
	AUTOFREE char *waiting = waiting_of(fs, view, &active_ms, &changes);
	struct task_facts facts = {
		.waiting = waiting,
		.kept_percent = kept_percent(fs, view),
		.prefetch_begins_ms = backend_keep_begins_ms(fs->backend, view),
	};

	facts.link_expires_s =
		backend_link_expires_s(fs->backend, view, &facts.link_expires_is_guess);
	return task_json(view, &facts);
}

/*
 * Each text of task.json is a version of its own, which is its inode: its checksum, so
 * that a text that stays the same while its task changes stays the same file.
 */
static uint32_t text_version(const char *text)
{
	uint32_t version = (uint32_t)(crc32_add(0, text, strlen(text)) & VERSION_MASK);

	return version ? version : 1; /* 0: none */
}

uint32_t virtual_json_version(struct filesystem *fs, const struct task_view *view)
{
	AUTOFREE char *text = render_json(fs, view);

	return text ? text_version(text) : 1;
}

/* --- which files there are, and what removing one of them hides --- */

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

/* --- the snapshot of `status` --- */

bool virtual_is_simulated(struct filesystem *fs, const struct task_view *view)
{
	const struct provider_section *section =
		config_section(backend_config(fs->backend), view->provider);

	return view->provider && section && section->is_simulator;
}

static char *countdown(struct filesystem *fs, int64_t active_ms)
{
	int64_t left_ms =
		active_ms + backend_config(fs->backend)->settle_ms - clock_boot_ms();

	if (left_ms < 0)
		left_ms = 0;
	return text_format("settling: it goes out in %" PRId64
			   " s unless something in the folder "
			   "changes",
			   (left_ms + 999) / 1000);
}

static char *render(struct filesystem *fs, const struct task_view *view)
{
	int64_t active_ms;
	unsigned changes;
	AUTOFREE char *waiting = waiting_of(fs, view, &active_ms, &changes);
	struct status_facts facts = {
		.is_simulated = virtual_is_simulated(fs, view),
		.now_ms = clock_wall_ms(),
		.kept_percent = kept_percent(fs, view),
		.prefetch_begins_ms = backend_keep_begins_ms(fs->backend, view),
	};

	facts.link_expires_s =
		backend_link_expires_s(fs->backend, view, &facts.link_expires_is_guess);
	if (!waiting && view->state == TASK_PENDING && !view->order)
		waiting = countdown(fs, active_ms);
	facts.waiting = waiting;
	return status_text_render(view, &facts);
}

/* Its turn to render the snapshot; 0: what is there will do, or there is no folder. */
static uint64_t begin_status(struct filesystem *fs, const struct task_view *view,
			     int64_t *ret_now_ms)
{
	SCOPED_LOCK(&fs->folders->lock);
	struct folder *folder = folders_find(fs->folders, view->number);

	*ret_now_ms = clock_boot_ms();
	if (!folder || snapshot_is_fresh(&folder->status, view->revision, *ret_now_ms))
		return 0;
	return snapshot_begin(&folder->status);
}

/* Renders the snapshot anew if it is old; nothing is rendered under the lock. False: by a
 * newer view it is to be done again. */
static bool render_snapshot(struct filesystem *fs, const struct task_view *view)
{
	int64_t now_ms;
	uint64_t turn = begin_status(fs, view, &now_ms);
	char *text = turn ? render(fs, view) : NULL;
	struct folder *folder;

	if (!text)
		return true;
	SCOPED_LOCK(&fs->folders->lock);
	folder = folders_find(fs->folders, view->number);
	if (folder)
		return snapshot_show(&folder->status, turn, view->revision, now_ms, text);
	free(text);
	return true;
}

/* Then the snapshot is of this view or a newer one, and of nothing that was so before. */
static void refresh_status(struct filesystem *fs, const struct task_view *view)
{
	bool is_done = render_snapshot(fs, view);

	while (!is_done) { /* each time only because something changed meanwhile */
		AUTOVIEW *newer = backend_task_view(fs->backend, view->number);

		is_done = !newer || render_snapshot(fs, newer);
	}
}

void virtual_status_changed(struct filesystem *fs, uint64_t number)
{
	SCOPED_LOCK(&fs->folders->lock);
	struct folder *folder = folders_find(fs->folders, number);

	if (folder)
		snapshot_outdate(&folder->status);
}

char *virtual_status_text(struct filesystem *fs, uint64_t number)
{
	AUTOVIEW *view = backend_task_view(fs->backend, number);
	const struct folder *folder;

	if (view)
		refresh_status(fs, view);
	SCOPED_LOCK(&fs->folders->lock);
	folder = folders_find(fs->folders, number);
	return strdup(folder && folder->status.text ? folder->status.text : "");
}

/* --- attributes --- */

static void set_times(struct stat *status, int64_t wall_ms)
{
	status->st_mtim.tv_sec = wall_ms / 1000;
	status->st_mtim.tv_nsec = wall_ms % 1000 * 1000000;
}

static int stat_status(struct filesystem *fs, const struct task_view *view,
		       struct stat *status)
{
	struct folder *folder;

	refresh_status(fs, view);
	SCOPED_LOCK(&fs->folders->lock);
	folder = folders_find(fs->folders, view->number);
	if (!folder || !folder->status.text)
		return -ESTALE;
	status->st_size = (off_t)strlen(folder->status.text);
	status->st_mtim = folder->status.mtime;
	return 0;
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
		r = stat_status(fs, view, &status);
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
		text = render_json(fs, view);
	else if (file->kind == VIRTUAL_ERROR)
		text = error_text_render(view);
	if (!text && (file->kind == VIRTUAL_TASK_JSON || file->kind == VIRTUAL_ERROR))
		return -ENOMEM;
	if (file->kind == VIRTUAL_TASK_JSON)
		version = text_version(text);
	*ret_node = nodes_get_virtual(&fs->nodes, directory, view->number, file->kind,
				      version, text);
	return *ret_node ? 0 : -ENOMEM;
}
