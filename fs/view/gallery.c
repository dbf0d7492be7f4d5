#include "fs/view/gallery.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/text.h"
#include "fs/folder/folder.h"
#include "fs/view/gallery_page.h"
#include "fs/folder/access.h"
#include "fs/view/prompt.h"
#include "fs/view/inode_number.h"
#include "fs/view/shown_facts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#define FRESH_MS 1000
#define PROMPT_MAX_BYTES 600
#define BLOCK_BYTES 512
#define BLOCKS_LEAST 8

struct gallery {
	pthread_mutex_t lock;
	/* Guarded by lock. */
	char *text;
	uint32_t version; /* seconds since the epoch; increases with each text */
	int64_t made_ms;  /* boot clock */
	bool is_making, is_hidden;
	bool is_outdated; /* something has changed since the last page was started */
};

int gallery_create(struct gallery **ret_gallery)
{
	struct gallery *gallery = calloc(1, sizeof(*gallery));

	if (!gallery)
		return -ENOMEM;
	pthread_mutex_init(&gallery->lock, NULL);
	*ret_gallery = gallery;
	return 0;
}

void gallery_destroy(struct gallery *gallery)
{
	if (!gallery)
		return;
	pthread_mutex_destroy(&gallery->lock);
	free(gallery->text);
	free(gallery);
}

/* --- the page's content --- */

struct tasks_shown {
	struct task_view **views; /* referenced */
	size_t count, capacity;
	int error;
};

static void add_task(void *context, struct task_view *view)
{
	struct tasks_shown *tasks = context;

	if (view->is_removed || view->is_archive || tasks->error)
		return;
	if (tasks->count == tasks->capacity) {
		size_t capacity = tasks->capacity ? tasks->capacity * 2 : 64;
		struct task_view **views =
			realloc(tasks->views, capacity * sizeof(struct task_view *));

		if (!views) {
			tasks->error = -ENOMEM;
			return;
		}
		tasks->views = views;
		tasks->capacity = capacity;
	}
	tasks->views[tasks->count++] = task_view_ref(view);
}

static int compare_newest(const void *a, const void *b)
{
	const struct task_view *const *x = a, *const *y = b;

	return ((*x)->number < (*y)->number) - ((*x)->number > (*y)->number);
}

static void tasks_shown_clear(struct tasks_shown *tasks)
{
	for (size_t i = 0; i < tasks->count; i++)
		task_view_unref(tasks->views[i]);
	free(tasks->views);
}

/*
 * The folder's path. Until the start-up walk has reached the folder: its last known path,
 * if it still exists. NULL: unknown, or in the trash.
 */
static char *path_of(struct filesystem *fs, const struct task_view *view,
		     struct node *folder)
{
	AUTOFREE char *path =
		folder ? nodes_path(&fs->nodes, folder) : text_dup(view->place.path);
	struct stat status;

	if (!path || path_is_in_trash(path))
		return NULL;
	if (!folder && (fstatat(fs->tree.fd, path, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
			status.st_ino != view->place.inode))
		return NULL;
	return TAKE(path);
}

static bool is_shown(const struct task_view *view, enum output_kind kind, unsigned hidden)
{
	return view->state == TASK_SUCCEEDED && view->outputs[kind].is_ready &&
	       !(view->hidden & hidden);
}

/*
 * The name of the last frame. An input with the usual name keeps it, and the output gets
 * another.
 */
static const char *frame_of(struct filesystem *fs, const struct task_view *view,
			    const char *path)
{
	AUTOFREE char *own = text_format("%s/last_frame.png", path);

	if (!is_shown(view, OUTPUT_LAST_FRAME, HIDDEN_LAST_FRAME))
		return NULL;
	return own && !faccessat(fs->tree.fd, own, F_OK, AT_SYMLINK_NOFOLLOW)
		       ? "last_frame.out.png"
		       : "last_frame.png";
}

static char *note_of(struct filesystem *fs, const struct task_view *view)
{
	int64_t active_ms;
	char *waiting;

	if (view->state != TASK_PENDING)
		return task_is_active(view->state) || !problem_is_set(&view->problem)
			       ? NULL
			       : text_dup(view->problem.text);
	waiting = shown_waiting(fs, view, &active_ms);
	return waiting ? waiting : text_dup(view->waiting ? view->waiting : "settling");
}

/* Fills the task's card. Returns false if the task is not on the page. */
static bool fill_card(struct filesystem *fs, const struct task_view *view,
		      struct gallery_card *card)
{
	struct node *folder = folder_node(fs, view->number);
	bool is_sent = view->state != TASK_PENDING;

	*card = (struct gallery_card){
		.number = view->number,
		.state = view->state,
		.progress = view->progress,
		.created_ms = view->created_ms,
		.path = path_of(fs, view, folder),
		.has_video = is_shown(view, OUTPUT_VIDEO, HIDDEN_VIDEO),
		.is_simulated = is_sent && shown_is_simulated(fs, view),
		.provider = is_sent ? view->provider : NULL,
		.model = is_sent ? view->model : NULL,
	};
	if (card->path) {
		card->frame = frame_of(fs, view, card->path);
		card->prompt = prompt_of(fs, folder, view, PROMPT_MAX_BYTES);
		card->note = note_of(fs, view);
	}
	if (folder)
		nodes_unref(&fs->nodes, folder, 1);
	return card->path;
}

static char *make_page(struct filesystem *fs)
{
	struct tasks_shown tasks = { 0 };
	struct gallery_card *cards;
	size_t count = 0;
	char *text = NULL;

	backend_task_each(fs->backend, add_task, &tasks);
	if (tasks.count)
		qsort(tasks.views, tasks.count, sizeof(struct task_view *),
		      compare_newest);
	cards = calloc(tasks.count + 1, sizeof(*cards));
	for (size_t i = 0; cards && i < tasks.count; i++)
		count += fill_card(fs, tasks.views[i], &cards[count]);
	if (cards && !tasks.error)
		text = gallery_page(cards, count);
	for (size_t i = 0; i < count; i++) {
		free((char *)cards[i].path); /* owned: made by fill_card() */
		free((char *)cards[i].prompt);
		free((char *)cards[i].note);
	}
	free(cards);
	tasks_shown_clear(&tasks);
	return text;
}

/* --- the snapshot --- */

/* Whether the caller must make a new page. Other callers use the existing one. */
static bool begin_making(struct gallery *gallery)
{
	SCOPED_LOCK(&gallery->lock);

	if (gallery->text &&
	    (gallery->is_making ||
	     (!gallery->is_outdated && clock_boot_ms() - gallery->made_ms < FRESH_MS)))
		return false;
	gallery->is_making = true;
	gallery->is_outdated = false;
	return true;
}

static void end_making(struct gallery *gallery, char *text)
{
	AUTOFREE char *made = text;
	SCOPED_LOCK(&gallery->lock);
	uint32_t now_s = (uint32_t)time(NULL);

	gallery->is_making = false;
	if (!made)
		return;
	gallery->made_ms = clock_boot_ms();
	if (gallery->text && !strcmp(gallery->text, made))
		return;
	free(gallery->text);
	gallery->text = TAKE(made);
	gallery->version = now_s > gallery->version ? now_s : gallery->version + 1;
}

void gallery_outdate(struct gallery *gallery)
{
	SCOPED_LOCK(&gallery->lock);

	gallery->is_outdated = true;
}

static void refresh(struct filesystem *fs)
{
	if (begin_making(fs->gallery))
		end_making(fs->gallery, make_page(fs));
}

static int take_snapshot(struct gallery *gallery, char **ret_text, uint32_t *ret_version)
{
	SCOPED_LOCK(&gallery->lock);

	if (gallery->is_hidden)
		return -ENOENT;
	*ret_text = text_dup(gallery->text);
	*ret_version = gallery->version;
	return *ret_text ? 0 : -ENOMEM;
}

static bool is_hidden(struct gallery *gallery)
{
	SCOPED_LOCK(&gallery->lock);

	return gallery->is_hidden;
}

/* --- the file --- */

bool gallery_is_at(const struct filesystem *fs, const struct node *directory,
		   const char *name)
{
	return directory == fs->nodes.root && name_is_gallery(name);
}

static int find_snapshot(struct filesystem *fs, struct node **ret_node)
{
	uint32_t version;
	char *text;
	int r = take_snapshot(fs->gallery, &text, &version);

	if (r)
		return r;
	*ret_node = nodes_get_virtual(&fs->nodes, fs->nodes.root, 0, VIRTUAL_GALLERY,
				      version, text);
	return *ret_node ? 0 : -ENOMEM;
}

int gallery_find(struct filesystem *fs, struct node **ret_node)
{
	if (is_hidden(fs->gallery))
		return -ENOENT;
	refresh(fs);
	return find_snapshot(fs, ret_node);
}

static bool was_made(struct gallery *gallery)
{
	SCOPED_LOCK(&gallery->lock);

	return gallery->text;
}

int gallery_find_made(struct filesystem *fs, struct node **ret_node)
{
	if (!faccessat(fs->tree.fd, GALLERY_NAME, F_OK, AT_SYMLINK_NOFOLLOW))
		return -ENOENT;
	return was_made(fs->gallery) ? find_snapshot(fs, ret_node)
				     : gallery_find(fs, ret_node);
}

ino_t gallery_inode(struct filesystem *fs)
{
	if (is_hidden(fs->gallery))
		return 0;
	refresh(fs);
	SCOPED_LOCK(&fs->gallery->lock);

	return fs->gallery->text ? virtual_inode(0, VIRTUAL_GALLERY, fs->gallery->version)
				 : 0;
}

void gallery_stat(struct filesystem *fs, const struct node *node, struct stat *ret_status)
{
	size_t size = strlen(node->text);
	size_t blocks = (size + BLOCK_BYTES - 1) / BLOCK_BYTES;

	*ret_status = (struct stat){
		.st_ino = virtual_inode(0, VIRTUAL_GALLERY, node->version),
		.st_mode = S_IFREG | 0600,
		.st_nlink = 1,
		.st_uid = fs->owner,
		.st_gid = fs->group,
		.st_size = (off_t)size,
		.st_blksize = 4096,
		.st_blocks = (blkcnt_t)(blocks < BLOCKS_LEAST ? BLOCKS_LEAST : blocks),
		.st_mtim = { .tv_sec = node->version },
		.st_atim = { .tv_sec = node->version },
		.st_ctim = { .tv_sec = node->version },
	};
}

int gallery_hide(struct filesystem *fs, uid_t uid)
{
	SCOPED_LOCK(&fs->gallery->lock);

	if (!access_is_owner(fs, uid))
		return -EACCES;
	fs->gallery->is_hidden = true;
	return 0;
}
