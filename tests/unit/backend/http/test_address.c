/* backend/http/address.h: which addresses are public. */
#include "tests/unit/unit.h"

#include "backend/http/address.h"

static void test_texts(void **state)
{
	static const struct {
		const char *text;
		bool is_public;
	} cases[] = {
		{ "192.0.2.1", true }, /* for documentation; no network uses it */
		{ "8.8.8.8", true },	      { "172.15.255.255", true },
		{ "172.32.0.0", true },	      { "100.63.255.255", true },
		{ "100.128.0.0", true },      { "2001:db8::1", true },
		{ "::ffff:8.8.8.8", true },   { "127.0.0.1", false },
		{ "10.0.0.1", false },	      { "172.16.0.1", false },
		{ "172.31.255.255", false },  { "192.168.0.1", false },
		{ "169.254.169.254", false }, { "100.64.0.1", false },
		{ "198.19.0.1", false },      { "0.0.0.0", false },
		{ "255.255.255.255", false }, { "::1", false },
		{ "fe80::1", false },	      { "fd00::1", false },
		{ "ff02::1", false },	      { "::ffff:10.1.2.3", false },
		{ "64:ff9b::a00:1", false },  { "64:ff9b::808:808", true },
		{ "2002:a00:1::1", false },   { "2002:808:808::1", true },
		{ "localhost", false },	      { "", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (address_text_is_public(cases[i].text) != cases[i].is_public)
			FAIL_CASE("%s", cases[i].text);
	expect_no_failed_case();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
