#include "fs/kernel/passthrough.h"

#include "fs/kernel/fuse.h"

#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17)

#include "backend/base/cleanup.h"
#include "backend/base/log.h"

#include <assert.h>
#include <string.h>

/* State of an output's node. Guarded by the lock of the handles. */
struct opens {
	unsigned opens;
	int backing_id;	 /* the kernel's id of its media file; 0: ordinary reads */
	bool is_opening; /* the first open is being decided */
};

size_t passthrough_state_bytes(void)
{
	return sizeof(struct opens);
}

static struct opens *opens_of(const struct node *output)
{
	assert(output->is_virtual);
	return node_state(output);
}

bool passthrough_is_open(struct filesystem *fs, const struct node *node)
{
	const struct opens *state = opens_of(node);
	SCOPED_LOCK(&fs->handles->lock);

	return state->opens > 0;
}

void passthrough_init(struct filesystem *fs, struct fuse_conn_info *connection)
{
	fs->handles->can_pass = fs->is_root && connection->capable & FUSE_CAP_PASSTHROUGH;
	if (!fs->handles->can_pass)
		return;
	connection->want |= FUSE_CAP_PASSTHROUGH;
	connection->max_backing_stack_depth = FUSE_BACKING_STACKED_OVER;
	log_info("event=passthrough");
}

/* Whether this open decides for the following ones. Other opens wait for the decision. */
static bool begin_deciding(struct filesystem *fs, struct node *node)
{
	struct opens *state = opens_of(node);
	SCOPED_LOCK(&fs->handles->lock);

	while (state->is_opening)
		pthread_cond_wait(&fs->handles->opened, &fs->handles->lock);
	state->is_opening = state->opens++ == 0;
	return state->is_opening;
}

static void end_deciding(struct filesystem *fs, struct node *node, int backing_id)
{
	struct opens *state = opens_of(node);
	SCOPED_LOCK(&fs->handles->lock);

	state->backing_id = backing_id;
	state->is_opening = false;
	pthread_cond_broadcast(&fs->handles->opened);
}

static int backing_of(struct filesystem *fs, const struct node *node)
{
	const struct opens *state = opens_of(node);
	SCOPED_LOCK(&fs->handles->lock);

	return state->backing_id;
}

static int make_backing(struct filesystem *fs, fuse_req_t request,
			const struct handle *handle)
{
	int fd = backend_media_descriptor(handle->media);
	int backing_id = fd < 0 ? 0 : fuse_passthrough_open(request, fd);

	if (fd >= 0 && backing_id <= 0) {
		fs->handles->can_pass = false; /* libfuse logged the reason */
		log_info(
			"event=no_passthrough reason=\"the kernel does not support it\"");
	}
	return backing_id > 0 ? backing_id : 0;
}

void passthrough_open(struct filesystem *fs, fuse_req_t request, struct handle *handle,
		      struct fuse_file_info *info)
{
	struct node *node = handle->node;

	handle->is_counted = true;
	if (begin_deciding(fs, node)) {
		int backing_id = backing_of(fs, node);

		if (!backing_id && fs->handles->can_pass)
			backing_id = make_backing(fs, request, handle);
		end_deciding(fs, node, backing_id);
	}
	info->backing_id = backing_of(fs, node);
	if (info->backing_id)
		info->keep_cache = 0;
}

/* The backing file that the last close must close; otherwise 0. */
static int count_out(struct filesystem *fs, struct node *node, bool may_close)
{
	struct opens *state = opens_of(node);
	SCOPED_LOCK(&fs->handles->lock);
	int backing_id = state->backing_id;

	if (--state->opens || !may_close)
		return 0;
	state->backing_id = 0;
	return backing_id;
}

void passthrough_close(struct filesystem *fs, fuse_req_t request, struct handle *handle)
{
	int backing_id =
		handle->is_counted ? count_out(fs, handle->node, request != NULL) : 0;

	if (backing_id)
		fuse_passthrough_close(request, backing_id);
	handle->is_counted = false;
}

#else

size_t passthrough_state_bytes(void)
{
	return 0;
}

bool passthrough_is_open(struct filesystem *fs, const struct node *node)
{
	(void)fs;
	(void)node;
	return false;
}

void passthrough_init(struct filesystem *fs, struct fuse_conn_info *connection)
{
	(void)connection;
	fs->handles->can_pass = false;
}

void passthrough_open(struct filesystem *fs, fuse_req_t request, struct handle *handle,
		      struct fuse_file_info *info)
{
	(void)fs;
	(void)request;
	(void)handle;
	(void)info;
}

void passthrough_close(struct filesystem *fs, fuse_req_t request, struct handle *handle)
{
	(void)fs;
	(void)request;
	(void)handle;
}

#endif
