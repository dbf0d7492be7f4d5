/*
 * The mount point before the mount: whether it will do, and whether a dead one must go
 * first.
 */
#ifndef SEEDANCEFS_FS_DAEMON_MOUNT_POINT_H
#define SEEDANCEFS_FS_DAEMON_MOUNT_POINT_H

#include <stdint.h>

/* The filesystem's type as the kernel lists it. */
#define MOUNT_SUBTYPE "seedancefs"

/*
 * Checks a mount point; what a crashed daemon of ours left there is unmounted. On success
 * *ret_path is its path without links (free() it). 0, or -errno with a line in
 * *ret_error.
 */
int mount_point_prepare(const char *path, char **ret_path, char **ret_error);

/*
 * Lets the kernel read further ahead in the files of a mount than its default of 128 KiB.
 * Only root may; for others nothing happens. Touches no file of the mount, which is known
 * by its device (announcer_identify()).
 */
void mount_point_read_ahead(uint64_t device, unsigned kib);

#endif
