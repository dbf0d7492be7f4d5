#include "fs/view/shown_facts.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "fs/folder/edits.h"
#include "fs/folder/folder.h"

#include <string.h>

char *shown_waiting(struct filesystem *fs, const struct task_view *view,
		    int64_t *ret_active_ms)
{
	static const char copy[] =
		"this folder is a copy of a task's folder and is not submitted; to "
		"submit it, remove the copied status, task.json and video.mp4, then "
		"write \"submit\" to status";
	static const char copied[] =
		"the library or this folder was copied or restored, or another task's "
		"files were copied into it; write \"submit\" to status to submit it";
	SCOPED_LOCK(&fs->folders->lock);
	const struct folder *folder = folders_find(fs->folders, view->number);

	*ret_active_ms = folder ? edits_active_ms(folder->node) : 0;
	if (view->state != TASK_PENDING)
		return NULL;
	if (view->needs_submit)
		return strdup(copied);
	if (view->is_archive)
		return strdup(copy);
	return folder && !view->order ? text_dup(folder->waiting) : NULL;
}

int shown_kept_percent(struct filesystem *fs, const struct task_view *view)
{
	const struct output *video = &view->outputs[OUTPUT_VIDEO];

	if (view->state != TASK_SUCCEEDED || !video->is_ready || !video->size)
		return 0;
	return (int)(backend_media_kept(fs->backend, view, OUTPUT_VIDEO) * 100 /
		     video->size);
}

bool shown_is_simulated(struct filesystem *fs, const struct task_view *view)
{
	const struct provider_section *section =
		config_section(backend_config(fs->backend), view->provider);

	return view->provider && section && section->is_simulator;
}
