#include "backend/sim/control/control_orders.h"

#include "backend/base/cleanup.h"
#include "backend/sim/control/control_reader.h"

#include <string.h>

static const char *const state_words[] = { "queued",  "running",   "succeeded", "failed",
					   "expired", "cancelled", NULL };
static const char *const hold_words[] = { "queued", "running", "", NULL };

static const char *const change_keys[] = {
	"state", "error", "raw_status",	  "omit_video_url", "gone",
	"media", "link",  "expire_links", "hold",	    NULL
};

static enum task_state hold_state(int index)
{
	static const enum task_state states[] = { TASK_QUEUED, TASK_RUNNING,
						  TASK_STATES };

	return states[index];
}

static void read_state(struct control_reader *reader, struct task_change *change)
{
	int index;

	if (!control_read_word(reader, "state", state_words, &index))
		return;
	change->state = (enum task_state)index;
	change->has_error = true; /* the error of an earlier state does not apply to a
				   * new one */
}

static void read_error(struct control_reader *reader, struct task_change *change)
{
	static const char *const keys[] = { "code", "message", NULL };
	const struct json *object = NULL;
	struct control_reader error;

	if (!control_read_object(reader, "error", &object))
		return;
	control_reader_open(&error, "error", object, keys, reader->complaint);
	control_read_text(&error, "code", &change->error_code);
	control_read_text(&error, "message", &change->error_message);
	change->has_error = true;
}

static void read_file(struct control_reader *reader, const char *key, const char **ret)
{
	if (control_read_text(reader, key, ret) && access(*ret, R_OK))
		control_complain(reader, "%s: cannot read the file %.200s", key, *ret);
}

static void read_media(struct control_reader *reader, struct task_change *change)
{
	static const char *const keys[] = { "video", "last_frame", NULL };
	const struct json *object = NULL;
	struct control_reader media;

	if (!control_read_object(reader, "media", &object))
		return;
	control_reader_open(&media, "media", object, keys, reader->complaint);
	for (int i = 0; i < MEDIA_KINDS; i++)
		read_file(&media, keys[i], &change->media[i]);
}

static void read_link(struct control_reader *reader, struct task_change *change)
{
	static const char *const keys[] = { "video_url", NULL };
	const struct json *object = NULL;
	struct control_reader link;

	if (!control_read_object(reader, "link", &object))
		return;
	control_reader_open(&link, "link", object, keys, reader->complaint);
	control_read_text(&link, "video_url", &change->link_video_url);
}

bool control_read_change(const struct json *order, struct buffer *complaint,
			 struct task_change *ret)
{
	struct task_change change = { .state = TASK_STATES, .hold = TASK_STATES };
	struct control_reader reader;
	int index;

	control_reader_open(&reader, "task", order, change_keys, complaint);
	read_state(&reader, &change);
	read_error(&reader, &change);
	control_read_text(&reader, "raw_status", &change.raw_status);
	change.has_omit_video_url =
		control_read_bool(&reader, "omit_video_url", &change.omit_video_url);
	change.has_gone = control_read_bool(&reader, "gone", &change.is_gone);
	read_media(&reader, &change);
	read_link(&reader, &change);
	control_read_bool(&reader, "expire_links", &change.expire_links);
	change.has_hold = control_read_word(&reader, "hold", hold_words, &index);
	if (change.has_hold)
		change.hold = hold_state(index);
	*ret = change;
	return control_reader_is_good(&reader);
}

bool control_read_hold(const struct json *order, struct buffer *complaint,
		       enum task_state *ret)
{
	static const char *const keys[] = { "state", NULL };
	struct control_reader reader;
	int index;

	control_reader_open(&reader, "hold", order, keys, complaint);
	if (control_read_word(&reader, "state", hold_words, &index))
		*ret = hold_state(index);
	else
		control_complain(&reader, "state: missing");
	return control_reader_is_good(&reader);
}
