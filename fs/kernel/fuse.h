/* libfuse's low-level API, in the version that this program uses. */
#ifndef SEEDANCEFS_FS_KERNEL_FUSE_H
#define SEEDANCEFS_FS_KERNEL_FUSE_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#endif
