#include "backend/request/params.h"

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

enum value_type {
	VALUE_NUMBER,
	VALUE_BOOL,
	VALUE_WORD,
	VALUE_TEXT,
	VALUE_URL,
	VALUE_LIST,
};

struct param {
	const char *key;
	enum value_type type;
	int64_t least, most; /* numbers; strings: maximum length in bytes */
	const char *const *words;
	const char *allowed; /* for messages; NULL: the words */
	bool (*is_allowed)(int64_t number);
	bool (*is_word)(const char *word); /* then the words are only examples */
};

static bool is_duration(int64_t number)
{
	return number == -1 || number >= 1;
}

/* "480p", "1080p", "4k". */
bool request_is_resolution(const char *word)
{
	size_t digits = strspn(word, "0123456789");

	if (!strcmp(word + digits, "k"))
		return digits == 1 && *word != '0';
	return !strcmp(word + digits, "p") && (digits == 3 || digits == 4);
}

static bool is_frame_count(int64_t number)
{
	return (number - 25) % 4 == 0;
}

#define WORDS(...)                \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

/*
 * What a key may say at all: providers/README.md, 1.1 and 6.2. Limits that models.json
 * may extend (length, size, expiry) are only sanity limits here; models/fit.h knows each
 * model.
 */
static const struct param params[PARAM_COUNT] = {
	[PARAM_RESOLUTION] = { "resolution", VALUE_WORD,
			       .words = WORDS("480p", "720p", "1080p", "4k"),
			       .allowed = "480p, 720p, 1080p, 4k, or another resolution "
					  "that the model supports",
			       .is_word = request_is_resolution },
	[PARAM_RATIO] = { "ratio", VALUE_WORD,
			  .words = WORDS("16:9", "4:3", "1:1", "3:4", "9:16", "21:9",
					 "adaptive") },
	[PARAM_DURATION] = { "duration", VALUE_NUMBER, -1, 3600,
			     .allowed = "whole seconds from 1 to 3600, within the "
					"model's range, or -1 (the model decides)",
			     .is_allowed = is_duration },
	[PARAM_FRAMES] = { "frames", VALUE_NUMBER, 29, 289,
			   .allowed = "29 to 289 in steps of 4 (25 + 4n)",
			   .is_allowed = is_frame_count },
	[PARAM_FRAMESPERSECOND] = { "framespersecond", VALUE_NUMBER, 24, 24,
				    .allowed = "24" },
	[PARAM_SEED] = { "seed", VALUE_NUMBER, -1, 4294967295,
			 .allowed = "an integer from -1 to 4294967295" },
	[PARAM_CAMERA_FIXED] = { "camera_fixed", VALUE_BOOL },
	[PARAM_WATERMARK] = { "watermark", VALUE_BOOL },
	[PARAM_GENERATE_AUDIO] = { "generate_audio", VALUE_BOOL },
	[PARAM_DRAFT] = { "draft", VALUE_BOOL },
	[PARAM_RETURN_LAST_FRAME] = { "return_last_frame", VALUE_BOOL },
	[PARAM_SERVICE_TIER] = { "service_tier", VALUE_WORD,
				 .words = WORDS("default", "flex") },
	[PARAM_EXECUTION_EXPIRES_AFTER] = { "execution_expires_after", VALUE_NUMBER, 1,
					    31536000,
					    .allowed =
						    "whole seconds from 1 to 31536000, "
						    "within the service's range" },
	[PARAM_PRIORITY] = { "priority", VALUE_NUMBER, 0, 9, .allowed = "0 to 9" },
	[PARAM_CALLBACK_URL] = { "callback_url", VALUE_URL, 0, 2048,
				 .allowed =
					 "a URL that starts with https:// or http://" },
	[PARAM_SAFETY_IDENTIFIER] = { "safety_identifier", VALUE_TEXT, 0, 64,
				      .allowed = "a string of up to 64 bytes" },
	[PARAM_OUTPUT_FORMAT] = { "output_format", VALUE_WORD,
				  .words = WORDS("mp4", "mov") },
	[PARAM_OMNI_REFERENCE_TASK_TYPE] = { "omni_reference_task_type", VALUE_WORD,
					     .words = WORDS("auto", "reference", "edit",
							    "extend") },
	[PARAM_TOOLS] = { "tools", VALUE_LIST, .allowed = "an array of objects" },
};

const char *request_param_key(enum request_param param)
{
	return params[param].key;
}

bool request_param_is_bool(enum request_param param)
{
	return params[param].type == VALUE_BOOL;
}

enum request_param request_param_of(const char *key)
{
	for (int i = 0; i < PARAM_COUNT; i++)
		if (!strcmp(params[i].key, key))
			return (enum request_param)i;
	return PARAM_COUNT;
}

static void add_words(struct buffer *text, const char *const *words)
{
	for (size_t i = 0; words[i]; i++)
		buffer_addf(text, "%s%s", i ? ", " : "", words[i]);
}

/* The name of a parameter in messages: `request.json: "seconds"`. */
static char *spell(const struct param *param, const struct param_spelling *spelling)
{
	return spelling->label ? text_format("%s: %s", spelling->file, spelling->label)
			       : text_format("%s: \"%s\"", spelling->file, param->key);
}

static int refuse(const struct param *param, const struct param_spelling *spelling,
		  const struct json *value, struct problem *problem)
{
	AUTOBUFFER allowed = BUFFER_INIT(1024);
	AUTOFREE char *found = json_print(value);
	AUTOFREE char *spelt = spell(param, spelling);
	const char *near = NULL;

	if (param->type == VALUE_BOOL)
		buffer_add(&allowed, "true or false");
	else if (param->allowed)
		buffer_add(&allowed, param->allowed);
	else
		add_words(&allowed, param->words);
	if (param->words && json_string(value))
		near = text_nearest(json_string(value), param->words);
	else if (param->words && found && isdigit((unsigned char)*found))
		near = text_nearest(found, param->words); /* 720 */
	problem_set(problem, PROBLEM_INVALID, "%s is %.200s; allowed: %s%s%s%s",
		    spelt ? spelt : param->key, found ? found : "?",
		    allowed.data ? allowed.data : "?", near ? "; did you mean \"" : "",
		    near ? near : "", near ? "\"?" : "");
	return -EINVAL;
}

/* The value as JSON text. */
static char *print_value(const struct request *request, enum request_param id)
{
	AUTOJSON *holder = json_new_object();

	if (!holder || request_put_param(request, id, "value", holder))
		return NULL;
	return json_print(json_get(holder, "value"));
}

/* A different value is already set, under this name or another. */
static int refuse_second(const struct request *request, enum request_param id,
			 const char *spelt, const struct request *second,
			 struct problem *problem)
{
	const char *source = request->params[id].source;
	AUTOFREE char *first =
		source ? strdup(source)
		       : text_format("%s: \"%s\"", request->source, params[id].key);
	AUTOFREE char *old = print_value(request, id);
	AUTOFREE char *new = print_value(second, id);

	problem_set(problem, PROBLEM_INVALID,
		    "%s is %.200s, and %s is %.200s; keep one of them", spelt,
		    new ? new : "?", first ? first : "?", old ? old : "?");
	return -EINVAL;
}

/* Numbers may be strings: providers/README.md, section 0. */
static bool read_number(const struct json *value, int64_t *ret_number)
{
	if (json_to_int64(value, ret_number))
		return true;
	return json_string(value) && !text_to_int64(json_string(value), ret_number);
}

static bool read_bool(const struct json *value, int64_t *ret_number)
{
	const char *text = json_string(value);
	bool is_true;

	if (!json_to_bool(value, &is_true)) {
		if (!text || (strcasecmp(text, "true") && strcasecmp(text, "false")))
			return false;
		is_true = !strcasecmp(text, "true");
	}
	*ret_number = is_true;
	return true;
}

static bool is_good_text(const struct param *param, const char *text)
{
	if (!text)
		return false;
	if (param->type == VALUE_URL && !text_starts_with(text, "https://") &&
	    !text_starts_with(text, "http://"))
		return false;
	if (param->type != VALUE_WORD)
		return (int64_t)strlen(text) <= param->most;
	if (param->is_word)
		return param->is_word(text);
	for (size_t i = 0; param->words[i]; i++)
		if (!strcmp(param->words[i], text))
			return true;
	return false;
}

static bool is_good_number(const struct param *param, int64_t number)
{
	return number >= param->least && number <= param->most &&
	       (!param->is_allowed || param->is_allowed(number));
}

static bool is_good_value(const struct param *param, const struct json *value,
			  int64_t *ret_number)
{
	switch (param->type) {
	case VALUE_NUMBER:
		return read_number(value, ret_number) &&
		       is_good_number(param, *ret_number);
	case VALUE_BOOL:
		return read_bool(value, ret_number);
	case VALUE_WORD:
	case VALUE_TEXT:
	case VALUE_URL:
		return is_good_text(param, json_string(value));
	case VALUE_LIST:
		return json_is_array(value);
	}
	return false;
}

static int store(struct request_value *into, const struct param *param,
		 const struct json *value, int64_t number)
{
	if (param->type == VALUE_WORD || param->type == VALUE_TEXT ||
	    param->type == VALUE_URL) {
		into->text = strdup(json_string(value));
		if (!into->text)
			return -ENOMEM;
	}
	if (param->type == VALUE_LIST) {
		into->json = json_copy(value);
		if (!into->json)
			return -ENOMEM;
	}
	into->number = number;
	into->is_set = true;
	return 0;
}

/* Whether the values are the same once sent. */
static bool is_same(const struct request *a, const struct request *b,
		    enum request_param id)
{
	AUTOFREE char *x = print_value(a, id);
	AUTOFREE char *y = print_value(b, id);

	return x && y && !strcmp(x, y);
}

int request_param_read(struct request *request, enum request_param id,
		       const struct param_spelling *spelling, const struct json *value,
		       struct problem *problem)
{
	struct request fresh = { 0 };
	const struct param *param = &params[id];
	AUTOFREE char *spelt = spell(param, spelling);
	int64_t number = 0;
	int r;

	if (json_is_null(value))
		return 0; /* counts as absent */
	if (!is_good_value(param, value, &number))
		return refuse(param, spelling, value, problem);
	r = spelt ? store(&fresh.params[id], param, value, number) : -ENOMEM;
	if (!r && request->params[id].is_set) {
		if (!is_same(request, &fresh, id))
			r = refuse_second(request, id, spelt, &fresh, problem);
		request_unset(&fresh, id);
		return r;
	}
	if (!r && (spelling->label || strcmp(spelling->file, request->source)))
		fresh.params[id].source = TAKE(spelt);
	if (r)
		request_unset(&fresh, id);
	else
		request->params[id] = fresh.params[id];
	return r;
}

int request_param_move(struct request *request, enum request_param id,
		       struct request *from)
{
	struct request_value *value = &from->params[id];

	if (!value->source)
		value->source = strdup(from->source);
	if (!value->source)
		return -ENOMEM;
	request_unset(request, id);
	request->params[id] = *value;
	*value = (struct request_value){ 0 };
	return 0;
}
