#include "fs/mark.h"

#include "backend/base/cleanup.h"
#include "fs/names.h"
#include "fs/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/xattr.h>

#define MARK_XATTR MARK_XATTR_PREFIX "task"
#define MARK_BYTES 80

/* "LIBRARY-ID NUMBER": a folder copied from another library has no mark of ours. */
static int parse(const char *text, const char *library_id, uint64_t *ret_number)
{
	char id[33];
	uint64_t number;

	if (sscanf(text, "%32s %" SCNu64, id, &number) != 2 || strcmp(id, library_id) || !number)
		return -ENODATA;
	*ret_number = number;
	return 0;
}

static int read_file(int directory, char *text)
{
	AUTOCLOSE int fd = openat(directory, MARK_FILE_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return -ENODATA;
	got = read(fd, text, MARK_BYTES - 1);
	text[got > 0 ? got : 0] = '\0';
	return 0;
}

int mark_read(int directory, const char *library_id, uint64_t *ret_number)
{
	struct fd_path path = tree_fd_path(directory);
	char text[MARK_BYTES];
	ssize_t got = getxattr(path.text, MARK_XATTR, text, sizeof(text) - 1);

	if (got >= 0) {
		text[got] = '\0';
	} else {
		int r = errno == ENOTSUP ? read_file(directory, text) : -ENODATA;

		if (r)
			return r;
	}
	return parse(text, library_id, ret_number);
}

static int write_file(int directory, const char *text)
{
	AUTOCLOSE int fd = openat(directory, MARK_FILE_NAME,
				  O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return -EIO;
	return 0;
}

int mark_write(int directory, const char *library_id, uint64_t number)
{
	struct fd_path path = tree_fd_path(directory);
	char text[MARK_BYTES];

	snprintf(text, sizeof(text), "%s %" PRIu64, library_id, number);
	if (!setxattr(path.text, MARK_XATTR, text, strlen(text), 0))
		return 0;
	return errno == ENOTSUP ? write_file(directory, text) : -errno;
}

void mark_remove_file(int directory)
{
	unlinkat(directory, MARK_FILE_NAME, 0);
}
