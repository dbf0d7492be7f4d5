#include "fs/view/task_xattrs.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "fs/folder/folder.h"
#include "fs/folder/access.h"
#include "fs/view/prompt.h"

#include <string.h>
#include <time.h>

#define VALUE_MAX_BYTES 400

struct draft {
	struct filesystem *fs;
	struct node *folder;
	const struct task_view *view;
	uid_t uid;
};

static char *show_state(const struct draft *draft)
{
	return strdup(task_state_word(draft->view->state));
}

/* As in `status`: an attempt has no such attribute until it is sent. */
static char *show_sent(const struct draft *draft, const char *text)
{
	if (draft->view->state == TASK_PENDING || !text || !*text)
		return NULL;
	return text_clean(text, VALUE_MAX_BYTES);
}

static char *show_provider(const struct draft *draft)
{
	return show_sent(draft, draft->view->provider);
}

static char *show_model(const struct draft *draft)
{
	return show_sent(draft, draft->view->model);
}

static char *show_task_id(const struct draft *draft)
{
	return show_sent(draft, draft->view->remote_id);
}

static char *show_prompt(const struct draft *draft)
{
	if (!access_is_owner(draft->fs, draft->uid))
		return NULL;
	return prompt_of(draft->fs, draft->folder, draft->view, SHOWN_PROMPT_MAX_BYTES);
}

/* RFC 3339. A guess is omitted: `status` marks it with "about". */
static char *show_expires(const struct draft *draft)
{
	bool is_guess = false;
	time_t seconds;
	char text[40];
	struct tm tm;

	if (draft->view->state != TASK_SUCCEEDED)
		return NULL;
	seconds = (time_t)backend_link_expires_s(draft->fs->backend, draft->view,
						 &is_guess);
	if (!seconds || is_guess || !gmtime_r(&seconds, &tm))
		return NULL;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return strdup(text);
}

static const struct {
	const char *name;
	char *(*show)(const struct draft *draft);
} shown[] = {
	{ TASK_XATTR_PREFIX "state", show_state },
	{ TASK_XATTR_PREFIX "provider", show_provider },
	{ TASK_XATTR_PREFIX "model", show_model },
	{ TASK_XATTR_PREFIX "task_id", show_task_id },
	{ TASK_XATTR_PREFIX "prompt", show_prompt },
	{ TASK_XATTR_PREFIX "expires", show_expires },
};

/*
 * The task of a folder, or of a virtual file in one, with a reference; NULL: none. A copy
 * of a task's folder shows what was copied.
 */
static struct task_view *view_of(struct filesystem *fs, struct node *node)
{
	uint64_t number = node->is_virtual ? node->number : folder_number(fs, node);
	AUTOVIEW *view = number ? backend_task_view(fs->backend, number) : NULL;

	return view && !view->is_archive ? TAKE(view) : NULL;
}

char *task_xattr_value(struct filesystem *fs, struct node *node, const char *name,
		       uid_t uid)
{
	AUTOVIEW *view = view_of(fs, node);
	struct draft draft = { fs, node->is_virtual ? node->folder : node, view, uid };

	for (size_t i = 0; view && i < ARRAY_SIZE(shown); i++)
		if (!strcmp(shown[i].name, name))
			return shown[i].show(&draft);
	return NULL;
}

size_t task_xattr_names(struct filesystem *fs, struct node *node, uid_t uid,
			char names[SHOWN_NAMES_MAX_BYTES])
{
	AUTOVIEW *view = view_of(fs, node);
	struct draft draft = { fs, node->is_virtual ? node->folder : node, view, uid };
	size_t size = 0;

	for (size_t i = 0; view && i < ARRAY_SIZE(shown); i++) {
		AUTOFREE char *value = shown[i].show(&draft);
		size_t length = strlen(shown[i].name) + 1;

		if (!value || size + length > SHOWN_NAMES_MAX_BYTES)
			continue;
		memcpy(names + size, shown[i].name, length);
		size += length;
	}
	return size;
}
