#include "fs/view/inode_number.h"

#define NUMBER_SHIFT 32
#define KIND_SHIFT 28 /* the last kind leaves bit 31 clear */
_Static_assert(VIRTUAL_COUNT - VIRTUAL_STATUS <= 8, "a kind has three bits");
#define USER_INODE_BIT (UINT64_C(1) << 63)
#define SIGN_BIT (UINT64_C(1) << 31)
#define SIGN_SHIFT 31 /* moves it to bit 62 */

/*
 * Copiers that sort by inode must reach `status` first and a video last, because reading
 * a video changes task.json. GIO compares the lower 32 bits of the difference as a signed
 * number. So these bits are zero for `status`, and bit 31 is clear for every file of a
 * user or a task.
 */
ino_t user_inode(ino_t inode)
{
	uint64_t number = (uint64_t)inode;

	return (ino_t)((number & ~SIGN_BIT) | (number & SIGN_BIT) << SIGN_SHIFT |
		       USER_INODE_BIT);
}

ino_t virtual_inode(uint64_t number, enum virtual_kind kind, uint64_t version)
{
	return (ino_t)(number << NUMBER_SHIFT |
		       (uint64_t)(kind - VIRTUAL_STATUS) << KIND_SHIFT |
		       (version & INODE_VERSION_MASK));
}
