#include "fs/names.h"

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

enum request_role name_input_role(const char *name)
{
	if (text_starts_with(name, "last_frame.out."))
		return ROLE_NONE; /* ours, beside an input called last_frame.png */
	if (text_starts_with(name, "first_frame.") && !name_is_scratch(name))
		return ROLE_FIRST_FRAME;
	if (text_starts_with(name, "last_frame.") && !name_is_scratch(name))
		return ROLE_LAST_FRAME;
	return ROLE_NONE;
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
