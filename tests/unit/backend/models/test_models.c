/*
 * backend/models/models.h: the installed file is valid, and mistakes in a user's own file
 * are reported.
 */
#include "tests/unit/unit.h"

#include "backend/models/fit.h"
#include "backend/models/models.h"
#include "backend/models/rules_internal.h"

static int parse(const char *text, struct models **ret_models, char **ret_error)
{
	return models_parse("my.json", text, strlen(text), ret_models, ret_error);
}

static void check_case(const char *name, const struct json *test)
{
	const struct json *problem = json_get(test, "problem");
	AUTOFREE char *text = text_of(json_get(test, "file"));
	AUTOFREE char *error = NULL;
	struct models *models = NULL;
	int r = parse(text, &models, &error);

	models_destroy(models);
	if (!problem) {
		if (r)
			FAIL_CASE("%s: refused: %s", name, error);
		return;
	}
	if (r != -EINVAL || !error || strchr(error, '\n') ||
	    !text_starts_with(error, "my.json: "))
		FAIL_CASE("%s: %d, \"%s\"", name, r, error ? error : "(none)");
	expect_words(name, error, problem);
}

static void test_files(void **state)
{
	walk_file("fit/files.json", 40, check_case);
}

static void test_installed(void **state)
{
	AUTOFREE char *error = NULL;
	struct models *models = NULL;

	if (models_load(MODELS_JSON, NULL, 0, &models, &error))
		fail_msg("%s", error);
	assert_null(error);
	models_destroy(models);
	models_destroy(NULL);
}

/* Each truncation of the file is rejected, and none is read past its end. */
static void test_truncation(void **state)
{
	size_t size;
	AUTOFREE char *text = read_whole(MODELS_JSON, &size);

	for (size_t cut = 0; cut + 2 < size; cut += 97) {
		AUTOFREE char *exact = malloc(cut ? cut : 1);
		AUTOFREE char *error = NULL;
		struct models *models = NULL;

		memcpy(exact, text, cut);
		assert_int_equal(models_parse("cut.json", exact, cut, &models, &error),
				 -EINVAL);
		assert_true(text_starts_with(error, "cut.json: line "));
		assert_null(models);
	}
}

static char *write_in(const char *directory, const char *name, const char *text)
{
	char *path = path_in(directory, name);

	write_whole(path, text, strlen(text));
	return path;
}

/* A block that is named again is replaced completely; all others stay. */
static void test_overrides(void **state)
{
	AUTOFREE char *first = write_in(
		*state, "a.json",
		"{\"format\":1,\"models\":{\"seedance-2.0\":{\"duration\":[4,20],"
		"\"services\":{\"ark\":{\"name\":\"ep-mine\"},"
		"\"senseaudio\":{\"name\":\"doubao-seedance-2-0-260128\"}}}}}");
	AUTOFREE char *second = write_in(*state, "b.json",
					 "{\"format\":1,\"services\":{\"comet\":{"
					 "\"model\":\"seedance-1.5-pro\"}}}");
	AUTOFREE char *missing = path_in(*state, "missing.json");
	const char *const paths[] = { missing, first, second };
	AUTOFREE char *error = NULL;
	const struct json *model, *service;
	struct models *models = NULL;

	if (models_load(MODELS_JSON, paths, ARRAY_SIZE(paths), &models, &error))
		fail_msg("%s", error);
	model = models_find(models, "ep-mine");
	assert_non_null(model);
	assert_string_equal(json_key(model), "seedance-2.0");
	assert_null(json_get(model, "audio"));
	assert_null(models_find(models, "dreamina-seedance-2-0-260128"));
	assert_non_null(models_find(models, "seedance-1.5-pro"));
	service = json_get(models->services, "comet");
	assert_string_equal(json_get_string(service, "model"), "seedance-1.5-pro");
	assert_null(json_get(service, "ratios"));
	assert_non_null(json_get(json_get(models->services, "senseaudio"), "ratios"));
	models_destroy(models);
}

/* Values beyond the program's own tables: a longer, larger video. */
static void test_widened(void **state)
{
	AUTOFREE char *path = write_in(
		*state, "new.json",
		"{\"format\":1,\"models\":{\"seedance-3.0\":{\"duration\":[1,600],"
		"\"resolutions\":[\"540p\",\"8k\"],\"resolution\":\"540p\","
		"\"services\":{\"ark\":{\"name\":\"doubao-seedance-3-0\"}}}}}");
	const char *text = "{\"prompt\":\"a cat\",\"model\":\"seedance-3.0\","
			   "\"duration\":600,\"resolution\":\"8k\"}";
	const struct endpoint endpoint = { .base_url = "https://example.com" };
	const char *const paths[] = { path };
	AUTOFREE char *error = NULL;
	AUTOPROBLEM problem = { 0 };
	AUTOREQUEST *request = NULL;
	struct models *models = NULL;

	if (models_load(MODELS_JSON, paths, 1, &models, &error))
		fail_msg("%s", error);
	assert_int_equal(
		request_parse("request.json", text, strlen(text), &request, &problem), 0);
	if (fit_request(models, provider_find("ark"), &endpoint, request, &problem))
		fail_msg("%s", problem.text);
	request_set_number(request, PARAM_DURATION, 601);
	assert_int_equal(fit_request(models, provider_find("ark"), &endpoint, request,
				     &problem),
			 -EINVAL);
	assert_non_null(strstr(problem.text, "1 to 600"));
	models_destroy(models);
}

static void expect_no_load(const char *installed, const char *override, int expected,
			   const char *words)
{
	AUTOFREE char *error = NULL;
	struct models *models = NULL;

	assert_int_equal(models_load(installed, &override, 1, &models, &error), expected);
	assert_null(models);
	assert_non_null(strstr(error, words));
}

static void test_bad_overrides(void **state)
{
	AUTOFREE char *slip = write_in(
		*state, "slip.json",
		"{\"format\":1,\"models\":{\"x\":{\"duratoin\":[4,5],\"services\":{}}}}");
	/* A file that removes a model must also remove the services' default for it. */
	AUTOFREE char *gone = write_in(
		*state, "gone.json",
		"{\"format\":1,\"models\":{\"seedance-2.0\":{\"services\":{}}}}");
	AUTOFREE char *taken =
		write_in(*state, "taken.json",
			 "{\"format\":1,\"models\":{\"mine\":{\"services\":{\"ark\":"
			 "{\"name\":\"doubao-seedance-2-0-260128\"}}}}}");
	AUTOFREE char *missing = path_in(*state, "missing.json");

	expect_no_load(MODELS_JSON, slip, -EINVAL, "did you mean \"duration\"?");
	expect_no_load(MODELS_JSON, slip, -EINVAL, slip);
	expect_no_load(MODELS_JSON, gone, -EINVAL, "services.senseaudio.model");
	expect_no_load(MODELS_JSON, taken, -EINVAL, "is already used by seedance-2.0");
	expect_no_load(missing, slip, -ENOENT, "missing.json");
	expect_no_load(MODELS_JSON, *state, -EISDIR, *state);
}

static void test_rules(void **state)
{
	AUTOFREE char *error = NULL;
	struct models *models = NULL;
	int64_t least = 0, most = 100;
	struct rules rules;

	assert_int_equal(models_load(MODELS_JSON, NULL, 0, &models, &error), 0);
	rules = rules_of(models, models_find(models, "seedance-1.0-pro"), "comet");
	rules_narrow(rules_model(&rules, "duration"), &least, &most);
	assert_int_equal(least, 2);
	assert_int_equal(most, 10);
	assert_false(rules_model_is(&rules, "first_frame"));
	assert_true(rules_model_is(&rules, "frames"));
	/* BytePlus inherits Ark's rules, but not its names. */
	rules = rules_of(models, models_find(models, "seedance-1.0-lite-t2v"),
			 "byteplus");
	assert_null(rules.place);
	assert_non_null(rules_service(&rules, "media"));
	assert_string_equal(json_string(rules_service(&rules, "title")),
			    "BytePlus ModelArk");
	/* For a model that is not listed, only the service's rules are reported. */
	rules = rules_of(models, NULL, "xhuo");
	assert_null(rules_model(&rules, "duration"));
	assert_non_null(rules_service(&rules, "duration"));
	assert_string_equal(models_nearest(models, "seedance-1.5-por", "ark"),
			    "seedance-1.5-pro");
	assert_null(models_nearest(models, "zzz", "ark"));
	models_destroy(models);
}

static void test_installed_path(void **state)
{
	AUTOFREE char *path = models_installed_path();

	assert_non_null(path);
	assert_true(text_ends_with(path, "/models.json"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_installed),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test_setup_teardown(test_overrides, set_up_dir,
						tear_down_dir),
		cmocka_unit_test_setup_teardown(test_widened, set_up_dir, tear_down_dir),
		cmocka_unit_test_setup_teardown(test_bad_overrides, set_up_dir,
						tear_down_dir),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_installed_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
