#include "fs/gather.h"

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "fs/resolve.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX_BYTES (UINT64_C(256) << 20)
#define INPUTS_MAX 64

/* One look at a folder. */
struct scene {
	struct filesystem *fs;
	const char *path; /* below the tree */
	int directory;
	char *trigger; /* the name that counts */
	char *names[INPUTS_MAX];
	size_t name_count; /* inputs known by their name */
	bool has_copy, has_hold;
	struct gathered *out;
};

void gathered_clear(struct gathered *gathered)
{
	request_destroy(gathered->request);
	problem_clear(&gathered->problem);
	free(gathered->waiting);
	for (size_t i = 0; i < gathered->locked_count; i++)
		free(gathered->locked[i].name);
	free(gathered->locked);
	*gathered = (struct gathered){ 0 };
}

__attribute__((format(printf, 2, 3))) static int wait_for(struct scene *scene,
							  const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&scene->out->waiting, format, arguments) < 0)
		scene->out->waiting = NULL;
	va_end(arguments);
	return -EAGAIN;
}

/* --- reading the folder --- */

/* The name of a process, for people. */
static void process_name(pid_t pid, char ret_name[32])
{
	AUTOFREE char *path = text_format("/proc/%d/comm", (int)pid);
	AUTOCLOSE int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t got = fd >= 0 ? read(fd, ret_name, 31) : 0;

	ret_name[got > 0 ? got : 0] = '\0';
	ret_name[strcspn(ret_name, "\n")] = '\0';
	if (!*ret_name)
		snprintf(ret_name, 32, "a program");
}

static int check_writer(struct scene *scene, const char *name, const struct stat *status)
{
	char process[32];
	pid_t pid = 0;

	if (!nodes_has_writer(&scene->fs->nodes, status->st_dev, status->st_ino, &pid))
		return 0;
	process_name(pid, process);
	return wait_for(scene, "%s is open for writing by %s (process %d)", name, process,
			(int)pid);
}

static int see_trigger(struct scene *scene, const char *name)
{
	if (scene->trigger && name_trigger_rank(scene->trigger) < name_trigger_rank(name))
		return 0;
	free(scene->trigger);
	scene->trigger = strdup(name);
	return scene->trigger ? 0 : -ENOMEM;
}

static int see_name(struct scene *scene, const char *name)
{
	if (name_tells_copy(name))
		scene->has_copy = true;
	if (!strcmp(name, "hold"))
		scene->has_hold = true;
	if (name_is_trigger(name))
		return see_trigger(scene, name);
	if (name_input_role(name) == ROLE_NONE || scene->name_count == INPUTS_MAX)
		return 0;
	scene->names[scene->name_count] = strdup(name);
	return scene->names[scene->name_count++] ? 0 : -ENOMEM;
}

static int see_entry(struct scene *scene, const char *name)
{
	struct stat status;
	int r;

	if (fstatat(scene->directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* gone this moment: that is activity, and looked at again */
	if (S_ISREG(status.st_mode)) {
		r = check_writer(scene, name, &status);
		if (r)
			return r;
	}
	return S_ISDIR(status.st_mode) ? 0 : see_name(scene, name);
}

static int look_around(struct scene *scene)
{
	int fd = openat(scene->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	int r = 0;

	if (!stream) {
		r = -errno;
		cleanup_close(&fd);
		return r;
	}
	while (!r && (entry = readdir(stream)))
		if (!name_is_scratch(entry->d_name))
			r = see_entry(scene, entry->d_name);
	closedir(stream);
	return r;
}

/* --- reading the trigger --- */

static int read_all(int fd, struct buffer *text)
{
	char chunk[16384];

	for (;;) {
		ssize_t got = pread(fd, chunk, sizeof(chunk), (off_t)text->size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return 0;
		if (buffer_append(text, chunk, (size_t)got))
			return buffer_error(text);
	}
}

static int add_locked(struct scene *scene, const char *name, const struct stat *status)
{
	struct gathered *out = scene->out;
	struct locked_file *grown =
		realloc(out->locked, (out->locked_count + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	out->locked = grown;
	grown[out->locked_count] =
		(struct locked_file){ strdup(name), (uint64_t)status->st_dev,
				      (uint64_t)status->st_ino };
	return grown[out->locked_count++].name ? 0 : -ENOMEM;
}

static int open_trigger(struct scene *scene, struct stat *status)
{
	int fd = openat(scene->directory, scene->trigger,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (fstat(fd, status) < 0 || !S_ISREG(status->st_mode)) {
		close(fd);
		return wait_for(scene, "%s is not a plain file", scene->trigger);
	}
	return fd;
}

/* Nothing of a trigger's text is known to be wrong: a digest of it and the inputs'
 * content. */
static int set_digest(struct scene *scene, const struct buffer *text)
{
	const struct request *request = scene->out->request;
	struct digest *digest = digest_create();

	if (!digest)
		return -ENOMEM;
	digest_add(digest, text->data, text->size);
	for (size_t i = 0; request && i < request->content_count; i++) {
		const struct request_content *item = &request->content[i];
		AUTOFREE char *line =
			text_format("%d %s %s", item->role, item->path ? item->path : "",
				    item->file.sha256);

		if (item->path && line)
			digest_add(digest, line, strlen(line) + 1);
	}
	digest_finish(digest, scene->out->digest);
	digest_destroy(digest);
	return 0;
}

static int read_trigger(struct scene *scene, struct buffer *text)
{
	struct stat status;
	AUTOCLOSE int fd = open_trigger(scene, &status);
	int r;

	if (fd < 0)
		return fd;
	if (status.st_nlink > 1)
		return wait_for(
			scene,
			"%s has %ju hard links, so it may change elsewhere; make it a "
			"file of its own (cp it, and rename the copy over it)",
			scene->trigger, (uintmax_t)status.st_nlink);
	if (!status.st_size)
		return wait_for(scene, "%s is empty", scene->trigger);
	r = read_all(fd, text);
	if (r == -EFBIG) {
		problem_set(&scene->out->problem, PROBLEM_INVALID,
			    "%s has %jd bytes; allowed: up to %u. Put pictures into "
			    "files beside it",
			    scene->trigger, (intmax_t)status.st_size, REQUEST_TEXT_MAX);
		return -EINVAL;
	}
	return r ? r : add_locked(scene, scene->trigger, &status);
}

/* --- inputs --- */

/* A private copy without a name: reflinked or copied by the kernel where it can. */
static int copy_aside(struct filesystem *fs, int from, uint64_t size)
{
	AUTOCLOSE int to = openat(fs->library, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	uint64_t left = size;

	if (to < 0)
		return -errno;
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

static int check_input(struct scene *scene, const char *name, int fd,
		       const struct stat *status)
{
	struct media_type type;
	bool is_whole;
	int r = check_writer(scene, name, status);

	if (r)
		return r;
	if (!S_ISREG(status->st_mode))
		return wait_for(scene, "%s is not a plain file", name);
	if (!status->st_size)
		return wait_for(scene, "%s is empty", name);
	if ((uint64_t)status->st_size > INPUT_MAX_BYTES) {
		problem_set(&scene->out->problem, PROBLEM_INVALID,
			    "%s has %jd bytes; allowed: up to %" PRIu64, name,
			    (intmax_t)status->st_size, INPUT_MAX_BYTES);
		return -EINVAL;
	}
	r = media_type_read(fd, &type);
	if (!r)
		r = media_type_check_whole(fd, (uint64_t)status->st_size, &type,
					   &is_whole);
	if (r)
		return r;
	return is_whole ? 0
			: wait_for(scene, "%s is not whole yet (%s without its end)",
				   name, type.mime);
}

static int explain_path(struct scene *scene, const char *name, int error)
{
	if (error == -EXDEV) {
		problem_set(&scene->out->problem, PROBLEM_INVALID,
			    "%s: \"%s\" leads out of the mount; copy the file into the "
			    "folder",
			    scene->trigger, name);
		return -EINVAL;
	}
	if (error == -ENOENT || error == -ENOTDIR || error == -ELOOP) {
		scene->out->waits_elsewhere = strchr(name, '/') != NULL;
		return wait_for(scene, "%s is not there yet (named in %s)", name,
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

static int attach_input(struct scene *scene, size_t index)
{
	struct request *request = scene->out->request;
	const char *name = request->content[index].path;
	AUTOFREE char *path = NULL;
	AUTOCLOSE int fd = -1;
	struct stat status;
	int r = resolve_path(&scene->fs->tree, scene->path, name, &path);

	if (r)
		return explain_path(scene, name, r);
	fd = tree_openat(&scene->fs->tree, path, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return explain_path(scene, name, fd);
	if (fstat(fd, &status) < 0)
		return -errno;
	r = check_input(scene, name, fd, &status);
	if (!r && is_own(scene, path))
		r = add_locked(scene, strrchr(path, '/') + 1, &status);
	if (r)
		return r;
	r = copy_aside(scene->fs, fd, (uint64_t)status.st_size);
	if (r < 0)
		return r;
	return request_attach(request, index, r, &scene->out->problem);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Files named by their role count unless the request itself has media of that role. */
static int add_named_inputs(struct scene *scene)
{
	struct request *request = scene->out->request;
	bool has_first = request_has_role(request, ROLE_FIRST_FRAME);
	bool has_last = request_has_role(request, ROLE_LAST_FRAME);

	if (request->task_id)
		return 0;
	qsort(scene->names, scene->name_count, sizeof(scene->names[0]), compare_names);
	for (size_t i = 0; i < scene->name_count; i++) {
		enum request_role role = name_input_role(scene->names[i]);
		bool *has = role == ROLE_FIRST_FRAME ? &has_first : &has_last;

		if (*has && request_has_role(request, role) && i > 0 &&
		    name_input_role(scene->names[i - 1]) == role) {
			problem_set(&scene->out->problem, PROBLEM_INVALID,
				    "%s and %s both want to be the %s; keep one of them",
				    scene->names[i - 1], scene->names[i],
				    role == ROLE_FIRST_FRAME ? "first frame"
							     : "last frame");
			return -EINVAL;
		}
		if (*has)
			continue;
		if (request_add_input(request, role, scene->names[i]))
			return -ENOMEM;
		*has = true;
	}
	return 0;
}

static int check_request(struct scene *scene)
{
	struct request *request = scene->out->request;

	if (request->task_id || !request_is_empty(request))
		return 0;
	problem_set(
		&scene->out->problem, PROBLEM_INVALID,
		"%s: there is no prompt and no picture; write \"prompt\" or \"content\"",
		scene->trigger);
	return -EINVAL;
}

static int read_request(struct scene *scene, struct buffer *text)
{
	struct gathered *out = scene->out;
	int r = read_trigger(scene, text);

	if (!r)
		r = request_parse(scene->trigger, text->data, text->size, &out->request,
				  &out->problem);
	if (!r)
		r = add_named_inputs(scene);
	if (!r)
		r = check_request(scene);
	for (size_t i = 0; !r && i < out->request->content_count; i++)
		if (out->request->content[i].path)
			r = attach_input(scene, i);
	return r;
}

/* --- all of it --- */

static int look(struct scene *scene, enum gather_result *ret_result)
{
	AUTOBUFFER text = BUFFER_INIT(REQUEST_TEXT_MAX);
	int r = look_around(scene);

	*ret_result = GATHER_WAITS;
	if (r)
		return r;
	if (!scene->trigger) {
		*ret_result = GATHER_NOTHING;
		return 0;
	}
	if (scene->has_copy) {
		*ret_result = GATHER_COPY;
		return 0;
	}
	if (scene->has_hold)
		return wait_for(scene,
				"held by the file \"hold\"; remove it to send this");
	r = read_request(scene, &text);
	if (r == -EINVAL)
		*ret_result = GATHER_INVALID;
	else if (!r)
		*ret_result = GATHER_READY;
	if (r == -EINVAL || !r)
		return set_digest(scene, &text);
	return r;
}

static void scene_clear(struct scene *scene)
{
	cleanup_close(&scene->directory);
	free(scene->trigger);
	for (size_t i = 0; i < scene->name_count; i++)
		free(scene->names[i]);
}

int gather(struct filesystem *fs, struct node *directory, const char *path,
	   struct gathered *ret_gathered, enum gather_result *ret_result)
{
	struct scene scene = { .fs = fs, .path = path, .out = ret_gathered };
	int r;

	scene.directory = nodes_open_directory(&fs->nodes, directory);
	if (scene.directory < 0)
		return scene.directory;
	r = look(&scene, ret_result);
	if (r == -EAGAIN && !ret_gathered->waiting)
		wait_for(&scene, "a file is changing this moment");
	scene_clear(&scene);
	return r == -EAGAIN ? 0 : r;
}

int gather_judge(int fd, const char *name)
{
	AUTOBUFFER text = BUFFER_INIT(REQUEST_TEXT_MAX);
	AUTOREQUEST *request = NULL;
	AUTOPROBLEM problem = { 0 };
	int r = read_all(fd, &text);

	if (r == -EFBIG)
		return -EINVAL;
	if (r || !text.size)
		return r;
	return request_parse(name, text.data, text.size, &request, &problem);
}
