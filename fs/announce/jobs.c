#include "fs/announce/announce_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/base/thread.h"
#include "fs/folder/folder.h"
#include "fs/view/gallery.h"
#include "fs/view/status_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#define BEGIN_MS 2000
#define PAGE_APART_MS 1000

/* --- checking what may have changed; on the thread --- */

/* When gallery.html is due. The lock is held. */
static int64_t page_due_ms(const struct announce *announce)
{
	return announce->page_is_outdated && announce->announcer
		       ? announce->page_ms + PAGE_APART_MS
		       : NEVER;
}

/* The next task that is due (0: none), and when another one will be. */
static uint64_t take_due(struct announce *announce, int64_t now_ms, int64_t *ret_next_ms)
{
	SCOPED_LOCK(&announce->lock);

	*ret_next_ms = announce->job.id ? NEVER : page_due_ms(announce);
	for (struct told *told = announce->first; told; told = told->next) {
		if (told_take_due(told, now_ms))
			return told->number;
		if (told->due_ms < *ret_next_ms)
			*ret_next_ms = told->due_ms;
	}
	return 0;
}

static bool take_over(struct announce *announce, uint64_t number, const struct look *look)
{
	SCOPED_LOCK(&announce->lock);
	struct told *told = told_find(announce, number);

	if (!told)
		return false;
	announce->page_is_outdated |=
		told->gist != look->gist || told->shown != look->shown;
	return told_take(told, look, clock_boot_ms());
}

static void count_change(struct announce *announce, uint64_t number)
{
	SCOPED_LOCK(&announce->lock);
	struct told *told = told_find(announce, number);

	if (told)
		told->changes++;
}

/*
 * Increments the count of changes before it wakes the pollers, and after the new text can
 * be read. So a program that read the old text sees that the count differs.
 */
static void look_again(struct announce *announce, uint64_t number)
{
	struct filesystem *fs = announce->fs;
	AUTOVIEW *view = backend_task_view(fs->backend, number);
	struct node *directory;
	struct look look;

	if (!view || view->is_removed) {
		announce_forget(announce, number);
		return;
	}
	directory = folder_node(fs, number);
	look_at(fs, view, directory, &look);
	if (directory)
		nodes_unref(&fs->nodes, directory, 1);
	if (!take_over(announce, number, &look))
		return;
	status_file_outdate(fs, number);
	count_change(announce, number);
	fs->events.wake_pollers(fs, number);
}

/* --- sending jobs; on the thread --- */

static const char *name_of(const struct told *told, enum virtual_kind kind)
{
	static const char *const names[VIRTUAL_COUNT] = {
		[VIRTUAL_STATUS] = "status",
		[VIRTUAL_TASK_JSON] = "task.json",
		[VIRTUAL_ERROR] = "error.txt",
		[VIRTUAL_VIDEO] = "video.mp4",
		[VIRTUAL_LAST_FRAME] = "last_frame.png",
	};

	return kind == VIRTUAL_LAST_FRAME && told->frame_is_out ? "last_frame.out.png"
								: names[kind];
}

static void make_job(struct told *told, enum virtual_kind kind, enum announcement what,
		     struct announce_job *ret_job)
{
	*ret_job = (struct announce_job){ .number = told->number,
					  .kind = kind,
					  .what = what,
					  .version = told->known[kind] };
	strcpy(ret_job->name, name_of(told, kind));
	if (what != ANNOUNCE_GONE || kind != VIRTUAL_ERROR || !told->known[kind])
		return;
	told->error_gone = told->known[kind];
	told->known[kind] = 0;
}

/*
 * A file's disappearance comes before its reappearance. `status` comes last, so that what
 * it mentions exists by then.
 */
static bool next_job(struct told *told, struct announce_job *ret_job)
{
	for (int kind = VIRTUAL_COUNT - 1; kind >= VIRTUAL_STATUS; kind--) {
		uint8_t bit = (uint8_t)KIND_BIT(kind);
		uint8_t *mask = told->gone & bit      ? &told->gone
				: told->appears & bit ? &told->appears
						      : &told->changed;

		if (!(*mask & bit))
			continue;
		*mask &= (uint8_t)~bit;
		make_job(told, (enum virtual_kind)kind,
			 mask == &told->gone	  ? ANNOUNCE_GONE
			 : mask == &told->appears ? ANNOUNCE_APPEARS
			 : kind >= VIRTUAL_VIDEO  ? ANNOUNCE_TOUCHED
						  : ANNOUNCE_CHANGED,
			 ret_job);
		return true;
	}
	return false;
}

/* The lock is held. */
static bool take_page_job(struct announce *announce, struct announce_job *ret_job)
{
	int64_t now_ms = clock_boot_ms();

	if (page_due_ms(announce) > now_ms)
		return false;
	announce->page_is_outdated = false;
	announce->page_ms = now_ms;
	*ret_job = (struct announce_job){ .kind = VIRTUAL_GALLERY,
					  .what = ANNOUNCE_CHANGED,
					  .name = GALLERY_NAME };
	return true;
}

/* The lock is held. */
static bool take_task_job(struct announce *announce, struct announce_job *ret_job)
{
	struct told **at = &announce->first;

	while (*at) {
		if (next_job(*at, ret_job))
			return true;
		if ((*at)->due_ms == NEVER)
			told_dequeue(announce, at);
		else
			at = &(*at)->next;
	}
	return false;
}

/* Takes the next job out of the queue. A task without further jobs leaves the queue. */
static bool take_job(struct announce *announce, struct announce_job *ret_job)
{
	SCOPED_LOCK(&announce->lock);

	if (!take_task_job(announce, ret_job) && !take_page_job(announce, ret_job))
		return false;
	ret_job->id = ++announce->last_id ? announce->last_id : ++announce->last_id;
	announce->job = *ret_job;
	return true;
}

static void end_job(struct announce *announce)
{
	SCOPED_LOCK(&announce->lock);

	announce->job.id = 0;
}

/* The path of the task's folder; NULL if it is unknown or too long for a message. */
static char *path_of(struct filesystem *fs, uint64_t number)
{
	struct node *directory = folder_node(fs, number);
	char *path = directory ? nodes_path(&fs->nodes, directory) : NULL;

	if (directory)
		nodes_unref(&fs->nodes, directory, 1);
	if (path && strlen(path) >= PATH_MAX) {
		free(path);
		path = NULL;
	}
	return path;
}

static bool send_job(struct announce *announce, const struct announce_job *job)
{
	AUTOFREE char *path =
		job->number ? path_of(announce->fs, job->number) : text_dup("");
	struct announcer_job message = { .id = job->id,
					 .what = job->what,
					 .mounted = announce->mounted };
	size_t length = path ? strlen(path) + 1 : 0, name = strlen(job->name) + 1;

	if (!path)
		return false;
	memcpy(message.names, path, length);
	memcpy(message.names + length, job->name, name);
	return send(announce->announcer->socket, &message,
		    offsetof(struct announcer_job, names) + length + name,
		    MSG_NOSIGNAL) > 0;
}

/* One job at a time: the next one is sent when this one is answered. */
static void give_job(struct announce *announce)
{
	struct announce_job job;

	while (announce->announcer && !announce->job.id && take_job(announce, &job)) {
		if (job.kind == VIRTUAL_GALLERY)
			gallery_outdate(announce->fs->gallery);
		if (!send_job(announce, &job))
			end_job(announce);
	}
}

/* Without an announcer nothing is announced; watchers must look themselves. */
static void drop_jobs(struct announce *announce)
{
	SCOPED_LOCK(&announce->lock);
	struct told **at = &announce->first;

	announce->job.id = 0;
	while (*at) {
		(*at)->appears = (*at)->changed = (*at)->gone = 0;
		if ((*at)->due_ms == NEVER)
			told_dequeue(announce, at);
		else
			at = &(*at)->next;
	}
}

/*
 * Once the announcer is waited for, its pid may be reused. If it does not end now
 * (announcer.h), its pid stays set, so that its requests never count as a user's; it is
 * waited for after the session.
 */
static void part_with_announcer(struct announce *announce)
{
	struct announcer *announcer = announce->announcer;

	announce->announcer = NULL;
	if (announcer_end(announcer))
		atomic_store(&announce->pid, 0);
}

static void lose_announcer(struct announce *announce)
{
	log_warn("event=announcer_gone note=\"change notifications are off until the "
		 "next mount\"");
	part_with_announcer(announce);
}

/* A name that stays missing is checked only once more. */
static void take_outcome(struct announce *announce, const struct announce_job *job,
			 int error)
{
	bool looks_again = false;
	struct told *told;

	if (job->what != ANNOUNCE_APPEARS)
		return;
	pthread_mutex_lock(&announce->lock);
	told = told_find(announce, job->number);
	if (told && !error)
		told->missed &= (uint8_t)~KIND_BIT(job->kind);
	if (told && error == -ENOENT)
		looks_again = told_take_back(told, job->kind);
	pthread_mutex_unlock(&announce->lock);
	if (looks_again)
		announce_changed(announce, job->number);
}

static void take_result(struct announce *announce)
{
	struct announcer_result result;
	struct announce_job job;
	ssize_t got = recv(announce->announcer->socket, &result, sizeof(result), 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got != (ssize_t)sizeof(result)) {
		lose_announcer(announce);
		return;
	}
	if (!result.id) {
		log_info("event=announcer own_mount=%s", result.error ? "no" : "yes");
		return;
	}
	if (!announce_current(announce, &job) || job.id != result.id)
		return;
	take_outcome(announce, &job, result.error);
	log_debug("event=announced task=%" PRIu64 " name=%s what=%d result=%d us=%u",
		  job.number, job.name, (int)job.what, (int)result.error, result.took_us);
	end_job(announce);
}

/* --- what is mounted --- */

/*
 * Whether our filesystem is mounted anywhere. While the announcer holds it, no other
 * filesystem gets its device number.
 */
static bool is_mounted(const struct announce *announce)
{
	AUTOFCLOSE FILE *list = fopen("/proc/self/mountinfo", "re");
	AUTOFREE char *line = NULL;
	size_t room = 0;
	unsigned major, minor;

	while (list && getline(&line, &room, list) > 0)
		if (sscanf(line, "%*u %*u %u:%u", &major, &minor) == 2 &&
		    ((uint64_t)major << 32 | minor) == announce->mounted.device)
			return true;
	return false;
}

/*
 * The announcer may have its own mount only if the list of mounts reports when ours ends.
 * The daemon waits for it briefly before the mount is reported as ready and may be
 * unmounted.
 */
static void begin_announcer(struct announce *announce)
{
	const struct announcer_job job = { .what = ANNOUNCE_BEGIN,
					   .mounted = announce->mounted };
	struct pollfd answer = { .events = POLLIN };

	announce->mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (announce->mounts < 0 || !announce->announcer || !is_mounted(announce))
		return;
	answer.fd = announce->announcer->socket;
	if (send(answer.fd, &job, offsetof(struct announcer_job, names) + 2,
		 MSG_NOSIGNAL) < 0 ||
	    poll(&answer, 1, BEGIN_MS) <= 0)
		log_debug("event=announcer_not_started");
}

/* After an unmount the announcer must not keep the filesystem, even if it is frozen. */
static void look_at_mounts(struct announce *announce)
{
	if (!announce->announcer || is_mounted(announce))
		return;
	log_debug("event=unmounted");
	part_with_announcer(announce);
}

/* --- the thread --- */

static void wait_for_something(struct announce *announce, int64_t next_ms)
{
	struct announcer *announcer = announce->announcer;
	struct pollfd waits[] = {
		{ .fd = announce->wake, .events = POLLIN },
		{ .fd = announcer ? announcer->socket : -1, .events = POLLIN },
		{ .fd = announcer ? announce->mounts : -1, .events = POLLPRI },
	};
	int64_t left_ms = next_ms == NEVER ? -1 : next_ms - clock_boot_ms();
	uint64_t wakes;

	if (next_ms != NEVER)
		left_ms = left_ms < 0 ? 0 : left_ms > 60000 ? 60000 : left_ms;
	if (poll(waits, ARRAY_SIZE(waits), (int)left_ms) < 0)
		return;
	if (waits[0].revents && read(announce->wake, &wakes, sizeof(wakes)) < 0)
		return; /* another wake follows */
	if (waits[2].revents)
		look_at_mounts(announce);
	if (waits[1].revents && announce->announcer)
		take_result(announce);
}

static bool is_stopping(struct announce *announce)
{
	SCOPED_LOCK(&announce->lock);

	return announce->is_stopping;
}

static void *announce_run(void *context)
{
	struct announce *announce = context;

	while (!is_stopping(announce)) {
		int64_t now_ms = clock_boot_ms(), next_ms, pollers_ms;
		uint64_t number = take_due(announce, now_ms, &next_ms);

		if (number) {
			look_again(announce, number);
			continue;
		}
		if (announce->announcer)
			give_job(announce);
		else
			drop_jobs(announce);
		pollers_ms = announce->fs->events.tick_pollers(announce->fs, now_ms);
		wait_for_something(announce, pollers_ms < next_ms ? pollers_ms : next_ms);
	}
	return NULL;
}

static void begin_task(void *context, struct task_view *view)
{
	struct announce *announce = context;
	struct told *told;
	struct look look;

	if (view->is_removed)
		return;
	look_at(announce->fs, view, NULL, &look);
	SCOPED_LOCK(&announce->lock);
	told = told_find_or_add(announce, view->number);
	if (told)
		told_begin(told, &look);
}

int announce_start(struct announce *announce, struct announcer *announcer,
		   const struct mount_identity *mounted)
{
	int r;

	announce->mounted = *mounted;
	if (announcer->pid > 0) {
		announce->announcer = announcer;
		atomic_store(&announce->pid, announcer->pid);
	}
	backend_task_each(announce->fs->backend, begin_task, announce);
	begin_announcer(announce);
	r = thread_start(&announce->thread, announce_run, announce);
	announce->is_started = r == 0;
	return r;
}

void announce_stop(struct announce *announce)
{
	if (!announce->is_started)
		return;
	pthread_mutex_lock(&announce->lock);
	announce->is_stopping = true;
	pthread_mutex_unlock(&announce->lock);
	announce_wake(announce);
	pthread_join(announce->thread, NULL);
	announce->is_started = false;
}
