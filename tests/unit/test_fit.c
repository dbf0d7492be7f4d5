/* fit.h: fixtures/fit holds requests, the services that get them, and what becomes of
 * them. */
#include "tests/unit/unit.h"

#include "backend/fit.h"

#define BIT(name) PARAM_BIT(PARAM_##name)
#define PICTURE_BITS (BIT(RESOLUTION) | BIT(RATIO) | BIT(DURATION))
#define ACE_BITS                                                                       \
	(PICTURE_BITS | BIT(FRAMES) | BIT(SEED) | BIT(CAMERA_FIXED) | BIT(WATERMARK) | \
	 BIT(GENERATE_AUDIO) | BIT(RETURN_LAST_FRAME) | BIT(SERVICE_TIER) |            \
	 BIT(EXECUTION_EXPIRES_AFTER) | BIT(CALLBACK_URL))

/* The services as their pages describe them: providers.md, 1 to 6. */
static const struct provider services[] = {
	{ .type = "ark",
	  .title = "Ark",
	  .params = UINT32_MAX >> (32 - PARAM_COUNT) & ~BIT(FRAMESPERSECOND),
	  .image = MEDIA_BY_URL | MEDIA_BY_DATA | MEDIA_BY_ASSET,
	  .video = MEDIA_BY_URL | MEDIA_BY_ASSET,
	  .audio = MEDIA_BY_URL | MEDIA_BY_DATA | MEDIA_BY_ASSET,
	  .takes_references = true,
	  .takes_last_frame = true,
	  .takes_draft_task = true,
	  .gives_last_frame = true },
	{ .type = "acedata",
	  .title = "AceData Cloud",
	  .params = ACE_BITS | BIT(PRIORITY) | BIT(SAFETY_IDENTIFIER) |
		    BIT(OUTPUT_FORMAT) | BIT(OMNI_REFERENCE_TASK_TYPE) | BIT(TOOLS),
	  .image = MEDIA_BY_URL | MEDIA_BY_DATA,
	  .video = MEDIA_BY_URL,
	  .audio = MEDIA_BY_URL,
	  .takes_references = true,
	  .takes_last_frame = true,
	  .gives_last_frame = true },
	{ .type = "xhuo",
	  .title = "xhuoapi",
	  .params = ACE_BITS | BIT(FRAMESPERSECOND),
	  .image = MEDIA_BY_URL | MEDIA_BY_DATA,
	  .takes_references = true,
	  .takes_last_frame = true,
	  .gives_last_frame = true },
	{ .type = "createtask",
	  .title = "createTask",
	  .params = PICTURE_BITS | BIT(SEED) | BIT(GENERATE_AUDIO) | BIT(WATERMARK) |
		    BIT(CAMERA_FIXED) | BIT(RETURN_LAST_FRAME) | BIT(DRAFT) |
		    BIT(SERVICE_TIER),
	  .image = MEDIA_BY_URL | MEDIA_BY_DATA,
	  .takes_last_frame = true,
	  .takes_draft_task = true,
	  .gives_last_frame = true },
	{ .type = "comet",
	  .title = "CometAPI",
	  .params = PICTURE_BITS,
	  .image = MEDIA_BY_FILE,
	  .needs_text = true },
	{ .type = "senseaudio",
	  .title = "SenseAudio",
	  .params = PICTURE_BITS | BIT(WATERMARK) | BIT(GENERATE_AUDIO) |
		    BIT(EXECUTION_EXPIRES_AFTER),
	  .image = MEDIA_BY_URL | MEDIA_BY_DATA,
	  .video = MEDIA_BY_URL,
	  .audio = MEDIA_BY_URL,
	  .takes_references = true,
	  .takes_last_frame = true },
};

static struct models *models;

/* One request at one service. */
struct trial {
	const struct provider *provider;
	struct endpoint endpoint;
	struct request *request;
	struct problem problem;
	int r;
};

static void trial_clear(struct trial *trial)
{
	request_destroy(trial->request);
	problem_clear(&trial->problem);
}
#define AUTOTRIAL CLEANUP(trial_clear) struct trial

static const struct provider *find_provider(const char *service)
{
	for (size_t i = 0; i < ARRAY_SIZE(services); i++)
		if (!strcmp(services[i].type, service))
			return &services[i];
	return NULL;
}

/* `service` is a type, or byteplus: Ark's wire at another address. */
static void trial_begin(struct trial *trial, const char *service)
{
	bool is_byteplus = !strcmp(service, "byteplus");

	trial->provider = find_provider(is_byteplus ? "ark" : service);
	if (!trial->provider)
		fail_msg("there is no service %s", service);
	trial->endpoint.base_url =
		is_byteplus ? "https://ark.ap-southeast.bytepluses.com/api/v3"
			    : "https://ark.cn-beijing.volces.com/api/v3";
}

static void trial_parse(struct trial *trial, const char *name, const char *text)
{
	trial->r =
		request_parse(name, text, strlen(text), &trial->request, &trial->problem);
}

static void trial_fit(struct trial *trial)
{
	if (!trial->r)
		trial->r = fit_request(models, trial->provider, &trial->endpoint,
				       trial->request, &trial->problem);
}

/* Files need no bytes: only what was read of them counts. */
static void attach(struct request *request, const struct json *files)
{
	for (size_t i = 0; i < request->content_count; i++) {
		struct request_content *item = &request->content[i];
		const struct json *file = item->path ? json_get(files, item->path) : NULL;

		if (!file)
			continue;
		item->file.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		item->file.mime = json_get_string(file, "type");
		item->file.size = (uint64_t)number_of(file, "bytes", 1000);
		item->file.width = (unsigned)number_of(file, "width", 0);
		item->file.height = (unsigned)number_of(file, "height", 0);
	}
}

/* Inputs that are there by their names: {"first_frame.png": "first_frame"} */
static void add_inputs(struct request *request, const struct json *inputs)
{
	for (const struct json *item = json_first(inputs); item; item = json_next(item)) {
		const char *role = json_string(item);
		enum request_role given = !strcmp(role, "first_frame")	? ROLE_FIRST_FRAME
					  : !strcmp(role, "last_frame") ? ROLE_LAST_FRAME
									: ROLE_REFERENCE;

		assert_int_equal(request_add_input(request, given, json_key(item)), 0);
	}
}

/* The paths that stand for other tasks' outputs. */
static void set_shots(struct request *request, const struct json *shots)
{
	for (size_t i = 0; i < request->content_count; i++) {
		const char *path = request->content[i].path;

		for (const struct json *shot = json_first(shots); shot && path;
		     shot = json_next(shot))
			if (!strcmp(json_string(shot), path))
				request->content[i].shot.number = 7;
	}
}

/* Parameters that came from a defaults.json. */
static void set_sources(struct request *request, const struct json *defaults)
{
	for (const struct json *key = json_first(defaults); key; key = json_next(key))
		for (int i = 0; i < PARAM_COUNT; i++)
			if (!strcmp(request_param_key((enum request_param)i),
				    json_string(key)))
				request->params[i].source = strdup("defaults.json");
}

static void trial_run(struct trial *trial, const struct json *test, const char *service)
{
	const struct json *request = json_get(test, "request");
	const char *prompt = json_get_string(test, "prompt.txt");
	AUTOFREE char *text = prompt ? strdup(prompt) : text_of(request);

	trial_begin(trial, service);
	if (json_get(test, "base_url"))
		trial->endpoint.base_url = json_get_string(test, "base_url");
	trial->endpoint.model = json_get_string(test, "section_model");
	trial->endpoint.callback_url = json_get_string(test, "section_callback_url");
	trial_parse(trial, prompt ? "prompt.txt" : "request.json", text);
	if (trial->r)
		return;
	add_inputs(trial->request, json_get(test, "inputs"));
	attach(trial->request, json_get(test, "files"));
	set_shots(trial->request, json_get(test, "shots"));
	set_sources(trial->request, json_get(test, "from_defaults"));
	trial_fit(trial);
}

static void check_param(const char *name, const struct json *described, const char *key,
			const struct json *wanted)
{
	AUTOFREE char *found = json_print(json_get(described, key));
	AUTOFREE char *expected = json_is_null(wanted) ? NULL : json_print(wanted);

	expect_text(name, key, json_get(described, key) ? found : NULL, expected);
}

/* `params` names all that is set; `has` some of it (null: unset). */
static void check_params(const char *name, const struct json *test,
			 const struct json *described)
{
	const struct json *all = json_get(test, "params"), *some = json_get(test, "has");

	for (int i = 0; i < PARAM_COUNT && all; i++) {
		const char *key = request_param_key((enum request_param)i);

		check_param(name, described, key, json_get(all, key));
	}
	for (const struct json *item = json_first(some); item; item = json_next(item))
		check_param(name, described, json_key(item), item);
}

static void check_roles(const char *name, const struct json *test,
			const struct request *request)
{
	static const char *const words[] = { "", "first_frame", "last_frame",
					     "reference" };
	AUTOBUFFER found = BUFFER_INIT(1000);

	if (!json_get(test, "roles"))
		return;
	for (size_t i = 0; i < request->content_count; i++)
		buffer_addf(&found, "%s%s", i ? " " : "",
			    words[request->content[i].role]);
	expect_text(name, "roles", found.data, json_get_string(test, "roles"));
}

/* A second fitting must find nothing more to do. */
static void check_twice(const char *name, struct trial *trial)
{
	AUTOFREE char *before = request_describe(trial->request);
	AUTOFREE char *note = text_dup(trial->request->note);
	AUTOFREE char *after = NULL;

	trial_fit(trial);
	if (trial->r) {
		FAIL_CASE("%s: refused the second time: %s", name, trial->problem.text);
		return;
	}
	after = request_describe(trial->request);
	expect_text(name, "the request fitted twice", after, before);
	expect_text(name, "the note of a second time", trial->request->note, note);
}

static void check_fitted(const char *name, const struct json *test, struct trial *trial)
{
	AUTOFREE char *text = request_describe(trial->request);
	const struct json *note = json_get(test, "note");
	AUTOJSON *described = NULL;

	assert_int_equal(json_parse(text, strlen(text), &described, NULL), 0);
	if (json_get(test, "model"))
		expect_text(name, "model", trial->request->model,
			    json_get_string(test, "model"));
	check_params(name, test, described);
	check_roles(name, test, trial->request);
	if (json_is_null(note) && trial->request->note && !flag_of(test, "any_note"))
		FAIL_CASE("%s: an unexpected note: %s", name, trial->request->note);
	expect_words(name, trial->request->note, note);
	check_twice(name, trial);
}

static void check_refused(const char *name, const struct json *words,
			  const struct trial *trial)
{
	const char *text = trial->problem.text;

	if (trial->r != -EINVAL) {
		FAIL_CASE("%s: %d; must be refused", name, trial->r);
		return;
	}
	if (trial->problem.class != PROBLEM_INVALID || !text || strchr(text, '\n') ||
	    strstr(text, "(null)") || !strchr(text, ':'))
		FAIL_CASE("%s: the problem is \"%s\"", name, text ? text : "(none)");
	expect_words(name, text, words);
}

static void check_at(const char *name, const struct json *test, const char *service)
{
	const struct json *problem = json_get(test, "problem");
	AUTOFREE char *where = text_format("%s (%s at %s)", name,
					   json_get_string(test, "what"), service);
	AUTOTRIAL trial = { 0 };

	trial_run(&trial, test, service);
	if (problem)
		check_refused(where, problem, &trial);
	else if (trial.r)
		FAIL_CASE("%s: refused: %s", where, trial.problem.text);
	else
		check_fitted(where, test, &trial);
}

/* `service` is one or several. */
static void check_case(const char *name, const struct json *test)
{
	const struct json *service = json_get(test, "service");

	if (!json_is_array(service)) {
		check_at(name, test, json_string(service));
		return;
	}
	for (const struct json *item = json_first(service); item; item = json_next(item))
		check_at(name, test, json_string(item));
}

static void test_models_and_names(void **state)
{
	walk_file("fit/models.json", 20, check_case);
}

static void test_parameters(void **state)
{
	walk_file("fit/parameters.json", 60, check_case);
}

static void test_content(void **state)
{
	walk_file("fit/content.json", 40, check_case);
}

static void test_media(void **state)
{
	walk_file("fit/media.json", 30, check_case);
}

static void test_drafts(void **state)
{
	walk_file("fit/drafts.json", 15, check_case);
}

/* The samples of the services' own pages. */
static void test_samples(void **state)
{
	walk_file("fit/samples.json", 25, check_case);
}

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

/* Fits a request with these members and this further content. */
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
	/* What the reader refuses is refused. */
	trial_fit(&trial);
	if (is_right != !trial.r)
		FAIL_CASE("%s: %s at %s: %s %s (%s): %s", limits->name, limits->model,
			  limits->service, what, members,
			  is_right ? "must be accepted" : "must be refused",
			  trial.problem.text ? trial.problem.text : "accepted");
}

/* What must stand in the content for all else to be judged. */
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

/* Each word is right if it stands in the list. */
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

/* Each of the parameters that not all have: with a value that asks for something. */
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

/* What does nothing anywhere is accepted everywhere. */
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

/* 30 images, 10 videos and 10 sounds are the 50 that 2.5 takes; one more of any is not.
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

/* Every name of a model goes to every service that has it. */
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

static void test_gives_last_frame(void **state)
{
	static const struct {
		const char *service, *described;
		bool gives;
	} cases[] = {
		{ "ark", "{\"content\":[]}", true },
		{ "ark", "{\"return_last_frame\":true}", true },
		{ "ark", "{\"return_last_frame\":false}", false },
		{ "ark", "{\"draft\":true}", false },
		{ "ark", "{\"draft\":false}", true },
		{ "ark", "{\"extra\":{\"draft\":true}}", false },
		{ "ark", "{\"extra\":{\"return_last_frame\":false}}", false },
		{ "ark",
		  "{\"return_last_frame\":true,\"extra\":{\"return_last_frame\":false}}",
		  false },
		{ "ark", NULL, true },
		{ "ark", "", true },
		{ "createtask", "{\"draft\":true,\"return_last_frame\":true}", true },
		{ "xhuo", "{}", true },
		{ "acedata", "{\"return_last_frame\":true}", true },
		{ "comet", "{\"return_last_frame\":true}", false },
		{ "senseaudio", "{}", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(fit_gives_last_frame(find_provider(cases[i].service),
						      cases[i].described),
				 cases[i].gives);
}

static int set_up(void **state)
{
	AUTOFREE char *error = NULL;

	if (models_load(MODELS_JSON, NULL, 0, &models, &error))
		fail_msg("%s", error);
	return 0;
}

static int tear_down(void **state)
{
	models_destroy(models);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_models_and_names),
		cmocka_unit_test(test_mapping),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_media),
		cmocka_unit_test(test_drafts),
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_references_in_all),
		cmocka_unit_test(test_gives_last_frame),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
