/* The system's permission for a mount that other users can access. */
#ifndef SEEDANCEFS_FS_DAEMON_ALLOW_OTHER_H
#define SEEDANCEFS_FS_DAEMON_ALLOW_OTHER_H

#include <sys/types.h>

/*
 * `option` is "allow_other" or "allow_root"; NULL: neither is given. An ordinary user may
 * give one only if the file `conf` allows it. Otherwise returns -EPERM with a complete
 * message in *ret_error (free() it).
 */
int allow_other_check(const char *option, uid_t uid, const char *conf, char **ret_error);

#endif
