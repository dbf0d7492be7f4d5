/* fs/tree/names.h: the meaning of a file's name in a folder. */
#include "tests/unit/unit.h"

#include "fs/tree/names.h"

static void test_triggers(void **state)
{
	static const char *const triggers[] = { "request.json", "prompt.txt", "prompt.md",
						"prompt" };
	static const char *const others[] = {
		"",
		"Prompt.txt",
		"prompt.TXT",
		"prompt.txt~",
		".prompt.txt",
		"prompt.text",
		"prompt.txt ",
		"prompts.txt",
		"request",
		"request.json5",
		"prompt.",
		"my prompt",
		"status",
		"PROMPT",
		"prompt.txt.swp",
	};

	for (size_t i = 0; i < ARRAY_SIZE(triggers); i++) {
		assert_true(name_is_trigger(triggers[i]));
		assert_false(name_is_scratch(triggers[i]));
		assert_int_equal(name_virtual_kind(triggers[i]), VIRTUAL_NONE);
		if (i)
			assert_true(name_trigger_rank(triggers[i]) >
				    name_trigger_rank(triggers[i - 1]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (name_is_trigger(others[i]))
			fail_msg("\"%s\" is no trigger", others[i]);
}

/* As observed in real editors and file managers. */
static void test_scratch(void **state)
{
	static const char *const scratch[] = {
		".prompt.txt.swp",
		".prompt.txt.swx",
		"4913",
		"prompt.txt~",
		".#prompt.txt",
		"#prompt.txt#",
		"sedAbC123",
		"prompt.txt.part",
		".goutputstream-X",
		"a.tmp",
		".~lock.x#",
		"x.crdownload",
		".Trash-1000",
		".hidden",
		"a.swp",
		"~",
		"##",
		"sed??????",
		".",
		"..",
	};
	static const char *const plain[] = {
		"",	 "prompt.txt", "first_frame.png", "a~b",	"49130",
		"04913", "sedan",      "sed12345",	  "sed1234567", "xsedabcdef",
		"#x",	 "x#",	       "a.swp.png",	  "tmp",	"a.tmpx",
		"part",	 "video.mp4",  "status",	  "Sed123456",
	};

	for (size_t i = 0; i < ARRAY_SIZE(scratch); i++)
		if (!name_is_scratch(scratch[i]))
			fail_msg("\"%s\" is a scratch name", scratch[i]);
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		if (name_is_scratch(plain[i]))
			fail_msg("\"%s\" is no scratch name", plain[i]);
}

static void test_inputs(void **state)
{
	static const struct {
		const char *name;
		enum name_role role;
	} cases[] = {
		{ "first_frame.png", NAME_FIRST_FRAME },
		{ "first_frame.jpg", NAME_FIRST_FRAME },
		{ "first_frame.JPEG", NAME_FIRST_FRAME },
		{ "first_frame.tar.gz", NAME_FIRST_FRAME },
		{ "last_frame.png", NAME_LAST_FRAME },
		{ "last_frame.webp", NAME_LAST_FRAME },
		{ "reference.png", NAME_REFERENCE },
		{ "reference1.jpg", NAME_REFERENCE },
		{ "reference-cat.mp4", NAME_REFERENCE },
		{ "reference_2.wav", NAME_REFERENCE },
		{ "last_frame.out.png", NAME_OTHER },
		{ "first_frame", NAME_OTHER },
		{ "first_frame_2.png", NAME_OTHER },
		{ "my_first_frame.png", NAME_OTHER },
		{ "First_Frame.png", NAME_OTHER },
		{ "first_frame.png~", NAME_OTHER },
		{ "first_frame.png.part", NAME_OTHER },
		{ ".first_frame.png", NAME_OTHER },
		{ ".#first_frame.png", NAME_OTHER },
		{ "reference.png.part", NAME_OTHER },
		{ "reference", NAME_OTHER },
		{ "reference.", NAME_OTHER },
		{ "References.png", NAME_OTHER },
		{ "my_reference.png", NAME_OTHER },
		{ ".reference.png", NAME_OTHER },
		{ "defaults.json", NAME_OTHER },
		{ "prompt.txt", NAME_OTHER },
		{ "cat.png", NAME_OTHER },
		{ "", NAME_OTHER },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (name_input_role(cases[i].name) != cases[i].role)
			FAIL_CASE("\"%s\" has role %d; expected %d", cases[i].name,
				  name_input_role(cases[i].name), cases[i].role);
	expect_no_failed_case();
}

static void test_order(void **state)
{
	static const char *const sorted[] = {
		"",
		"first_frame.png",
		"reference-cat.png",
		"reference.png",
		"reference1.png",
		"reference01.png",
		"reference2.jpg",
		"reference2.png",
		"reference9.png",
		"reference010.png",
		"reference10b1.png",
		"reference10b2.png",
		"reference10b10.png",
		"referencea.png",
	};

	for (size_t i = 0; i < ARRAY_SIZE(sorted); i++)
		for (size_t k = 0; k < ARRAY_SIZE(sorted); k++) {
			int order = name_compare(sorted[i], sorted[k]);

			/* Equal values in different spellings have a fixed order. */
			if (strstr("reference1.png reference01.png", sorted[i]) &&
			    strstr("reference1.png reference01.png", sorted[k]))
				assert_int_equal(order == 0, i == k);
			else if ((order < 0) != (i < k) || (order == 0) != (i == k))
				FAIL_CASE("\"%s\" and \"%s\": %d", sorted[i], sorted[k],
					  order);
		}
	expect_no_failed_case();
}

static void test_defaults(void **state)
{
	assert_true(name_is_defaults("defaults.json"));
	assert_false(name_is_trigger("defaults.json"));
	assert_false(name_is_scratch("defaults.json"));
	assert_false(name_is_defaults("Defaults.json"));
	assert_false(name_is_defaults("defaults.json~"));
}

static void test_virtual(void **state)
{
	static const struct {
		const char *name;
		enum virtual_kind kind;
		bool tells_copy;
	} cases[] = {
		{ "status", VIRTUAL_STATUS, true },
		{ "task.json", VIRTUAL_TASK_JSON, true },
		{ "error.txt", VIRTUAL_ERROR, false },
		{ "video.mp4", VIRTUAL_VIDEO, true },
		{ "last_frame.png", VIRTUAL_LAST_FRAME, false },
		{ "last_frame.out.png", VIRTUAL_LAST_FRAME, false },
		{ "", VIRTUAL_NONE, false },
		{ "Status", VIRTUAL_NONE, false },
		{ "status.txt", VIRTUAL_NONE, false },
		{ "last_frame.jpg", VIRTUAL_NONE, false },
		{ "video.mov", VIRTUAL_NONE, false },
		{ ".status", VIRTUAL_NONE, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(name_virtual_kind(cases[i].name), cases[i].kind);
		assert_int_equal(name_tells_copy(cases[i].name), cases[i].tells_copy);
	}
	/* copiers create `status` first: fs/README.md, "Copies are not orders" */
	for (int kind = VIRTUAL_STATUS + 1; kind < VIRTUAL_COUNT; kind++)
		assert_true(VIRTUAL_STATUS < kind);
}

static void test_trash(void **state)
{
	static const char *const in[] = { ".Trash", ".Trash-1000",
					  ".Trash-1000/files/a/prompt.txt", "a/.Trash/b",
					  "a/b/.Trash-0" };
	static const char *const out[] = {
		"", "a", "Trash", "a/Trash-1000", "a.Trash", "a/b.Trash/c", ".trash"
	};

	for (size_t i = 0; i < ARRAY_SIZE(in); i++)
		assert_true(path_is_in_trash(in[i]));
	for (size_t i = 0; i < ARRAY_SIZE(out); i++)
		assert_false(path_is_in_trash(out[i]));
}

static void test_arriving(void **state)
{
	static const char *const arriving[] = { "a.png.part", "video.crdownload",
						".prompt.txt.Ab12Cd",
						".goutputstream-X1Y2Z3" };
	static const char *const others[] = {
		"prompt.txt",	    ".prompt.txt.swp", "#a#", "a~",
		".prompt.txt.swpx", "a.Ab12Cd",	       "4913"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(arriving); i++) {
		assert_true(name_is_arriving(arriving[i]));
		assert_true(name_is_scratch(arriving[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_false(name_is_arriving(others[i]));
}

static void test_scratch_folders(void **state)
{
	static const struct {
		const char *path, *found;
	} cases[] = {
		{ "", NULL },
		{ "cat", NULL },
		{ "film/sedatives", NULL },
		{ "a.b/c", NULL },
		{ "part/tmp", NULL },
		{ "cat/.~tmp~", ".~tmp~" },
		{ ".st/cat", ".st" },
		{ "film/cat.part/x", "cat.part" },
		{ "cat~", "cat~" },
		{ "a/b.tmp", "b.tmp" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t size = 0;
		const char *found = path_scratch_folder(cases[i].path, &size);

		assert_int_equal(!found, !cases[i].found);
		if (found) {
			assert_int_equal(size, strlen(cases[i].found));
			assert_memory_equal(found, cases[i].found, size);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_triggers),	cmocka_unit_test(test_scratch),
		cmocka_unit_test(test_inputs),		cmocka_unit_test(test_order),
		cmocka_unit_test(test_defaults),	cmocka_unit_test(test_virtual),
		cmocka_unit_test(test_trash),		cmocka_unit_test(test_arriving),
		cmocka_unit_test(test_scratch_folders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
