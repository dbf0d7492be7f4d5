#include "backend/sim/tasks/task.h"

#include "backend/base/cleanup.h"
#include "backend/base/json_write.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const char *const state_names[] = { "queued", "running", "succeeded",
					   "failed", "expired", "cancelled" };
static const char *const kind_names[] = { "video", "last_frame" };
static const char *const file_names[] = { "video.mp4", "last_frame.png" };

/* The fields that are written, read and copied in the same way. */
static const struct text_field {
	const char *name;
	size_t offset;
	bool is_json;
} text_fields[] = {
	{ "id", offsetof(struct task, id), false },
	{ "wire", offsetof(struct task, wire), false },
	{ "model", offsetof(struct task, model), false },
	{ "body", offsetof(struct task, body), true },
	{ "echo", offsetof(struct task, echo), true },
	{ "fail_code", offsetof(struct task, fail_code), false },
	{ "fail_message", offsetof(struct task, fail_message), false },
	{ "prompt", offsetof(struct task, picture.prompt), false },
	{ "background", offsetof(struct task, picture.background), false },
	{ "error_code", offsetof(struct task, error_code), false },
	{ "error_message", offsetof(struct task, error_message), false },
	{ "raw_status", offsetof(struct task, raw_status), false },
	{ "media_video", offsetof(struct task, media[MEDIA_VIDEO]), false },
	{ "media_last_frame", offsetof(struct task, media[MEDIA_LAST_FRAME]), false },
	{ "link_video_url", offsetof(struct task, link_video_url), false },
};

static const struct number_field {
	const char *name;
	size_t offset;
} number_fields[] = {
	{ "created_ms", offsetof(struct task, created_ms) },
	{ "expires_ms", offsetof(struct task, expires_ms) },
	{ "state_ms", offsetof(struct task, state_ms) },
	{ "started_ms", offsetof(struct task, started_ms) },
	{ "link_date_ms", offsetof(struct task, link_date_ms) },
	{ "link_generation", offsetof(struct task, link_generation) },
};

static const struct number_field int_fields[] = {
	{ "width", offsetof(struct task, picture.width) },
	{ "height", offsetof(struct task, picture.height) },
	{ "frames", offsetof(struct task, picture.frames) },
};

static const struct number_field bool_fields[] = {
	{ "audio", offsetof(struct task, picture.has_audio) },
	{ "last_frame", offsetof(struct task, picture.has_last_frame) },
	{ "ends_expired", offsetof(struct task, ends_expired) },
	{ "omit_video_url", offsetof(struct task, omit_video_url) },
	{ "gone", offsetof(struct task, is_gone) },
};

static char **text_at(const struct task *task, size_t i)
{
	return (char **)(void *)((char *)(uintptr_t)task + text_fields[i].offset);
}

static void *field_at(const struct task *task, const struct number_field *field)
{
	return (char *)(uintptr_t)task + field->offset;
}

const char *task_state_name(enum task_state state)
{
	return state < TASK_STATES ? state_names[state] : "";
}

enum task_state task_state_parse(const char *name)
{
	int state = 0;

	while (state < TASK_STATES && strcmp(name, state_names[state]))
		state++;
	return (enum task_state)state;
}

bool task_is_finished(const struct task *task)
{
	return task->state != TASK_QUEUED && task->state != TASK_RUNNING;
}

const char *media_kind_name(enum media_kind kind)
{
	return kind_names[kind];
}

const char *media_file_name(enum media_kind kind)
{
	return file_names[kind];
}

struct task *task_create(void)
{
	struct task *task = calloc(1, sizeof(*task));

	if (task)
		task->hold = TASK_STATES;
	return task;
}

void task_destroy(struct task *task)
{
	if (!task)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(text_fields); i++)
		free(*text_at(task, i));
	free(task);
}

void task_cleanup(struct task **task)
{
	task_destroy(*task);
}

int task_set_text(char **where, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		return -ENOMEM;
	free(*where);
	*where = copy;
	return 0;
}

struct task *task_copy(const struct task *task)
{
	AUTOTASK *copy = task_create();

	if (!copy)
		return NULL;
	*copy = *task;
	for (size_t i = 0; i < ARRAY_SIZE(text_fields); i++)
		*text_at(copy, i) = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(text_fields); i++)
		if (task_set_text(text_at(copy, i), *text_at(task, i)))
			return NULL;
	return TAKE(copy);
}

static void write_numbers(struct buffer *out, const struct task *task)
{
	for (size_t i = 0; i < ARRAY_SIZE(number_fields); i++)
		json_write_int64(out, number_fields[i].name,
				 *(int64_t *)field_at(task, &number_fields[i]));
	for (size_t i = 0; i < ARRAY_SIZE(int_fields); i++)
		json_write_int64(out, int_fields[i].name,
				 *(int *)field_at(task, &int_fields[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bool_fields); i++)
		json_write_bool(out, bool_fields[i].name,
				*(bool *)field_at(task, &bool_fields[i]));
}

void task_write(struct buffer *out, const char *key, const struct task *task)
{
	json_write_open(out, key, '{');
	for (size_t i = 0; i < ARRAY_SIZE(text_fields); i++) {
		const char *text = *text_at(task, i);

		if (text && text_fields[i].is_json)
			json_write_raw(out, text_fields[i].name, text);
		else
			json_write_string(out, text_fields[i].name, text);
	}
	write_numbers(out, task);
	json_write_string(out, "state", task_state_name(task->state));
	json_write_string(out, "hold", task_state_name(task->hold));
	json_write_int64(out, "render", task->render);
	json_write_int64(out, "created_at", task->created_ms / 1000);
	json_write_close(out, '}');
}

static void read_numbers(const struct json *object, struct task *task)
{
	for (size_t i = 0; i < ARRAY_SIZE(number_fields); i++)
		*(int64_t *)field_at(task, &number_fields[i]) =
			json_get_int64(object, number_fields[i].name, 0);
	for (size_t i = 0; i < ARRAY_SIZE(int_fields); i++)
		*(int *)field_at(task, &int_fields[i]) =
			(int)json_get_int64(object, int_fields[i].name, 0);
	for (size_t i = 0; i < ARRAY_SIZE(bool_fields); i++)
		*(bool *)field_at(task, &bool_fields[i]) =
			json_is_true(json_get(object, bool_fields[i].name));
}

static int read_text(const struct json *object, size_t i, char **where)
{
	const struct json *value = json_get_nonnull(object, text_fields[i].name);
	AUTOBUFFER text = BUFFER_INIT(2 * TASK_TEXT_MAX);

	if (!value || !text_fields[i].is_json)
		return task_set_text(where, json_string(value));
	json_write_value(&text, NULL, value);
	*where = buffer_take(&text);
	return *where ? 0 : -ENOMEM;
}

struct task *task_read(const char *text)
{
	AUTOJSON *object = json_parse_text(text);
	AUTOTASK *task = task_create();
	const char *state = json_get_string(object, "state");
	const char *hold = json_get_string(object, "hold");

	if (!task || !state || !hold)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(text_fields); i++)
		if (read_text(object, i, text_at(task, i)))
			return NULL;
	read_numbers(object, task);
	task->state = task_state_parse(state);
	task->hold = task_state_parse(hold);
	task->render = (enum task_render)json_get_int64(object, "render", RENDER_NONE);
	return task->id && task->state != TASK_STATES ? TAKE(task) : NULL;
}
