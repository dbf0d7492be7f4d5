/*
 * The inputs of an order: files that are inputs by their name, files and data that the
 * request names. Each is copied aside, so that nobody can change what is being sent.
 */
#include "fs/order/draft_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "fs/order/data_url.h"
#include "fs/tree/resolve.h"
#include "fs/order/output_link.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#define INPUT_MAX_BYTES (UINT64_C(256) << 20)

/* --- by name --- */

static int compare_names(const void *a, const void *b)
{
	return name_compare(*(char *const *)a, *(char *const *)b);
}

/* The request names the file itself: then it also says what it is for. */
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

/* Of first and last frames there is one each; the names are sorted. */
static const char *find_twin(const struct scene *scene, size_t index)
{
	enum request_role role = name_input_role(scene->names[index]);

	if (role == ROLE_REFERENCE || !index ||
	    name_input_role(scene->names[index - 1]) != role)
		return NULL;
	return scene->names[index - 1];
}

static int add_named(struct scene *scene, size_t index)
{
	const char *name = scene->names[index], *twin = find_twin(scene, index);
	enum request_role role = name_input_role(name);

	if (twin)
		return scene_refuse(
			scene, "%s and %s both want to be the %s; keep one of them", twin,
			name, role == ROLE_FIRST_FRAME ? "first frame" : "last frame");
	return request_add_input(scene->out->request, role, name);
}

/* Files named by their role count unless the request itself has media of that role. */
int scene_add_named(struct scene *scene)
{
	const struct request *request = scene->out->request;
	bool has[] = {
		[ROLE_FIRST_FRAME] = request_has_role(request, ROLE_FIRST_FRAME),
		[ROLE_LAST_FRAME] = request_has_role(request, ROLE_LAST_FRAME),
		[ROLE_REFERENCE] = request_has_role(request, ROLE_REFERENCE),
	};
	int r = 0;

	if (request->task_id)
		return 0;
	if (scene->has_too_many)
		return scene_refuse(scene,
				    "there are more than %d files called first_frame.*, "
				    "last_frame.* or reference*.*; remove some",
				    NAMED_MAX);
	qsort(scene->names, scene->name_count, sizeof(scene->names[0]), compare_names);
	for (size_t i = 0; i < scene->name_count && !r; i++)
		if (!has[name_input_role(scene->names[i])] &&
		    !is_named_by_request(request, scene->names[i]))
			r = add_named(scene, i);
	return r;
}

/* --- copies --- */

static int open_aside(struct filesystem *fs)
{
	int fd = openat(fs->library, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

/* A private copy without a name: reflinked or copied by the kernel where it can. */
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
			return -EAGAIN; /* it became shorter this moment */
		left -= (uint64_t)copied;
	}
	return take_fd(&to);
}

static int check_whole(int fd, uint64_t size, struct media_type *type, bool *ret_whole)
{
	int r = media_type_read(fd, type);

	return r ? r : media_type_check_whole(fd, size, type, ret_whole);
}

/* --- files --- */

static int check_input(struct scene *scene, const char *name, int fd,
		       const struct stat *status)
{
	struct media_type type;
	bool is_whole;
	int r = scene_check_writer(scene, name, status);

	if (r)
		return r;
	if (!S_ISREG(status->st_mode))
		return scene_wait(scene, "%s is not a plain file", name);
	if (!status->st_size)
		return scene_wait(scene, "%s is empty", name);
	if ((uint64_t)status->st_size > INPUT_MAX_BYTES)
		return scene_refuse(scene, "%s has %jd bytes; allowed: up to %" PRIu64,
				    name, (intmax_t)status->st_size, INPUT_MAX_BYTES);
	r = check_whole(fd, (uint64_t)status->st_size, &type, &is_whole);
	if (r)
		return r;
	return is_whole ? 0
			: scene_wait(scene, "%s is not whole yet (%s without its end)",
				     name, type.mime);
}

static int explain_path(struct scene *scene, const char *name, int error)
{
	if (error == -EXDEV)
		return scene_refuse(scene,
				    "%s: \"%s\" leads out of the mount; copy the file "
				    "into the folder",
				    scene->trigger, name);
	if (error == -ENOENT || error == -ENOTDIR || error == -ELOOP) {
		scene->out->waits_elsewhere = strchr(name, '/') != NULL;
		return scene_wait(scene, "%s is not there yet (named in %s)", name,
				  scene->trigger);
	}
	return error;
}

/* An input is of the folder itself when its resolved path is directly below it. */
static bool is_own(const struct scene *scene, const char *path)
{
	size_t length = strlen(scene->path);

	return !strncmp(path, scene->path, length) && path[length] == '/' &&
	       !strchr(path + length + 1, '/');
}

/* Opens a file that may be sent as it is now. A descriptor, or as gather_scene.h says. */
static int open_input(struct scene *scene, const char *name, const char *path,
		      struct stat *status)
{
	AUTOCLOSE int fd = tree_openat(&scene->fs->tree, path, O_RDONLY | O_NONBLOCK);
	int r;

	if (fd < 0)
		return explain_path(scene, name, fd);
	r = scene_stat(scene, name, fd, status);
	if (!r)
		r = check_input(scene, name, fd, status);
	return r ? r : take_fd(&fd);
}

/* To tell what was ordered, which task and output it is will do. */
static int attach_shot(struct scene *scene, size_t index, const char *path,
		       const struct request_shot *shot)
{
	if (!scene->is_comparison)
		return scene_attach_shot(scene, index, path, shot);
	scene->out->request->content[index].shot = *shot;
	return 0;
}

/* Whether a file is there and whole; another task's output is settled here. */
static int check_path(struct scene *scene, size_t index)
{
	const char *name = scene->out->request->content[index].path;
	AUTOFREE char *path = NULL;
	AUTOCLOSE int fd = -1;
	struct stat status;
	struct request_shot shot;
	int r = resolve_path(&scene->fs->tree, scene->path, name, &path);

	if (r == -ENOENT && path && !shot_find(scene->fs, path, &shot))
		return attach_shot(scene, index, path, &shot);
	if (r)
		return explain_path(scene, name, r);
	fd = open_input(scene, name, path, &status);
	return fd < 0 ? fd : 0;
}

/* What the copy holds must be whole as well: the file may have changed since. */
static int copy_input(struct scene *scene, const char *name, int fd,
		      const struct stat *status)
{
	uint64_t size = (uint64_t)status->st_size;
	AUTOCLOSE int copy = copy_aside(scene->fs, fd, size);
	struct media_type type;
	bool is_whole;
	int r = copy < 0 ? copy : check_whole(copy, size, &type, &is_whole);

	if (r)
		return r;
	return is_whole ? take_fd(&copy)
			: scene_wait(scene, "%s changed while it was read", name);
}

static int attach_file(struct scene *scene, size_t index)
{
	struct request *request = scene->out->request;
	const char *name = request->content[index].path;
	AUTOFREE char *path = NULL;
	AUTOCLOSE int fd = -1;
	struct stat status;
	int r = resolve_path(&scene->fs->tree, scene->path, name, &path);

	if (r)
		return explain_path(scene, name, r);
	fd = open_input(scene, name, path, &status);
	if (fd < 0)
		return fd;
	r = scene_add_seen(scene, name, fd, &status);
	if (!r && is_own(scene, path))
		r = scene_lock(scene, strrchr(path, '/') + 1, &status);
	if (r)
		return r;
	r = scene->is_comparison ? take_fd(&fd) : copy_input(scene, name, fd, &status);
	if (r < 0)
		return r;
	return request_attach(request, index, r, &scene->out->problem);
}

/* --- data --- */

static int decode_aside(struct scene *scene, const struct request_content *item)
{
	AUTOCLOSE int to = open_aside(scene->fs);
	const char *why = NULL;
	int r = to < 0 ? to : data_url_decode(item->url, to, &why);

	if (r == -EINVAL && why)
		return scene_refuse(scene, "%s: %s: the data URL is broken: %s",
				    scene->out->request->source,
				    request_content_name(item), why);
	return r ? r : take_fd(&to);
}

/* A picture inside the request: no more of it will come, so it is whole or wrong. */
static int attach_data(struct scene *scene, size_t index)
{
	struct request *request = scene->out->request;
	const struct request_content *item = &request->content[index];
	AUTOCLOSE int fd = decode_aside(scene, item);
	struct media_type type;
	struct stat status;
	bool is_whole;
	int r = fd < 0 ? fd : fstat(fd, &status) < 0 ? -errno : 0;

	if (!r)
		r = check_whole(fd, (uint64_t)status.st_size, &type, &is_whole);
	if (r)
		return r;
	if (!is_whole)
		return scene_refuse(scene, "%s: %s is cut off (%s without its end)",
				    request->source, request_content_name(item),
				    type.mime);
	return request_attach(request, index, take_fd(&fd), &scene->out->problem);
}

/* Whether an item is there; nothing is copied. */
static int check_item(struct scene *scene, size_t index)
{
	const struct request_content *item = &scene->out->request->content[index];

	if (item->type == CONTENT_DRAFT_TASK)
		return scene_attach_draft(scene, index);
	return item->path ? check_path(scene, index) : 0;
}

/* Gives an item its bytes, where they are here. */
static int attach_item(struct scene *scene, size_t index)
{
	const struct request_content *item = &scene->out->request->content[index];

	if (item->type == CONTENT_DRAFT_TASK || item->shot.number)
		return 0;
	if (item->path)
		return attach_file(scene, index);
	if (item->url && data_url_is(item->url))
		return attach_data(scene, index);
	return 0;
}

/* A folder that waits is looked at again and again: what is copied goes out. */
int scene_attach(struct scene *scene)
{
	size_t count = scene->out->request->content_count;
	int r = 0;

	for (size_t i = 0; i < count && !r; i++)
		r = check_item(scene, i);
	for (size_t i = 0; i < count && !r; i++)
		r = attach_item(scene, i);
	return r;
}
