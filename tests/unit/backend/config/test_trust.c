/*
 * backend/config/trust.h: which addresses the calls of a section and a service's links
 * may reach.
 */
#include "tests/unit/unit.h"

#include "backend/config/trust.h"

static struct provider_section sections[] = {
	{ .base_url = (char *)"http://127.0.0.1:8080/ark" },
	{ .base_url = (char *)"https://gateway.example" },
	{ .base_url = (char *)"https://ark.example/api/v3" },
};
static struct config config = { .sections = sections,
				.section_count = ARRAY_SIZE(sections) };
static struct trust *trust;

static int set_up(void **state)
{
	(void)state;
	return trust_create(&config, &trust);
}

static int tear_down(void **state)
{
	(void)state;
	trust_destroy(trust);
	return 0;
}

static void expect(size_t section, bool allows_private, bool allows_http)
{
	struct http_options options = { 0 };

	trust_media(trust, &sections[section], &options);
	assert_int_equal(options.allows_private, allows_private);
	assert_int_equal(options.allows_http, allows_http);
}

static void test_links_stay_where_their_service_is(void **state)
{
	const struct http_response from_inside = { .outcome = HTTP_ANSWERED,
						   .is_private = true };
	const struct http_response from_outside = { .outcome = HTTP_ANSWERED };
	const struct http_response none = { .outcome = HTTP_LOST };

	(void)state;
	expect(0, true, true);
	expect(1, false, false);
	trust_learn(trust, &sections[1], &from_inside);
	expect(1, true, false);
	expect(2, false, false);
	trust_learn(trust, &sections[1], &none);
	expect(1, true, false);
	trust_learn(trust, &sections[1], &from_outside);
	expect(1, false, false);
}

/*
 * The owner decides about the address. But requests contain the key, so they must be
 * encrypted.
 */
static void test_the_service_is_where_its_owner_says(void **state)
{
	struct http_options options = { 0 };

	(void)state;
	trust_service(&sections[2], &options);
	assert_true(options.allows_private);
	assert_false(options.allows_http);
	trust_service(&sections[0], &options);
	assert_true(options.allows_private && options.allows_http);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links_stay_where_their_service_is),
		cmocka_unit_test(test_the_service_is_where_its_owner_says),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
