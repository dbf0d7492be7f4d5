#include "fs/view/prompt.h"

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/file.h"
#include "backend/base/text.h"

#include <errno.h>
#include <fcntl.h>

#define FILE_MAX_BYTES (1u << 20) /* longer ones contain images: too slow */

/* Reads only regular files of the folder itself: links may point elsewhere. */
static int read_file(int directory, const char *name, struct buffer *text)
{
	AUTOCLOSE int fd =
		openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode) || status.st_size > FILE_MAX_BYTES)
		return -EINVAL;
	return file_read_all(fd, text);
}

/*
 * The prompt of a file, without its flags. A text that is not a valid order is returned
 * unchanged.
 */
static char *prompt_in(struct filesystem *fs, int directory, const char *name)
{
	AUTOBUFFER text = BUFFER_INIT(FILE_MAX_BYTES);
	AUTOPARSED *parsed = NULL;
	AUTOPROBLEM problem = { 0 };

	if (read_file(directory, name, &text) || !text.size)
		return NULL;
	if (!parse_cache_read(fs->parse_cache, PARSE_TRIGGER, name, text.data, text.size,
			      &parsed, &problem))
		return request_prompt(parsed_request(parsed));
	return text_ends_with(name, ".json") ? NULL : buffer_take(&text);
}

static char *prompt_here(struct filesystem *fs, struct node *folder)
{
	static const char *const names[] = { "request.json", "prompt.txt", "prompt.md",
					     "prompt" };
	AUTOCLOSE int directory =
		folder ? nodes_open_directory(&fs->nodes, folder) : -ENOENT;
	char *prompt = NULL;

	for (size_t i = 0; directory >= 0 && !prompt && i < ARRAY_SIZE(names); i++)
		prompt = prompt_in(fs, directory, names[i]);
	return prompt;
}

char *prompt_of(struct filesystem *fs, struct node *folder, const struct task_view *view,
		size_t max_bytes)
{
	bool is_unsent = view->state == TASK_PENDING || view->state == TASK_INVALID;
	AUTOFREE char *prompt = is_unsent ? prompt_here(fs, folder) : task_prompt(view);
	char *clean = prompt ? text_clean(prompt, max_bytes) : NULL;

	if (clean && *clean)
		return clean;
	free(clean);
	return NULL;
}
