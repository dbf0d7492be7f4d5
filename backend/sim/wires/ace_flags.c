#include "backend/sim/wires/ace.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "backend/sim/wires/fields.h"

#include <string.h>

#define SEED_MAX 4294967295ll

static void set_resolution(struct job *job, const char *value)
{
	int index = fields_find_word(size_resolution_names, value, -1);

	if (index >= 0 && job->model->resolutions & 1u << index)
		job->resolution = index;
}

static void set_ratio(struct job *job, const char *value)
{
	job->ratio = fields_find_word(size_ratio_names, value, job->ratio);
}

static void set_duration(struct job *job, const char *value)
{
	int64_t number;

	if (!text_to_int64(value, &number) && number >= job->model->shortest &&
	    number <= job->model->longest)
		job->duration = number;
}

static void set_frames(struct job *job, const char *value)
{
	int64_t number;

	if (!text_to_int64(value, &number) && number >= 29 && number <= 289 &&
	    (number - 25) % 4 == 0 && job->model->abilities & MODEL_FRAMES)
		job->frames = number;
}

static void set_seed(struct job *job, const char *value)
{
	int64_t number;

	if (!text_to_int64(value, &number) && number >= -1 && number <= SEED_MAX)
		job->seed = number;
}

static void set_watermark(struct job *job, const char *value)
{
	job->watermark = !strcmp(value, "true");
}

static void set_camera(struct job *job, const char *value)
{
	job->camera_fixed = !strcmp(value, "true");
}

static const struct flag {
	const char *brief, *full;
	const char *field, *other; /* fields of the body that take precedence */
	void (*set)(struct job *job, const char *value);
} flags[] = {
	{ "--rs", "--resolution", "resolution", NULL, set_resolution },
	{ "--rt", "--ratio", "ratio", NULL, set_ratio },
	{ "--dur", "--duration", "duration", "frames", set_duration },
	{ "--frames", "--frames", "frames", "duration", set_frames },
	{ "--seed", "--seed", "seed", NULL, set_seed },
	{ "--wm", "--watermark", "watermark", NULL, set_watermark },
	{ "--cf", "--camerafixed", "camerafixed", NULL, set_camera },
};

static bool is_in_body(const struct json *body, const struct flag *flag)
{
	return json_get_nonnull(body, flag->field) ||
	       (flag->other && json_get_nonnull(body, flag->other));
}

static void set(const struct json *body, struct job *job, const char *name,
		const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if ((!strcmp(name, flags[i].brief) || !strcmp(name, flags[i].full)) &&
		    !is_in_body(body, &flags[i]))
			flags[i].set(job, value);
}

void ace_flags_read(const struct json *body, struct job *job)
{
	static const char blanks[] = " \t\r\n";
	const char *prompt = job->content.prompt.data;
	AUTOFREE char *text = prompt ? strdup(prompt) : NULL;
	char *state = NULL, *name = text ? strtok_r(text, blanks, &state) : NULL;

	while (name) {
		char *value = strtok_r(NULL, blanks, &state);

		if (value && !strncmp(name, "--", 2))
			set(body, job, name, value);
		name = value;
	}
}
