/* backend/sim/server/shorten.h: data URLs lose their data; everything else stays. */
#include "tests/unit/unit.h"

#include "backend/sim/server/shorten.h"

#define LONG "0123456789012345678901234567890123456789012345678901234567890123456789"

static void test_shorten(void **state)
{
	static const struct {
		const char *text, *shortened;
	} cases[] = {
		{ "null", "null" },
		{ "\"" LONG "\"", "\"" LONG "\"" },
		{ "\"data:image/png;base64,aGk=\"", "\"data:image/png;base64,aGk=\"" },
		{ "\"data:image/png;base64," LONG "\"",
		  "\"data:image/png;base64,...(92 bytes)\"" },
		{ "\"data:" LONG "\"", "\"data:...(75 bytes)\"" },
		{ "{\"a\":[1,true,{\"u\":\"data:;base64," LONG "\"}],\"b\":{},\"c\":[]}",
		  "{\"a\":[1,true,{\"u\":\"data:;base64,...(83 "
		  "bytes)\"}],\"b\":{},\"c\":[]}" },
		{ "[12345678901234567890,0.5]", "[12345678901234567890,0.5]" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTOBUFFER out = BUFFER_INIT(1024);
		AUTOJSON *tree = json_parse_text(cases[i].text);

		assert_non_null(tree);
		shorten_write(&out, NULL, tree);
		assert_int_equal(buffer_error(&out), 0);
		expect_text(cases[i].text, "shortened", out.data, cases[i].shortened);
	}
	expect_no_failed_case();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shorten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
