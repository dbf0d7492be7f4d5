#include "backend/formats/source.h"

#include "backend/base/file.h"

#include <string.h>

int media_source_read(struct media_source source, uint64_t at, void *bytes, size_t size,
		      size_t *ret_got)
{
	size_t left = at < source.size ? source.size - (size_t)at : 0;

	if (!source.bytes)
		return file_read_at(source.fd, bytes, size, at, ret_got);
	*ret_got = size < left ? size : left;
	if (*ret_got)
		memcpy(bytes, (const char *)source.bytes + at, *ret_got);
	return 0;
}
