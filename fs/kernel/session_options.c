#include "fs/kernel/session_options.h"

#include "backend/base/cleanup.h"
#include "fs/kernel/ops.h"

/* `atime` is missing: it is the default, and libfuse 3.17 rejects it. */
const char *const session_option_names[] = {
	"allow_other",	"allow_root", "default_permissions",
	"auto_unmount", "ro",	      "rw",
	"suid",		"nosuid",     "dev",
	"nodev",	"exec",	      "noexec",
	"sync",		"async",      "dirsync",
	"noatime",	"fsname=",    "subtype=",
	"max_read=",	NULL
};

__attribute__((format(printf, 2, 0))) static void
say_nothing(enum fuse_log_level level, const char *format, va_list arguments)
{
}

bool session_takes_option(const char *option)
{
	AUTOFREE char *list = NULL;
	char *arguments[] = { (char *)"seedancefs", (char *)"-o", NULL, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(3, arguments);
	struct fuse_session *session;

	if (fuse_opt_add_opt_escaped(&list, option))
		return false;
	arguments[2] = list;
	fuse_set_log_func(say_nothing);
	session = fuse_session_new(&args, ops_table(), sizeof(*ops_table()), NULL);
	fuse_set_log_func(NULL);
	fuse_opt_free_args(&args);
	if (session)
		fuse_session_destroy(session);
	return session != NULL;
}
