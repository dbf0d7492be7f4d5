#include "fs/daemon/allow_other.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ROOT_UID 0

/* If only fusermount3 can read the file, fusermount3 reports the refusal. */
static bool is_allowed(const char *conf)
{
	AUTOFCLOSE FILE *file = fopen(conf, "re");
	char line[256];

	if (!file)
		return errno != ENOENT;
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, " \t\r\n#")] = '\0';
		if (!strcmp(line, "user_allow_other"))
			return true;
	}
	return false;
}

int allow_other_check(const char *option, uid_t uid, const char *conf, char **ret_error)
{
	if (!option || uid == ROOT_UID || is_allowed(conf))
		return 0;
	return text_fail(
		ret_error, -EPERM,
		"-o %s: %s does not allow it for ordinary users; ask root to add the "
		"line user_allow_other to that file, or mount without %s",
		option, conf, option);
}
