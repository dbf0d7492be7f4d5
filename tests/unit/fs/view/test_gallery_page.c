/* fs/view/gallery_page.h: inserted values are only text. */
#include "tests/unit/unit.h"

#include "fs/view/gallery_page.h"

static char *page_of(struct gallery_card card)
{
	char *page = gallery_page(&card, 1);

	assert_non_null(page);
	return page;
}

static void expect_in(const char *page, const char *words)
{
	if (!strstr(page, words))
		fail_msg("the page does not hold %s:\n%s", words, strstr(page, "<main>"));
}

static void test_empty(void **state)
{
	AUTOFREE char *page = gallery_page(NULL, 0);

	expect_in(page, "No tasks yet");
	expect_in(page, "Make your first video");
	expect_in(page, "data-reload=\"4\"");
	expect_in(page, "<noscript><meta http-equiv=\"refresh\" content=\"8\">");
	assert_null(strstr(page, "{{"));
	assert_null(strstr(page, "<article"));
}

static void test_finished(void **state)
{
	AUTOFREE char *page =
		page_of((struct gallery_card){ .number = 12,
					       .state = TASK_SUCCEEDED,
					       .progress = 100,
					       .created_ms = INT64_C(1743414700000),
					       .has_video = true,
					       .is_simulated = true,
					       .frame = "last_frame.png",
					       .path = "film/shot 1",
					       .prompt = "A fox",
					       .provider = "ark",
					       .model = "m-1" });

	expect_in(page, "<article id=\"task-12\" class=\"succeeded\">");
	expect_in(page, "1 task: 1 succeeded");
	expect_in(page, "loading=\"lazy\" decoding=\"async\" alt=\"\" "
			"src=\"film/shot%201/last_frame.png\"");
	expect_in(page, "preload=\"none\" playsinline src=\"film/shot%201/video.mp4\"");
	expect_in(page, "<a href=\"film/shot%201/\"><small>film/</small>shot 1</a>");
	expect_in(page, "datetime=\"2025-03-31T09:51:40Z\"");
	expect_in(page, " · m-1 · ark (simulator)</p>");
	expect_in(page, "data-reload=\"12\""); /* slow: the next change is an order */
	assert_null(strstr(page, "<progress"));
}

static void test_unfinished(void **state)
{
	AUTOFREE char *page = page_of((struct gallery_card){
		.state = TASK_RUNNING, .progress = 140, .path = "a", .note = "" });

	expect_in(page, "running 100%");
	expect_in(page, "<progress max=\"100\" value=\"100\">");
	expect_in(page, "data-reload=\"4\"");
	expect_in(page, "<noscript><meta http-equiv=\"refresh\" content=\"8\">");
	assert_null(strstr(page, "class=\"note\""));
	assert_null(strstr(page, "<img"));
	assert_null(strstr(page, "<video"));
}

static void test_texts_are_escaped(void **state)
{
	AUTOFREE char *page = page_of(
		(struct gallery_card){ .state = TASK_FAILED,
				       .progress = -1,
				       .has_video = true,
				       .frame = "last_frame.png",
				       .path = "javascript:a\"'<b>&#?%\n\xff",
				       .prompt = "<script>\"'&amp;\x1b[31m\xe2\x80\xae",
				       .note = "</p><img src=x>",
				       .provider = "<p>",
				       .model = "\"m\"" });
	const char *body = strstr(page, "<main>");

	expect_in(body,
		  "src=\"javascript%3Aa%22%27%3Cb%3E%26%23%3F%25%0A%FF/video.mp4\"");
	expect_in(body, ">javascript:a&#34;&#39;&#60;b&#62;&#38;#?% ?</a>");
	expect_in(body, ">&#60;script&#62;&#34;&#39;&#38;amp; [31m</p>");
	expect_in(body, ">&#60;/p&#62;&#60;img src=x&#62;</p>");
	expect_in(body, "&#34;m&#34; · &#60;p&#62;");
	assert_null(strstr(strstr(page, "<main>"), "<b>"));
}

/* The policy contains the digests of the page's own script and style. */
static void test_policy(void **state)
{
	AUTOFREE char *page = gallery_page(NULL, 0);

	expect_in(page,
		  "content=\"default-src 'none'; base-uri 'none'; form-action 'none'; "
		  "img-src 'self' file:; media-src 'self' file:; style-src 'sha256-");
	expect_in(page, "='; script-src 'sha256-");
	assert_null(strstr(page, "unsafe"));
	assert_null(strstr(page, "http:"));
	assert_null(strstr(page, "https:"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_finished),
		cmocka_unit_test(test_unfinished),
		cmocka_unit_test(test_texts_are_escaped),
		cmocka_unit_test(test_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
