/* backend/core/section.h: the section of the configuration that a task belongs to. */
#include "tests/unit/unit.h"

#include "backend/core/core.h"
#include "backend/core/section.h"

static struct provider_section sections[] = {
	{ .name = (char *)"ark",
	  .base_url = (char *)"https://ark.example",
	  .key_name = (char *)"env ARK_API_KEY" },
	{ .name = (char *)"simulated",
	  .base_url = (char *)"http://127.0.0.1:4321/ark",
	  .key_name = (char *)"none",
	  .is_simulator = true },
};
static struct config config = { .sections = sections,
				.section_count = ARRAY_SIZE(sections) };
static const struct backend backend = { .config = &config };

static void expect(const struct provider_section *wanted, const char *name,
		   const char *endpoint, const char *key_name)
{
	struct task_view *view = task_view_new(1);

	assert_non_null(view);
	task_set_text(view, &view->provider, name);
	task_set_text(view, &view->endpoint, endpoint);
	task_set_text(view, &view->key_name, key_name);
	assert_ptr_equal(backend_section_of(&backend, view), wanted);
	task_view_unref(view);
}

static void test_a_task_belongs_to_the_section_that_made_it(void **state)
{
	(void)state;
	expect(&sections[0], "ark", "https://ark.example", "env ARK_API_KEY");
	expect(NULL, "gone", "https://ark.example", "env ARK_API_KEY");
	expect(NULL, NULL, NULL, NULL);
}

/* Another address or key means another account, which must not be polled for the task. */
static void test_a_section_that_changed_is_not_the_same(void **state)
{
	(void)state;
	expect(NULL, "ark", "https://elsewhere.example", "env ARK_API_KEY");
	expect(NULL, "ark", "https://ark.example", "env OTHER_KEY");
	expect(NULL, "ark", NULL, "env ARK_API_KEY");
	expect(NULL, "ark", "https://ark.example", NULL);
}

/* The simulator has another port at each start. */
static void test_the_simulator_is_the_same_wherever_it_listens(void **state)
{
	(void)state;
	assert_string_equal(section_endpoint_name(&sections[1]), "simulator");
	expect(&sections[1], "simulated", "simulator", "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_task_belongs_to_the_section_that_made_it),
		cmocka_unit_test(test_a_section_that_changed_is_not_the_same),
		cmocka_unit_test(test_the_simulator_is_the_same_wherever_it_listens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
