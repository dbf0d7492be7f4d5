/*
 * Requests from the announcer (announce/announcer.h). Each one is answered as done and
 * changes nothing, so that the kernel notifies the watchers.
 *
 * Only the announcer's current job is answered in this way, and only while it is true: a
 * name that appeared exists, a name that disappeared does not. If a user's file has the
 * name by then, the request is refused.
 */
#include "fs/kernel/ops.h"

#include "backend/base/cleanup.h"
#include "fs/announce/announce.h"
#include "fs/folder/folder.h"
#include "fs/kernel/passthrough.h"

#include <errno.h>
#include <string.h>

#define VERSION_GONE UINT32_MAX /* of a removed file that the kernel does not know */

/*
 * Whether this name in this folder belongs to the current job, which *ret_job receives.
 */
static bool is_sent_for(struct filesystem *fs, struct node *parent, const char *name,
			struct announce_job *ret_job)
{
	return announce_current(fs->announce, ret_job) && !strcmp(ret_job->name, name) &&
	       folder_number(fs, parent) == ret_job->number;
}

/* --- looking up --- */

/*
 * A removed file, as the kernel knows it, so that those who watch the file itself are
 * notified.
 */
static struct node *find_gone(struct filesystem *fs, struct node *parent,
			      const struct announce_job *job)
{
	struct node *node =
		nodes_find_virtual(&fs->nodes, job->number, job->kind, job->version);
	struct stat status;

	if (node && !ops_stat(fs, node, &status))
		return node;
	if (node)
		nodes_unref(&fs->nodes, node, 1);
	return nodes_get_virtual(&fs->nodes, parent, job->number, job->kind, VERSION_GONE,
				 strdup(""));
}

/*
 * For a changed file, the node that the kernel knows, so that its watchers are notified.
 */
static struct node *find_changed(struct filesystem *fs, struct node *present,
				 const struct announce_job *job)
{
	struct node *node = NULL;

	if (job->what == ANNOUNCE_CHANGED)
		node = nodes_find_virtual(&fs->nodes, job->number, job->kind,
					  job->version);
	if (!node)
		return present;
	nodes_unref(&fs->nodes, present, 1);
	return node;
}

/* The node that a look-up returns, referenced; NULL if there is none. Takes `present`. */
static struct node *choose(struct filesystem *fs, struct node *parent, const char *name,
			   struct node *present)
{
	struct announce_job job;
	bool is_asked = is_sent_for(fs, parent, name, &job);

	if (is_asked && job.what == ANNOUNCE_GONE && !present)
		return find_gone(fs, parent, &job);
	if (is_asked && present &&
	    (job.what == ANNOUNCE_CHANGED || job.what == ANNOUNCE_TOUCHED))
		return find_changed(fs, present, &job);
	if (present)
		nodes_unref(&fs->nodes, present, 1);
	return NULL;
}

void announced_lookup(fuse_req_t request, struct node *parent, const char *name,
		      struct node *present)
{
	struct filesystem *fs = ops_fs(request);
	struct node *node = choose(fs, parent, name, present);
	struct fuse_entry_param entry;

	if (!node) {
		fuse_reply_err(request, ENOENT);
	} else if (ops_fill_entry(fs, node, name, &entry)) {
		nodes_unref(&fs->nodes, node, 1);
		fuse_reply_err(request, ENOENT);
	} else if (fuse_reply_entry(request, &entry) == -ENOENT) {
		nodes_unref(&fs->nodes, node, 1);
	}
}

/* --- names that appear and disappear --- */

/* The virtual file that appeared, as an entry. The kernel takes over its reference. */
static int find_made(struct filesystem *fs, struct node *parent, const char *name,
		     struct fuse_entry_param *ret_entry, struct node **ret_node)
{
	struct announce_job job;
	int r;

	if (!is_sent_for(fs, parent, name, &job) || job.what != ANNOUNCE_APPEARS)
		return -EPERM;
	r = ops_find(fs, parent, name, ret_node);
	if (r)
		return r;
	r = (*ret_node)->is_virtual ? ops_fill_entry(fs, *ret_node, name, ret_entry)
				    : -EEXIST;
	if (r)
		nodes_unref(&fs->nodes, *ret_node, 1);
	return r;
}

/*
 * The handle belongs to no program: it is no writer and no reader, and touches no page of
 * the file.
 */
static int make_handle(struct filesystem *fs, struct node *node,
		       struct fuse_file_info *info)
{
	struct handle *handle =
		passthrough_is_open(fs, node) ? NULL : handle_create(fs, node);

	if (!handle)
		return passthrough_is_open(fs, node) ? -EBUSY : -ENOMEM;
	info->fh = (uintptr_t)handle;
	info->direct_io = info->keep_cache = 1;
	return 0;
}

static void reply_opened(fuse_req_t request, struct node *node,
			 const struct fuse_entry_param *entry,
			 struct fuse_file_info *info)
{
	struct filesystem *fs = ops_fs(request);
	int r = entry ? fuse_reply_create(request, entry, info)
		      : fuse_reply_open(request, info);

	if (r != -ENOENT)
		return;
	handle_destroy(fs, ops_handle(info));
	if (entry)
		nodes_unref(&fs->nodes, node, 1);
}

void announced_make(fuse_req_t request, fuse_ino_t parent, const char *name,
		    struct fuse_file_info *info)
{
	struct filesystem *fs = ops_fs(request);
	struct fuse_entry_param entry;
	struct node *node;
	int r = find_made(fs, ops_node(fs, parent), name, &entry, &node);

	if (!r && info) {
		r = make_handle(fs, node, info);
		if (r)
			nodes_unref(&fs->nodes, node, 1);
	}
	if (r)
		fuse_reply_err(request, -r);
	else if (info)
		reply_opened(request, node, &entry, info);
	else if (fuse_reply_entry(request, &entry) == -ENOENT)
		nodes_unref(&fs->nodes, node, 1);
}

void announced_open(fuse_req_t request, struct node *node, struct fuse_file_info *info)
{
	bool is_text = node->is_virtual &&
		       (node->kind < VIRTUAL_VIDEO || node->kind == VIRTUAL_GALLERY);
	int r = is_text ? make_handle(ops_fs(request), node, info) : -EACCES;

	if (r)
		fuse_reply_err(request, -r);
	else
		reply_opened(request, node, NULL, info);
}

void announced_unlink(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct filesystem *fs = ops_fs(request);
	struct node *folder = ops_node(fs, parent), *node;
	struct announce_job job;
	int r = -EPERM;

	if (is_sent_for(fs, folder, name, &job) && job.what == ANNOUNCE_GONE)
		r = ops_find(fs, folder, name, &node);
	if (!r) { /* the file came back, or it is a user's */
		nodes_unref(&fs->nodes, node, 1);
		r = -EBUSY;
	}
	fuse_reply_err(request, r == -ENOENT ? 0 : -r);
}
