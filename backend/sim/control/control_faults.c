#include "backend/sim/control/control_orders.h"

#include "backend/base/cleanup.h"
#include "backend/base/json_write.h"
#include "backend/sim/control/control_reader.h"
#include "backend/sim/server/shorten.h"
#include "backend/sim/wires/wire.h"

#include <string.h>

#define TEXT_CEILING (16u * 1024 * 1024)

static const char *const fault_keys[] = { "on",	   "wire",   "task", "kind",
					  "times", "action", NULL };

/* The first line is for any request, the others are for media. */
static const char *const action_keys[] = {
	"status",      "headers",      "body",	   "error",
	"delay_ms",    "hang",	       "close",	   "ignore_range",
	"shift_range", "truncate_at",  "stall_at", "stall_ms",
	"rate",	       "flip_byte_at", "etag",	   "no_content_length",
	NULL
};
#define FIRST_MEDIA_KEY 7

static void read_header(struct control_reader *reader, const struct json *item,
			struct fault_action *action)
{
	struct fault_header *header = &action->headers[action->header_count];

	if (!json_string(item) || action->header_count == FAULT_HEADERS_MAX) {
		control_complain(reader, "headers: %s",
				 json_string(item) ? "too many" : "not a string");
		return;
	}
	header->name = strdup(json_key(item));
	header->value = strdup(json_string(item));
	action->header_count++;
	if (!header->name || !header->value)
		control_complain(reader, "headers: no memory");
}

static void read_body(struct control_reader *reader, struct fault_action *action)
{
	const struct json *body = json_get_nonnull(reader->object, "body");
	AUTOBUFFER text = BUFFER_INIT(TEXT_CEILING);

	if (!body)
		return;
	if (json_string(body)) {
		buffer_add(&text, json_string(body));
		action->body_type = "text/plain";
	} else {
		json_write_value(&text, NULL, body);
		action->body_type = "application/json";
	}
	action->body = buffer_take(&text);
	if (!action->body)
		control_complain(reader, "body: too long");
}

static void keep(const struct control_reader *reader, const char *key, char **ret)
{
	const char *text = NULL;

	if (control_read_text(reader, key, &text) && task_set_text(ret, text))
		control_complain(reader, "%s: no memory", key);
}

static void read_error(struct control_reader *reader, struct fault_action *action)
{
	static const char *const keys[] = { "code", "message", "ref_code", NULL };
	const struct json *object = NULL;
	struct control_reader error;

	if (!control_read_object(reader, "error", &object))
		return;
	control_reader_open(&error, "error", object, keys, reader->complaint);
	keep(&error, "code", &action->error_code);
	keep(&error, "message", &action->error_message);
	control_read_integer(&error, "ref_code", 1, &action->error_number);
	if (!action->status || action->body)
		control_complain(reader, "error needs a status and no body");
}

/* Only for media, headers may be added to the real answer. */
static void read_answer(struct control_reader *reader, enum request_kind on,
			struct fault_action *action)
{
	const struct json *headers = NULL;
	int64_t status = 0;

	if (control_read_integer(reader, "status", 200, &status) && status > 599)
		control_complain(reader, "status: not an HTTP status");
	action->status = (int)status;
	if (control_read_object(reader, "headers", &headers))
		for (const struct json *item = json_first(headers); item;
		     item = json_next(item))
			read_header(reader, item, action);
	read_body(reader, action);
	read_error(reader, action);
	if (!status && (action->body || (headers && on != REQUEST_MEDIA)))
		control_complain(reader, "headers and body need a status");
}

static void read_when(struct control_reader *reader, const char *key,
		      enum fault_when *ret)
{
	static const char *const words[] = { "before", "after", NULL };
	int index;

	if (control_read_word(reader, key, words, &index))
		*ret = index ? FAULT_AFTER : FAULT_BEFORE;
}

static void read_media_action(struct control_reader *reader, struct fault_action *action)
{
	control_read_bool(reader, "ignore_range", &action->ignore_range);
	control_read_bool(reader, "no_content_length", &action->no_content_length);
	control_read_integer(reader, "shift_range", INT32_MIN, &action->shift_range);
	control_read_integer(reader, "truncate_at", 0, &action->truncate_at);
	control_read_integer(reader, "stall_at", 0, &action->stall_at);
	control_read_integer(reader, "stall_ms", 0, &action->stall_ms);
	control_read_integer(reader, "rate", 1, &action->rate);
	control_read_integer(reader, "flip_byte_at", 0, &action->flip_byte_at);
	keep(reader, "etag", &action->etag);
	if (action->stall_ms != FAULT_FOREVER && action->stall_at < 0)
		control_complain(reader, "stall_ms needs stall_at");
}

static void refuse_media_keys(struct control_reader *reader, enum request_kind on)
{
	for (int i = FIRST_MEDIA_KEY; on != REQUEST_MEDIA && action_keys[i]; i++)
		if (json_get_nonnull(reader->object, action_keys[i]))
			control_complain(reader, "%s is for media only", action_keys[i]);
}

static void read_action(const struct json *object, enum request_kind on,
			struct buffer *complaint, struct fault_action *action)
{
	struct control_reader reader;

	control_reader_open(&reader, "action", object, action_keys, complaint);
	if (!control_reader_is_good(&reader))
		return;
	if (!json_first(object))
		control_complain(&reader, "action: nothing to do");
	refuse_media_keys(&reader, on);
	read_answer(&reader, on, action);
	control_read_integer(&reader, "delay_ms", 0, &action->delay_ms);
	read_when(&reader, "hang", &action->hang);
	read_when(&reader, "close", &action->close);
	read_media_action(&reader, action);
}

static void read_target(struct control_reader *reader, struct fault *fault)
{
	static const char *const kinds[] = { "create", "get",	"list",
					     "delete", "media", NULL };
	static const char *const media[] = { "video", "last_frame", NULL };
	int index;

	if (control_read_word(reader, "on", kinds, &index))
		fault->on = (enum request_kind)index;
	else
		control_complain(reader, "on: missing");
	keep(reader, "task", &fault->task);
	keep(reader, "wire", &fault->wire);
	if (fault->wire && !wire_find_name(fault->wire))
		control_complain(reader, "wire: unknown value: %.100s", fault->wire);
	if (control_read_word(reader, "kind", media, &index) &&
	    task_set_text(&fault->media, media[index]))
		control_complain(reader, "kind: no memory");
	if (fault->media && fault->on != REQUEST_MEDIA)
		control_complain(reader, "kind is for media only");
	if (control_read_integer(reader, "times", -1, &fault->times) && fault->times == 0)
		control_complain(reader, "times: 0 is never");
}

static void keep_text(struct control_reader *reader, const struct json *action,
		      struct fault *fault)
{
	AUTOBUFFER text = BUFFER_INIT(TEXT_CEILING);

	shorten_write(&text, NULL, action);
	fault->text = buffer_take(&text);
	if (!fault->text)
		control_complain(reader, "action: too long");
}

bool control_read_fault(const struct json *order, struct buffer *complaint,
			struct fault **ret_fault)
{
	struct control_reader reader;
	const struct json *action = NULL;
	struct fault *fault;

	control_reader_open(&reader, "fault", order, fault_keys, complaint);
	if (!control_reader_is_good(&reader))
		return false;
	fault = fault_create();
	if (!fault) {
		control_complain(&reader, "no memory");
		return false;
	}
	read_target(&reader, fault);
	if (!control_read_object(&reader, "action", &action))
		control_complain(&reader, "action: missing");
	if (control_reader_is_good(&reader))
		read_action(action, fault->on, complaint, &fault->action);
	keep_text(&reader, action, fault);
	if (control_reader_is_good(&reader))
		*ret_fault = fault;
	else
		fault_unref(NULL, fault);
	return control_reader_is_good(&reader);
}
