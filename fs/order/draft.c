#include "fs/order/draft_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

int scene_wait(struct scene *scene, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&scene->out->waiting, format, arguments) < 0)
		scene->out->waiting = NULL;
	va_end(arguments);
	return -EAGAIN;
}

int scene_refuse(struct scene *scene, const char *format, ...)
{
	AUTOFREE char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	problem_set(&scene->out->problem, PROBLEM_INVALID, "%s", text ? text : "");
	return -EINVAL;
}

int scene_lock(struct scene *scene, const char *name, const struct stat *status)
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

int scene_check_writer(struct scene *scene, const char *name, const struct stat *status)
{
	char process[32];
	pid_t pid = 0;

	if (!nodes_has_writer(&scene->fs->nodes, status->st_dev, status->st_ino, &pid))
		return 0;
	process_name(pid, process);
	return scene_wait(scene, "%s is open for writing by %s (process %d)", name,
			  process, (int)pid);
}

/* Of several prompt files one counts; a request.json comes before them. */
static int see_trigger(struct scene *scene, const char *name)
{
	if (!name_trigger_rank(name)) {
		scene->has_json = true;
		return 0;
	}
	if (scene->prompt && name_trigger_rank(scene->prompt) < name_trigger_rank(name))
		return 0;
	free(scene->prompt);
	scene->prompt = strdup(name);
	return scene->prompt ? 0 : -ENOMEM;
}

static int see_name(struct scene *scene, const char *name)
{
	if (name_tells_copy(name))
		scene->has_copy = true;
	if (!strcmp(name, "hold"))
		scene->has_hold = true;
	if (name_is_trigger(name))
		return see_trigger(scene, name);
	if (name_input_role(name) == ROLE_NONE)
		return 0;
	if (scene->name_count == NAMED_MAX) {
		scene->has_too_many = true;
		return 0;
	}
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
		r = scene_check_writer(scene, name, &status);
		if (r)
			return r;
	}
	return S_ISDIR(status.st_mode) ? 0 : see_name(scene, name);
}

/* What still comes under a temporary name may be one of the order's files. */
static int check_arriving(struct scene *scene, const char *name)
{
	struct stat status;

	if (fstatat(scene->directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(status.st_mode))
		return 0;
	return scene_check_writer(scene, name, &status);
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
	while (!r && (entry = readdir(stream))) {
		if (name_is_arriving(entry->d_name))
			r = check_arriving(scene, entry->d_name);
		else if (!name_is_scratch(entry->d_name))
			r = see_entry(scene, entry->d_name);
	}
	closedir(stream);
	scene->trigger = scene->has_json ? "request.json" : scene->prompt;
	return r;
}

/* --- all of it --- */

static int check_request(struct scene *scene)
{
	const struct request *request = scene->out->request;

	if (request->task_id || !request_is_empty(request))
		return 0;
	return scene_refuse(scene,
			    "%s: there is no prompt and no picture; write \"prompt\" or "
			    "\"content\"",
			    scene->trigger);
}

static int read_request(struct scene *scene)
{
	int r = scene_read(scene);

	if (!r)
		r = scene_add_named(scene);
	if (!r)
		r = check_request(scene);
	return r ? r : scene_attach(scene);
}

/* The digest of all that was read, and of the inputs' content. */
static void finish_digest(struct scene *scene)
{
	const struct request *request = scene->out->request;

	for (size_t i = 0; request && i < request->content_count; i++) {
		const struct request_content *item = &request->content[i];
		AUTOFREE char *line =
			text_format("%d %s %s %" PRIu64 " %u", item->role,
				    item->path ? item->path : "", item->file.sha256,
				    item->shot.number, item->shot.output);

		if (item->path && line)
			digest_add(scene->digest, line, strlen(line) + 1);
	}
	digest_finish(scene->digest, scene->out->digest);
}

/* What changed while it was read is neither sent nor refused. */
static int check_seen(struct scene *scene, int r)
{
	int changed = !r || r == -EINVAL ? scene_check_seen(scene) : 0;

	return changed ? changed : r;
}

static int look(struct scene *scene, enum gather_result *ret_result)
{
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
	if (scene->has_hold && !scene->is_comparison)
		return scene_wait(scene,
				  "held by the file \"hold\"; remove it to send this");
	r = check_seen(scene, read_request(scene));
	if (r == -EINVAL)
		*ret_result = GATHER_INVALID;
	else if (!r)
		*ret_result = GATHER_READY;
	if (r && r != -EINVAL)
		return r;
	finish_digest(scene);
	return 0;
}

static void scene_clear(struct scene *scene)
{
	cleanup_close(&scene->directory);
	digest_destroy(scene->digest);
	scene_clear_seen(scene);
	free(scene->prompt);
	for (size_t i = 0; i < scene->name_count; i++)
		free(scene->names[i]);
}

struct request *scene_peek(struct filesystem *fs, const char *path)
{
	struct gathered gathered = { 0 };
	struct scene scene = { .fs = fs, .path = path, .out = &gathered };
	struct request *request = NULL;

	scene.directory = tree_openat(&fs->tree, path, O_PATH | O_DIRECTORY);
	scene.digest = digest_create();
	if (scene.directory >= 0 && scene.digest && !look_around(&scene) &&
	    scene.trigger && !scene_read(&scene))
		request = TAKE(gathered.request);
	scene_clear(&scene);
	gathered_clear(&gathered);
	return request;
}

static int look_at(struct scene *scene, struct node *directory,
		   enum gather_result *ret_result)
{
	int r;

	scene->directory = nodes_open_directory(&scene->fs->nodes, directory);
	if (scene->directory < 0)
		return scene->directory;
	scene->digest = digest_create();
	r = scene->digest ? look(scene, ret_result) : -ENOMEM;
	if (r == -EAGAIN && !scene->out->waiting)
		scene_wait(scene, "a file is changing this moment");
	scene_clear(scene);
	return r == -EAGAIN ? 0 : r;
}

int gather(struct filesystem *fs, struct node *directory, const char *path,
	   uint64_t number, struct gathered *ret_gathered, enum gather_result *ret_result)
{
	struct scene scene = {
		.fs = fs, .number = number, .path = path, .out = ret_gathered
	};

	return look_at(&scene, directory, ret_result);
}

int gather_digest(struct filesystem *fs, struct node *directory, const char *path,
		  char ret_digest[SHA256_HEX])
{
	struct gathered gathered = { 0 };
	struct scene scene = {
		.fs = fs, .path = path, .out = &gathered, .is_comparison = true
	};
	enum gather_result result = GATHER_NOTHING;
	int r = look_at(&scene, directory, &result);

	if (!r && result == GATHER_WAITS)
		r = -EAGAIN;
	else if (!r && result != GATHER_READY && result != GATHER_INVALID)
		r = -ENOENT;
	if (!r)
		memcpy(ret_digest, gathered.digest, SHA256_HEX);
	gathered_clear(&gathered);
	return r;
}

/* The defaults may choose service and model; their values are their own matter. */
static int add_defaults(struct scene *scene)
{
	struct request *request = scene->out->request;
	bool is_own[PARAM_COUNT];
	int r;

	for (int i = 0; i < PARAM_COUNT; i++)
		is_own[i] = request->params[i].is_set;
	r = scene_read_defaults(scene);
	for (int i = 0; i < PARAM_COUNT; i++)
		if (!is_own[i])
			request_unset(request, (enum request_param)i);
	return r;
}

/* Beside a request.json, that one says most. Takes the request. */
static int judge_values(struct filesystem *fs, struct node *folder, const char *name,
			struct request *request, struct problem *ret_problem)
{
	AUTOFREE char *path = nodes_path(&fs->nodes, folder);
	struct gathered gathered = { .request = request };
	struct scene scene = { .fs = fs, .path = path, .out = &gathered };
	int r = 0;

	scene.directory = path ? nodes_open_directory(&fs->nodes, folder) : -ENOENT;
	scene.digest = digest_create();
	if (scene.directory >= 0 && scene.digest &&
	    (!name_trigger_rank(name) ||
	     faccessat(scene.directory, "request.json", F_OK, AT_SYMLINK_NOFOLLOW)) &&
	    !add_defaults(&scene))
		r = backend_judge_request(fs->backend, request, ret_problem);
	scene_clear(&scene);
	gathered_clear(&gathered);
	return r;
}

int gather_judge(struct filesystem *fs, struct node *folder, int fd, const char *name,
		 struct problem *ret_problem)
{
	AUTOBUFFER text = BUFFER_INIT(REQUEST_TEXT_MAX);
	AUTOREQUEST *request = NULL;
	int r = scene_read_all(fd, &text);

	if (r == -EFBIG) {
		problem_set(ret_problem, PROBLEM_INVALID, "%s is too large", name);
		return -EINVAL;
	}
	if (r || !text.size)
		return r;
	if (name_is_defaults(name)) {
		r = request_parse("request.json", "{}", 2, &request, ret_problem);
		return r ? r
			 : request_parse_defaults(request, name, text.data, text.size,
						  ret_problem);
	}
	r = request_parse(name, text.data, text.size, &request, ret_problem);
	return r ? r : judge_values(fs, folder, name, TAKE(request), ret_problem);
}
