#include "backend/sim/ark_task.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/sim/film.h"
#include "backend/sim/word.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#define AUTO_SECONDS 5 /* what a model decides for duration -1 */
#define CHINA_OFFSET_S (8 * 3600)

/* What was settled from the request, its model and (if there is one) its draft. */
struct settled {
	enum size_resolution resolution;
	enum size_ratio ratio; /* never adaptive */
	struct size size;
	int64_t seconds, frames, seed, tokens;
	bool has_audio;
};

static char *make_id(int64_t now_ms)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	AUTOBUFFER id = BUFFER_INIT(64);
	time_t seconds = (time_t)(now_ms / 1000) + CHINA_OFFSET_S;
	unsigned char random[5];
	char date[32];
	struct tm tm;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return NULL;
	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y%m%d%H%M%S", &tm);
	buffer_addf(&id, "cgt-%s-", date);
	for (size_t i = 0; i < sizeof(random); i++)
		buffer_addf(&id, "%c", letters[random[i] % (sizeof(letters) - 1)]);
	return buffer_take(&id);
}

static enum size_ratio settle_ratio(const struct ark_request *request)
{
	const struct ark_content *content = &request->content;
	int ratio = request->ratio;

	if (ratio < 0)
		ratio = request->model->abilities & ARK_ADAPTIVE || content->images
				? SIZE_ADAPTIVE
				: SIZE_16_9;
	if (ratio != SIZE_ADAPTIVE)
		return (enum size_ratio)ratio;
	return size_nearest_ratio(content->first_image.width,
				  content->first_image.height);
}

static int64_t random_seed(void)
{
	uint32_t seed = 0;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = 0;
	return seed >> 1;
}

static int64_t round16(int side)
{
	return (side + 8) / 16 * 16;
}

static int index_of(const char *const *words, const char *word, int otherwise)
{
	for (int i = 0; word && words[i]; i++)
		if (!strcmp(words[i], word))
			return i;
	return otherwise;
}

/* The second step of a draft takes over what the first step settled. */
static void settle_from_draft(const struct task *draft, struct settled *settled)
{
	AUTOJSON *echo = json_parse(draft->echo, strlen(draft->echo));

	settled->ratio =
		(enum size_ratio)index_of(size_ratio_names, json_get_text(echo, "ratio"),
					  settled->ratio);
	settled->seed = json_get_integer(echo, "seed", settled->seed);
	settled->seconds = json_get_integer(echo, "duration", settled->seconds);
	settled->frames = settled->seconds * FILM_FPS;
	settled->has_audio = json_get_true(echo, "generate_audio");
}

static struct settled settle(const struct ark_request *request)
{
	const struct ark_model *model = request->model;
	struct settled settled = { .resolution = model->resolution };

	if (request->resolution >= 0)
		settled.resolution = (enum size_resolution)request->resolution;
	else if (request->draft)
		settled.resolution = SIZE_480P;
	settled.ratio = settle_ratio(request);
	settled.seconds = request->duration < 0 ? AUTO_SECONDS : request->duration;
	settled.frames = settled.seconds * FILM_FPS;
	if (request->frames) {
		settled.frames = request->frames;
		settled.seconds = request->frames / FILM_FPS;
	}
	settled.seed = request->seed < 0 ? random_seed() : request->seed;
	settled.has_audio = request->generate_audio;
	if (request->draft_of)
		settle_from_draft(request->draft_of, &settled);
	settled.size = size_find(model->family, settled.resolution, settled.ratio);
	settled.tokens = round16(settled.size.width) * round16(settled.size.height) *
			 (FILM_FPS * settled.seconds + 1) / 1024;
	return settled;
}

static void put_asked(struct buffer *out, const struct ark_request *request)
{
	json_put_text(out, "service_tier", request->is_flex ? "flex" : "default");
	json_put_integer(out, "execution_expires_after", request->expires_after);
	if (request->priority)
		json_put_integer(out, "priority", request->priority);
	json_put_text_if(out, "safety_identifier", request->safety_identifier);
	if (request->model->abilities & ARK_DRAFT)
		json_put_bool(out, "draft", request->draft);
	json_put_text_if(out, "draft_task_id", request->content.draft_task);
	if (request->model->abilities & ARK_OUTPUT_FORMAT)
		json_put_text(out, "output_format",
			      request->output_format ? request->output_format : "mp4");
	if (request->has_web_search)
		json_put_raw(out, "tools", "[{\"type\":\"web_search\"}]");
	json_put_bool(out, "return_last_frame", request->return_last_frame);
}

static char *make_echo(const struct ark_request *request, const struct settled *settled)
{
	AUTOBUFFER out = BUFFER_INIT(TASK_TEXT_MAX);

	json_open(&out, NULL, '{');
	put_asked(&out, request);
	json_put_integer(&out, "seed", settled->seed);
	json_put_text(&out, "resolution", size_resolution_names[settled->resolution]);
	json_put_text(&out, "ratio", size_ratio_names[settled->ratio]);
	if (request->frames)
		json_put_integer(&out, "frames", settled->frames);
	else
		json_put_integer(&out, "duration", settled->seconds);
	if (request->model->abilities & ARK_AUDIO)
		json_put_bool(&out, "generate_audio", settled->has_audio);
	json_put_integer(&out, "tokens", settled->tokens);
	json_close(&out, '}');
	return buffer_take(&out);
}

static int set_failure(struct task *task, const char *code, const char *message,
		       const char *request_id)
{
	AUTOBUFFER text = BUFFER_INIT(1024);
	int r = buffer_addf(&text, "%s Request id: %s", message, request_id);

	if (!r)
		r = task_set_text(&task->fail_message, text.data);
	return r ? r : task_set_text(&task->fail_code, code);
}

static int set_ending(struct task *task, const char *prompt, const char *request_id)
{
	task->ends_expired = word_is_in(prompt, "#expire");
	if (word_is_in(prompt, "#fail"))
		return set_failure(
			task, "InternalServiceError",
			"The service encountered an unexpected internal error.",
			request_id);
	if (word_is_in(prompt, "#moderation"))
		return set_failure(
			task, "OutputVideoSensitiveContentDetected",
			"The request failed because the output video may contain "
			"sensitive information.",
			request_id);
	return 0;
}

static int set_background(struct task *task, const char *suffix)
{
	AUTOBUFFER name = BUFFER_INIT(64);
	int r = buffer_addf(&name, "first_frame.%s", suffix);

	return r ? r : task_set_text(&task->picture.background, name.data);
}

/* The first frame as a file: from the request, or from the draft's directory. */
static int keep_background(const struct ark_request *request,
			   const struct wire_call *call, struct task *task)
{
	const struct image *image = &request->content.first_image;
	const struct task *draft = request->draft_of;
	struct home *home = call->sim->home;
	int r = home_make_media(home, task->id);

	if (!r && image->bytes && request->content.first_image_is_frame) {
		r = set_background(task, image->suffix);
		if (!r)
			r = home_write_media(home, task->id, task->picture.background,
					     image->bytes, image->size);
	} else if (!r && draft && draft->picture.background) {
		r = task_set_text(&task->picture.background, draft->picture.background);
		if (!r)
			r = home_copy_media(home, draft->id, task->id,
					    draft->picture.background);
	}
	return r;
}

static int set_picture(const struct ark_request *request, const struct settled *settled,
		       struct task *task)
{
	const struct buffer *prompt = &request->content.prompt;
	const char *text = prompt->data ? prompt->data : "";

	task->picture.width = settled->size.width;
	task->picture.height = settled->size.height;
	task->picture.frames = (int)settled->frames;
	task->picture.has_audio = settled->has_audio;
	task->picture.has_last_frame = request->return_last_frame;
	return task_set_text(&task->picture.prompt,
			     request->draft_of ? request->draft_of->picture.prompt
					       : text);
}

static int fill(const struct ark_request *request, const struct wire_call *call,
		struct task *task)
{
	struct settled settled = settle(request);
	int r;

	task->created_ms = clock_wall_ms();
	task->expires_ms = task->created_ms + request->expires_after * 1000;
	task->id = make_id(task->created_ms);
	task->echo = make_echo(request, &settled);
	if (!task->id || !task->echo)
		return -ENOMEM;
	r = task_set_text(&task->wire, wire_ark.prefix);
	if (!r)
		r = task_set_text(&task->model, request->model_shown);
	if (!r)
		r = task_set_text(&task->body, call->body_text);
	if (!r)
		r = set_picture(request, &settled, task);
	if (!r)
		r = set_ending(task, task->picture.prompt, call->request_id);
	return r ? r : keep_background(request, call, task);
}

int ark_task_make(const struct ark_request *request, const struct wire_call *call,
		  struct task **ret_task)
{
	struct task *task = task_create();
	int r = task ? fill(request, call, task) : -ENOMEM;

	if (r)
		ark_task_discard(call, task);
	else
		*ret_task = task;
	return r;
}

void ark_task_discard(const struct wire_call *call, struct task *task)
{
	if (task && task->id)
		home_remove_media(call->sim->home, task->id);
	task_destroy(task);
}
