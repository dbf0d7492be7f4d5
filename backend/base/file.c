#include "backend/base/file.h"

#include "backend/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define AT_POSITION -1 /* at the descriptor's position, which moves */

static int write_all(int fd, const char *bytes, size_t size, off_t offset)
{
	while (size) {
		ssize_t n = offset == AT_POSITION ? write(fd, bytes, size)
						  : pwrite(fd, bytes, size, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		size -= (size_t)n;
		offset += offset == AT_POSITION ? 0 : n;
	}
	return 0;
}

int file_write(int fd, const void *bytes, size_t size)
{
	return write_all(fd, bytes, size, AT_POSITION);
}

int file_write_at(int fd, const void *bytes, size_t size, uint64_t offset)
{
	return write_all(fd, bytes, size, (off_t)offset);
}

/* One call that signals cannot interrupt; pipes have no offset. */
static ssize_t read_some(int fd, void *bytes, size_t size, uint64_t offset)
{
	ssize_t n;

	do {
		n = pread(fd, bytes, size, (off_t)offset);
		if (n < 0 && errno == ESPIPE)
			n = read(fd, bytes, size);
	} while (n < 0 && errno == EINTR);
	return n;
}

int file_read_at(int fd, void *bytes, size_t size, uint64_t offset, size_t *ret_got)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = read_some(fd, (char *)bytes + got, size - got, offset + got);

		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	*ret_got = got;
	return 0;
}

int file_read_all(int fd, struct buffer *into)
{
	char chunk[16384];
	uint64_t offset = 0;
	ssize_t n;

	while ((n = read_some(fd, chunk, sizeof(chunk), offset)) > 0) {
		int r = buffer_append(into, chunk, (size_t)n);

		if (r)
			return r;
		offset += (uint64_t)n;
	}
	return n < 0 ? -errno : 0;
}

void file_read_line(const char *path, char *ret_line, size_t size)
{
	AUTOCLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t got = 0;

	if (fd < 0 || file_read_at(fd, ret_line, size - 1, 0, &got))
		got = 0;
	ret_line[got] = '\0';
	ret_line[strcspn(ret_line, "\n")] = '\0';
}
