#include "fs/announce/announce_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "fs/folder/folder.h"
#include "fs/view/status_text.h"
#include "fs/view/virtual_files.h"

#include <fcntl.h>
#include <string.h>

#define STATUS_APART_MS 1000
#define KEPT_EVERY_MS 1000
#define KEPT_WATCH_MS 10000 /* the time for which it is checked after the last byte */
#define QUIET_AGAIN_MS 100
#define HASH_BEGIN UINT64_C(0xcbf29ce484222325) /* FNV-1a */
#define HASH_FACTOR UINT64_C(0x100000001b3)

/* --- the content of status --- */

static uint64_t add_bytes(uint64_t hash, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ at[i]) * HASH_FACTOR;
	return hash;
}

static uint64_t add_text(uint64_t hash, const char *text)
{
	return add_bytes(hash, text ? text : "", text ? strlen(text) + 1 : 1);
}

static uint64_t add_number(uint64_t hash, uint64_t number)
{
	return add_bytes(hash, &number, sizeof(number));
}

static uint64_t add_problem(uint64_t hash, const struct problem *problem)
{
	return add_text(add_text(add_number(hash, problem->class), problem->text),
			problem->code);
}

/*
 * A hash of all that a person would see as new. The times that advance by themselves are
 * left out.
 */
static uint64_t gist_of(const struct task_view *view, const char *waiting)
{
	const struct output *video = &view->outputs[OUTPUT_VIDEO];
	uint64_t hash = add_number(HASH_BEGIN, view->state);

	hash = add_number(hash, (uint64_t)view->progress);
	hash = add_number(hash, (uint64_t)view->is_archive << 1 | view->needs_submit);
	hash = add_text(hash, view->provider);
	hash = add_text(hash, view->model);
	hash = add_text(hash, view->remote_id);
	hash = add_text(hash, waiting);
	hash = add_text(hash, view->waiting);
	hash = add_text(hash, view->note);
	hash = add_text(hash, view->request_note);
	hash = add_text(hash, video->url);
	hash = add_number(hash, (uint64_t)video->is_ready << 1 | video->is_whole);
	return add_problem(hash, &view->problem);
}

static uint64_t error_of(const struct task_view *view)
{
	return add_problem(add_number(HASH_BEGIN, view->state), &view->problem);
}

/* --- checking --- */

static bool has_own_frame(struct filesystem *fs, struct node *directory)
{
	AUTOCLOSE int fd = nodes_open_directory(&fs->nodes, directory);

	return fd >= 0 && !faccessat(fd, "last_frame.png", F_OK, AT_SYMLINK_NOFOLLOW);
}

static void look_at_files(struct filesystem *fs, const struct task_view *view,
			  struct node *directory, struct look *look)
{
	struct virtual_file files[VIRTUAL_FILES_MAX];
	bool is_framed =
		view->outputs[OUTPUT_LAST_FRAME].is_ready && has_own_frame(fs, directory);
	size_t count = virtual_list(fs, directory, view, is_framed, files);

	look->frame_is_out = is_framed;
	for (size_t i = 0; i < count; i++) {
		look->shown |= KIND_BIT(files[i].kind);
		if (files[i].kind == VIRTUAL_VIDEO || files[i].kind == VIRTUAL_LAST_FRAME)
			look->outputs[files[i].kind - VIRTUAL_VIDEO] = files[i].version;
	}
}

/* The expected files of a folder that no program has seen yet. */
static void expect_files(const struct task_view *view, struct look *look)
{
	bool is_ended = view->state == TASK_SUCCEEDED;

	look->shown = KIND_BIT(VIRTUAL_STATUS) | KIND_BIT(VIRTUAL_TASK_JSON);
	if (error_text_exists(view))
		look->shown |= KIND_BIT(VIRTUAL_ERROR);
	for (int i = 0; i < OUTPUT_COUNT; i++) {
		look->outputs[i] = view->outputs[i].version;
		if (is_ended && view->outputs[i].is_ready)
			look->shown |= KIND_BIT(VIRTUAL_VIDEO + i);
	}
	for (int kind = VIRTUAL_STATUS; kind < VIRTUAL_COUNT; kind++)
		if (view->hidden & folder_hidden_bit((enum virtual_kind)kind))
			look->shown &= (uint8_t)~KIND_BIT(kind);
}

static void look_at_kept(struct filesystem *fs, const struct task_view *view,
			 struct look *look)
{
	const struct output *video = &view->outputs[OUTPUT_VIDEO];

	if (view->state != TASK_SUCCEEDED || !video->is_ready || !video->size)
		return;
	look->kept = (int)(backend_media_kept(fs->backend, view, OUTPUT_VIDEO) * 100 /
			   video->size);
	look->is_fetching = look->kept < 100;
}

/* task.json of an unsent folder does not appear while the folder is active. */
static void look_for_quiet(const struct task_view *view, struct look *look)
{
	bool is_hidden = view->hidden & HIDDEN_TASK_JSON;

	if (view->state != TASK_PENDING || is_hidden ||
	    look->shown & KIND_BIT(VIRTUAL_TASK_JSON))
		return;
	look->json_rests = true;
	look->again_ms = clock_boot_ms() + QUIET_AGAIN_MS;
}

void look_at(struct filesystem *fs, const struct task_view *view, struct node *directory,
	     struct look *ret_look)
{
	AUTOFREE char *waiting = folder_waiting(fs, view->number);

	*ret_look = (struct look){ .state = view->state,
				   .gist = gist_of(view, waiting),
				   .error = error_of(view),
				   .again_ms = NEVER };
	if (!directory) {
		expect_files(view, ret_look);
		ret_look->kept = -1;
		return;
	}
	look_at_files(fs, view, directory, ret_look);
	look_at_kept(fs, view, ret_look);
	look_for_quiet(view, ret_look);
}

/* --- what to announce --- */

static bool is_shown(const struct told *told, enum virtual_kind kind)
{
	return told->shown & KIND_BIT(kind);
}

/*
 * A name is visible before it is announced. So a program may have found error.txt
 * already, and must learn that it disappeared.
 */
static bool was_seen(const struct told *told, enum virtual_kind kind)
{
	return kind == VIRTUAL_ERROR && told->known[kind];
}

static void take_going(struct told *told, enum virtual_kind kind)
{
	uint8_t bit = (uint8_t)KIND_BIT(kind);

	if (!(told->appears & bit) || was_seen(told, kind))
		told->gone |= bit;
	told->appears &= (uint8_t)~bit;
}

/*
 * Notes a name that appeared or disappeared. A name that did both is announced only if it
 * was seen.
 */
static void take_name(struct told *told, const struct look *look, enum virtual_kind kind)
{
	uint8_t bit = (uint8_t)KIND_BIT(kind);

	if ((told->shown & bit) == (look->shown & bit)) {
		if (!(look->shown & bit) && was_seen(told, kind))
			told->gone |= bit;
		return;
	}
	if (kind == VIRTUAL_TASK_JSON && look->json_rests)
		return;
	if (kind == VIRTUAL_TASK_JSON && look->state == TASK_PENDING)
		told->listed_ms = clock_wall_ms();
	told->shown ^= bit;
	told->changed &= (uint8_t)~bit;
	if (told->shown & bit) {
		if (told->gone & bit)
			told->changed |= bit;
		else
			told->appears |= bit;
		told->gone &= (uint8_t)~bit;
	} else {
		take_going(told, kind);
	}
}

static void take_change(struct told *told, enum virtual_kind kind)
{
	if (is_shown(told, kind) && !(told->appears & KIND_BIT(kind)))
		told->changed |= (uint8_t)KIND_BIT(kind);
}

static void take_files(struct told *told, const struct look *look)
{
	for (int kind = VIRTUAL_STATUS; kind < VIRTUAL_COUNT; kind++)
		take_name(told, look, (enum virtual_kind)kind);
	if (told->error != look->error)
		take_change(told, VIRTUAL_ERROR);
	for (int i = 0; i < OUTPUT_COUNT; i++)
		if (told->outputs[i] != look->outputs[i] && look->outputs[i]) {
			if (told->outputs[i])
				take_change(told, (enum virtual_kind)(VIRTUAL_VIDEO + i));
			told->outputs[i] = look->outputs[i];
		}
	told->error = look->error;
	told->frame_is_out = look->frame_is_out;
}

bool told_take_due(struct told *told, int64_t now_ms)
{
	if (told->due_ms > now_ms)
		return false;
	told->due_ms = NEVER;
	return true;
}

/* Sets the next check, unless a change made the task due during this one. */
static void set_due(struct told *told, const struct look *look, int64_t now_ms)
{
	int64_t due_ms = look->again_ms;

	if (told->is_outdated && told->status_ms + STATUS_APART_MS < due_ms)
		due_ms = told->status_ms + STATUS_APART_MS;
	if (look->is_fetching && now_ms < told->watch_until_ms &&
	    now_ms + KEPT_EVERY_MS < due_ms)
		due_ms = now_ms + KEPT_EVERY_MS;
	if (due_ms < told->due_ms)
		told->due_ms = due_ms;
}

bool told_take(struct told *told, const struct look *look, int64_t now_ms)
{
	bool is_other_state = told->state != look->state;
	bool moved = told->kept >= 0 && told->kept != look->kept;
	bool wakes = false;

	if (look->is_fetching && (moved || told->kept < 0 || is_other_state))
		told->watch_until_ms = now_ms + KEPT_WATCH_MS;
	take_files(told, look);
	told->is_outdated = told->is_outdated || moved || told->gist != look->gist;
	told->state = look->state;
	told->gist = look->gist;
	told->kept = look->kept;
	if (told->is_outdated &&
	    (is_other_state || now_ms - told->status_ms >= STATUS_APART_MS)) {
		take_change(told, VIRTUAL_STATUS);
		take_change(told, VIRTUAL_TASK_JSON);
		told->status_ms = now_ms;
		told->is_outdated = false;
		wakes = true;
	}
	set_due(told, look, now_ms);
	return wakes;
}

bool told_take_back(struct told *told, enum virtual_kind kind)
{
	uint8_t bit = (uint8_t)KIND_BIT(kind);
	bool looks_again = is_shown(told, kind) && !(told->missed & bit);

	if (!is_shown(told, kind) && !was_seen(told, kind))
		told->gone &= (uint8_t)~bit;
	told->shown &= (uint8_t)~bit;
	told->changed &= (uint8_t)~bit;
	told->missed |= bit;
	return looks_again;
}

void told_begin(struct told *told, const struct look *look)
{
	told->state = look->state;
	told->gist = look->gist;
	told->error = look->error;
	told->kept = look->kept;
	told->shown = look->shown;
	told->frame_is_out = look->frame_is_out;
	memcpy(told->outputs, look->outputs, sizeof(told->outputs));
	told->due_ms = NEVER;
}
