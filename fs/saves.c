#include "fs/saves.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/text.h"
#include "fs/folder.h"
#include "fs/gather.h"
#include "fs/names.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* Programs put a text back at once; a person who wants it back saves later. */
#define PUT_BACK_MS 2000

/* --- the text before --- */

static int digest_of(int fd, char ret_hex[SHA256_HEX])
{
	struct digest *digest = fd >= 0 ? digest_create() : NULL;
	char chunk[16384];
	off_t at = 0;
	ssize_t got;

	*ret_hex = '\0';
	if (!digest)
		return -ENOMEM;
	while ((got = pread(fd, chunk, sizeof(chunk), at)) > 0 && at < REQUEST_TEXT_MAX) {
		digest_add(digest, chunk, (size_t)got);
		at += got;
	}
	digest_finish(digest, ret_hex);
	digest_destroy(digest);
	if (got || !at) /* an error, more than a request may have, or nothing */
		*ret_hex = '\0';
	return 0;
}

struct visit {
	struct filesystem *fs;
	struct node *node;
	int fd; /* of the file */
	int result;
};

/* The task that a trigger's name belongs to, while that is pending; NULL: to none. */
static struct task_view *pending_of(struct filesystem *fs, struct node *parent,
				    const char *name)
{
	uint64_t number = name_is_trigger(name) ? folder_number(fs, parent) : 0;
	AUTOVIEW *view = number ? backend_task_view(fs->backend, number) : NULL;

	if (!view || view->state != TASK_PENDING || view->is_archive)
		return NULL;
	return TAKE(view);
}

static void visit_before(void *context, struct node *parent, const char *name)
{
	struct visit *visit = context;
	AUTOVIEW *view = pending_of(visit->fs, parent, name);
	AUTOCLOSE int fd =
		view ? nodes_open(&visit->fs->nodes, visit->node, O_RDONLY) : -1;
	char digest[SHA256_HEX];
	struct folder *folder;

	if (fd < 0 || digest_of(fd, digest))
		return;
	SCOPED_LOCK(&visit->fs->folders->lock);
	folder = folders_find(visit->fs->folders, view->number);
	if (folder)
		memcpy(folder->text_before, digest, sizeof(digest));
}

void saves_begin(struct filesystem *fs, struct node *node)
{
	struct visit visit = { .fs = fs, .node = node };

	nodes_each_name(&fs->nodes, node, visit_before, &visit);
}

/* --- judging --- */

/* Whether this is what the refused save had replaced. */
static bool is_text_before(const struct refused_save *refused, int fd)
{
	char digest[SHA256_HEX];

	return *refused->over && !digest_of(fd, digest) && !strcmp(refused->over, digest);
}

static void note_outcome(struct filesystem *fs, const struct task_view *view, int fd,
			 char *problem)
{
	struct refused_save refused = {
		.problem = problem,
		.at_ms = clock_ms(CLOCK_REALTIME_COARSE), /* the one of files' times */
	};
	const struct folder *folder;

	if (!problem) {
		if (view->refused_save.problem &&
		    (refused.at_ms - view->refused_save.at_ms >= PUT_BACK_MS ||
		     !is_text_before(&view->refused_save, fd)))
			backend_task_set_refused_save(fs->backend, view->number, NULL);
		return;
	}
	pthread_mutex_lock(&fs->folders->lock);
	folder = folders_find(fs->folders, view->number);
	if (folder)
		memcpy(refused.over, folder->text_before, sizeof(refused.over));
	pthread_mutex_unlock(&fs->folders->lock);
	backend_task_set_refused_save(fs->backend, view->number, &refused);
}

static void visit_closed(void *context, struct node *parent, const char *name)
{
	struct visit *visit = context;
	AUTOPROBLEM problem = { 0 };
	AUTOVIEW *view = pending_of(visit->fs, parent, name);

	if (!view && !name_is_defaults(name))
		return;
	visit->result = gather_judge(visit->fd, name, &problem);
	if (view)
		note_outcome(visit->fs, view, visit->fd, problem.text);
}

int saves_judge(struct filesystem *fs, struct node *node)
{
	AUTOCLOSE int fd = nodes_open(&fs->nodes, node, O_RDONLY);
	struct visit visit = { .fs = fs, .node = node, .fd = fd };

	if (fd < 0)
		return 0; /* unlinked, or not ours to read: nothing to judge */
	nodes_each_name(&fs->nodes, node, visit_closed, &visit);
	return visit.result == -EINVAL ? -EINVAL : 0;
}

/* --- the folder that is due --- */

/* The trigger that was changed last, and when; -1: that cannot be told. */
static int open_newest(struct filesystem *fs, struct node *directory,
		       const struct gathered *gathered, int64_t *ret_changed_ms)
{
	AUTOCLOSE int folder = nodes_open_directory(&fs->nodes, directory);
	AUTOCLOSE int newest = -1;
	struct stat status;

	for (size_t i = 0; folder >= 0 && i < gathered->locked_count; i++) {
		const char *name = gathered->locked[i].name;
		AUTOCLOSE int fd = -1;
		int64_t ms;

		if (!name_is_trigger(name))
			continue;
		fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &status) < 0)
			return -1;
		ms = (int64_t)status.st_mtim.tv_sec * 1000 +
		     status.st_mtim.tv_nsec / 1000000;
		if (newest >= 0 && ms <= *ret_changed_ms)
			continue;
		cleanup_close(&newest);
		newest = take_fd(&fd);
		*ret_changed_ms = ms;
	}
	return take_fd(&newest);
}

static bool was_put_back(struct filesystem *fs, const struct refused_save *refused,
			 struct node *directory, const struct gathered *gathered)
{
	int64_t changed_ms = 0;
	AUTOCLOSE int fd = open_newest(fs, directory, gathered, &changed_ms);

	if (fd < 0)
		return false;
	if (changed_ms < refused->at_ms)
		return true;
	return changed_ms - refused->at_ms < PUT_BACK_MS && is_text_before(refused, fd);
}

bool saves_hold(struct filesystem *fs, uint64_t number, struct node *directory,
		const struct gathered *gathered)
{
	AUTOVIEW *view = backend_task_view(fs->backend, number);
	AUTOFREE char *text = NULL;

	if (!view || !view->refused_save.problem ||
	    !was_put_back(fs, &view->refused_save, directory, gathered))
		return false;
	text = text_format(
		"the last save was refused (%s), and what is there now is older "
		"than that: save again, or write \"submit\" to status to order "
		"it",
		view->refused_save.problem);
	folder_set_waiting(fs, number, text);
	return true;
}

void saves_wait_for_trigger(struct filesystem *fs, uint64_t number)
{
	static const char none[] = "there is no prompt or request.json";
	AUTOVIEW *view = backend_task_view(fs->backend, number);
	AUTOFREE char *text =
		view && view->refused_save.problem
			? text_format("%s: the last one was refused, and removed by the "
				      "program that wrote it (%s)",
				      none, view->refused_save.problem)
			: NULL;

	folder_set_waiting(fs, number, text ? text : none);
}

void saves_end(struct filesystem *fs, uint64_t number)
{
	AUTOVIEW *view = backend_task_view(fs->backend, number);

	if (view && view->refused_save.problem)
		backend_task_set_refused_save(fs->backend, number, NULL);
}
