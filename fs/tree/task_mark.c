#include "fs/tree/task_mark.h"

#include "backend/base/cleanup.h"
#include "fs/tree/names.h"
#include "fs/tree/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/xattr.h>

#define MARK_XATTR TASK_MARK_XATTR_PREFIX "task"
#define MARK_BYTES 80
#define ID_CHARS 32

/*
 * Accepts only what task_mark_write() writes: digits without a leading zero and without
 * trailing text.
 */
static int parse_number(const char *text, uint64_t *ret_number)
{
	uintmax_t number;

	if (*text < '1' || *text > '9' || text[strspn(text, "0123456789")])
		return -ENODATA;
	errno = 0;
	number = strtoumax(text, NULL, 10);
	if (errno)
		return -ENODATA;
	*ret_number = number;
	return 0;
}

/*
 * "LIBRARY-ID NUMBER": a folder copied from another library does not carry a mark of this
 * one.
 */
static int parse(const char *text, size_t size, const char *library_id,
		 uint64_t *ret_number)
{
	if (strlen(text) != size || size <= ID_CHARS || strlen(library_id) != ID_CHARS)
		return -ENODATA;
	if (memcmp(text, library_id, ID_CHARS) || text[ID_CHARS] != ' ')
		return -ENODATA;
	return parse_number(text + ID_CHARS + 1, ret_number);
}

/* Returns the number of bytes read, or -1. */
static ssize_t read_file(int directory, char *text)
{
	AUTOCLOSE int fd =
		openat(directory, TASK_MARK_FILE_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -1 : read(fd, text, MARK_BYTES - 1);
}

int task_mark_read(int directory, const char *library_id, uint64_t *ret_number)
{
	struct fd_path path = tree_fd_path(directory);
	char text[MARK_BYTES];
	ssize_t got = getxattr(path.text, MARK_XATTR, text, sizeof(text) - 1);

	if (got < 0 && errno == ENOTSUP)
		got = read_file(directory, text);
	if (got < 0)
		return -ENODATA;
	text[got] = '\0';
	return parse(text, (size_t)got, library_id, ret_number);
}

static int write_file(int directory, const char *text)
{
	AUTOCLOSE int fd =
		openat(directory, TASK_MARK_FILE_NAME,
		       O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return -EIO;
	return 0;
}

int task_mark_write(int directory, const char *library_id, uint64_t number)
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
	unlinkat(directory, TASK_MARK_FILE_NAME, 0);
}
