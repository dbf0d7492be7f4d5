#include "fs/view/status_file.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/text.h"
#include "fs/folder/folder.h"
#include "fs/view/shown_facts.h"
#include "fs/view/status_text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static char *countdown(struct filesystem *fs, int64_t active_ms)
{
	int64_t left_ms =
		active_ms + backend_config(fs->backend)->settle_ms - clock_boot_ms();

	if (left_ms < 0)
		left_ms = 0;
	return text_format("settling: will be submitted in %" PRId64
			   " s unless the folder changes",
			   (left_ms + 999) / 1000);
}

static char *render(struct filesystem *fs, const struct task_view *view)
{
	int64_t active_ms;
	AUTOFREE char *waiting = shown_waiting(fs, view, &active_ms);
	struct status_facts facts = {
		.is_simulated = shown_is_simulated(fs, view),
		.now_ms = clock_wall_ms(),
		.kept_percent = shown_kept_percent(fs, view),
		.prefetch_begins_ms = backend_keep_begins_ms(fs->backend, view),
	};

	facts.link_expires_s =
		backend_link_expires_s(fs->backend, view, &facts.link_expires_is_guess);
	if (!waiting && view->state == TASK_PENDING && !view->order)
		waiting = countdown(fs, active_ms);
	facts.waiting = waiting;
	return status_text_render(view, &facts);
}

/*
 * The caller's turn to render the snapshot. 0: the present snapshot will do, or the
 * folder is gone.
 */
static uint64_t begin(struct filesystem *fs, const struct task_view *view,
		      int64_t *ret_now_ms)
{
	SCOPED_LOCK(&fs->folders->lock);
	struct folder *folder = folders_find(fs->folders, view->number);

	*ret_now_ms = clock_boot_ms();
	if (!folder || snapshot_is_fresh(&folder->status, view->revision, *ret_now_ms))
		return 0;
	return snapshot_begin(&folder->status);
}

/*
 * Renders the snapshot if it is old, without the lock. Returns false if it must be
 * rendered again from a newer view.
 */
static bool render_snapshot(struct filesystem *fs, const struct task_view *view)
{
	int64_t now_ms;
	uint64_t turn = begin(fs, view, &now_ms);
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

/* Ensures that the snapshot shows this view or a newer one, and nothing older. */
static void refresh(struct filesystem *fs, const struct task_view *view)
{
	bool is_done = render_snapshot(fs, view);

	while (!is_done) { /* repeats only when something changed meanwhile */
		AUTOVIEW *newer = backend_task_view(fs->backend, view->number);

		is_done = !newer || render_snapshot(fs, newer);
	}
}

void status_file_outdate(struct filesystem *fs, uint64_t number)
{
	SCOPED_LOCK(&fs->folders->lock);
	struct folder *folder = folders_find(fs->folders, number);

	if (folder)
		snapshot_outdate(&folder->status);
}

char *status_file_text(struct filesystem *fs, uint64_t number)
{
	AUTOVIEW *view = backend_task_view(fs->backend, number);
	const struct folder *folder;

	if (view)
		refresh(fs, view);
	SCOPED_LOCK(&fs->folders->lock);
	folder = folders_find(fs->folders, number);
	return strdup(folder && folder->status.text ? folder->status.text : "");
}

int status_file_stat(struct filesystem *fs, const struct task_view *view,
		     struct stat *status)
{
	struct folder *folder;

	refresh(fs, view);
	SCOPED_LOCK(&fs->folders->lock);
	folder = folders_find(fs->folders, view->number);
	if (!folder || !folder->status.text)
		return -ESTALE;
	status->st_size = (off_t)strlen(folder->status.text);
	status->st_mtim = folder->status.mtime;
	return 0;
}
