#include "backend/media/length_gauge.h"

#include "backend/base/cleanup.h"
#include "backend/base/file.h"
#include "backend/base/text.h"
#include "backend/formats/type.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct length_gauge {
	int fd;
	uint64_t size;
};

int length_gauge_create(int directory, const char *name, struct length_gauge **ret_gauge)
{
	AUTOFREE char *map = text_format("%s.map", name);
	struct length_gauge *gauge = map ? calloc(1, sizeof(*gauge)) : NULL;

	if (!gauge)
		return -ENOMEM;
	unlinkat(directory, map, 0); /* the map describes the old content */
	gauge->fd = openat(directory, name,
			   O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (gauge->fd < 0) {
		int error = errno;

		free(gauge);
		return -error;
	}
	*ret_gauge = gauge;
	return 0;
}

void length_gauge_close(struct length_gauge *gauge)
{
	if (!gauge)
		return;
	cleanup_close(&gauge->fd);
	free(gauge);
}

void length_gauge_abandon(struct length_gauge *gauge)
{
	if (gauge && ftruncate(gauge->fd, 0) < 0)
		gauge->size = 0; /* the next attempt truncates it */
	length_gauge_close(gauge);
}

int length_gauge_add(struct length_gauge *gauge, const char *bytes, size_t size)
{
	int r = file_write_at(gauge->fd, bytes, size, gauge->size);

	if (!r)
		gauge->size += size;
	return r;
}

uint64_t length_gauge_size(const struct length_gauge *gauge)
{
	return gauge->size;
}

enum gauged length_gauge_judge(const struct length_gauge *gauge, bool is_framed,
			       bool is_same_again)
{
	struct media_type type;
	bool is_whole = true;

	if (!gauge->size || media_type_read(media_of_file(gauge->fd), &type))
		return GAUGED_PARTLY;
	if (type.kind != MEDIA_UNKNOWN &&
	    media_type_check_whole(media_of_file(gauge->fd), gauge->size, &type,
				   &is_whole))
		return GAUGED_PARTLY;
	if (!is_whole)
		return is_same_again ? GAUGED_INCOMPLETE : GAUGED_PARTLY;
	if (is_framed && type.kind != MEDIA_UNKNOWN)
		return GAUGED_WHOLE;
	return GAUGED_UNCONFIRMED;
}
