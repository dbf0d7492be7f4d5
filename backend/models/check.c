/*
 * The schema of models.json, applied strictly: a mistake in a limit could cost money, so
 * the file is rejected unless every key is known and has the right type.
 */
#include "backend/models/rules_internal.h"

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "backend/request/problem.h"
#include "backend/request/params.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#define FORMAT 1
#define KEYS_MAX 64

/* The objects of the file. */
enum place {
	IN_FILE = 1 << 0,
	IN_SERVICE = 1 << 1,
	IN_MODEL = 1 << 2,
	IN_MODEL_THERE = 1 << 3, /* a model's entry for a service */
	IN_MEDIA = 1 << 4,
	IN_LIMITS = 1 << 5, /* of one kind of media */
	IN_SEARCH = 1 << 6,
};

#define IN_EITHER_MODEL (IN_MODEL | IN_MODEL_THERE)

enum type {
	TYPE_BOOL,
	TYPE_NUMBER,
	TYPE_RANGE,    /* [least, most], whole numbers */
	TYPE_DECIMALS, /* the same with decimals */
	TYPE_TEXT,
	TYPE_WORDS,
	TYPE_PARAMS,   /* names of parameters */
	TYPE_VALUES,   /* parameters and values */
	TYPE_OBJECT,   /* keys are those of `inside` */
	TYPE_SERVICES, /* objects, keyed by service */
	TYPE_MODELS,   /* objects, keyed by any name */
};

struct rule_key {
	const char *key;
	enum type type;
	unsigned where;
	enum place inside;
	const char *const *words;	   /* NULL: any */
	bool (*is_word)(const char *word); /* these as well */
};

#define WORDS(...)                \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

static const char *const service_names[] = { "ark",	   "byteplus",	 "acedata",
					     "xhuo",	   "createtask", "comet",
					     "senseaudio", NULL };
#define RESOLUTIONS WORDS("480p", "720p", "1080p", "4k"), .is_word = request_is_resolution
#define RATIOS WORDS("16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "adaptive")

static const struct rule_key rule_keys[] = {
	{ .key = "format", TYPE_NUMBER, IN_FILE },
	{ .key = "services", TYPE_SERVICES, IN_FILE, IN_SERVICE },
	{ .key = "models", TYPE_MODELS, IN_FILE, IN_MODEL },
	{ .key = "services", TYPE_SERVICES, IN_MODEL, IN_MODEL_THERE },
	/* of a service */
	{ .key = "title", TYPE_TEXT, IN_SERVICE },
	{ .key = "model", TYPE_TEXT, IN_SERVICE },
	{ .key = "values", TYPE_VALUES, IN_SERVICE },
	{ .key = "ratios", TYPE_WORDS, IN_SERVICE, .words = RATIOS },
	{ .key = "seed_range", TYPE_RANGE, IN_SERVICE },
	{ .key = "expires_range", TYPE_RANGE, IN_SERVICE },
	{ .key = "ignores", TYPE_PARAMS, IN_SERVICE },
	{ .key = "drops", TYPE_PARAMS, IN_SERVICE },
	{ .key = "flex_note", TYPE_TEXT, IN_SERVICE },
	{ .key = "text_max", TYPE_NUMBER, IN_SERVICE },
	{ .key = "text_chars", TYPE_NUMBER, IN_SERVICE },
	{ .key = "text_with_last_frame", TYPE_BOOL, IN_SERVICE },
	{ .key = "reference_is_first_frame", TYPE_BOOL, IN_SERVICE },
	{ .key = "body", TYPE_NUMBER, IN_SERVICE },
	{ .key = "web_search_keys", TYPE_OBJECT, IN_SERVICE, IN_SEARCH },
	{ .key = "media", TYPE_OBJECT, IN_SERVICE, IN_MEDIA },
	/* of both; both apply */
	{ .key = "duration", TYPE_RANGE, IN_SERVICE | IN_EITHER_MODEL },
	{ .key = "duration_auto", TYPE_BOOL, IN_SERVICE | IN_EITHER_MODEL },
	{ .key = "resolutions",
	  TYPE_WORDS,
	  IN_SERVICE | IN_EITHER_MODEL,
	  .words = RESOLUTIONS },
	{ .key = "task_types",
	  TYPE_WORDS,
	  IN_SERVICE | IN_EITHER_MODEL,
	  .words = WORDS("auto", "reference", "edit", "extend") },
	/* of a model */
	{ .key = "name", TYPE_TEXT, IN_MODEL_THERE },
	{ .key = "also", TYPE_WORDS, IN_EITHER_MODEL },
	{ .key = "duration_default", TYPE_NUMBER, IN_EITHER_MODEL },
	{ .key = "resolution", TYPE_TEXT, IN_EITHER_MODEL, .words = RESOLUTIONS },
	{ .key = "resolutions_with_references",
	  TYPE_WORDS,
	  IN_EITHER_MODEL,
	  .words = RESOLUTIONS },
	{ .key = "draft_resolutions", TYPE_WORDS, IN_EITHER_MODEL, .words = RESOLUTIONS },
	{ .key = "draft", TYPE_BOOL, IN_EITHER_MODEL },
	{ .key = "draft_flex", TYPE_BOOL, IN_EITHER_MODEL },
	{ .key = "draft_last_frame", TYPE_BOOL, IN_EITHER_MODEL },
	{ .key = "ratios", TYPE_WORDS, IN_EITHER_MODEL, .words = RATIOS },
	{ .key = "ratios_with_frames", TYPE_WORDS, IN_EITHER_MODEL, .words = RATIOS },
	{ .key = "output_formats",
	  TYPE_WORDS,
	  IN_EITHER_MODEL,
	  .words = WORDS("mp4", "mov") },
	{ .key = "frames", TYPE_BOOL, IN_EITHER_MODEL },
	{ .key = "seed", TYPE_BOOL, IN_EITHER_MODEL },
	{ .key = "camera_fixed", TYPE_BOOL, IN_EITHER_MODEL },
	{ .key = "flex", TYPE_BOOL, IN_EITHER_MODEL },
	{ .key = "audio", TYPE_BOOL, IN_EITHER_MODEL },
	{ .key = "priority", TYPE_BOOL, IN_EITHER_MODEL },
	{ .key = "web_search", TYPE_BOOL, IN_EITHER_MODEL },
	{ .key = "first_frame", TYPE_BOOL, IN_EITHER_MODEL },
	{ .key = "last_frame", TYPE_BOOL, IN_EITHER_MODEL },
	{ .key = "needs_image", TYPE_BOOL, IN_EITHER_MODEL },
	{ .key = "audio_alone", TYPE_BOOL, IN_EITHER_MODEL },
	{ .key = "reference_images", TYPE_NUMBER, IN_EITHER_MODEL },
	{ .key = "reference_videos", TYPE_NUMBER, IN_EITHER_MODEL },
	{ .key = "reference_audios", TYPE_NUMBER, IN_EITHER_MODEL },
	{ .key = "references_total", TYPE_NUMBER, IN_EITHER_MODEL },
	/* of media */
	{ .key = "image", TYPE_OBJECT, IN_MEDIA, IN_LIMITS },
	{ .key = "video", TYPE_OBJECT, IN_MEDIA, IN_LIMITS },
	{ .key = "audio", TYPE_OBJECT, IN_MEDIA, IN_LIMITS },
	{ .key = "types", TYPE_WORDS, IN_LIMITS },
	{ .key = "bytes", TYPE_NUMBER, IN_LIMITS },
	{ .key = "side", TYPE_RANGE, IN_LIMITS },
	{ .key = "aspect", TYPE_DECIMALS, IN_LIMITS },
	/* of an object of `tools`, beside its type */
	{ .key = "limit", TYPE_RANGE, IN_SEARCH },
	{ .key = "max_keyword", TYPE_RANGE, IN_SEARCH },
	{ .key = "sources", TYPE_WORDS, IN_SEARCH },
};

struct checker {
	const char *name;
	char **ret_error;
};

static int check_object(const struct checker *checker, const char *at,
			const struct json *object, enum place place);

static const struct rule_key *find_key(const char *key, enum place place)
{
	for (size_t i = 0; i < ARRAY_SIZE(rule_keys); i++)
		if (rule_keys[i].where & place && !strcmp(rule_keys[i].key, key))
			return &rule_keys[i];
	return NULL;
}

/* "did you mean": the nearest of the words, appended to a refusal. */
static int refuse_word(const struct checker *checker, const char *at, const char *what,
		       const char *word, const char *const *words)
{
	const char *near = text_nearest(word, words);

	return text_fail(checker->ret_error, -EINVAL,
			 "%s: %s: unknown %s \"%.100s\"%s%s%s", checker->name, at, what,
			 word, near ? "; did you mean \"" : "", near ? near : "",
			 near ? "\"?" : "");
}

static int refuse_key(const struct checker *checker, const char *at, const char *key,
		      enum place place)
{
	const char *keys[KEYS_MAX + 1] = { NULL };
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rule_keys) && count < KEYS_MAX; i++)
		if (rule_keys[i].where & place)
			keys[count++] = rule_keys[i].key;
	return refuse_word(checker, at, "key", key, keys);
}

static int refuse_value(const struct checker *checker, const char *at,
			const struct json *value, const char *allowed)
{
	AUTOFREE char *found = json_print(value);

	return text_fail(checker->ret_error, -EINVAL, "%s: %s is %.200s; allowed: %s",
			 checker->name, at, found ? found : "?", allowed);
}

static bool is_word_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(*words, word))
			return true;
	return false;
}

static int check_word(const struct checker *checker, const char *at,
		      const struct json *value, const struct rule_key *rule)
{
	const char *word = json_string(value);

	if (!word || !*word)
		return refuse_value(checker, at, value, "a string");
	if (!rule->words || is_word_of(word, rule->words) ||
	    (rule->is_word && rule->is_word(word)))
		return 0;
	return refuse_word(checker, at, "value", word, rule->words);
}

static int check_words(const struct checker *checker, const char *at,
		       const struct json *list, const struct rule_key *rule)
{
	int r = json_is_array(list)
			? 0
			: refuse_value(checker, at, list, "an array of strings");

	for (const struct json *item = json_first(list); item && !r;
	     item = json_next(item))
		r = check_word(checker, at, item, rule);
	return r;
}

static int check_params(const struct checker *checker, const char *at,
			const struct json *list)
{
	const char *keys[PARAM_COUNT + 1] = { NULL };
	const struct rule_key rule = { .words = keys };

	for (int i = 0; i < PARAM_COUNT; i++)
		keys[i] = request_param_key((enum request_param)i);
	return check_words(checker, at, list, &rule);
}

/* [least, most] */
static int check_range(const struct checker *checker, const char *at,
		       const struct json *range, bool is_whole)
{
	const struct json *first = json_is_array(range) ? json_first(range) : NULL;
	const struct json *second = first ? json_next(first) : NULL;
	int64_t whole;
	double a, b;

	if (second && !json_next(second) && json_to_number(first, &a) &&
	    json_to_number(second, &b) && a <= b &&
	    (!is_whole ||
	     (json_to_int64(first, &whole) && json_to_int64(second, &whole))))
		return 0;
	return refuse_value(checker, at, range,
			    is_whole ? "two integers, [minimum, maximum]"
				     : "two numbers, [minimum, maximum]");
}

/* Values are checked as if a user had written them. */
static int check_values(const struct checker *checker, const char *at,
			const struct json *values)
{
	int r = json_is_object(values) ? 0
				       : refuse_value(checker, at, values, "an object");

	for (const struct json *item = json_first(values); item && !r;
	     item = json_next(item)) {
		enum request_param param = request_param_of(json_key(item));
		AUTOFREE char *source = text_format("%s: %s", checker->name, at);
		struct param_spelling spelling = { .file = source };
		struct request request = { .source = source };
		AUTOPROBLEM problem = { 0 };

		if (param == PARAM_COUNT)
			return refuse_word(checker, at, "parameter", json_key(item),
					   WORDS("duration", "resolution", "ratio"));
		r = request_param_read(&request, param, &spelling, item, &problem);
		request_unset(&request, param);
		if (r)
			text_fail(checker->ret_error, r, "%s",
				  problem.text ? problem.text : "out of memory");
	}
	return r;
}

static int check_map(const struct checker *checker, const char *at,
		     const struct json *map, const struct rule_key *rule)
{
	int r = json_is_object(map) ? 0 : refuse_value(checker, at, map, "an object");

	for (const struct json *item = json_first(map); item && !r;
	     item = json_next(item)) {
		AUTOFREE char *inner = text_format("%s.%s", at, json_key(item));

		if (!inner)
			return -ENOMEM;
		if (rule->type == TYPE_SERVICES &&
		    !is_word_of(json_key(item), service_names))
			return refuse_word(checker, at, "service", json_key(item),
					   service_names);
		r = check_object(checker, inner, item, rule->inside);
	}
	return r;
}

static int check_number(const struct checker *checker, const char *at,
			const struct json *value)
{
	int64_t number;

	if (json_to_int64(value, &number) && number >= -1)
		return 0;
	return refuse_value(checker, at, value, "an integer");
}

static int check_rule(const struct checker *checker, const char *at,
		      const struct json *value, const struct rule_key *rule)
{
	bool is_true;

	switch (rule->type) {
	case TYPE_BOOL:
		return json_to_bool(value, &is_true)
			       ? 0
			       : refuse_value(checker, at, value, "true or false");
	case TYPE_NUMBER:
		return check_number(checker, at, value);
	case TYPE_RANGE:
	case TYPE_DECIMALS:
		return check_range(checker, at, value, rule->type == TYPE_RANGE);
	case TYPE_TEXT:
		return check_word(checker, at, value, rule);
	case TYPE_WORDS:
		return check_words(checker, at, value, rule);
	case TYPE_PARAMS:
		return check_params(checker, at, value);
	case TYPE_VALUES:
		return check_values(checker, at, value);
	case TYPE_OBJECT:
		return check_object(checker, at, value, rule->inside);
	case TYPE_SERVICES:
	case TYPE_MODELS:
		return check_map(checker, at, value, rule);
	}
	return 0;
}

static int check_required(const struct checker *checker, const char *at,
			  const struct json *object, enum place place)
{
	const char *key = place == IN_FILE	    ? "format"
			  : place == IN_SERVICE	    ? "model"
			  : place == IN_MODEL	    ? "services"
			  : place == IN_MODEL_THERE ? "name"
						    : NULL;

	if (!key || json_get(object, key))
		return 0;
	return text_fail(checker->ret_error, -EINVAL, "%s: %s%s\"%s\" is missing",
			 checker->name, at, *at ? ": " : "", key);
}

static int check_object(const struct checker *checker, const char *at,
			const struct json *object, enum place place)
{
	int r = json_is_object(object) ? 0
				       : refuse_value(checker, at, object, "an object");

	for (const struct json *item = json_first(object); item && !r;
	     item = json_next(item)) {
		const struct rule_key *rule = find_key(json_key(item), place);
		AUTOFREE char *inner =
			text_format("%s%s%s", at, *at ? "." : "", json_key(item));

		if (!rule)
			return refuse_key(checker, *at ? at : "top level", json_key(item),
					  place);
		r = inner ? check_rule(checker, inner, item, rule) : -ENOMEM;
	}
	return r ? r : check_required(checker, at, object, place);
}

int models_check_file(const char *name, const struct json *file, char **ret_error)
{
	const struct checker checker = { name, ret_error };
	int64_t format = 0;
	int r = check_object(&checker, "", file, IN_FILE);

	if (r)
		return r;
	if (json_to_int64(json_get(file, "format"), &format) && format == FORMAT)
		return 0;
	return refuse_value(&checker, "format", json_get(file, "format"), "1");
}
