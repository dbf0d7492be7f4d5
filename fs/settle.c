#include "fs/settle.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/base/thread.h"
#include "fs/copier.h"
#include "fs/folder.h"
#include "fs/gather.h"
#include "fs/parked.h"
#include "fs/thumbnails.h"
#include "fs/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define READERS_MS 1000
#define ELSEWHERE_MS 2000 /* files outside a folder announce nothing */
#define AGAIN_MS 1000
#define ASKS_MS 500

/* A folder to be looked at. */
struct due {
	struct due *next;
	uint64_t number;
	int64_t at_ms; /* boot clock */
	bool is_forced;
};

struct settler {
	struct filesystem *fs; /* set when made */
	pthread_t thread;
	bool is_started;

	pthread_mutex_t lock;
	pthread_cond_t changed, walked;
	/* Guarded by lock. */
	struct due *dues;
	bool is_stopping, is_walked, watches_readers;
};

int settler_create(struct filesystem *fs, struct settler **ret_settler)
{
	struct settler *settler = calloc(1, sizeof(*settler));
	pthread_condattr_t monotonic;

	if (!settler)
		return -ENOMEM;
	settler->fs = fs;
	pthread_mutex_init(&settler->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&settler->changed, &monotonic);
	pthread_cond_init(&settler->walked, &monotonic);
	pthread_condattr_destroy(&monotonic);
	*ret_settler = settler;
	return 0;
}

void settler_destroy(struct settler *settler)
{
	if (!settler)
		return;
	while (settler->dues) {
		struct due *due = settler->dues;

		settler->dues = due->next;
		free(due);
	}
	pthread_cond_destroy(&settler->walked);
	pthread_cond_destroy(&settler->changed);
	pthread_mutex_destroy(&settler->lock);
	free(settler);
}

/* --- what is due --- */

static bool put_due(struct settler *settler, uint64_t number, int64_t at_ms,
		    bool is_forced)
{
	SCOPED_LOCK(&settler->lock);
	struct due *due = settler->dues;
	bool is_new;

	while (due && due->number != number)
		due = due->next;
	is_new = !due;
	if (!due) {
		due = calloc(1, sizeof(*due));
		if (!due)
			return false; /* the next thing that happens in the folder pokes
					 again */
		due->number = number;
		due->at_ms = at_ms;
		due->next = settler->dues;
		settler->dues = due;
	}
	due->is_forced = due->is_forced || is_forced;
	if (at_ms < due->at_ms)
		due->at_ms = at_ms;
	pthread_cond_signal(&settler->changed);
	return is_new;
}

void settle_poke(struct settler *settler, uint64_t number)
{
	int64_t settle_ms = backend_config(settler->fs->backend)->settle_ms;

	folder_waits_no_more(settler->fs, number);
	if (put_due(settler, number, clock_boot_ms() + settle_ms, false))
		folder_set_waiting(settler->fs, number, NULL);
}

void settle_now(struct settler *settler, uint64_t number)
{
	folder_waits_no_more(settler->fs, number);
	put_due(settler, number, clock_boot_ms(), true);
}

static void look_soon(void *context, uint64_t number)
{
	put_due(context, number, clock_boot_ms(), false);
}

void settle_changed(struct settler *settler, uint64_t number)
{
	struct filesystem *fs = settler->fs;
	AUTOVIEW *view = backend_task_view(fs->backend, number);

	/* An order was given back: its folder is read again. */
	if (view && view->state == TASK_PENDING && !view->order)
		look_soon(settler, number);
	if (view && view->state != TASK_PENDING)
		folder_waits_no_more(fs, number);
	folder_each_waiting(fs, number, look_soon, settler);
	folder_each_in_loop(fs, look_soon, settler);
}

void settle_watch_readers(struct settler *settler)
{
	SCOPED_LOCK(&settler->lock);

	if (settler->watches_readers)
		return;
	settler->watches_readers = true;
	pthread_cond_signal(&settler->changed);
}

/* --- one folder --- */

/* Milliseconds until the folder has been quiet for long enough; 0: it has. */
static int64_t unquiet_ms(struct settler *settler, const struct node *directory)
{
	int64_t settle_ms = backend_config(settler->fs->backend)->settle_ms;
	int64_t active_ms = atomic_load(&((struct node *)directory)->active_ms);
	int64_t left_ms = active_ms + settle_ms - clock_boot_ms();

	return left_ms > 0 ? left_ms : 0;
}

/* A request that only names a task made elsewhere. Returns when to look again. */
static int64_t adopt(struct settler *settler, uint64_t number,
		     const struct request *request, uint64_t edits, const char *digest)
{
	AUTOPROBLEM problem = { 0 };
	int r = backend_task_adopt(settler->fs->backend, number, edits, request->provider,
				   request->task_id);

	log_info("event=adopt task=%" PRIu64 " result=%d", number, r);
	if (r == -EINVAL)
		problem_set(&problem, PROBLEM_INVALID,
			    "%s: \"task_id\" is \"%s\", which is no task's id; allowed: "
			    "letters, "
			    "digits, '.', '_' and '-'",
			    request->source, request->task_id);
	else if (r == -ENXIO)
		config_refuse_section(backend_config(settler->fs->backend),
				      request->source, request->provider, &problem);
	if (problem_is_set(&problem))
		r = backend_task_refuse(settler->fs->backend, number, edits, &problem,
					digest, true);
	return r == -EAGAIN || r == -ENOMEM ? AGAIN_MS : 0;
}

/* Hands the order over. Returns when to look again; 0: when poked. */
static int64_t order(struct settler *settler, uint64_t number, struct node *directory,
		     const char *path, uint64_t edits, struct gathered *gathered,
		     bool is_forced)
{
	struct task_order order = {
		.number = number,
		.edits = edits,
		.is_forced = is_forced,
		.locked = gathered->locked,
		.locked_count = gathered->locked_count,
		.place = { (char *)path, (uint64_t)directory->device,
			   (uint64_t)directory->inode },
	};
	int r;

	if (gathered->request->task_id)
		return adopt(settler, number, gathered->request, edits, gathered->digest);
	order.request = TAKE(gathered->request);
	memcpy(order.digest, gathered->digest, sizeof(order.digest));
	r = backend_task_order(settler->fs->backend, &order);
	if (r == -EAGAIN || r == -ENOMEM)
		return AGAIN_MS;
	if (r < 0 && r != -EALREADY)
		log_warn("event=order_failed task=%" PRIu64 " reason=\"%s\"", number,
			 strerror(-r));
	return 0;
}

/*
 * Whoever made the trigger waits for a person's answer, as it copies a task's folder:
 * then it is no order by itself. Returns when to look again; 0: when poked; -1: it is an
 * order.
 */
static int64_t hold_copy(struct filesystem *fs, uint64_t number,
			 const struct node *directory)
{
	int64_t asks_ms = copier_asks_ms(directory);

	if (asks_ms < 0)
		return -1;
	if (asks_ms < ASKS_MS)
		return ASKS_MS - asks_ms; /* it may be about to read what it found */
	backend_task_copy_came(fs->backend, number);
	return 0;
}

/* Returns when to look again; 0: when poked. */
static int64_t refuse(struct filesystem *fs, uint64_t number, uint64_t edits,
		      const struct gathered *gathered, bool is_forced)
{
	int r = backend_task_refuse(fs->backend, number, edits, &gathered->problem,
				    gathered->digest, is_forced);

	return r == -EAGAIN ? AGAIN_MS : 0;
}

/* What it waits for waits for it, over others perhaps. */
static enum gather_result refuse_loop(struct gathered *gathered)
{
	problem_set(&gathered->problem, PROBLEM_INVALID,
		    "this folder would wait for itself: it is %s, which waits for this "
		    "one in turn; take one of the links away",
		    gathered->waiting ? gathered->waiting : "waiting for another");
	return GATHER_INVALID;
}

static int64_t archive(struct filesystem *fs, uint64_t number, uint64_t edits)
{
	return backend_task_archive_read(fs->backend, number, edits) == -EAGAIN ? AGAIN_MS
										: 0;
}

/* When a trigger of the folder was last changed, in ms since the epoch; INT64_MAX: that
 * cannot be told. */
static int64_t trigger_changed_ms(struct filesystem *fs, struct node *directory,
				  const struct gathered *gathered)
{
	AUTOCLOSE int fd = nodes_open_directory(&fs->nodes, directory);
	int64_t newest_ms = INT64_MIN;
	struct stat status;

	for (size_t i = 0; i < gathered->locked_count; i++) {
		const char *name = gathered->locked[i].name;
		int64_t ms;

		if (!name_is_trigger(name))
			continue;
		if (fd < 0 || fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
			return INT64_MAX;
		ms = (int64_t)status.st_mtim.tv_sec * 1000 +
		     status.st_mtim.tv_nsec / 1000000;
		if (ms > newest_ms)
			newest_ms = ms;
	}
	return newest_ms == INT64_MIN ? INT64_MAX : newest_ms;
}

/* Says what a folder waits for that could go, or has nothing to go: what there is to do.
 */
static enum gather_result tell_waiting(struct filesystem *fs, uint64_t number,
				       struct node *directory,
				       const struct gathered *gathered,
				       enum gather_result result, bool is_forced)
{
	if (result == GATHER_READY && !is_forced &&
	    folder_wait_for_save(fs, number, trigger_changed_ms(fs, directory, gathered)))
		return GATHER_NOTHING; /* another save pokes */
	if (result == GATHER_NOTHING) {
		folder_wait_for_trigger(fs, number);
		return result;
	}
	if (result != GATHER_COPY) /* that save is over and done with */
		folder_set_refused(fs, number, NULL);
	folder_set_waiting(fs, number, NULL);
	return result;
}

/* What the folder's content means now. Returns when to look again (0: when poked). */
static int64_t act(struct settler *settler, uint64_t number, struct node *directory,
		   const char *path, bool is_forced)
{
	struct filesystem *fs = settler->fs;
	struct gathered gathered = { 0 };
	enum gather_result result = GATHER_NOTHING;
	uint64_t edits = backend_task_edits(fs->backend, number);
	int64_t again_ms = 0;
	int r = gather(fs, directory, path, number, &gathered, &result);

	if (!r && folder_set_waits_on(fs, number, gathered.waits_on))
		result = refuse_loop(&gathered);
	folder_each_in_loop(fs, look_soon, settler);

	if (r) {
		AUTOFREE char *waiting =
			text_format("the folder cannot be read (%s)", strerror(-r));

		folder_set_waiting(fs, number, waiting);
		again_ms = AGAIN_MS * 5;
	} else if (result == GATHER_WAITS) {
		folder_set_waiting(fs, number, gathered.waiting);
		again_ms = ELSEWHERE_MS;
	} else {
		result =
			tell_waiting(fs, number, directory, &gathered, result, is_forced);
		if (result == GATHER_COPY)
			again_ms = archive(fs, number, edits);
		else if (result == GATHER_INVALID)
			again_ms = refuse(fs, number, edits, &gathered, is_forced);
		else if (result == GATHER_READY) {
			again_ms = is_forced ? -1 : hold_copy(fs, number, directory);
			if (again_ms < 0)
				again_ms = order(settler, number, directory, path, edits,
						 &gathered, is_forced);
		}
	}
	gathered_clear(&gathered);
	return again_ms;
}

static bool may_go(const struct task_view *view, bool is_forced)
{
	if (view->state != TASK_PENDING || view->order || view->is_removed)
		return false;
	return is_forced || (!view->is_archive && !view->needs_submit);
}

/* A folder that does not go. One that was refused for a loop, which others made as well,
 * goes on once they left it. */
static void pass_over(struct settler *settler, uint64_t number,
		      const struct task_view *view)
{
	struct backend *backend = settler->fs->backend;

	if (!view || view->state != TASK_INVALID) {
		folder_set_waits_on(settler->fs, number, 0);
		return;
	}
	if (!folder_left_loop(settler->fs, number) || backend_task_edit(backend, number))
		return;
	backend_task_edited(backend, number);
	settle_poke(settler, number);
}

/* In a folder that a program is still making, or keeps for itself; `submit` orders there.
 */
static bool wait_for_name(struct filesystem *fs, uint64_t number, const char *path)
{
	size_t size = 0;
	const char *name = path_scratch_folder(path, &size);
	AUTOFREE char *waiting =
		name ? text_format(
			       "the folder \"%.*s\" has a temporary name: rename it, or "
			       "write \"submit\" to status",
			       (int)size, name)
		     : NULL;

	if (!name)
		return false;
	folder_set_waits_on(fs, number, 0);
	folder_set_waiting(fs, number, waiting);
	return true;
}

/* Returns when to look again, in ms from now; 0: when poked. */
static int64_t look(struct settler *settler, uint64_t number, bool is_forced)
{
	struct filesystem *fs = settler->fs;
	AUTOVIEW *view = backend_task_view(fs->backend, number);
	AUTOFREE char *path = NULL;
	struct node *directory;
	int64_t again_ms = 0;

	if (!view || !may_go(view, is_forced)) {
		pass_over(settler, number, view);
		return 0;
	}
	directory = folder_node(fs, number);
	if (!directory)
		return 0;
	path = nodes_path(&fs->nodes, directory);
	if (!path || folder_number(fs, directory) != number) {
		again_ms = 0; /* removed this moment, or another task's by now */
	} else if (path_is_in_trash(path)) {
		folder_set_waits_on(fs, number, 0);
		folder_set_waiting(fs, number, "this folder is in the trash");
	} else if (!is_forced && wait_for_name(fs, number, path)) {
		again_ms = 0; /* folders_moved() pokes */
	} else if (!is_forced && (again_ms = unquiet_ms(settler, directory))) {
		folder_set_waiting(fs, number, NULL);
	} else {
		again_ms = act(settler, number, directory, path, is_forced);
	}
	nodes_unref(&fs->nodes, directory, 1);
	return again_ms;
}

/* --- the thread --- */

/* Takes out one that is due, or tells when the next one is. */
static struct due *take_due(struct settler *settler, int64_t now_ms, int64_t *ret_next_ms)
{
	*ret_next_ms = INT64_MAX;
	for (struct due **at = &settler->dues; *at; at = &(*at)->next) {
		struct due *due = *at;

		if (due->at_ms <= now_ms) {
			*at = due->next;
			return due;
		}
		if (due->at_ms < *ret_next_ms)
			*ret_next_ms = due->at_ms;
	}
	return NULL;
}

/* A moment that far ahead, on the conditions' clock. */
static struct timespec moment_in(int64_t ms)
{
	struct timespec moment;

	clock_gettime(CLOCK_MONOTONIC, &moment);
	moment.tv_sec += ms / 1000;
	moment.tv_nsec += ms % 1000 * 1000000;
	if (moment.tv_nsec >= 1000000000) {
		moment.tv_nsec -= 1000000000;
		moment.tv_sec++;
	}
	return moment;
}

static void wait_until(struct settler *settler, int64_t at_ms)
{
	struct timespec until;
	int64_t left_ms = at_ms - clock_boot_ms();

	if (at_ms == INT64_MAX || left_ms > 60000)
		left_ms = 60000;
	if (left_ms <= 0)
		return;
	until = moment_in(left_ms);
	pthread_cond_timedwait(&settler->changed, &settler->lock, &until);
}

bool settler_wait_walk(struct settler *settler, int64_t most_ms)
{
	struct timespec until = moment_in(most_ms);
	int r = 0;
	SCOPED_LOCK(&settler->lock);

	while (!settler->is_walked && !r)
		r = pthread_cond_timedwait(&settler->walked, &settler->lock, &until);
	return settler->is_walked;
}

static int64_t look_after_readers(struct settler *settler, int64_t next_ms)
{
	struct parked *parked = settler->fs->parked;
	bool is_empty;

	if (clock_boot_ms() < next_ms)
		return next_ms;
	parked_reap(parked);
	is_empty = parked_is_empty(parked);
	SCOPED_LOCK(&settler->lock);
	if (is_empty)
		settler->watches_readers = false;
	return clock_boot_ms() + READERS_MS;
}

static void handle_due(struct settler *settler, struct due *due)
{
	int64_t again_ms = look(settler, due->number, due->is_forced);

	if (again_ms)
		put_due(settler, due->number, clock_boot_ms() + again_ms, due->is_forced);
	free(due);
}

static void look_at_library(struct settler *settler)
{
	if (walk_tree(settler->fs, &settler->is_stopping, &settler->lock)) {
		backend_library_seen(settler->fs->backend);
		thumbnails_walked(settler->fs->thumbnails);
	}
	SCOPED_LOCK(&settler->lock);
	settler->is_walked = true;
	pthread_cond_broadcast(&settler->walked);
}

static void *settler_run(void *context)
{
	struct settler *settler = context;
	int64_t readers_ms = 0;

	look_at_library(settler);
	for (;;) {
		struct due *due;
		int64_t next_ms;
		bool watches;

		pthread_mutex_lock(&settler->lock);
		due = take_due(settler, clock_boot_ms(), &next_ms);
		watches = settler->watches_readers;
		if (watches && readers_ms < next_ms)
			next_ms = readers_ms;
		if (!due && !settler->is_stopping)
			wait_until(settler, next_ms);
		if (settler->is_stopping) {
			pthread_mutex_unlock(&settler->lock);
			free(due);
			return NULL;
		}
		pthread_mutex_unlock(&settler->lock);
		if (due)
			handle_due(settler, due);
		if (watches)
			readers_ms = look_after_readers(settler, readers_ms);
	}
}

int settler_start(struct settler *settler)
{
	int r = thread_start(&settler->thread, settler_run, settler);

	settler->is_started = r == 0;
	return r;
}

void settler_stop(struct settler *settler)
{
	if (!settler->is_started)
		return;
	pthread_mutex_lock(&settler->lock);
	settler->is_stopping = true;
	pthread_cond_signal(&settler->changed);
	pthread_mutex_unlock(&settler->lock);
	pthread_join(settler->thread, NULL);
	settler->is_started = false;
}
