#include "fs/daemon/filesystem_setup.h"

#include "backend/base/cleanup.h"
#include "fs/announce/announce.h"
#include "fs/folder/due_queue.h"
#include "fs/folder/folder.h"
#include "fs/view/gallery.h"
#include "fs/kernel/handle.h"
#include "fs/kernel/pollers.h"
#include "fs/kernel/parked_reads.h"
#include "fs/kernel/passthrough.h"
#include "fs/order/settle.h"
#include "fs/thumbnails/thumbnails.h"

#include <errno.h>
#include <unistd.h>

/* --- events from lower modules to higher ones --- */

static void status_changed(struct filesystem *fs, uint64_t number)
{
	announce_changed(fs->announce, number);
}

static void walked(struct filesystem *fs)
{
	thumbnails_walked(fs->thumbnails);
}

static void wake_pollers(struct filesystem *fs, uint64_t number)
{
	pollers_wake(fs->pollers, number);
}

static int64_t tick_pollers(struct filesystem *fs, int64_t now_ms)
{
	return pollers_tick(fs->pollers, now_ms);
}

/* --- life --- */
/* Enough for the folders that wait now. A large request is not cached for later ones. */
#define PARSE_CACHE_BYTES (32u << 20)

int filesystem_create(struct backend *backend, int library, const char *mount_point,
		      struct filesystem **ret_fs)
{
	struct node_layout layout = { folders_state_bytes(), passthrough_state_bytes() };
	struct filesystem *fs = calloc(1, sizeof(*fs));
	int r;

	if (!fs)
		return -ENOMEM;
	fs->backend = backend;
	fs->library = library;
	fs->tree.fd = -1;
	fs->owner = geteuid();
	fs->group = getegid();
	fs->is_root = fs->owner == 0;
	fs->events = (struct folder_events){ status_changed, walked, wake_pollers,
					     tick_pollers };
	r = tree_open(&fs->tree, library);
	fs->tree.mounted_at = mount_point;
	if (!r)
		r = nodes_init(&fs->nodes, &fs->tree, &layout);
	if (!r)
		r = folders_create(&fs->folders);
	if (!r)
		r = due_queue_create(&fs->due);
	if (!r)
		r = parse_cache_create(PARSE_CACHE_BYTES, &fs->parse_cache);
	if (!r)
		r = gallery_create(&fs->gallery);
	if (!r)
		r = parked_reads_create(backend, &fs->parked);
	if (!r)
		r = settler_create(fs, &fs->settler);
	if (!r)
		r = thumbnails_create(fs, &fs->thumbnails);
	if (!r)
		r = handles_create(&fs->handles);
	if (!r)
		r = pollers_create(&fs->pollers);
	if (!r)
		r = announce_create(fs, &fs->announce);
	if (r) {
		filesystem_destroy(fs);
		return r;
	}
	*ret_fs = fs;
	return 0;
}

void filesystem_destroy(struct filesystem *fs)
{
	if (!fs)
		return;
	handles_destroy(fs);
	thumbnails_destroy(fs->thumbnails);
	announce_destroy(fs->announce);
	pollers_destroy(fs->pollers);
	settler_destroy(fs->settler);
	parked_reads_destroy(fs->parked);
	gallery_destroy(fs->gallery);
	due_queue_destroy(fs->due);
	parse_cache_destroy(fs->parse_cache);
	folders_destroy(fs->folders, &fs->nodes);
	nodes_clear(&fs->nodes);
	tree_close(&fs->tree);
	free(fs);
}

/* --- the backend's events --- */

static void task_changed(void *context, uint64_t number)
{
	struct filesystem **fs = context;

	/* The views are rendered on demand. Other orders may depend on this task. */
	settle_changed(*fs, number);
	thumbnails_changed((*fs)->thumbnails, number);
	announce_changed((*fs)->announce, number);
}

static bool task_finishing(void *context, uint64_t number)
{
	struct filesystem **fs = context;

	return thumbnails_finishing((*fs)->thumbnails, number);
}

struct backend_events filesystem_events(struct filesystem **fs)
{
	return (struct backend_events){ .task_changed = task_changed,
					.task_finishing = task_finishing,
					.context = fs };
}
