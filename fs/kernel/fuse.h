/* libfuse's low-level API, at the version that this program is written for. */
#ifndef SEEDANCEFS_FS_KERNEL_FUSE_H
#define SEEDANCEFS_FS_KERNEL_FUSE_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#endif
