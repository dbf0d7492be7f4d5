#include "backend/sim/wires/job_task.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/json_write.h"
#include "backend/sim/wires/fields.h"
#include "backend/sim/render/film.h"
#include "backend/sim/wires/word.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define AUTO_SECONDS 5 /* the length that a model chooses for duration -1 */

/* The values that follow from the job, its model and its draft, if any. */
struct settled {
	enum size_resolution resolution;
	enum size_ratio ratio; /* never adaptive */
	struct size size;
	int64_t seconds, frames, seed, tokens;
	bool has_audio;
};

static enum size_ratio settle_ratio(const struct job *job)
{
	const struct content *content = &job->content;
	int ratio = job->ratio;

	if (ratio < 0)
		ratio = job->model->abilities & MODEL_ADAPTIVE || content->images
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

/* The second step of a draft keeps the values of the first. */
static void settle_from_draft(const struct task *draft, struct settled *settled)
{
	AUTOJSON *echo = json_parse_text(draft->echo);

	settled->ratio = (enum size_ratio)fields_find_word(size_ratio_names,
							   json_get_string(echo, "ratio"),
							   settled->ratio);
	settled->seed = json_get_int64(echo, "seed", settled->seed);
	settled->seconds = json_get_int64(echo, "duration", settled->seconds);
	settled->frames = settled->seconds * FILM_FPS;
	settled->has_audio = json_is_true(json_get(echo, "generate_audio"));
}

static struct settled settle(const struct job *job)
{
	const struct model *model = job->model;
	struct settled settled = { .resolution = model->resolution };

	if (job->resolution >= 0)
		settled.resolution = (enum size_resolution)job->resolution;
	else if (job->draft)
		settled.resolution = SIZE_480P;
	settled.ratio = settle_ratio(job);
	settled.seconds = job->duration < 0 ? AUTO_SECONDS : job->duration;
	settled.frames = settled.seconds * FILM_FPS;
	if (job->frames) {
		settled.frames = job->frames;
		settled.seconds = job->frames / FILM_FPS;
	}
	settled.seed = job->seed < 0 ? random_seed() : job->seed;
	settled.has_audio = job->generate_audio;
	if (job->draft_of)
		settle_from_draft(job->draft_of, &settled);
	settled.size = size_find(model->family, settled.resolution, settled.ratio);
	settled.tokens = round16(settled.size.width) * round16(settled.size.height) *
			 (FILM_FPS * settled.seconds + 1) / 1024;
	return settled;
}

static void put_asked(struct buffer *out, const struct job *job)
{
	json_write_string(out, "service_tier", job->is_flex ? "flex" : "default");
	json_write_int64(out, "execution_expires_after", job->expires_after_s);
	if (job->priority)
		json_write_int64(out, "priority", job->priority);
	json_write_string(out, "safety_identifier", job->safety_identifier);
	if (job->model->abilities & MODEL_DRAFT)
		json_write_bool(out, "draft", job->draft);
	json_write_string(out, "draft_task_id", job->content.draft_task);
	if (job->model->abilities & MODEL_OUTPUT_FORMAT)
		json_write_string(out, "output_format",
				  job->output_format ? job->output_format : "mp4");
	if (job->has_web_search)
		json_write_raw(out, "tools", "[{\"type\":\"web_search\"}]");
	json_write_bool(out, "return_last_frame", job->return_last_frame);
}

static char *make_echo(const struct job *job, const struct settled *settled)
{
	AUTOBUFFER out = BUFFER_INIT(TASK_TEXT_MAX);

	json_write_open(&out, NULL, '{');
	put_asked(&out, job);
	json_write_int64(&out, "seed", settled->seed);
	json_write_string(&out, "resolution", size_resolution_names[settled->resolution]);
	json_write_string(&out, "ratio", size_ratio_names[settled->ratio]);
	if (job->frames)
		json_write_int64(&out, "frames", settled->frames);
	else
		json_write_int64(&out, "duration", settled->seconds);
	if (job->model->abilities & MODEL_AUDIO)
		json_write_bool(&out, "generate_audio", settled->has_audio);
	json_write_int64(&out, "tokens", settled->tokens);
	if (job->extra.size)
		buffer_addf(&out, ",%s", job->extra.data);
	json_write_close(&out, '}');
	return buffer_take(&out);
}

static int set_failure(struct task *task, const struct wire_ending *ending,
		       const char *request_id)
{
	AUTOBUFFER text = BUFFER_INIT(1024);
	int r = buffer_add(&text, ending->message);

	if (!r && ending->has_request_id)
		r = buffer_addf(&text, " Request id: %s", request_id);
	if (!r)
		r = task_set_text(&task->fail_message, text.data);
	return r ? r : task_set_text(&task->fail_code, ending->code);
}

static int set_ending(struct task *task, const struct wire_call *call)
{
	const char *prompt = task->picture.prompt;

	task->ends_expired = word_is_in(prompt, "#expire");
	if (word_is_in(prompt, "#fail"))
		return set_failure(task, &call->wire->failure, call->request_id);
	if (word_is_in(prompt, "#moderation"))
		return set_failure(task, &call->wire->moderation, call->request_id);
	return 0;
}

static int set_background(struct task *task, const char *suffix)
{
	AUTOBUFFER name = BUFFER_INIT(64);
	int r = buffer_addf(&name, "first_frame.%s", suffix);

	return r ? r : task_set_text(&task->picture.background, name.data);
}

/* Writes the first frame to a file: from the job, or from the draft's directory. */
static int keep_background(const struct job *job, const struct wire_call *call,
			   struct task *task)
{
	const struct image *image = &job->content.first_image;
	const struct task *draft = job->draft_of;
	struct home *home = call->sim->home;
	int r = home_make_media(home, task->id);

	if (!r && image->bytes && job->content.first_image_is_frame) {
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

static int set_picture(const struct job *job, const struct settled *settled,
		       struct task *task)
{
	const struct buffer *prompt = &job->content.prompt;
	const char *text = prompt->data ? prompt->data : "";

	task->picture.width = settled->size.width;
	task->picture.height = settled->size.height;
	task->picture.frames = (int)settled->frames;
	task->picture.has_audio = settled->has_audio;
	task->picture.has_last_frame = job->return_last_frame;
	return task_set_text(&task->picture.prompt,
			     job->draft_of ? job->draft_of->picture.prompt : text);
}

static int fill(const struct job *job, const struct wire_call *call, struct task *task)
{
	struct settled settled = settle(job);
	int r;

	task->created_ms = clock_wall_ms();
	task->expires_ms = task->created_ms + job->expires_after_s * 1000;
	task->echo = make_echo(job, &settled);
	if (!task->id || !task->echo || buffer_error(&job->extra))
		return -ENOMEM;
	r = task_set_text(&task->wire, call->wire->prefix);
	if (!r)
		r = task_set_text(&task->model, job->model_shown);
	if (!r)
		r = task_set_text(&task->body, call->body_text);
	if (!r)
		r = set_picture(job, &settled, task);
	if (!r)
		r = set_ending(task, call);
	return r ? r : keep_background(job, call, task);
}

bool job_accept(const struct job *job, const struct wire_call *call, char *id,
		struct refusal *refusal)
{
	struct task *task = task_create();

	if (!task) {
		free(id);
		return refuse_no_memory(refusal);
	}
	task->id = id;
	if (!fill(job, call, task))
		return wire_accept(call, task, refusal);
	job_task_discard(call, task);
	return refuse_no_memory(refusal);
}

void job_task_discard(const struct wire_call *call, struct task *task)
{
	if (task && task->id)
		home_remove_media(call->sim->home, task->id);
	task_destroy(task);
}
