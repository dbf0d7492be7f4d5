/* The mount point before the mount: checks it, and unmounts a dead mount on it. */
#ifndef SEEDANCEFS_FS_DAEMON_MOUNT_POINT_H
#define SEEDANCEFS_FS_DAEMON_MOUNT_POINT_H

#include <stdint.h>

/* The filesystem's type in the kernel's list of mounts. */
#define MOUNT_SUBTYPE "seedancefs"

/*
 * Checks a mount point. Unmounts what a crashed daemon of ours left there. On success
 * *ret_path is its path without links (free() it). 0, or -errno with a message in
 * *ret_error.
 */
int mount_point_prepare(const char *path, char **ret_path, char **ret_error);

/*
 * Raises the kernel's read-ahead for a mount above its default of 128 KiB. Only root may;
 * for others it does nothing. It touches no file of the mount, which is identified by its
 * device (announcer_identify()).
 */
void mount_point_read_ahead(uint64_t device, unsigned kib);

#endif
