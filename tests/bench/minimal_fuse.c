/*
 * The least that a FUSE filesystem can do: one file, `f`, served from a mapping of a
 * local one, with the kernel's cache kept. What it reaches is what FUSE itself allows on
 * this machine. The mapping is filled beforehand: no read waits for a page of it. usage:
 * minimal_fuse FILE MOUNTPOINT
 */
#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define FILE_ID 2

static const char *bytes;
static struct stat file;

static int fill(fuse_ino_t id, struct stat *status)
{
	*status = (struct stat){ .st_ino = id, .st_nlink = 1, .st_mode = S_IFDIR | 0755 };
	if (id == FILE_ID) {
		status->st_mode = S_IFREG | 0444;
		status->st_size = file.st_size;
	}
	return 0;
}

static void op_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = { .ino = FILE_ID,
					  .attr_timeout = 3600,
					  .entry_timeout = 3600 };

	if (parent != FUSE_ROOT_ID || strcmp(name, "f")) {
		fuse_reply_err(request, ENOENT);
		return;
	}
	fill(FILE_ID, &entry.attr);
	fuse_reply_entry(request, &entry);
}

static void op_getattr(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *info)
{
	struct stat status;

	(void)info;
	fill(id, &status);
	fuse_reply_attr(request, &status, 3600);
}

static void op_open(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *info)
{
	(void)id;
	info->keep_cache = 1;
	fuse_reply_open(request, info);
}

static void op_read(fuse_req_t request, fuse_ino_t id, size_t size, off_t offset,
		    struct fuse_file_info *info)
{
	(void)id;
	(void)info;
	if (offset >= file.st_size)
		size = 0;
	else if ((off_t)size > file.st_size - offset)
		size = (size_t)(file.st_size - offset);
	fuse_reply_buf(request, bytes + offset, size);
}

static const struct fuse_lowlevel_ops operations = {
	.lookup = op_lookup,
	.getattr = op_getattr,
	.open = op_open,
	.read = op_read,
};

int main(int argc, char **argv)
{
	const char *words[] = { "minimal", "-o", "fsname=minimal" };
	struct fuse_args args = FUSE_ARGS_INIT(3, (char **)words);
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	struct fuse_session *session;
	int fd = argc == 3 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0 || fstat(fd, &file) < 0)
		return 1;
	bytes = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd,
		     0);
	session = fuse_session_new(&args, &operations, sizeof(operations), NULL);
	if (bytes == MAP_FAILED || !session || !config ||
	    fuse_set_signal_handlers(session) || fuse_session_mount(session, argv[2]))
		return 1;
	puts("mounted");
	fflush(stdout);
	fuse_session_loop_mt(session, config);
	fuse_session_unmount(session);
	fuse_session_destroy(session);
	fuse_loop_cfg_destroy(config);
	return 0;
}
