#include "fs/tree/path.h"

#include "backend/base/cleanup.h"

#include <stdlib.h>
#include <string.h>

bool path_is_at_or_below(const char *path, const char *top)
{
	size_t length = strlen(top);

	return !length ||
	       (!strncmp(path, top, length) && (path[length] == '/' || !path[length]));
}

/* The real path of the longest existing part of a path. */
static char *resolve_part(const char *path)
{
	AUTOFREE char *copy = strdup(path);

	while (copy) {
		char *real = realpath(copy, NULL), *slash;

		if (real)
			return real;
		slash = strrchr(copy, '/');
		if (!slash || slash == copy)
			return strdup("/");
		*slash = '\0';
	}
	return NULL;
}

bool path_lies_inside(const char *inner, const char *outer)
{
	AUTOFREE char *a = resolve_part(inner), *b = realpath(outer, NULL);
	size_t length = b ? strlen(b) : 0;

	if (!a || !b)
		return false;
	return !strncmp(a, b, length) && (!a[length] || a[length] == '/' || length == 1);
}
