/*
 * backend/request/parse_cache.h: what is cached, what evicts it, and what stays valid for
 * its holders.
 */
#include "tests/unit/unit.h"

#include "backend/request/parse_cache.h"

#include <pthread.h>

#define ENOUGH (1u << 20)

static int set_up(void **state)
{
	struct parse_cache *cache = NULL;
	int r = parse_cache_create(ENOUGH, &cache);

	*state = cache;
	return r;
}

static int tear_down(void **state)
{
	parse_cache_destroy(*state);
	return 0;
}

static void take_step(struct parse_cache *cache, enum parse_step step, const char *name,
		      const char *text, struct parsed **chain)
{
	AUTOPROBLEM problem = { 0 };

	if (parse_cache_read(cache, step, name, text, strlen(text), chain, &problem))
		fail_msg("%s: %s", name, problem.text);
}

static struct parsed *read_trigger(struct parse_cache *cache, const char *text)
{
	struct parsed *chain = NULL;

	take_step(cache, PARSE_TRIGGER, "request.json", text, &chain);
	return chain;
}

static int64_t duration_of(const struct parsed *parsed)
{
	return request_number(parsed_request(parsed), PARAM_DURATION, -99);
}

static void test_the_same_text_is_parsed_once(void **state)
{
	AUTOPARSED *first = read_trigger(*state, "{\"prompt\": \"a\"}");
	AUTOPARSED *second = read_trigger(*state, "{\"prompt\": \"a\"}");
	AUTOPARSED *other = read_trigger(*state, "{\"prompt\": \"b\"}");

	assert_ptr_equal(parsed_request(first), parsed_request(second));
	assert_ptr_not_equal(parsed_request(first), parsed_request(other));
}

static void test_the_name_decides_the_language(void **state)
{
	AUTOPARSED *json = read_trigger(*state, "{\"prompt\": \"a\"}");
	AUTOPARSED *prompt = NULL;

	take_step(*state, PARSE_TRIGGER, "prompt.txt", "{\"prompt\": \"a\"}", &prompt);
	assert_string_equal(parsed_request(json)->content[0].text, "a");
	assert_string_equal(parsed_request(prompt)->content[0].text,
			    "{\"prompt\": \"a\"}");
}

static struct parsed *with_defaults(struct parse_cache *cache, const char *defaults)
{
	struct parsed *chain = read_trigger(cache, "{\"prompt\": \"a\"}");

	take_step(cache, PARSE_DEFAULTS, "defaults.json", defaults, &chain);
	return chain;
}

static void test_a_change_of_the_defaults_drops_what_was_read_with_them(void **state)
{
	AUTOPARSED *five = with_defaults(*state, "{\"duration\": 5}");
	AUTOPARSED *eight = with_defaults(*state, "{\"duration\": 8}");
	AUTOPARSED *again = with_defaults(*state, "{\"duration\": 5}");
	AUTOPARSED *without = read_trigger(*state, "{\"prompt\": \"a\"}");

	assert_int_equal(duration_of(five), 5);
	assert_int_equal(duration_of(eight), 8);
	assert_ptr_equal(parsed_request(again), parsed_request(five));
	assert_int_equal(duration_of(without), -99);
}

static void test_a_prompt_beside_is_part_of_the_digest(void **state)
{
	static const char *const texts[] = { "one --dur 5", "two --dur 8" };
	static const int durations[] = { 5, 8 };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		AUTOPARSED *chain = read_trigger(*state, "{\"seed\": 7}");

		take_step(*state, PARSE_PROMPT, "prompt.txt", texts[i], &chain);
		assert_int_equal(duration_of(chain), durations[i]);
		assert_int_equal(request_number(parsed_request(chain), PARAM_SEED, 0), 7);
	}
}

static void test_a_refused_step_leaves_the_chain_as_it_was(void **state)
{
	AUTOPARSED *chain = read_trigger(*state, "{\"prompt\": \"a\"}");
	const struct request *before = parsed_request(chain);

	for (int i = 0; i < 2; i++) {
		AUTOPROBLEM problem = { 0 };

		assert_int_equal(parse_cache_read(*state, PARSE_DEFAULTS, "defaults.json",
						  "{\"no\": 1}", 9, &chain, &problem),
				 -EINVAL);
		assert_non_null(problem.text);
		assert_ptr_equal(parsed_request(chain), before);
	}
}

static void test_without_a_cache_everything_is_parsed(void **state)
{
	AUTOPARSED *first = read_trigger(NULL, "{\"prompt\": \"a\"}");
	AUTOPARSED *second = read_trigger(NULL, "{\"prompt\": \"a\"}");

	assert_ptr_not_equal(parsed_request(first), parsed_request(second));
}

/* --- the limit --- */

static struct parse_cache *cache_for(size_t texts, const char *text)
{
	struct parse_cache *cache = NULL;

	assert_int_equal(parse_cache_create(
				 texts * (sizeof(struct request) + strlen(text)), &cache),
			 0);
	return cache;
}

static bool is_kept(struct parse_cache *cache, const struct parsed *parsed,
		    const char *text)
{
	AUTOPARSED *again = read_trigger(cache, text);

	return parsed_request(again) == parsed_request(parsed);
}

static void test_the_least_recently_used_goes_first(void **state)
{
	static const char a[] = "{\"prompt\": \"a\"}", b[] = "{\"prompt\": \"b\"}",
			  c[] = "{\"prompt\": \"c\"}";
	struct parse_cache *cache = cache_for(2, a);

	{
		AUTOPARSED *first = read_trigger(cache, a);
		AUTOPARSED *second = read_trigger(cache, b);

		assert_true(is_kept(cache, first, a)); /* used after b */
		{
			AUTOPARSED *third = read_trigger(cache, c);

			assert_true(is_kept(cache, third, c));
		}
		assert_true(is_kept(cache, first, a));
		assert_string_equal(parsed_request(second)->content[0].text, "b");
		assert_false(is_kept(cache, second, b));
	}
	parse_cache_destroy(cache);
}

static void test_a_text_over_the_limit_drops_nothing(void **state)
{
	static const char small[] = "{\"prompt\": \"a\"}";
	struct parse_cache *cache = cache_for(1, small);
	AUTOFREE char *large = malloc(10001);

	assert_non_null(large);
	memset(large, 'x', 10000);
	large[10000] = '\0';
	{
		AUTOPARSED *kept = read_trigger(cache, small);
		AUTOPARSED *first = NULL, *second = NULL;

		take_step(cache, PARSE_TRIGGER, "prompt.txt", large, &first);
		take_step(cache, PARSE_TRIGGER, "prompt.txt", large, &second);
		assert_ptr_not_equal(parsed_request(first), parsed_request(second));
		assert_true(is_kept(cache, kept, small));
	}
	parse_cache_destroy(cache);
}

/* --- threads --- */

static char refused[] = "refused", another[] = "another text";

static void *read_often(void *context)
{
	for (int i = 0; i < 300; i++) {
		char text[64];
		struct parsed *chain = NULL;
		int length = snprintf(text, sizeof(text), "{\"prompt\": \"%d\"}", i % 7);

		if (parse_cache_read(context, PARSE_TRIGGER, "request.json", text,
				     (size_t)length, &chain, &(struct problem){ 0 }))
			return refused;
		if (atoi(parsed_request(chain)->content[0].text) != i % 7)
			return another;
		parsed_unref(chain);
	}
	return NULL;
}

static void test_threads_share_a_cache_that_is_too_small(void **state)
{
	struct parse_cache *cache = cache_for(3, "{\"prompt\": \"0\"}");
	pthread_t threads[4];
	void *error;

	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_often, cache), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], &error);
		assert_null(error);
	}
	parse_cache_destroy(cache);
}

/* --- copies --- */

static void test_a_copy_says_the_same_and_is_its_own(void **state)
{
	static const char text[] =
		"{\"model\": \"m\", \"provider\": \"p\", \"content\": [{\"type\": "
		"\"text\", "
		"\"text\": \"a cat\"}, {\"type\": \"image_url\", \"image_url\": "
		"{\"url\": "
		"\"https://example.com/a.png\"}, \"role\": \"first_frame\"}], \"seed\": "
		"5, "
		"\"resolution\": \"720p\", \"extra\": {\"k\": [1, 2.50]}, "
		"\"tools\": [{\"type\": \"web_search\"}]}";
	AUTOPARSED *parsed = read_trigger(*state, text);
	const struct request *request = parsed_request(parsed);
	AUTOFREE char *before = request_describe(request);
	AUTOFREE char *after = NULL, *of_copy = NULL;
	AUTOREQUEST *copy = NULL;

	assert_int_equal(request_copy(request, &copy), 0);
	of_copy = request_describe(copy);
	assert_string_equal(of_copy, before);
	assert_string_equal(copy->source, "request.json");
	request_add_note(copy, "mine");
	request_set_number(copy, PARAM_SEED, 6);
	assert_int_equal(request_add_input(copy, ROLE_LAST_FRAME, "last_frame.png"), 0);
	after = request_describe(request);
	assert_string_equal(after, before);
	assert_null(request->note);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_same_text_is_parsed_once),
		cmocka_unit_test(test_the_name_decides_the_language),
		cmocka_unit_test(
			test_a_change_of_the_defaults_drops_what_was_read_with_them),
		cmocka_unit_test(test_a_prompt_beside_is_part_of_the_digest),
		cmocka_unit_test(test_a_refused_step_leaves_the_chain_as_it_was),
		cmocka_unit_test(test_without_a_cache_everything_is_parsed),
		cmocka_unit_test(test_the_least_recently_used_goes_first),
		cmocka_unit_test(test_a_text_over_the_limit_drops_nothing),
		cmocka_unit_test(test_threads_share_a_cache_that_is_too_small),
		cmocka_unit_test(test_a_copy_says_the_same_and_is_its_own),
	};

	return cmocka_run_group_tests_name("parse_cache", tests, set_up, tear_down);
}
