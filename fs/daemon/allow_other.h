/*
 * The machine's permission for a mount that lets other users in.
 */
#ifndef SEEDANCEFS_FS_DAEMON_ALLOW_OTHER_H
#define SEEDANCEFS_FS_DAEMON_ALLOW_OTHER_H

#include <sys/types.h>

/*
 * `option` is "allow_other" or "allow_root"; NULL: neither is given. An ordinary user may
 * give one only where the file `conf` says so: otherwise -EPERM with a whole line for
 * people in *ret_error (free() it).
 */
int allow_other_check(const char *option, uid_t uid, const char *conf, char **ret_error);

#endif
