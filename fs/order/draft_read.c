/*
 * Reads the texts of a folder: the trigger, a prompt beside it, and the defaults from the
 * folder up to the mount's root.
 */
#include "fs/order/draft_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/file.h"
#include "backend/base/text.h"
#include "fs/tree/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define DEFAULTS_MAX (1u << 20)

/* --- the trigger, and the prompt beside it --- */

static int open_own(struct draft *draft, const char *name, struct stat *status)
{
	AUTOCLOSE int fd = openat(draft->directory, name,
				  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = draft_stat(draft, name, fd, status);
	if (!r && !S_ISREG(status->st_mode))
		r = draft_wait(draft, "%s is not a regular file", name);
	if (!r)
		r = draft_add_seen(draft, name, fd, status);
	return r ? r : take_fd(&fd);
}

/* Reads a text of the folder that is part of the order: it will be locked. */
static int read_own(struct draft *draft, const char *name, struct buffer *text)
{
	struct stat status;
	AUTOCLOSE int fd = open_own(draft, name, &status);
	int r;

	if (fd < 0)
		return fd;
	if (status.st_nlink > 1)
		return draft_wait(
			draft,
			"%s has %ju hard links, so it can be changed under another name; "
			"replace it with a copy (cp it, then rename the copy over it)",
			name, (uintmax_t)status.st_nlink);
	if (!status.st_size)
		return draft_wait(draft, "%s is empty", name);
	r = file_read_all(fd, text);
	if (r == -EFBIG)
		return draft_refuse(draft,
				    "%s has %jd bytes; allowed: up to %u; put images "
				    "into files beside it",
				    name, (intmax_t)status.st_size, REQUEST_TEXT_MAX);
	if (!r && !text->size)
		r = -EAGAIN; /* it was truncated meanwhile */
	return r ? r : draft_lock(draft, name, &status);
}

static int read_trigger(struct draft *draft)
{
	AUTOBUFFER text = BUFFER_INIT(REQUEST_TEXT_MAX);
	int r = read_own(draft, draft->trigger, &text);

	if (r)
		return r;
	digest_add(draft->digest, text.data, text.size);
	return parse_cache_read(draft->fs->parse_cache, PARSE_TRIGGER, draft->trigger,
				text.data, text.size, &draft->parsed,
				&draft->out->problem);
}

/* Adds another text to the digest; the file's name separates it from the others. */
static void add_digest(struct draft *draft, const char *name, const struct buffer *text)
{
	digest_add(draft->digest, "", 1);
	digest_add(draft->digest, name, strlen(name) + 1);
	digest_add(draft->digest, text->data, text->size);
}

/* The prompt file beside a request.json without a prompt. */
static int read_beside(struct draft *draft)
{
	AUTOBUFFER text = BUFFER_INIT(REQUEST_TEXT_MAX);
	int r;
	r = read_own(draft, draft->prompt, &text);
	if (r)
		return r;
	add_digest(draft, draft->prompt, &text);
	return parse_cache_read(draft->fs->parse_cache, PARSE_PROMPT, draft->prompt,
				text.data, text.size, &draft->parsed,
				&draft->out->problem);
}

/* --- defaults --- */

/*
 * Refuses defaults that will not become readable by waiting: the file must be corrected.
 */
static int refuse_defaults(struct draft *draft, const char *shown, int error)
{
	if (error == -ENOMEM || error == -EMFILE || error == -ENFILE || error == -EAGAIN)
		return error;
	if (error == -EXDEV)
		return draft_refuse(
			draft, "%s is outside the mount; copy the file into the mount",
			shown);
	if (error == -EFBIG)
		return draft_refuse(draft, "%s is too large; allowed: up to %u bytes",
				    shown, DEFAULTS_MAX);
	return draft_refuse(draft, "%s cannot be read (%s)", shown, strerror(-error));
}

/*
 * Opens a folder's defaults, also through a symbolic link. Returns a descriptor, -ENOENT
 * if there are none, or an error for refuse_defaults().
 */
static int open_defaults(struct draft *draft, const char *folder, const char *shown)
{
	const struct tree *tree = &draft->fs->tree;
	AUTOFREE char *path =
		text_format("%s%s" DEFAULTS_NAME, folder, *folder ? "/" : "");
	AUTOFREE char *resolved = NULL;
	AUTOCLOSE int there = path ? tree_openat(tree, path, O_PATH) : -ENOMEM;
	int r;

	if (there == -ENOENT)
		return -ENOENT;
	r = there < 0 ? there : resolve_path(tree, folder, DEFAULTS_NAME, &resolved);
	if (r == -ENOENT || r == -ENOTDIR)
		return draft_wait(draft, "%s is a link to a file that does not exist yet",
				  shown);
	if (!r)
		r = tree_openat(tree, resolved, O_RDONLY | O_NONBLOCK);
	return r == -ENOENT ? -EAGAIN : r;
}

static int check_defaults(struct draft *draft, const char *shown, int fd)
{
	struct stat status;
	int r = draft_stat(draft, shown, fd, &status);

	if (r)
		return r;
	if (!S_ISREG(status.st_mode))
		return draft_refuse(draft, "%s is not a regular file", shown);
	r = draft_check_writer(draft, shown, &status);
	if (r)
		return r;
	if (!status.st_size)
		return draft_wait(draft, "%s is empty", shown);
	return draft_add_seen(draft, shown, fd, &status);
}

static int read_defaults_of(struct draft *draft, const char *folder, const char *shown)
{
	AUTOBUFFER text = BUFFER_INIT(DEFAULTS_MAX);
	AUTOCLOSE int fd = open_defaults(draft, folder, shown);
	int r;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return refuse_defaults(draft, shown, fd);
	r = check_defaults(draft, shown, fd);
	if (r)
		return r;
	r = file_read_all(fd, &text);
	if (r)
		return refuse_defaults(draft, shown, r);
	if (!text.size)
		return -EAGAIN; /* it was truncated meanwhile */
	add_digest(draft, shown, &text);
	return parse_cache_read(draft->fs->parse_cache, PARSE_DEFAULTS, shown, text.data,
				text.size, &draft->parsed, &draft->out->problem);
}

/* Reads from the folder itself up to the root: the nearest defaults take precedence. */
int draft_read_defaults(struct draft *draft)
{
	AUTOFREE char *folder = strdup(draft->path);
	AUTOFREE char *shown = strdup(DEFAULTS_NAME);
	int r = folder && shown ? 0 : -ENOMEM;

	if (r || parsed_request(draft->parsed)->task_id)
		return r;
	for (;;) {
		AUTOFREE char *above = text_format("../%s", shown);
		char *slash = strrchr(folder, '/');

		r = read_defaults_of(draft, folder, shown);
		if (r || !*folder)
			return r;
		*(slash ? slash : folder) = '\0';
		if (!above)
			return -ENOMEM;
		free(shown);
		shown = TAKE(above);
	}
}

/* Makes the order's own copy of the parsed texts. */
static int take_request(struct draft *draft, bool has_unused_prompt)
{
	int r = request_copy(parsed_request(draft->parsed), &draft->out->request);

	if (!r && has_unused_prompt)
		request_add_note(draft->out->request,
				 "%s is ignored: %s has its own prompt", draft->prompt,
				 draft->trigger);
	return r;
}

int draft_read(struct draft *draft)
{
	const struct request *request;
	bool has_prompt_beside, has_unused_prompt;
	int r = read_trigger(draft);

	if (r)
		return r;
	request = parsed_request(draft->parsed);
	has_prompt_beside = draft->has_json && draft->prompt && !request->task_id;
	has_unused_prompt = has_prompt_beside && request_has_text(request);
	if (has_prompt_beside && !has_unused_prompt)
		r = read_beside(draft);
	if (!r)
		r = draft_read_defaults(draft);
	return r ? r : take_request(draft, has_unused_prompt);
}
