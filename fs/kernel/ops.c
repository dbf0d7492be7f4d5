/* The table of handlers, and the negotiation with the kernel at INIT. */
#include "fs/kernel/ops.h"

#include "backend/base/cleanup.h"
#include "backend/base/file.h"
#include "backend/base/log.h"
#include "fs/kernel/parked_reads.h"
#include "fs/kernel/passthrough.h"

#include <fcntl.h>
#include <stdlib.h>

#define BACKGROUND_WANTED 65535u
#define READ_AHEAD_BYTES (1u << 20) /* granted up to the limit of the bdi */

/*
 * The most that the kernel grants to an ordinary user's mount: a parameter of the fuse
 * module.
 */
static unsigned granted_background(const struct filesystem *fs)
{
	char text[24];
	unsigned limit;

	if (fs->is_root)
		return BACKGROUND_WANTED;
	file_read_line("/sys/module/fuse/parameters/max_user_bgreq", text, sizeof(text));
	limit = (unsigned)strtoul(text, NULL, 10);
	return limit && limit < BACKGROUND_WANTED ? limit : 12;
}

static void op_init(void *userdata, struct fuse_conn_info *connection)
{
	struct filesystem *fs = userdata;
	unsigned granted = granted_background(fs);

	connection->max_background = granted;
	connection->congestion_threshold = granted / 4 * 3;
	parked_reads_set_limit(fs->parked, granted / 2);
	connection->want &= ~(unsigned)FUSE_CAP_WRITEBACK_CACHE;
	/*
	 * We apply the umask ourselves: it does not count in a folder with a default ACL.
	 */
	connection->want |=
		connection->capable & (FUSE_CAP_POSIX_ACL | FUSE_CAP_DONT_MASK);
	/*
	 * A daemon that runs as root writes as root, for which the filesystem below keeps
	 * set-user-id bits. So the kernel must clear them on this mount.
	 */
	connection->want &= ~(unsigned)FUSE_CAP_HANDLE_KILLPRIV;
	if (!fs->is_root)
		connection->want |= connection->capable & FUSE_CAP_HANDLE_KILLPRIV;
	passthrough_init(fs, connection);
	connection->max_read = 0;
	connection->max_readahead = READ_AHEAD_BYTES;
	if (fs->ready)
		fs->ready(fs->ready_context);
	log_debug("event=init max_background=%u max_readahead=%u",
		  connection->max_background, connection->max_readahead);
}

static const struct fuse_lowlevel_ops operations = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.readlink = op_readlink,
	.statfs = op_statfs,
	.setxattr = op_setxattr,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.removexattr = op_removexattr,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.symlink = op_symlink,
	.link = op_link,
	.create = op_create,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.rename = op_rename,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.flush = op_flush,
	.release = op_release,
	.fsync = op_fsync,
	.fallocate = op_fallocate,
	.lseek = op_lseek,
	.copy_file_range = op_copy_file_range,
	.poll = op_poll,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.releasedir = op_releasedir,
	.fsyncdir = op_fsyncdir,
};

const struct fuse_lowlevel_ops *ops_table(void)
{
	return &operations;
}
