/*
 * The inputs of an order: files that are inputs by name, and files and data that the
 * request names. Each is copied, so that nobody can change what is being sent.
 */
#include "fs/order/draft_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "fs/order/data_url.h"
#include "fs/tree/resolve.h"
#include "fs/order/output_link.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define INPUT_MAX_BYTES (UINT64_C(256) << 20)
#define FORMAT_NAME_BYTES 16

/* --- by name --- */

static int compare_names(const void *a, const void *b)
{
	return name_compare(*(char *const *)a, *(char *const *)b);
}

/* If the request names the file itself, it also sets the file's role. */
static bool is_named_by_request(const struct request *request, const char *name)
{
	for (size_t i = 0; i < request->content_count; i++) {
		const char *path = request->content[i].path;

		if (path && !strncmp(path, "./", 2))
			path += 2;
		if (path && !strcmp(path, name))
			return true;
	}
	return false;
}

static enum request_role role_of(const char *name)
{
	static const enum request_role roles[] = {
		[NAME_OTHER] = ROLE_NONE,
		[NAME_FIRST_FRAME] = ROLE_FIRST_FRAME,
		[NAME_LAST_FRAME] = ROLE_LAST_FRAME,
		[NAME_REFERENCE] = ROLE_REFERENCE,
	};

	return roles[name_input_role(name)];
}

/*
 * The other file with the same role; there may be one first and one last frame. The names
 * are sorted.
 */
static const char *find_twin(const struct draft *draft, size_t index)
{
	enum request_role role = role_of(draft->names[index]);

	if (role == ROLE_REFERENCE || !index || role_of(draft->names[index - 1]) != role)
		return NULL;
	return draft->names[index - 1];
}

static int add_named(struct draft *draft, size_t index)
{
	const char *name = draft->names[index], *twin = find_twin(draft, index);
	enum request_role role = role_of(name);

	if (twin)
		return draft_refuse(draft, "%s and %s are both the %s; keep one of them",
				    twin, name,
				    role == ROLE_FIRST_FRAME ? "first frame"
							     : "last frame");
	return request_add_input(draft->out->request, role, name);
}

/*
 * Files with a role in their name are used unless the request itself has media of that
 * role.
 */
int draft_add_named(struct draft *draft)
{
	const struct request *request = draft->out->request;
	bool has[] = {
		[ROLE_FIRST_FRAME] = request_has_role(request, ROLE_FIRST_FRAME),
		[ROLE_LAST_FRAME] = request_has_role(request, ROLE_LAST_FRAME),
		[ROLE_REFERENCE] = request_has_role(request, ROLE_REFERENCE),
	};
	int r = 0;

	if (request->task_id)
		return 0;
	if (draft->has_too_many)
		return draft_refuse(draft,
				    "more than %d files are called first_frame.*, "
				    "last_frame.* or reference*.*; remove some",
				    NAMED_MAX);
	qsort(draft->names, draft->name_count, sizeof(draft->names[0]), compare_names);
	for (size_t i = 0; i < draft->name_count && !r; i++)
		if (!has[role_of(draft->names[i])] &&
		    !is_named_by_request(request, draft->names[i]))
			r = add_named(draft, i);
	return r;
}

/* --- copies --- */

static int open_aside(struct filesystem *fs)
{
	int fd = openat(fs->library, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

/* A private copy without a name: reflinked or copied by the kernel where possible. */
static int copy_aside(struct filesystem *fs, int from, uint64_t size)
{
	AUTOCLOSE int to = open_aside(fs);
	uint64_t left = size;

	if (to < 0)
		return to;
	while (left) {
		ssize_t copied = copy_file_range(from, NULL, to, NULL, left, 0);

		if (copied < 0 && errno == EINTR)
			continue;
		if (copied < 0)
			return -errno;
		if (copied == 0)
			return -EAGAIN; /* it was truncated meanwhile */
		left -= (uint64_t)copied;
	}
	return take_fd(&to);
}

static int check_whole(int fd, uint64_t size, struct media_type *type, bool *ret_whole)
{
	int r = media_type_read(media_of_file(fd), type);

	return r ? r : media_type_check_whole(media_of_file(fd), size, type, ret_whole);
}

/* "PNG" of image/png, for messages. */
static void format_name(const struct media_type *type, char ret_name[FORMAT_NAME_BYTES])
{
	const char *slash = strchr(type->mime, '/');

	snprintf(ret_name, FORMAT_NAME_BYTES, "%s", slash ? slash + 1 : type->mime);
	for (char *c = ret_name; *c; c++)
		*c = (char)toupper((unsigned char)*c);
}

/* --- files --- */

static int check_input(struct draft *draft, const char *name, int fd,
		       const struct stat *status)
{
	struct media_type type;
	char format[FORMAT_NAME_BYTES];
	bool is_whole;
	int r = draft_check_writer(draft, name, status);

	if (r)
		return r;
	if (!S_ISREG(status->st_mode))
		return draft_wait(draft, "%s is not a regular file", name);
	if (!status->st_size)
		return draft_wait(draft, "%s is empty", name);
	if ((uint64_t)status->st_size > INPUT_MAX_BYTES)
		return draft_refuse(draft, "%s has %jd bytes; allowed: up to %" PRIu64,
				    name, (intmax_t)status->st_size, INPUT_MAX_BYTES);
	r = check_whole(fd, (uint64_t)status->st_size, &type, &is_whole);
	if (r)
		return r;
	if (is_whole)
		return 0;
	format_name(&type, format);
	return draft_wait(draft, "%s is incomplete (%s without its end)", name, format);
}

static int explain_path(struct draft *draft, const char *name, int error)
{
	if (error == -EXDEV)
		return draft_refuse(
			draft,
			"%s: \"%s\" is outside the mount; copy the file into the folder",
			draft->trigger, name);
	if (error == -ENOENT || error == -ENOTDIR || error == -ELOOP) {
		draft->out->waits_elsewhere = strchr(name, '/') != NULL;
		return draft_wait(draft, "%s does not exist yet (named in %s)", name,
				  draft->trigger);
	}
	return error;
}

/* An input belongs to the folder itself if its resolved path is directly below it. */
static bool is_own(const struct draft *draft, const char *path)
{
	size_t length = strlen(draft->path);

	return !strncmp(path, draft->path, length) && path[length] == '/' &&
	       !strchr(path + length + 1, '/');
}

/*
 * Opens a file that may be sent in its current state. Returns a descriptor, or an error
 * as described in draft_internal.h.
 */
static int open_input(struct draft *draft, const char *name, const char *path,
		      struct stat *status)
{
	AUTOCLOSE int fd = tree_openat(&draft->fs->tree, path, O_RDONLY | O_NONBLOCK);
	int r;

	if (fd < 0)
		return explain_path(draft, name, fd);
	r = draft_stat(draft, name, fd, status);
	if (!r)
		r = check_input(draft, name, fd, status);
	return r ? r : take_fd(&fd);
}

/* A comparison needs only the number of the task and the output. */
static int attach_output_link(struct draft *draft, size_t index, const char *path,
			      const struct request_output_link *shot)
{
	if (!draft->is_comparison)
		return draft_attach_output_link(draft, index, path, shot);
	draft->out->request->content[index].shot = *shot;
	return 0;
}

/* Checks that a file exists and is complete; attaches another task's output. */
static int check_path(struct draft *draft, size_t index)
{
	const char *name = draft->out->request->content[index].path;
	AUTOFREE char *path = NULL;
	AUTOCLOSE int fd = -1;
	struct stat status;
	struct request_output_link shot;
	int r = resolve_path(&draft->fs->tree, draft->path, name, &path);

	if (r == -ENOENT && path && !output_link_find(draft->fs, path, &shot))
		return attach_output_link(draft, index, path, &shot);
	if (r)
		return explain_path(draft, name, r);
	fd = open_input(draft, name, path, &status);
	return fd < 0 ? fd : 0;
}

/* Checks the copy again: the file may have changed since. */
static int copy_input(struct draft *draft, const char *name, int fd,
		      const struct stat *status)
{
	uint64_t size = (uint64_t)status->st_size;
	AUTOCLOSE int copy = copy_aside(draft->fs, fd, size);
	struct media_type type;
	bool is_whole;
	int r = copy < 0 ? copy : check_whole(copy, size, &type, &is_whole);

	if (r)
		return r;
	return is_whole ? take_fd(&copy)
			: draft_wait(draft, "%s changed while it was being read", name);
}

static int attach_file(struct draft *draft, size_t index)
{
	struct request *request = draft->out->request;
	const char *name = request->content[index].path;
	AUTOFREE char *path = NULL;
	AUTOCLOSE int fd = -1;
	struct stat status;
	int r = resolve_path(&draft->fs->tree, draft->path, name, &path);

	if (r)
		return explain_path(draft, name, r);
	fd = open_input(draft, name, path, &status);
	if (fd < 0)
		return fd;
	r = draft_add_seen(draft, name, fd, &status);
	if (!r && is_own(draft, path))
		r = draft_lock(draft, strrchr(path, '/') + 1, &status);
	if (r)
		return r;
	r = draft->is_comparison ? take_fd(&fd) : copy_input(draft, name, fd, &status);
	if (r < 0)
		return r;
	return request_attach(request, index, r, &draft->out->problem);
}

/* --- data --- */

static int decode_aside(struct draft *draft, const struct request_content *item)
{
	AUTOCLOSE int to = open_aside(draft->fs);
	const char *why = NULL;
	int r = to < 0 ? to : data_url_decode(item->url, to, &why);

	if (r == -EINVAL && why)
		return draft_refuse(draft, "%s: %s: invalid data URL: %s",
				    draft->out->request->source,
				    request_content_name(item), why);
	return r ? r : take_fd(&to);
}

/*
 * An image inside the request: nothing more will arrive, so an incomplete one is refused.
 */
static int attach_data(struct draft *draft, size_t index)
{
	struct request *request = draft->out->request;
	const struct request_content *item = &request->content[index];
	AUTOCLOSE int fd = decode_aside(draft, item);
	struct media_type type;
	char format[FORMAT_NAME_BYTES];
	struct stat status;
	bool is_whole;
	int r = fd < 0 ? fd : fstat(fd, &status) < 0 ? -errno : 0;

	if (!r)
		r = check_whole(fd, (uint64_t)status.st_size, &type, &is_whole);
	if (r)
		return r;
	if (!is_whole) {
		format_name(&type, format);
		return draft_refuse(draft, "%s: %s is incomplete (%s without its end)",
				    request->source, request_content_name(item), format);
	}
	return request_attach(request, index, take_fd(&fd), &draft->out->problem);
}

/* Checks that an item is available, without copying. */
static int check_item(struct draft *draft, size_t index)
{
	const struct request_content *item = &draft->out->request->content[index];

	if (item->type == CONTENT_DRAFT_TASK)
		return draft_attach_draft(draft, index);
	return item->path ? check_path(draft, index) : 0;
}

/* Attaches the bytes of an item if they are local. */
static int attach_item(struct draft *draft, size_t index)
{
	const struct request_content *item = &draft->out->request->content[index];

	if (item->type == CONTENT_DRAFT_TASK || item->shot.number)
		return 0;
	if (item->path)
		return attach_file(draft, index);
	if (item->url && data_url_is(item->url))
		return attach_data(draft, index);
	return 0;
}

/* A waiting folder is checked repeatedly: copy only once everything is available. */
int draft_attach(struct draft *draft)
{
	size_t count = draft->out->request->content_count;
	int r = 0;

	for (size_t i = 0; i < count && !r; i++)
		r = check_item(draft, i);
	for (size_t i = 0; i < count && !r; i++)
		r = attach_item(draft, i);
	return r;
}
