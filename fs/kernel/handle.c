#include "fs/kernel/handle.h"

#include "backend/base/cleanup.h"
#include "fs/kernel/pollers.h"

#include <errno.h>

int handles_create(struct handles **ret_handles)
{
	struct handles *handles = calloc(1, sizeof(*handles));

	if (!handles)
		return -ENOMEM;
	pthread_mutex_init(&handles->lock, NULL);
	pthread_cond_init(&handles->opened, NULL);
	*ret_handles = handles;
	return 0;
}

void handles_destroy(struct filesystem *fs)
{
	struct handles *handles = fs->handles;

	if (!handles)
		return;
	while (handles->first)
		handle_destroy(fs, handles->first);
	pthread_cond_destroy(&handles->opened);
	pthread_mutex_destroy(&handles->lock);
	free(handles);
}

struct handle *handle_create(struct filesystem *fs, struct node *node)
{
	struct handle *handle = calloc(1, sizeof(*handle));

	if (!handle)
		return NULL;
	handle->fd = -1;
	handle->node = node;
	nodes_ref(&fs->nodes, node);
	pthread_mutex_init(&handle->lock, NULL);
	pthread_mutex_lock(&fs->handles->lock);
	handle->next = fs->handles->first;
	handle->previous = &fs->handles->first;
	if (handle->next)
		handle->next->previous = &handle->next;
	fs->handles->first = handle;
	pthread_mutex_unlock(&fs->handles->lock);
	return handle;
}

void handle_set_fd(struct filesystem *fs, struct handle *handle, int fd)
{
	handle->fd = fd;
	handle->is_kept = true;
	nodes_keep(&fs->nodes, handle->node, fd);
}

void handle_destroy(struct filesystem *fs, struct handle *handle)
{
	if (!handle)
		return;
	pollers_leave(fs->pollers, handle);
	pthread_mutex_lock(&fs->handles->lock);
	*handle->previous = handle->next;
	if (handle->next)
		handle->next->previous = handle->previous;
	pthread_mutex_unlock(&fs->handles->lock);
	if (handle->media)
		backend_media_leave(fs->backend, handle->media);
	if (handle->fd >= 0)
		close(handle->fd);
	listing_unref(handle->listing);
	free(handle->text);
	if (handle->is_kept)
		nodes_unkeep(&fs->nodes, handle->node);
	nodes_unref(&fs->nodes, handle->node, 1);
	pthread_mutex_destroy(&handle->lock);
	free(handle);
}
