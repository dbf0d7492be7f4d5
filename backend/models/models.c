#include "backend/models/rules_internal.h"

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/file.h"
#include "backend/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define FILE_MAX_BYTES (1u << 20)

void models_destroy(struct models *models)
{
	if (!models)
		return;
	json_free(models->services);
	json_free(models->models);
	free(models);
}

static void models_cleanup(struct models **models)
{
	models_destroy(*models);
}
#define AUTOMODELS CLEANUP(models_cleanup) struct models

static int no_memory(char **ret_error)
{
	return text_fail(ret_error, -ENOMEM, "models.json: out of memory");
}

static int read_tree(const char *name, const char *text, size_t size,
		     struct json **ret_tree, char **ret_error)
{
	struct json_error error = { 0 };
	int r = json_parse(text, size, ret_tree, &error);

	if (r == -EINVAL)
		return text_fail(ret_error, r, "%s: line %u, column %u: %s", name,
				 error.line, error.column, error.why);
	return r ? no_memory(ret_error) : models_check_file(name, *ret_tree, ret_error);
}

/* Adds the blocks of `from` to `into`, except those that `except` contains. */
static int add_blocks(struct json *into, const struct json *from,
		      const struct json *except)
{
	int r = 0;

	for (const struct json *block = json_first(from); block && !r;
	     block = json_next(block))
		if (!json_get(except, json_key(block)))
			r = json_put(into, json_key(block), json_copy(block));
	return r;
}

/* Merges: blocks of the newer file replace those of the same name. */
static int merge_blocks(struct json **blocks, const struct json *newer)
{
	AUTOJSON *merged = json_new_object();
	int r = merged ? add_blocks(merged, *blocks, newer) : -ENOMEM;

	if (!r)
		r = add_blocks(merged, newer, NULL);
	if (r)
		return r;
	json_free(*blocks);
	*blocks = TAKE(merged);
	return 0;
}

static int add_text(struct models *models, const char *name, const char *text,
		    size_t size, char **ret_error)
{
	AUTOJSON *tree = NULL;
	int r = read_tree(name, text, size, &tree, ret_error);

	if (r)
		return r;
	r = merge_blocks(&models->services, json_get(tree, "services"));
	if (!r)
		r = merge_blocks(&models->models, json_get(tree, "models"));
	return r ? no_memory(ret_error) : models_check_names(name, models, ret_error);
}

int models_parse(const char *name, const char *text, size_t size, struct models **models,
		 char **ret_error)
{
	AUTOMODELS *made = calloc(1, sizeof(*made));
	int r = made ? add_text(made, name, text, size, ret_error) : no_memory(ret_error);

	if (r)
		return r;
	*models = TAKE(made);
	return 0;
}

static int read_file(const char *path, struct buffer *bytes)
{
	AUTOCLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : file_read_all(fd, bytes);
}

static int add_file(struct models *models, const char *path, bool may_be_missing,
		    char **ret_error)
{
	AUTOBUFFER bytes = BUFFER_INIT(FILE_MAX_BYTES);
	int r = read_file(path, &bytes);

	if (may_be_missing && (r == -ENOENT || r == -ENOTDIR))
		return 0;
	if (r)
		return text_fail(ret_error, r, "%s: %s", path, strerror(-r));
	return add_text(models, path, bytes.data ? bytes.data : "", bytes.size,
			ret_error);
}

int models_load(const char *installed, const char *const *overrides, size_t count,
		struct models **ret_models, char **ret_error)
{
	AUTOMODELS *models = calloc(1, sizeof(*models));
	int r = models ? add_file(models, installed, false, ret_error)
		       : no_memory(ret_error);

	for (size_t i = 0; !r && i < count; i++)
		r = add_file(models, overrides[i], true, ret_error);
	if (r)
		return r;
	*ret_models = TAKE(models);
	return 0;
}

/* The directory of the running program, without a trailing slash; NULL: unknown. */
static char *program_directory(void)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (length <= 0)
		return NULL;
	path[length] = '\0';
	slash = strrchr(path, '/');
	return slash ? strndup(path, (size_t)(slash - path)) : NULL;
}

char *models_installed_path(void)
{
	static const char *const places[] = {
		"/share/models.json",		    /* as built */
		"/../share/models.json",	    /* as built, for the tests */
		"/../share/seedancefs/models.json", /* as installed */
	};
	AUTOFREE char *directory = program_directory();

	for (size_t i = 0; directory && i < ARRAY_SIZE(places); i++) {
		AUTOFREE char *path = text_format("%s%s", directory, places[i]);

		if (path && !access(path, R_OK))
			return TAKE(path);
	}
	return strdup(SEEDANCEFS_DATADIR "/models.json");
}
