#include "fs/thumbnails.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "fs/filesystem.h"
#include "fs/folder.h"
#include "fs/mount_point.h"
#include "fs/settle.h"
#include "fs/thumbnail_cache.h"
#include "fs/thumbnail_maker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#define WALK_MS 2000 /* after a start folders are not known yet */

enum job_kind {
	JOB_MAKE,
	JOB_REMOVE,
	JOB_MOVE,
};

struct job {
	struct job *next;
	enum job_kind kind;
	uint64_t number;
	bool is_held;	       /* JOB_MAKE: the task is shown afterwards */
	const char *name;      /* JOB_REMOVE: one file; NULL: all */
	char *path, *new_path; /* JOB_REMOVE, JOB_MOVE; owned */
};

/* The versions of a task's outputs that have thumbnails, or were tried; 0: none. */
struct made {
	uint64_t number;
	uint32_t versions[OUTPUT_COUNT];
};

struct thumbnails {
	/* Set before start. */
	struct filesystem *fs;
	struct thumbnail_cache cache;
	struct thumbnail_maker maker;
	pthread_t thread;
	bool is_started;

	pthread_mutex_t lock;
	pthread_cond_t has_job;
	/* Guarded by lock. */
	struct job *jobs, **jobs_end;
	struct made *made; /* since the start, sorted by number */
	size_t made_count;
	bool is_stopping;

	/* The thread's own. */
	bool has_complained;
};

static const char *const video_name = "video.mp4";
static const char *const frame_name = "last_frame.png";
static const char *const other_frame_name = "last_frame.out.png";

/* --- life --- */

/* A cache that lies in the mount would be written through this very program. */
static bool has_cache(const struct filesystem *fs, struct thumbnail_cache *ret_cache)
{
	if (thumbnail_cache_open(ret_cache)) {
		log_info("event=no_thumbnails reason=\"there is no home directory\"");
		return false;
	}
	if (!mount_point_is_inside(ret_cache->path, fs->tree.shown_at))
		return true;
	log_warn(
		"event=no_thumbnails reason=\"their cache lies inside the mount point\"");
	thumbnail_cache_close(ret_cache);
	return false;
}

int thumbnails_create(struct filesystem *fs, struct thumbnails **ret_thumbnails)
{
	struct thumbnail_cache cache;
	struct thumbnails *thumbnails;
	int r;

	*ret_thumbnails = NULL;
	if (!backend_config(fs->backend)->makes_thumbnails || !has_cache(fs, &cache))
		return 0;
	thumbnails = calloc(1, sizeof(*thumbnails));
	r = thumbnails ? thumbnail_maker_init(&thumbnails->maker, fs->backend) : -ENOMEM;
	if (r) {
		thumbnail_cache_close(&cache);
		free(thumbnails);
		return r;
	}
	thumbnails->fs = fs;
	thumbnails->cache = cache;
	thumbnails->jobs_end = &thumbnails->jobs;
	pthread_mutex_init(&thumbnails->lock, NULL);
	pthread_cond_init(&thumbnails->has_job, NULL);
	*ret_thumbnails = thumbnails;
	return 0;
}

static void job_free(struct job *job)
{
	free(job->path);
	free(job->new_path);
	free(job);
}

void thumbnails_destroy(struct thumbnails *thumbnails)
{
	if (!thumbnails)
		return;
	while (thumbnails->jobs) {
		struct job *job = thumbnails->jobs;

		thumbnails->jobs = job->next;
		job_free(job);
	}
	thumbnail_maker_clear(&thumbnails->maker);
	thumbnail_cache_close(&thumbnails->cache);
	pthread_cond_destroy(&thumbnails->has_job);
	pthread_mutex_destroy(&thumbnails->lock);
	free(thumbnails->made);
	free(thumbnails);
}

/* --- which have been made --- */

/* The place of a number; the lock is held. */
static size_t place_of(const struct thumbnails *thumbnails, uint64_t number)
{
	size_t from = 0, to = thumbnails->made_count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (thumbnails->made[middle].number < number)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* The lock is held. NULL: nothing is known of it. */
static struct made *find_made(const struct thumbnails *thumbnails, uint64_t number)
{
	size_t at = place_of(thumbnails, number);

	return at < thumbnails->made_count && thumbnails->made[at].number == number
		       ? &thumbnails->made[at]
		       : NULL;
}

/* The same; it is made. NULL without memory. */
static struct made *add_made(struct thumbnails *thumbnails, uint64_t number)
{
	struct made *made = find_made(thumbnails, number);
	size_t at, count = thumbnails->made_count;

	if (made)
		return made;
	made = realloc(thumbnails->made, (count + 1) * sizeof(*made));
	if (!made)
		return NULL;
	thumbnails->made = made;
	at = place_of(thumbnails, number);
	memmove(made + at + 1, made + at, (count - at) * sizeof(*made));
	made[at] = (struct made){ .number = number };
	thumbnails->made_count++;
	return &made[at];
}

static bool is_shown(const struct task_view *view, enum output_kind kind)
{
	unsigned hidden = kind == OUTPUT_VIDEO ? HIDDEN_VIDEO : HIDDEN_LAST_FRAME;

	return view->outputs[kind].is_ready && !(view->hidden & hidden);
}

/* Whether some output that is shown has none yet; from now on it counts as made. */
static bool note_made(struct made *made, const struct task_view *view)
{
	bool is_new = false;

	for (int kind = 0; kind < OUTPUT_COUNT; kind++) {
		if (!is_shown(view, (enum output_kind)kind) ||
		    made->versions[kind] == view->outputs[kind].version)
			continue;
		made->versions[kind] = view->outputs[kind].version;
		is_new = true;
	}
	return is_new;
}

/* --- what is to be done --- */

/* Takes the paths. False without memory, and where there are no thumbnails. */
static bool push(struct thumbnails *thumbnails, struct job job)
{
	struct job *copy = thumbnails ? malloc(sizeof(*copy)) : NULL;

	if (!copy) {
		free(job.path);
		free(job.new_path);
		return false;
	}
	*copy = job;
	SCOPED_LOCK(&thumbnails->lock);
	*thumbnails->jobs_end = copy;
	thumbnails->jobs_end = &copy->next;
	pthread_cond_signal(&thumbnails->has_job);
	return true;
}

bool thumbnails_finishing(struct thumbnails *thumbnails, uint64_t number)
{
	return push(thumbnails,
		    (struct job){ .kind = JOB_MAKE, .number = number, .is_held = true });
}

static bool is_outdated(struct thumbnails *thumbnails, const struct task_view *view)
{
	SCOPED_LOCK(&thumbnails->lock);
	struct made *made = find_made(thumbnails, view->number);

	return made && note_made(made, view);
}

void thumbnails_changed(struct thumbnails *thumbnails, uint64_t number)
{
	AUTOVIEW *view =
		thumbnails ? backend_task_view(thumbnails->fs->backend, number) : NULL;

	if (view && view->state == TASK_SUCCEEDED && !view->is_removed &&
	    is_outdated(thumbnails, view))
		push(thumbnails, (struct job){ .kind = JOB_MAKE, .number = number });
}

static void forget(struct thumbnails *thumbnails, uint64_t number, enum output_kind kind)
{
	SCOPED_LOCK(&thumbnails->lock);
	struct made *made = add_made(thumbnails, number);

	if (made)
		made->versions[kind] = 0;
}

void thumbnails_removed(struct thumbnails *thumbnails, uint64_t number, char *folder,
			enum output_kind kind)
{
	struct job job = { .kind = JOB_REMOVE, .number = number, .path = folder };

	if (thumbnails)
		forget(thumbnails, number, kind);
	job.name = kind == OUTPUT_VIDEO ? video_name : frame_name;
	if (folder)
		push(thumbnails, job);
}

void thumbnails_folder_removed(struct thumbnails *thumbnails, uint64_t number,
			       char *folder)
{
	if (folder)
		push(thumbnails, (struct job){ .kind = JOB_REMOVE,
					       .number = number,
					       .path = folder });
}

void thumbnails_moved(struct thumbnails *thumbnails, char *from, char *to)
{
	if (!from || !to) {
		free(from);
		free(to);
		return;
	}
	push(thumbnails, (struct job){ .kind = JOB_MOVE, .path = from, .new_path = to });
}

/* --- making --- */

/* Where a file of the mount is, for everybody. */
static char *shown_path(const struct filesystem *fs, const char *folder, const char *name)
{
	return text_format("%s/%s%s%s", fs->tree.shown_at, folder, *folder ? "/" : "",
			   name);
}

/* The folder of a task, below the tree; NULL when it is not known. */
static char *folder_path(struct filesystem *fs, uint64_t number)
{
	struct node *node = folder_node(fs, number);
	char *path;

	if (!node && settler_wait_walk(fs->settler, WALK_MS))
		node = folder_node(fs, number);
	if (!node)
		return NULL;
	path = nodes_path(&fs->nodes, node);
	nodes_unref(&fs->nodes, node, 1);
	return path;
}

/* An input of that name keeps it: README.md, rule 6. */
static const char *name_of(const struct filesystem *fs, const char *folder,
			   enum output_kind kind)
{
	AUTOFREE char *path = text_format("%s/%s", folder, frame_name);
	AUTOCLOSE int fd = -1;

	if (kind == OUTPUT_VIDEO)
		return video_name;
	fd = path ? tree_openat(&fs->tree, path, O_PATH) : -ENOMEM;
	return fd >= 0 ? other_frame_name : frame_name;
}

static int put_all(struct thumbnails *thumbnails, const struct output *output,
		   const char *file, const char *mime_type,
		   const struct thumbnail_pictures *pictures)
{
	struct thumbnail thumbnail = { .file = file,
				       .mime_type = mime_type,
				       .mtime_s = output->mtime,
				       .size_bytes = output->size };
	int r = 0;

	for (size_t size = 0; !r && size < THUMBNAIL_SIZES; size++) {
		thumbnail.png = pictures->png[size];
		thumbnail.png_bytes = pictures->bytes[size];
		r = thumbnail_cache_put(&thumbnails->cache, size, &thumbnail);
	}
	return r;
}

/* The same picture stands for the video and its last frame. */
static int put_outputs(struct thumbnails *thumbnails, const struct task_view *view,
		       const char *folder, const struct thumbnail_pictures *pictures)
{
	static const char *const mime_types[] = { "video/mp4", "image/png" };
	int r = 0;

	for (int i = 0; !r && i < OUTPUT_COUNT; i++) {
		enum output_kind kind = (enum output_kind)i;
		AUTOFREE char *file = NULL;

		if (!is_shown(view, kind))
			continue;
		file = shown_path(thumbnails->fs, folder,
				  name_of(thumbnails->fs, folder, kind));
		r = file ? put_all(thumbnails, &view->outputs[kind], file,
				   mime_types[kind], pictures)
			 : -ENOMEM;
	}
	return r;
}

static int draw(struct thumbnails *thumbnails, const struct task_view *view,
		enum output_kind kind, struct thumbnail_pictures *pictures)
{
	struct backend *backend = thumbnails->fs->backend;
	struct media *media;
	int r = backend_media_open(backend, view->number, kind,
				   view->outputs[kind].version, &media);

	if (r)
		return r;
	r = thumbnail_maker_run(&thumbnails->maker, media, pictures);
	backend_media_leave(backend, media);
	return r;
}

/* From the last frame; where that is none, or no picture, from the video. */
static int make(struct thumbnails *thumbnails, const struct task_view *view,
		const char *folder)
{
	static const enum output_kind sources[] = { OUTPUT_LAST_FRAME, OUTPUT_VIDEO };
	int r = -ENODATA;

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		struct thumbnail_pictures pictures = { 0 };

		if (!is_shown(view, sources[i]))
			continue;
		r = draw(thumbnails, view, sources[i], &pictures);
		if (!r)
			r = put_outputs(thumbnails, view, folder, &pictures);
		thumbnail_pictures_clear(&pictures);
		if (r != -EINVAL)
			break;
	}
	return r;
}

static const char *reason_of(int r)
{
	switch (r) {
	case -ENOEXEC:
		return "the program seedance-thumbnailer is missing";
	case -ETIMEDOUT:
		return "it took too long";
	case -EINVAL:
		return "it is no picture or video of a known kind";
	default:
		return strerror(-r);
	}
}

/* One line for each task; what is missing for all of them is a warning, once. */
static void complain(struct thumbnails *thumbnails, uint64_t number, int r)
{
	if (r == -ECANCELED || r == -ESTALE)
		return; /* the mount ends; the output is another one by now */
	if (r != -ENOEXEC || thumbnails->has_complained) {
		log_info("event=no_thumbnails task=%" PRIu64 " reason=\"%s\"", number,
			 reason_of(r));
		return;
	}
	thumbnails->has_complained = true;
	log_warn("event=no_thumbnails task=%" PRIu64 " reason=\"%s\"", number,
		 reason_of(r));
}

static void note(struct thumbnails *thumbnails, const struct task_view *view)
{
	SCOPED_LOCK(&thumbnails->lock);
	struct made *made = add_made(thumbnails, view->number);

	if (made)
		note_made(made, view);
}

static void run_make(struct thumbnails *thumbnails, const struct job *job)
{
	struct filesystem *fs = thumbnails->fs;
	AUTOVIEW *view = backend_task_view(fs->backend, job->number);
	AUTOFREE char *folder = NULL;
	int64_t start_ms = clock_boot_ms();
	int r;

	if (!view || view->is_removed)
		return;
	folder = folder_path(fs, job->number);
	if (!folder)
		return;
	note(thumbnails, view);
	r = make(thumbnails, view, folder);
	if (r)
		complain(thumbnails, job->number, r);
	else
		log_info("event=thumbnails task=%" PRIu64 " ms=%" PRId64, job->number,
			 clock_boot_ms() - start_ms);
}

/* --- removing and moving --- */

static void remove_one(struct thumbnails *thumbnails, const char *folder,
		       const char *name)
{
	AUTOFREE char *file = shown_path(thumbnails->fs, folder, name);

	if (file)
		thumbnail_cache_remove(&thumbnails->cache, file);
}

static void run_remove(struct thumbnails *thumbnails, const struct job *job)
{
	if (!job->name || job->name == video_name)
		remove_one(thumbnails, job->path, video_name);
	if (job->name == video_name)
		return;
	remove_one(thumbnails, job->path, frame_name);
	remove_one(thumbnails, job->path, other_frame_name);
}

struct numbers {
	uint64_t *items;
	size_t count;
};

static void collect(void *context, struct task_view *view)
{
	struct numbers *numbers = context;
	uint64_t *items;

	if (view->state != TASK_SUCCEEDED || view->is_removed)
		return;
	items = realloc(numbers->items, (numbers->count + 1) * sizeof(*items));
	if (!items)
		return;
	numbers->items = items;
	items[numbers->count++] = view->number;
}

/* The path before the directory moved; NULL: it lay, and lies, elsewhere. */
static char *path_before(const struct job *job, const char *path)
{
	size_t size = strlen(job->new_path);

	if (strncmp(path, job->new_path, size) != 0 || (path[size] && path[size] != '/'))
		return NULL;
	return text_format("%s%s", job->path, path + size);
}

/* Takes the path and gives the one before all these moves. The lock is held. */
static char *undo_moves(const struct job *job, char *path)
{
	char *before;

	if (!job || !path)
		return path;
	path = undo_moves(job->next, path);
	before = path && job->kind == JOB_MOVE ? path_before(job, path) : NULL;
	if (!before)
		return path;
	free(path);
	return before;
}

/* Where a task's folder was when this move was over: others may have followed. */
static char *path_after(struct thumbnails *thumbnails, uint64_t number)
{
	struct filesystem *fs = thumbnails->fs;
	struct node *node = folder_node(fs, number);
	char *path = node ? nodes_path(&fs->nodes, node) : NULL;

	if (node)
		nodes_unref(&fs->nodes, node, 1);
	SCOPED_LOCK(&thumbnails->lock);
	return undo_moves(thumbnails->jobs, path);
}

static void move_outputs(struct thumbnails *thumbnails, const char *from, const char *to)
{
	const char *names[] = { video_name, frame_name, other_frame_name };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		AUTOFREE char *old_file = shown_path(thumbnails->fs, from, names[i]);
		AUTOFREE char *new_file = shown_path(thumbnails->fs, to, names[i]);

		if (old_file && new_file)
			thumbnail_cache_move(&thumbnails->cache, old_file, new_file);
	}
}

/* Of the tasks that came to be at, or below, the new path. */
static void run_move(struct thumbnails *thumbnails, const struct job *job)
{
	struct numbers numbers = { 0 };

	backend_task_each(thumbnails->fs->backend, collect, &numbers);
	for (size_t i = 0; i < numbers.count; i++) {
		AUTOFREE char *path = path_after(thumbnails, numbers.items[i]);
		AUTOFREE char *before = path ? path_before(job, path) : NULL;

		if (before)
			move_outputs(thumbnails, before, path);
	}
	free(numbers.items);
}

/* --- the thread --- */

static struct job *take_job(struct thumbnails *thumbnails)
{
	SCOPED_LOCK(&thumbnails->lock);
	struct job *job;

	while (!thumbnails->jobs && !thumbnails->is_stopping)
		pthread_cond_wait(&thumbnails->has_job, &thumbnails->lock);
	if (thumbnails->is_stopping)
		return NULL;
	job = thumbnails->jobs;
	thumbnails->jobs = job->next;
	if (!thumbnails->jobs)
		thumbnails->jobs_end = &thumbnails->jobs;
	return job;
}

static void *thumbnails_run(void *context)
{
	struct thumbnails *thumbnails = context;
	struct job *job;

	while ((job = take_job(thumbnails))) {
		if (job->kind == JOB_MAKE)
			run_make(thumbnails, job);
		else if (job->kind == JOB_REMOVE)
			run_remove(thumbnails, job);
		else
			run_move(thumbnails, job);
		if (job->is_held)
			backend_task_show(thumbnails->fs->backend, job->number);
		job_free(job);
	}
	return NULL;
}

int thumbnails_start(struct thumbnails *thumbnails)
{
	sigset_t all, before;
	int r;

	if (!thumbnails)
		return 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thumbnails->thread, NULL, thumbnails_run, thumbnails);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	thumbnails->is_started = r == 0;
	return -r;
}

void thumbnails_stop(struct thumbnails *thumbnails)
{
	if (!thumbnails || !thumbnails->is_started)
		return;
	pthread_mutex_lock(&thumbnails->lock);
	thumbnails->is_stopping = true;
	pthread_cond_signal(&thumbnails->has_job);
	pthread_mutex_unlock(&thumbnails->lock);
	thumbnail_maker_stop(&thumbnails->maker);
	pthread_join(thumbnails->thread, NULL);
	thumbnails->is_started = false;
}
