/*
 * The text of --help. The lists of keys come from the configuration's table.
 */
#ifndef SEEDANCEFS_FS_DAEMON_USAGE_H
#define SEEDANCEFS_FS_DAEMON_USAGE_H

/* free() it; NULL without memory. */
char *usage_text(void);

#endif
