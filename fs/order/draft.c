#include "fs/order/draft_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/file.h"
#include "backend/base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void draft_result_clear(struct draft_result *result)
{
	request_destroy(result->request);
	problem_clear(&result->problem);
	free(result->waiting);
	for (size_t i = 0; i < result->locked_count; i++)
		free(result->locked[i].name);
	free(result->locked);
	*result = (struct draft_result){ 0 };
}

int draft_wait(struct draft *draft, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	draft->out->waiting = text_vformat(format, arguments);
	va_end(arguments);
	return -EAGAIN;
}

int draft_refuse(struct draft *draft, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	problem_vset(&draft->out->problem, PROBLEM_INVALID, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

int draft_lock(struct draft *draft, const char *name, const struct stat *status)
{
	struct draft_result *out = draft->out;
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

/* --- scanning the folder --- */

/* The name of a process, to be shown to the user. */
static void process_name(pid_t pid, char ret_name[32])
{
	AUTOFREE char *path = text_format("/proc/%d/comm", (int)pid);

	*ret_name = '\0';
	if (path)
		file_read_line(path, ret_name, 32);
	if (!*ret_name)
		snprintf(ret_name, 32, "a program");
}

int draft_check_writer(struct draft *draft, const char *name, const struct stat *status)
{
	char process[32];
	pid_t pid = 0;

	if (!nodes_has_writer(&draft->fs->nodes, status->st_dev, status->st_ino, &pid))
		return 0;
	process_name(pid, process);
	return draft_wait(draft, "%s is open for writing by %s (process %d)", name,
			  process, (int)pid);
}

/* Of several prompt files one is used; a request.json takes precedence. */
static int see_trigger(struct draft *draft, const char *name)
{
	if (!name_trigger_rank(name)) {
		draft->has_json = true;
		return 0;
	}
	if (draft->prompt && name_trigger_rank(draft->prompt) < name_trigger_rank(name))
		return 0;
	free(draft->prompt);
	draft->prompt = strdup(name);
	return draft->prompt ? 0 : -ENOMEM;
}

static int see_name(struct draft *draft, const char *name)
{
	if (name_tells_copy(name))
		draft->has_copy = true;
	if (!strcmp(name, "hold"))
		draft->has_hold = true;
	if (name_is_trigger(name))
		return see_trigger(draft, name);
	if (name_input_role(name) == NAME_OTHER)
		return 0;
	if (draft->name_count == NAMED_MAX) {
		draft->has_too_many = true;
		return 0;
	}
	draft->names[draft->name_count] = strdup(name);
	return draft->names[draft->name_count++] ? 0 : -ENOMEM;
}

static int see_entry(struct draft *draft, const char *name)
{
	struct stat status;
	int r;

	if (fstatat(draft->directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* removed meanwhile: that is activity, so there is another
			   * check */
	if (S_ISREG(status.st_mode)) {
		r = draft_check_writer(draft, name, &status);
		if (r)
			return r;
	}
	return S_ISDIR(status.st_mode) ? 0 : see_name(draft, name);
}

/* A file that is arriving under a temporary name may belong to the order. */
static int check_arriving(struct draft *draft, const char *name)
{
	struct stat status;

	if (fstatat(draft->directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(status.st_mode))
		return 0;
	return draft_check_writer(draft, name, &status);
}

static int look_around(struct draft *draft)
{
	int fd = openat(draft->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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
			r = check_arriving(draft, entry->d_name);
		else if (!name_is_scratch(entry->d_name))
			r = see_entry(draft, entry->d_name);
	}
	closedir(stream);
	draft->trigger = draft->has_json ? "request.json" : draft->prompt;
	return r;
}

/* --- the draft --- */

static int check_request(struct draft *draft)
{
	const struct request *request = draft->out->request;

	if (request->task_id || !request_is_empty(request))
		return 0;
	return draft_refuse(draft,
			    "%s: no prompt and no image; add \"prompt\" or \"content\"",
			    draft->trigger);
}

static int read_request(struct draft *draft)
{
	int r = draft_read(draft);

	if (!r)
		r = draft_add_named(draft);
	if (!r)
		r = check_request(draft);
	return r ? r : draft_attach(draft);
}

/* Finishes the digest of all texts, and of the content of the inputs. */
static void finish_digest(struct draft *draft)
{
	const struct request *request = draft->out->request;

	if (!request && draft->parsed) /* a later text was refused */
		request = parsed_request(draft->parsed);

	for (size_t i = 0; request && i < request->content_count; i++) {
		const struct request_content *item = &request->content[i];
		AUTOFREE char *line =
			text_format("%d %s %s %" PRIu64 " %u", item->role,
				    item->path ? item->path : "", item->file.sha256,
				    item->shot.number, item->shot.output);

		if (item->path && line)
			digest_add(draft->digest, line, strlen(line) + 1);
	}
	digest_finish(draft->digest, draft->out->digest);
}

/* If a file changed while it was read, the draft is neither sent nor refused. */
static int check_seen(struct draft *draft, int r)
{
	int changed = !r || r == -EINVAL ? draft_check_seen(draft) : 0;

	return changed ? changed : r;
}

static int look(struct draft *draft, enum draft_outcome *ret_outcome)
{
	int r = look_around(draft);

	*ret_outcome = DRAFT_WAITS;
	if (r)
		return r;
	if (!draft->trigger) {
		*ret_outcome = DRAFT_NOTHING;
		return 0;
	}
	if (draft->has_copy) {
		*ret_outcome = DRAFT_COPY;
		return 0;
	}
	if (draft->has_hold && !draft->is_comparison)
		return draft_wait(
			draft,
			"held by the file \"hold\"; remove it to submit this folder");
	r = check_seen(draft, read_request(draft));
	if (r == -EINVAL)
		*ret_outcome = DRAFT_INVALID;
	else if (!r)
		*ret_outcome = DRAFT_READY;
	if (r && r != -EINVAL)
		return r;
	finish_digest(draft);
	return 0;
}

static void draft_clear(struct draft *draft)
{
	cleanup_close(&draft->directory);
	digest_destroy(draft->digest);
	parsed_unref(draft->parsed);
	draft_clear_seen(draft);
	free(draft->prompt);
	for (size_t i = 0; i < draft->name_count; i++)
		free(draft->names[i]);
}

struct request *draft_peek(struct filesystem *fs, const char *path)
{
	struct draft_result result = { 0 };
	struct draft draft = { .fs = fs, .path = path, .out = &result };
	struct request *request = NULL;

	draft.directory = tree_openat(&fs->tree, path, O_PATH | O_DIRECTORY);
	draft.digest = digest_create();
	if (draft.directory >= 0 && draft.digest && !look_around(&draft) &&
	    draft.trigger && !draft_read(&draft))
		request = TAKE(result.request);
	draft_clear(&draft);
	draft_result_clear(&result);
	return request;
}

static int look_at(struct draft *draft, struct node *directory,
		   enum draft_outcome *ret_outcome)
{
	int r;

	draft->directory = nodes_open_directory(&draft->fs->nodes, directory);
	if (draft->directory < 0)
		return draft->directory;
	draft->digest = digest_create();
	r = draft->digest ? look(draft, ret_outcome) : -ENOMEM;
	if (r == -EAGAIN && !draft->out->waiting)
		draft_wait(draft, "a file is being changed");
	draft_clear(draft);
	return r == -EAGAIN ? 0 : r;
}

int draft_make(struct filesystem *fs, struct node *directory, const char *path,
	       uint64_t number, struct draft_result *ret_gathered,
	       enum draft_outcome *ret_outcome)
{
	struct draft draft = {
		.fs = fs, .number = number, .path = path, .out = ret_gathered
	};

	return look_at(&draft, directory, ret_outcome);
}

int draft_digest(struct filesystem *fs, struct node *directory, const char *path,
		 char ret_digest[SHA256_HEX])
{
	struct draft_result result = { 0 };
	struct draft draft = {
		.fs = fs, .path = path, .out = &result, .is_comparison = true
	};
	enum draft_outcome outcome = DRAFT_NOTHING;
	int r = look_at(&draft, directory, &outcome);

	if (!r && outcome == DRAFT_WAITS)
		r = -EAGAIN;
	else if (!r && outcome != DRAFT_READY && outcome != DRAFT_INVALID)
		r = -ENOENT;
	if (!r)
		memcpy(ret_digest, result.digest, SHA256_HEX);
	draft_result_clear(&result);
	return r;
}

/* Defaults may choose the service and the model; their parameters are not judged here. */
static int add_defaults(struct draft *draft)
{
	const struct request *request = parsed_request(draft->parsed);
	bool is_own[PARAM_COUNT];
	int r;

	for (int i = 0; i < PARAM_COUNT; i++)
		is_own[i] = request->params[i].is_set;
	r = draft_read_defaults(draft);
	if (!r)
		r = request_copy(parsed_request(draft->parsed), &draft->out->request);
	for (int i = 0; !r && i < PARAM_COUNT; i++)
		if (!is_own[i])
			request_unset(draft->out->request, (enum request_param)i);
	return r;
}

/*
 * If there is a request.json, only that file is judged for its values. Drops the
 * reference to `parsed`, the file's own content.
 */
static int judge_values(struct filesystem *fs, struct node *folder, const char *name,
			struct parsed *parsed, struct problem *ret_problem)
{
	AUTOFREE char *path = nodes_path(&fs->nodes, folder);
	struct draft_result result = { 0 };
	struct draft draft = { .fs = fs, .path = path, .out = &result, .parsed = parsed };
	int r = 0;

	draft.directory = path ? nodes_open_directory(&fs->nodes, folder) : -ENOENT;
	draft.digest = digest_create();
	if (draft.directory >= 0 && draft.digest &&
	    (!name_trigger_rank(name) ||
	     faccessat(draft.directory, "request.json", F_OK, AT_SYMLINK_NOFOLLOW)) &&
	    !add_defaults(&draft))
		r = backend_judge_request(fs->backend, result.request, ret_problem);
	draft_clear(&draft);
	draft_result_clear(&result);
	return r;
}

/* Judges defaults as if they applied to an empty request. */
static int judge_defaults(const char *name, const struct buffer *text,
			  struct problem *ret_problem)
{
	AUTOREQUEST *request = NULL;
	int r = request_parse("request.json", "{}", 2, &request, ret_problem);

	return r ? r
		 : request_parse_defaults(request, name, text->data, text->size,
					  ret_problem);
}

int draft_judge(struct filesystem *fs, struct node *folder, int fd, const char *name,
		struct problem *ret_problem)
{
	AUTOBUFFER text = BUFFER_INIT(REQUEST_TEXT_MAX);
	struct parsed *parsed = NULL;
	int r = file_read_all(fd, &text);

	if (r == -EFBIG) {
		problem_set(ret_problem, PROBLEM_INVALID,
			    "%s is too large; allowed: up to %u bytes", name,
			    REQUEST_TEXT_MAX);
		return -EINVAL;
	}
	if (r || !text.size)
		return r;
	if (name_is_defaults(name))
		return judge_defaults(name, &text, ret_problem);
	r = parse_cache_read(fs->parse_cache, PARSE_TRIGGER, name, text.data, text.size,
			     &parsed, ret_problem);
	return r ? r : judge_values(fs, folder, name, parsed, ret_problem);
}
