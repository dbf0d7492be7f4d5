#include "fs/order/refused_saves.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/text.h"
#include "fs/folder/folder.h"
#include "fs/order/draft.h"
#include "fs/tree/names.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Programs restore a text immediately; a person who wants it back saves later. */
#define PUT_BACK_MS 2000

/* --- the previous text --- */

/* The file's digest; "" if it is larger than a request may be. 0 or -errno. */
static int digest_of(int fd, char ret_hex[SHA256_HEX])
{
	uint64_t size;
	int r = digest_file(fd, REQUEST_TEXT_MAX, ret_hex, &size);

	if (r == -EFBIG)
		*ret_hex = '\0';
	return r == -EFBIG ? 0 : r;
}

struct visit {
	struct filesystem *fs;
	struct node *node;
	int fd; /* of the file */
	int result;
};

/* The pending task that a trigger with this name belongs to; NULL: none. */
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
	struct stat status;
	struct folder *folder;

	if (fd < 0 || fstat(fd, &status) < 0 || digest_of(fd, digest))
		return;
	SCOPED_LOCK(&visit->fs->folders->lock);
	folder = folders_find(visit->fs->folders, view->number);
	if (!folder)
		return;
	folder->is_cut = true;
	if (!status.st_size && folder->inode_before == visit->node->inode)
		return; /* a second truncation */
	folder->inode_before = visit->node->inode;
	memcpy(folder->text_before, digest, sizeof(digest));
}

void refused_saves_begin(struct filesystem *fs, struct node *node)
{
	struct visit visit = { .fs = fs, .node = node };

	nodes_each_name(&fs->nodes, node, visit_before, &visit);
}

/* --- judging --- */

static int64_t mtime_ms(const struct stat *status)
{
	return (int64_t)status->st_mtim.tv_sec * 1000 + status->st_mtim.tv_nsec / 1000000;
}

/* Later than the mtime of the refused text, by the clock of file times. */
static int64_t time_of_refusal(int fd)
{
	int64_t now_ms = clock_ms(CLOCK_REALTIME_COARSE);
	struct stat status;

	if (fstat(fd, &status) < 0 || mtime_ms(&status) < now_ms)
		return now_ms;
	return mtime_ms(&status) + 1;
}

/* 1: this is the text that the refused save replaced; 0: it is not; or -errno. */
static int is_text_before(const struct refused_save *refused, int fd)
{
	char digest[SHA256_HEX];
	int r;

	if (!*refused->over)
		return 0;
	r = digest_of(fd, digest);
	return r ? r : !strcmp(refused->over, digest);
}

/*
 * Whether the file was truncated since a save was last refused. One save may be judged
 * several times, because a child process closes its copy of the descriptor.
 */
static bool was_cut(struct filesystem *fs, uint64_t number)
{
	SCOPED_LOCK(&fs->folders->lock);
	const struct folder *folder = folders_find(fs->folders, number);

	return folder && folder->is_cut;
}

static void note_refusal(struct visit *visit, uint64_t number, const char *problem)
{
	struct refused_save refused = {
		.problem = problem,
		.at_ms = time_of_refusal(visit->fd),
	};
	struct folder *folder;

	pthread_mutex_lock(&visit->fs->folders->lock);
	folder = folders_find(visit->fs->folders, number);
	if (folder && folder->inode_before == visit->node->inode)
		memcpy(refused.over, folder->text_before, sizeof(refused.over));
	if (folder)
		folder->is_cut = false;
	pthread_mutex_unlock(&visit->fs->folders->lock);
	backend_task_set_refused_save(visit->fs->backend, number, &refused);
}

/*
 * An accepted save clears the refusal, unless it is the previous text, restored
 * immediately.
 */
static void note_acceptance(struct visit *visit, const struct task_view *view)
{
	const struct refused_save *refused = &view->refused_save;
	int64_t now_ms = clock_ms(CLOCK_REALTIME_COARSE);

	if (refused->problem &&
	    (now_ms - refused->at_ms >= PUT_BACK_MS ||
	     !was_cut(visit->fs, view->number) || !is_text_before(refused, visit->fd)))
		backend_task_set_refused_save(visit->fs->backend, view->number, NULL);
}

static void visit_closed(void *context, struct node *parent, const char *name)
{
	struct visit *visit = context;
	AUTOPROBLEM problem = { 0 };
	AUTOVIEW *view = pending_of(visit->fs, parent, name);

	if (!view && !name_is_defaults(name))
		return;
	visit->result = draft_judge(visit->fs, parent, visit->fd, name, &problem);
	if (view && problem.text)
		note_refusal(visit, view->number, problem.text);
	else if (view && !visit->result)
		note_acceptance(visit, view);
}

int refused_saves_judge(struct filesystem *fs, struct node *node)
{
	AUTOCLOSE int fd = nodes_open(&fs->nodes, node, O_RDONLY);
	struct visit visit = { .fs = fs, .node = node, .fd = fd };

	if (fd < 0)
		return 0; /* unlinked, or not readable for us: nothing to judge */
	nodes_each_name(&fs->nodes, node, visit_closed, &visit);
	return visit.result == -EINVAL ? -EINVAL : 0;
}

/* --- the due folder --- */

/* The most recently changed trigger. */
struct newest {
	const char *name;
	int64_t changed_ms; /* wall clock */
};

/* Opens it; returns a descriptor or -errno. */
static int open_newest(struct filesystem *fs, struct node *directory,
		       const struct draft_result *result, struct newest *ret_newest)
{
	AUTOCLOSE int folder = nodes_open_directory(&fs->nodes, directory);
	AUTOCLOSE int newest = -ENOENT;
	struct stat status;

	for (size_t i = 0; folder >= 0 && i < result->locked_count; i++) {
		const char *name = result->locked[i].name;
		AUTOCLOSE int fd = -1;

		if (!name_is_trigger(name))
			continue;
		fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &status) < 0)
			return -errno;
		if (newest >= 0 && mtime_ms(&status) <= ret_newest->changed_ms)
			continue;
		cleanup_close(&newest);
		newest = take_fd(&fd);
		*ret_newest = (struct newest){ name, mtime_ms(&status) };
	}
	return folder < 0 ? folder : take_fd(&newest);
}

/*
 * 1: nothing was saved since the refusal, or the previous text was restored; 0: neither;
 * or -errno.
 */
static int is_held(const struct refused_save *refused, const struct newest *newest,
		   int fd)
{
	if (newest->changed_ms < refused->at_ms)
		return 1;
	if (newest->changed_ms - refused->at_ms >= PUT_BACK_MS)
		return 0;
	return is_text_before(refused, fd);
}

int refused_saves_hold(struct filesystem *fs, uint64_t number, struct node *directory,
		       const struct draft_result *result, struct problem *ret_problem)
{
	AUTOVIEW *view = backend_task_view(fs->backend, number);
	AUTOFREE char *text = NULL;
	AUTOCLOSE int fd = -1;
	struct newest newest = { 0 };
	int r;

	if (!view || !view->refused_save.problem)
		return 0;
	fd = open_newest(fs, directory, result, &newest);
	if (fd < 0)
		return fd;
	if (draft_judge(fs, directory, fd, newest.name, ret_problem) == -EINVAL)
		return -EINVAL;
	r = is_held(&view->refused_save, &newest, fd);
	if (r <= 0)
		return r;
	text = text_format(
		"the last save was rejected (%s), and no save has been accepted "
		"since; save the file again, or write \"submit\" to status",
		view->refused_save.problem);
	folder_set_waiting(fs, number, text);
	return 1;
}

void refused_saves_wait_for_trigger(struct filesystem *fs, uint64_t number)
{
	static const char none[] = "there is no prompt and no request.json";
	AUTOVIEW *view = backend_task_view(fs->backend, number);
	AUTOFREE char *text =
		view && view->refused_save.problem
			? text_format("%s: the last save was rejected (%s), and the "
				      "program then removed the file; save it again",
				      none, view->refused_save.problem)
			: NULL;

	folder_set_waiting(fs, number, text ? text : none);
}
