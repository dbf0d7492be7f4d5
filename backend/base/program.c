#include "backend/base/program.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <string.h>

char *program_beside(const char *name)
{
	char self[4096];
	ssize_t got = readlink("/proc/self/exe", self, sizeof(self) - 1);
	AUTOFREE char *beside = NULL;

	if (got > 0) {
		self[got] = '\0';
		*strrchr(self, '/') = '\0';
		beside = text_format("%s/%s", self, name);
		if (beside && !access(beside, X_OK))
			return TAKE(beside);
	}
	return strdup(name);
}
