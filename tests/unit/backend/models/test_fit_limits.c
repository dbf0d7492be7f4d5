/*
 * backend/models/fit.h: each model at each service that offers it, at its limits and
 * beyond.
 */
#include "tests/unit/backend/models/fit_trial.h"

/* The limits of one model at one service, from fixtures/fit/limits.json. */
struct limits {
	const char *name;
	const struct json *test;
	const char *service, *model;
	bool needs_image;
};

#define IMAGE(role)                                                                      \
	"{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://example.com/a.png\"}," \
	"\"role\":\"" role "\"}"
#define VIDEO \
	"{\"type\":\"video_url\",\"video_url\":{\"url\":\"https://example.com/a.mp4\"}}"
#define AUDIO \
	"{\"type\":\"audio_url\",\"audio_url\":{\"url\":\"https://example.com/a.mp3\"}}"
#define TEXT "{\"type\":\"text\",\"text\":\"a cat\"}"

/* Fits a request with these members and this additional content. */
static void expect(const struct limits *limits, const char *what, const char *members,
		   const char *content, bool is_right)
{
	AUTOFREE char *text =
		text_format("{\"model\":\"%s\",\"content\":[" TEXT "%s%s]%s%s}",
			    limits->model, *content ? "," : "", content,
			    *members ? "," : "", members);
	AUTOTRIAL trial = { 0 };

	trial_begin(&trial, limits->service);
	trial_parse(&trial, "request.json", text);
	/* a request that the parser rejects counts as rejected */
	trial_fit(&trial);
	if (is_right != !trial.r)
		FAIL_CASE("%s: %s at %s: %s %s (%s): %s", limits->name, limits->model,
			  limits->service, what, members,
			  is_right ? "must be accepted" : "must be refused",
			  trial.problem.text ? trial.problem.text : "accepted");
}

/* The least content with which everything else can be judged. */
static const char *least_content(const struct limits *limits)
{
	return limits->needs_image ? IMAGE("first_frame") : "";
}

static void check_duration(const struct limits *limits, int64_t duration, bool is_right)
{
	AUTOFREE char *member = text_format("\"duration\":%lld", (long long)duration);

	expect(limits, "duration", member, least_content(limits), is_right);
}

static void check_durations(const struct limits *limits)
{
	const struct json *range = json_get(limits->test, "duration");
	int64_t least = 0, most = 0;

	assert_true(json_to_int64(json_first(range), &least));
	assert_true(json_to_int64(json_next(json_first(range)), &most));
	check_duration(limits, least - 1, false);
	check_duration(limits, least, true);
	check_duration(limits, most, true);
	check_duration(limits, most + 1, false);
	check_duration(limits, -1, flag_of(limits->test, "auto"));
}

/* A word is accepted exactly if it is in the list. */
static void check_words(const struct limits *limits, const char *key,
			const char *const *words, const char *content,
			const struct json *right)
{
	for (; *words; words++) {
		AUTOFREE char *member = text_format("\"%s\":\"%s\"", key, *words);
		bool is_right = false;

		for (const struct json *item = json_first(right); item;
		     item = json_next(item))
			is_right = is_right || !strcmp(json_string(item), *words);
		expect(limits, key, member, content, is_right);
	}
}

static const char *const all_resolutions[] = { "480p", "720p", "1080p", "4k", NULL };
static const char *const all_ratios[] = { "16:9", "4:3",  "1:1",      "3:4",
					  "9:16", "21:9", "adaptive", NULL };

static char *repeat(const char *head, const char *item, int64_t times)
{
	AUTOBUFFER text = BUFFER_INIT(100000);

	buffer_add(&text, head);
	for (int64_t i = 0; i < times; i++)
		buffer_addf(&text, "%s%s", text.size ? "," : "", item);
	buffer_add(&text, "");
	return text.data ? buffer_take(&text) : strdup("");
}

static void check_count(const struct limits *limits, const char *key, const char *head,
			const char *item, int64_t step)
{
	int64_t most = number_of(limits->test, key, 0);
	AUTOFREE char *enough = repeat(head, item, most);
	AUTOFREE char *too_many = repeat(head, item, most + step);

	if (most)
		expect(limits, key, "", enough, true);
	expect(limits, key, "", too_many, false);
}

static void check_counts(const struct limits *limits)
{
	const char *beside =
		number_of(limits->test, "images", 0) ? IMAGE("reference_image") : "";

	check_count(limits, "images", "", IMAGE("reference_image"),
		    flag_of(limits->test, "one_image_is_first") ? 2 : 1);
	check_count(limits, "videos", "", VIDEO, 1);
	check_count(limits, "audios", beside, AUDIO, 1);
	expect(limits, "sound alone", "", AUDIO, flag_of(limits->test, "audio_alone"));
	expect(limits, "mixture", "", IMAGE("first_frame") "," IMAGE("reference_image"),
	       false);
}

static void check_frames(const struct limits *limits)
{
	bool first = flag_of(limits->test, "first"), last = flag_of(limits->test, "last");

	expect(limits, "a first frame", "", IMAGE("first_frame"), first);
	expect(limits, "first and last frame", "",
	       IMAGE("first_frame") "," IMAGE("last_frame"), last);
	expect(limits, "a last frame alone", "", IMAGE("last_frame"), false);
	expect(limits, "two first frames", "",
	       IMAGE("first_frame") "," IMAGE("first_frame"), false);
	expect(limits, "no image", "", "", !limits->needs_image);
}

/*
 * Checks each parameter that not all models have, with a value that requests something.
 */
static void check_abilities(const struct limits *limits)
{
	static const struct {
		const char *word, *member;
	} abilities[] = {
		{ "frames", "\"frames\":29" },
		{ "seed", "\"seed\":4294967295" },
		{ "camera_fixed", "\"camera_fixed\":true" },
		{ "audio", "\"generate_audio\":true" },
		{ "draft", "\"draft\":true" },
		{ "flex", "\"service_tier\":\"flex\"" },
		{ "priority", "\"priority\":9" },
		{ "tools", "\"tools\":[{\"type\":\"web_search\"}]" },
		{ "mov", "\"output_format\":\"mov\"" },
		{ "extend", "\"omni_reference_task_type\":\"extend\"" },
		{ "reference", "\"omni_reference_task_type\":\"reference\"" },
		{ "watermark", "\"watermark\":true" },
	};
	const struct json *can = json_get(limits->test, "can");

	for (size_t i = 0; i < ARRAY_SIZE(abilities); i++) {
		bool is_right = false;

		for (const struct json *word = json_first(can); word;
		     word = json_next(word))
			is_right =
				is_right || !strcmp(json_string(word), abilities[i].word);
		expect(limits, abilities[i].word, abilities[i].member,
		       least_content(limits), is_right);
	}
}

/* A value that has no effect anywhere is accepted everywhere. */
static void check_idle(const struct limits *limits)
{
	static const char *const members[] = {
		"\"seed\":-1",
		"\"camera_fixed\":false",
		"\"generate_audio\":false",
		"\"watermark\":false",
		"\"draft\":false",
		"\"service_tier\":\"default\"",
		"\"priority\":0",
		"\"tools\":[]",
		"\"output_format\":\"mp4\"",
		"\"omni_reference_task_type\":\"auto\"",
		"\"framespersecond\":24",
		"\"return_last_frame\":true",
		"\"return_last_frame\":false",
		"\"execution_expires_after\":3600",
		"\"callback_url\":\"https://example.com/hook\"",
		"\"safety_identifier\":\"abc\"",
	};

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		expect(limits, "idle", members[i], least_content(limits), true);
}

static void check_limits(const char *name, const struct json *test)
{
	const struct json *names = json_get(test, "service");
	struct limits limits = { .name = name,
				 .test = test,
				 .model = json_get_string(test, "model"),
				 .needs_image = flag_of(test, "needs_image") };

	for (const struct json *item = json_first(names); item; item = json_next(item)) {
		limits.service = json_string(item);
		check_durations(&limits);
		check_words(&limits, "resolution", all_resolutions,
			    least_content(&limits), json_get(test, "resolutions"));
		check_words(&limits, "ratio", all_ratios, least_content(&limits),
			    json_get(test, "ratios"));
		if (json_get(test, "frame_ratios"))
			check_words(&limits, "ratio", all_ratios, IMAGE("first_frame"),
				    json_get(test, "frame_ratios"));
		if (json_get(test, "reference_resolutions"))
			check_words(&limits, "resolution", all_resolutions,
				    IMAGE("reference_image"),
				    json_get(test, "reference_resolutions"));
		check_counts(&limits);
		check_frames(&limits);
		check_abilities(&limits);
		check_idle(&limits);
	}
}

static void test_limits(void **state)
{
	walk_file("fit/limits.json", 20, check_limits);
}

/*
 * 30 images, 10 videos and 10 audio files are the 50 that 2.5 accepts; one more of any is
 * rejected.
 */
static void test_references_in_all(void **state)
{
	const struct limits limits = { .name = "total",
				       .service = "ark",
				       .model = "seedance-2.5" };
	AUTOFREE char *images = repeat("", IMAGE("reference_image"), 30);
	AUTOFREE char *videos = repeat(images, VIDEO, 10);
	AUTOFREE char *all = repeat(videos, AUDIO, 10);
	AUTOFREE char *more = repeat(all, AUDIO, 1);

	expect(&limits, "50 references", "", all, true);
	expect(&limits, "51 references", "", more, false);
	expect_no_failed_case();
}

/* Every name of a model is sent to every service that offers the model. */
static void check_mapping(const char *name, const struct json *test)
{
	const struct json *names = json_get(test, "names"), *from, *to;

	for (from = json_first(names); from; from = json_next(from))
		for (to = json_first(names); to; to = json_next(to)) {
			AUTOFREE char *text = text_format(
				"{\"model\":\"%s\",\"content\":[" TEXT "%s%s]}",
				json_string(from),
				flag_of(test, "needs_image") ? "," : "",
				flag_of(test, "needs_image") ? IMAGE("first_frame") : "");
			AUTOTRIAL trial = { 0 };

			if (!strcmp(json_key(to), "neutral"))
				continue;
			trial_begin(&trial, json_key(to));
			trial_parse(&trial, "request.json", text);
			trial_fit(&trial);
			if (trial.r)
				FAIL_CASE("%s: %s at %s: %s", name, json_string(from),
					  json_key(to), trial.problem.text);
			else
				expect_text(name, json_string(from), trial.request->model,
					    json_string(to));
		}
}

static void test_mapping(void **state)
{
	walk_file("fit/mapping.json", 9, check_mapping);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mapping),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_references_in_all),
	};

	return cmocka_run_group_tests(tests, set_up_models, tear_down_models);
}
