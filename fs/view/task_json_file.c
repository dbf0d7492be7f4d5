#include "fs/view/task_json_file.h"

#include "backend/base/cleanup.h"
#include "backend/base/digest.h"
#include "fs/view/inode_number.h"
#include "fs/view/shown_facts.h"

#include <string.h>

static char *render(struct filesystem *fs, const struct task_view *view)
{
	int64_t active_ms;
	AUTOFREE char *waiting = shown_waiting(fs, view, &active_ms);
	struct task_facts facts = {
		.waiting = waiting,
		.kept_percent = shown_kept_percent(fs, view),
		.prefetch_begins_ms = backend_keep_begins_ms(fs->backend, view),
	};

	facts.link_expires_s =
		backend_link_expires_s(fs->backend, view, &facts.link_expires_is_guess);
	return task_json(view, &facts);
}

/*
 * Each text of task.json is a version with its own inode. The version is the text's
 * checksum, so the file stays the same while the text does, even if the task changes.
 */
static uint32_t text_version(const char *text)
{
	uint32_t version =
		(uint32_t)(crc32_add(0, text, strlen(text)) & INODE_VERSION_MASK);

	return version ? version : 1; /* 0: none */
}

char *task_json_file_text(struct filesystem *fs, const struct task_view *view,
			  uint32_t *ret_version)
{
	char *text = render(fs, view);

	*ret_version = text ? text_version(text) : 1;
	return text;
}

uint32_t task_json_file_version(struct filesystem *fs, const struct task_view *view)
{
	uint32_t version;
	AUTOFREE char *text = task_json_file_text(fs, view, &version);

	return version;
}
