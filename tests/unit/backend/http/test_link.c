/* backend/http/link.h: when a signed link expires. */
#include "tests/unit/unit.h"

#include "backend/http/link.h"

static void test_link(void **state)
{
	static const struct {
		const char *url;
		int64_t at;
	} cases[] = {
		{ "https://h/a.mp4?X-Tos-Algorithm=TOS4-HMAC-SHA256&X-Tos-Credential=c"
		  "&X-Tos-Date=20250331T095113Z&X-Tos-Expires=86400&X-Tos-Signature=s",
		  1743501073 },
		{ "https://h/a?X-Tos-Expires=86400&X-Tos-Date=20250331T095113Z",
		  1743501073 },
		{ "https://h/a?x-tos-date=20250331T095113Z&x-tos-expires=0", 1743414673 },
		{ "https://h/a?X-Amz-Date=20250331T095113Z&X-Amz-Expires=3600#f",
		  1743418273 },
		{ "https://h/a?Expires=1743501073&Signature=x", 1743501073 },
		{ "https://h/a?a=b&Expires=1743501073#f", 1743501073 },
		{ "https://h/a?X-Tos-Date=20240229T000000Z&X-Tos-Expires=1", 1709164801 },
		{ "https://h/a?X-Tos-Date=junk&X-Tos-Expires=1&Expires=1743501073",
		  1743501073 },
		/* links without an expiry: */
		{ NULL, 0 },
		{ "", 0 },
		{ "https://h/a.mp4", 0 },
		{ "https://h/a?", 0 },
		{ "https://h/Expires=1743501073", 0 },
		{ "https://h/a?Expires=", 0 },
		{ "https://h/a?Expires=soon", 0 },
		{ "https://h/a?Expires=-5", 0 },
		{ "https://h/a?Expires=99999999999999999999", 0 },
		{ "https://h/a?MyExpires=1743501073", 0 },
		{ "https://h/a?X-Tos-Expires=86400", 0 },
		{ "https://h/a?X-Tos-Date=20250331T095113Z", 0 },
		{ "https://h/a?X-Tos-Date=20250331T095113Z&X-Tos-Expires=x", 0 },
		{ "https://h/a?X-Tos-Date=20250331T095113Z&X-Tos-Expires=-1", 0 },
		{ "https://h/"
		  "a?X-Tos-Date=20250331T095113Z&X-Tos-Expires=9223372036854775807",
		  0 },
		{ "https://h/a?X-Tos-Date=20250331&X-Tos-Expires=86400", 0 },
		{ "https://h/a?X-Tos-Date=20251331T095113Z&X-Tos-Expires=86400", 0 },
		{ "https://h/a?X-Tos-Date=20250331T095113Zx&X-Tos-Expires=86400", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (link_expires_at(cases[i].url) != cases[i].at)
			FAIL_CASE("%s: %lld; expected %lld", cases[i].url,
				  (long long)link_expires_at(cases[i].url),
				  (long long)cases[i].at);
	expect_no_failed_case();
}

/* The expiry in milliseconds does not overflow, whatever a link says. */
static void test_far_future(void **state)
{
	static const char *const urls[] = {
		"https://h/a?Expires=9223372036854775807",
		"https://h/a?Expires=9223372036854776",
		"https://h/a?X-Tos-Date=99991231T235959Z&X-Tos-Expires=1099511627776",
	};

	for (size_t i = 0; i < ARRAY_SIZE(urls); i++)
		if (link_expires_at(urls[i]) > INT64_MAX / 1000)
			FAIL_CASE("%s: %lld s", urls[i],
				  (long long)link_expires_at(urls[i]));
	expect_no_failed_case();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_far_future),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
