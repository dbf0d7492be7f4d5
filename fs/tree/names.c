#include "fs/tree/names.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <fnmatch.h>
#include <string.h>

static const char *const triggers[] = { "request.json", "prompt.txt", "prompt.md",
					"prompt" };

int name_trigger_rank(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(triggers); i++)
		if (!strcmp(triggers[i], name))
			return (int)i;
	return -1;
}

bool name_is_trigger(const char *name)
{
	return name_trigger_rank(name) >= 0;
}

bool name_is_defaults(const char *name)
{
	return !strcmp(name, DEFAULTS_NAME);
}

bool name_is_scratch(const char *name)
{
	static const char *const patterns[] = {
		"*~",	  "#*#",   "4913",	   "*.swp",	"*.swx",
		"*.part", "*.tmp", "*.crdownload", "sed??????", "XX??????",
	};

	if (*name == '.')
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
		if (!fnmatch(patterns[i], name, 0))
			return true;
	return false;
}

bool name_is_arriving(const char *name)
{
	static const char *const patterns[] = {
		"*.part",
		"*.crdownload",
		".goutputstream-*",
		".?*.[A-Za-z0-9][A-Za-z0-9][A-Za-z0-9][A-Za-z0-9][A-Za-z0-9][A-Za-z0-9]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
		if (!fnmatch(patterns[i], name, 0))
			return true;
	return false;
}

enum name_role name_input_role(const char *name)
{
	if (text_starts_with(name, "last_frame.out."))
		return NAME_OTHER; /* an output's name, used where an input is called
				    * last_frame.png */
	if (text_starts_with(name, "first_frame.") && !name_is_scratch(name))
		return NAME_FIRST_FRAME;
	if (text_starts_with(name, "last_frame.") && !name_is_scratch(name))
		return NAME_LAST_FRAME;
	if (!fnmatch("reference*.?*", name, 0) && !name_is_scratch(name))
		return NAME_REFERENCE;
	return NAME_OTHER;
}

/* Compares two runs of digits by their value. */
static int compare_numbers(const char *a, size_t a_size, const char *b, size_t b_size)
{
	while (a_size && *a == '0')
		a++, a_size--;
	while (b_size && *b == '0')
		b++, b_size--;
	if (a_size != b_size)
		return a_size < b_size ? -1 : 1;
	return memcmp(a, b, a_size);
}

int name_compare(const char *a, const char *b)
{
	const char *x = a, *y = b;

	while (*x && *y) {
		size_t x_size = strspn(x, "0123456789"), y_size = strspn(y, "0123456789");
		int order = x_size && y_size ? compare_numbers(x, x_size, y, y_size)
					     : (unsigned char)*x - (unsigned char)*y;

		if (order)
			return order;
		x += x_size && y_size ? x_size : 1;
		y += x_size && y_size ? y_size : 1;
	}
	return *x || *y ? (*x ? 1 : -1) : strcmp(a, b);
}

enum virtual_kind name_virtual_kind(const char *name)
{
	static const struct {
		const char *name;
		enum virtual_kind kind;
	} names[] = {
		{ "status", VIRTUAL_STATUS },
		{ "task.json", VIRTUAL_TASK_JSON },
		{ "error.txt", VIRTUAL_ERROR },
		{ "video.mp4", VIRTUAL_VIDEO },
		{ "last_frame.png", VIRTUAL_LAST_FRAME },
		{ "last_frame.out.png", VIRTUAL_LAST_FRAME },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i].name, name))
			return names[i].kind;
	return VIRTUAL_NONE;
}

bool name_is_gallery(const char *name)
{
	return !strcmp(name, GALLERY_NAME);
}

bool name_tells_copy(const char *name)
{
	enum virtual_kind kind = name_virtual_kind(name);

	return kind == VIRTUAL_STATUS || kind == VIRTUAL_TASK_JSON ||
	       kind == VIRTUAL_VIDEO;
}

bool path_is_in_trash(const char *path)
{
	return text_starts_with(path, ".Trash") || strstr(path, "/.Trash");
}

static bool is_scratch_folder(const char *name, size_t size)
{
	static const char *const endings[] = { "~", ".part", ".tmp", ".crdownload" };

	if (*name == '.')
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		size_t length = strlen(endings[i]);

		if (size > length && !memcmp(name + size - length, endings[i], length))
			return true;
	}
	return false;
}

const char *path_scratch_folder(const char *path, size_t *ret_size)
{
	while (*path) {
		size_t size = strcspn(path, "/");

		if (size && is_scratch_folder(path, size)) {
			*ret_size = size;
			return path;
		}
		path += size + (path[size] == '/');
	}
	return NULL;
}
