/*
 * The inode numbers that users see (fs/README.md, "Inode numbers"). Pure.
 */
#ifndef SEEDANCEFS_FS_VIEW_INODE_NUMBER_H
#define SEEDANCEFS_FS_VIEW_INODE_NUMBER_H

#include "fs/tree/names.h"

#include <stdint.h>
#include <sys/types.h>

/* The bits of a virtual file's version that its number contains. */
#define INODE_VERSION_MASK ((UINT64_C(1) << 28) - 1)

ino_t virtual_inode(uint64_t number, enum virtual_kind kind, uint64_t version);
/* Of a file in the library. */
ino_t user_inode(ino_t inode);

#endif
