#include "backend/base/shared.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct shared {
	atomic_uint references;
	_Alignas(max_align_t) char bytes[];
};

static struct shared *head_of(const void *block)
{
	return (struct shared *)((char *)(uintptr_t)block -
				 offsetof(struct shared, bytes));
}

void *shared_new(size_t size)
{
	struct shared *shared = size <= SIZE_MAX - sizeof(struct shared)
					? calloc(1, sizeof(*shared) + size)
					: NULL;

	if (!shared)
		return NULL;
	atomic_init(&shared->references, 1);
	return shared->bytes;
}

const void *shared_ref(const void *block)
{
	if (block)
		atomic_fetch_add_explicit(&head_of(block)->references, 1,
					  memory_order_relaxed);
	return block;
}

void shared_unref(const void *block)
{
	struct shared *shared;

	if (!block)
		return;
	shared = head_of(block);
	if (atomic_fetch_sub_explicit(&shared->references, 1, memory_order_acq_rel) == 1)
		free(shared);
}

const char *shared_text(const char *text)
{
	size_t size = text ? strlen(text) + 1 : 0;
	char *copy = text ? shared_new(size) : NULL;

	return copy ? memcpy(copy, text, size) : NULL;
}

int shared_text_set(const char **field, const char *text)
{
	const char *copy = shared_text(text);

	if (text && !copy)
		return -ENOMEM;
	shared_unref(*field);
	*field = copy;
	return 0;
}
