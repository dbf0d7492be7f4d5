/*
 * Open directories: the virtual files first, then the folder's own entries.
 *
 * The entries are listed when reading starts, and again after a rewind. Names that appear
 * or disappear meanwhile neither repeat nor hide another entry.
 */
#include "fs/kernel/ops.h"

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "fs/announce/announce.h"
#include "fs/folder/folder.h"
#include "fs/view/gallery.h"
#include "fs/view/inode_number.h"
#include "fs/view/task_json_file.h"
#include "fs/view/virtual_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>

struct entry {
	size_t name; /* offset into names */
	ino_t inode; /* as users see it */
	mode_t type;
};

/* Immutable: the reads of one handle share it. */
struct listing {
	atomic_uint refs;
	struct entry *entries;
	size_t count, capacity;
	struct buffer names;
};

#define NAMES_CEILING (256u << 20)

void listing_unref(struct listing *listing)
{
	if (!listing || atomic_fetch_sub(&listing->refs, 1) > 1)
		return;
	free(listing->entries);
	buffer_clear(&listing->names);
	free(listing);
}

static int add(struct listing *listing, const char *name, ino_t inode, mode_t type)
{
	if (listing->count == listing->capacity) {
		size_t capacity = listing->capacity ? listing->capacity * 2 : 32;
		struct entry *entries =
			realloc(listing->entries, capacity * sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		listing->entries = entries;
		listing->capacity = capacity;
	}
	listing->entries[listing->count++] =
		(struct entry){ listing->names.size, inode, type };
	return buffer_append(&listing->names, name, strlen(name) + 1);
}

/* --- making a listing --- */

/* The root is its own parent, since what is above the root is not part of the mount. */
static int add_user_entries(struct listing *listing, DIR *stream, bool is_root, ino_t own)
{
	struct dirent *entry;
	int r = 0;

	while (!r && (entry = readdir(stream))) {
		ino_t inode = user_inode(entry->d_ino);

		if (!strcmp(entry->d_name, TASK_MARK_FILE_NAME))
			continue;
		if (is_root && !strcmp(entry->d_name, ".."))
			inode = own;
		r = add(listing, entry->d_name, inode, DTTOIF(entry->d_type));
	}
	return r;
}

static bool has_name(const struct listing *listing, const char *name)
{
	for (size_t i = 0; i < listing->count; i++)
		if (!strcmp(listing->names.data + listing->entries[i].name, name))
			return true;
	return false;
}

/* A user's file of the same name takes precedence. */
static int add_virtual_entries(struct filesystem *fs, struct listing *into,
			       const struct listing *users, struct node *directory,
			       uint64_t number)
{
	AUTOVIEW *view = backend_task_view(fs->backend, number);
	struct virtual_file files[VIRTUAL_FILES_MAX];
	size_t count;
	int r = 0;

	if (!view)
		return 0;
	count = virtual_list(fs, directory, view, has_name(users, "last_frame.png"),
			     files);
	for (size_t i = 0; !r && i < count; i++) {
		if (has_name(users, files[i].name))
			continue;
		if (files[i].kind == VIRTUAL_TASK_JSON)
			files[i].version = task_json_file_version(fs, view);
		r = add(into, files[i].name,
			virtual_inode(number, files[i].kind, files[i].version), S_IFREG);
	}
	return r;
}

static int add_gallery(struct filesystem *fs, struct listing *into,
		       const struct listing *users)
{
	ino_t inode = has_name(users, GALLERY_NAME) ? 0 : gallery_inode(fs);

	return inode ? add(into, GALLERY_NAME, inode, S_IFREG) : 0;
}

static int append(struct listing *into, const struct listing *from)
{
	int r = 0;

	for (size_t i = 0; !r && i < from->count; i++)
		r = add(into, from->names.data + from->entries[i].name,
			from->entries[i].inode, from->entries[i].type);
	return r;
}

static int read_stream(struct filesystem *fs, struct node *directory, DIR *stream,
		       struct listing *listing)
{
	struct listing users = { .names = BUFFER_INIT(NAMES_CEILING) };
	uint64_t number = folder_number_at(fs, directory, dirfd(stream));
	int r = add_user_entries(&users, stream, directory == fs->nodes.root,
				 user_inode(directory->inode));

	if (!r && number)
		r = add_virtual_entries(fs, listing, &users, directory, number);
	if (!r && directory == fs->nodes.root)
		r = add_gallery(fs, listing, &users);
	if (!r)
		r = append(listing, &users);
	free(users.entries);
	buffer_clear(&users.names);
	return r;
}

static int make_listing(struct filesystem *fs, struct node *directory,
			struct listing **ret)
{
	struct listing *listing = calloc(1, sizeof(*listing));
	int fd = nodes_open(&fs->nodes, directory, O_RDONLY | O_DIRECTORY);
	DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
	int r = !listing ? -ENOMEM : fd < 0 ? fd : !stream ? -errno : 0;

	if (listing)
		atomic_init(&listing->refs, 1);
	if (!r) {
		buffer_init(&listing->names, NAMES_CEILING);
		r = read_stream(fs, directory, stream, listing);
	}
	if (stream)
		closedir(stream);
	else
		cleanup_close(&fd);
	if (r)
		listing_unref(listing);
	else
		*ret = listing;
	return r;
}

/* --- FUSE --- */

void op_opendir(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *info)
{
	struct filesystem *fs = ops_fs(request);
	struct node *node = ops_node(fs, id);
	struct handle *handle = handle_create(fs, node);
	AUTOCLOSE int fd =
		handle ? nodes_open(&fs->nodes, node, O_RDONLY | O_DIRECTORY) : -ENOMEM;

	if (fd < 0) {
		handle_destroy(fs, handle);
		fuse_reply_err(request, -fd);
		return;
	}
	ops_copy_event(request, COPY_LISTED, node, NULL);
	info->fh = (uintptr_t)handle;
	if (fuse_reply_open(request, info) == -ENOENT)
		handle_destroy(fs, handle);
}

/* Adds one entry to the reply. Returns the size that it needs. */
static size_t put_plain(fuse_req_t request, char *at, size_t room,
			const struct listing *listing, size_t n)
{
	const struct entry *entry = &listing->entries[n];
	struct stat status = { .st_ino = entry->inode, .st_mode = entry->type };

	return fuse_add_direntry(request, at, room, listing->names.data + entry->name,
				 &status, (off_t)n + 1);
}

static bool is_dot(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/*
 * Adds one entry with its attributes. `.`, `..` and an entry that vanished have no
 * attributes; inode id 0 tells the kernel so.
 */
static size_t put_plus(fuse_req_t request, char *at, size_t room,
		       const struct listing *listing, size_t n, struct node *directory)
{
	struct filesystem *fs = ops_fs(request);
	const struct entry *entry = &listing->entries[n];
	const char *name = listing->names.data + entry->name;
	struct fuse_entry_param found = { .attr = { .st_ino = entry->inode,
						    .st_mode = entry->type } };
	struct node *node = NULL;
	size_t size;

	if (!is_dot(name) && !ops_find(fs, directory, name, &node) &&
	    ops_fill_entry(fs, node, name, &found)) {
		nodes_unref(&fs->nodes, node, 1);
		node = NULL;
		found = (struct fuse_entry_param){ .attr = { .st_ino = entry->inode,
							     .st_mode = entry->type } };
	}
	size = fuse_add_direntry_plus(request, at, room, name, &found, (off_t)n + 1);
	if (node && size > room)
		nodes_unref(&fs->nodes, node, 1);
	else if (node && node->is_virtual)
		announce_handed(fs->announce, node->number, node->kind, node->version);
	return size;
}

/* A reference to the handle's listing, or NULL. */
static struct listing *get_listing(struct handle *handle)
{
	SCOPED_LOCK(&handle->lock);

	if (handle->listing)
		atomic_fetch_add(&handle->listing->refs, 1);
	return handle->listing;
}

/* Keeps a reference for later reads. Returns the previous listing, as a reference. */
static struct listing *set_listing(struct handle *handle, struct listing *listing)
{
	SCOPED_LOCK(&handle->lock);
	struct listing *before = handle->listing;

	atomic_fetch_add(&listing->refs, 1);
	handle->listing = listing;
	return before;
}

/* Gets a reference to the listing that a read at `offset` continues or starts. */
static int begin_reading(struct filesystem *fs, struct handle *handle, off_t offset,
			 struct listing **ret_listing)
{
	struct listing *listing = offset ? get_listing(handle) : NULL;
	int r;

	if (!listing) {
		r = make_listing(fs, handle->node, &listing);
		if (r)
			return r;
		listing_unref(set_listing(handle, listing));
	}
	*ret_listing = listing;
	return 0;
}

/* Fills the reply from the listing. Returns the bytes used, or -errno. */
static ssize_t fill_entries(fuse_req_t request, struct handle *handle, char *reply,
			    size_t size, off_t offset, bool is_plus)
{
	struct listing *listing;
	size_t used = 0;
	int r = begin_reading(ops_fs(request), handle, offset, &listing);

	if (r)
		return r;
	for (size_t n = (size_t)offset; n < listing->count; n++) {
		size_t took = is_plus ? put_plus(request, reply + used, size - used,
						 listing, n, handle->node)
				      : put_plain(request, reply + used, size - used,
						  listing, n);

		if (took > size - used)
			break;
		used += took;
	}
	listing_unref(listing);
	return (ssize_t)used;
}

/* The reply comes last: the handle may be released right after it. */
static void read_entries(fuse_req_t request, size_t size, off_t offset,
			 struct fuse_file_info *info, bool is_plus)
{
	AUTOFREE char *reply = malloc(size);
	ssize_t used = -ENOMEM;

	if (reply)
		used = fill_entries(request, ops_handle(info), reply, size, offset,
				    is_plus);
	if (used < 0)
		fuse_reply_err(request, (int)-used);
	else
		fuse_reply_buf(request, reply, (size_t)used);
}

void op_readdir(fuse_req_t request, fuse_ino_t id, size_t size, off_t offset,
		struct fuse_file_info *info)
{
	(void)id;
	read_entries(request, size, offset, info, false);
}

void op_readdirplus(fuse_req_t request, fuse_ino_t id, size_t size, off_t offset,
		    struct fuse_file_info *info)
{
	(void)id;
	read_entries(request, size, offset, info, true);
}

void op_releasedir(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *info)
{
	(void)id;
	handle_destroy(ops_fs(request), ops_handle(info));
	fuse_reply_err(request, 0);
}

void op_fsyncdir(fuse_req_t request, fuse_ino_t id, int data_only,
		 struct fuse_file_info *info)
{
	struct filesystem *fs = ops_fs(request);
	AUTOCLOSE int fd =
		nodes_open(&fs->nodes, ops_node(fs, id), O_RDONLY | O_DIRECTORY);
	int r = fd < 0 ? -1 : fsync(fd);

	(void)data_only;
	(void)info;
	fuse_reply_err(request, fd < 0 ? -fd : r < 0 ? errno : 0);
}
