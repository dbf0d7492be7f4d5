#include "backend/sim/wires/ark_answer.h"

#include "backend/base/cleanup.h"
#include "backend/base/json_write.h"
#include "backend/sim/render/film.h"

#include <string.h>

/* Shown in every state, and shown only once there is a video. */
static const char *const always[] = { "service_tier", "execution_expires_after",
				      "priority", "safety_identifier" };
static const char *const when_failed[] = { "generate_audio" };
static const char *const when_done[] = { "seed",     "resolution",    "ratio",
					 "duration", "frames",	      "generate_audio",
					 "draft",    "draft_task_id", "output_format",
					 "tools" };

static void put_echoed(struct buffer *out, const struct json *echo,
		       const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (json_get_nonnull(echo, names[i]))
			json_write_value(out, names[i], json_get_nonnull(echo, names[i]));
}

static void put_error(struct buffer *out, const struct task *task)
{
	if (!task->error_code && !task->error_message)
		return;
	json_write_open(out, "error", '{');
	json_write_string(out, "code", task->error_code);
	json_write_string(out, "message", task->error_message);
	json_write_close(out, '}');
}

static void put_content(struct buffer *out, const struct task *task,
			const struct json *echo, const struct link_settings *links,
			const char *host)
{
	AUTOFREE char *video = link_make(links, task, MEDIA_VIDEO, host);
	AUTOFREE char *frame = NULL;

	json_write_open(out, "content", '{');
	if (!task->omit_video_url)
		json_write_string(out, "video_url",
				  task->link_video_url ? task->link_video_url : video);
	if (json_is_true(json_get(echo, "return_last_frame"))) {
		frame = link_make(links, task, MEDIA_LAST_FRAME, host);
		json_write_string(out, "last_frame_url", frame);
	}
	json_write_close(out, '}');
}

static void put_usage(struct buffer *out, const struct json *echo)
{
	int64_t tokens = json_get_int64(echo, "tokens", 0);

	json_write_open(out, "usage", '{');
	json_write_int64(out, "completion_tokens", tokens);
	json_write_int64(out, "total_tokens", tokens);
	if (json_get_nonnull(echo, "tools"))
		json_write_raw(out, "tool_usage", "{\"web_search\":1}");
	json_write_close(out, '}');
}

static void put_success(struct buffer *out, const struct task *task,
			const struct json *echo, const struct link_settings *links,
			const char *host)
{
	put_content(out, task, echo, links, host);
	put_usage(out, echo);
	put_echoed(out, echo, when_done, ARRAY_SIZE(when_done));
	json_write_int64(out, "framespersecond", FILM_FPS);
}

void ark_answer_write(struct buffer *out, const char *key, const char *id,
		      const struct task *task, const struct link_settings *links,
		      const char *host)
{
	AUTOJSON *echo = json_parse_text(task->echo);

	json_write_open(out, key, '{');
	json_write_string(out, "id", id);
	json_write_string(out, "model", task->model);
	json_write_string(out, "status",
			  task->raw_status ? task->raw_status
					   : task_state_name(task->state));
	json_write_int64(out, "created_at", task->created_ms / 1000);
	json_write_int64(out, "updated_at", task->state_ms / 1000);
	put_echoed(out, echo, always, ARRAY_SIZE(always));
	if (task->state == TASK_FAILED) {
		put_error(out, task);
		put_echoed(out, echo, when_failed, ARRAY_SIZE(when_failed));
	}
	if (task->state == TASK_SUCCEEDED)
		put_success(out, task, echo, links, host);
	json_write_close(out, '}');
}

bool ark_answer_is_flex(const struct task *task)
{
	AUTOJSON *echo = json_parse_text(task->echo);
	const char *tier = json_get_string(echo, "service_tier");

	return tier && !strcmp(tier, "flex");
}
