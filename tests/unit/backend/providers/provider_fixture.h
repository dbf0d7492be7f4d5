/*
 * What the tests of the adapters share: an adapter is named by the directory of its
 * fixtures, tests/fixtures/TYPE/….
 */
#ifndef SEEDANCEFS_TESTS_UNIT_BACKEND_PROVIDERS_PROVIDER_FIXTURE_H
#define SEEDANCEFS_TESTS_UNIT_BACKEND_PROVIDERS_PROVIDER_FIXTURE_H

#include "tests/unit/unit.h"

#include "backend/providers/provider.h"

#define BASE_URL "https://api.example.com/base"

static const struct provider *adapter; /* under test, for the walks over fixtures */

/* Walks TYPE/KIND of each adapter that `least` names a number of cases for. */
struct walk {
	const char *type;
	size_t least;
};

static inline void walk_adapters(const struct walk *walks, size_t count, const char *kind,
				 void (*check)(const char *name, const struct json *test))
{
	for (size_t i = 0; i < count; i++) {
		AUTOFREE char *directory = text_format("%s/%s", walks[i].type, kind);

		adapter = provider_find(walks[i].type);
		assert_non_null(adapter);
		walk_fixtures(directory, walks[i].least, check);
	}
}

static inline struct endpoint endpoint_of(const struct json *test)
{
	return (struct endpoint){
		.base_url = BASE_URL,
		.key = flag_of(test, "without_key") ? NULL : "sk-test",
	};
}

static inline struct http_response response_of(const struct json *test)
{
	AUTOFREE char *body = text_of(json_get(test, "body"));
	struct http_response response = {
		.outcome = HTTP_ANSWERED,
		.status = (int)number_of(test, "status", 200),
		.body = BUFFER_INIT(FILE_CEILING),
		.content_length = -1,
	};

	if (*body)
		assert_int_equal(buffer_append(&response.body, body, strlen(body)), 0);
	return response;
}

#define IDS_MOST 64

/* The ids that a query asked about: `ids`, else `asked`, else cgt-1. */
static inline size_t ids_of(const struct json *test, const char *ids[IDS_MOST])
{
	const struct json *list = json_get(test, "ids");
	size_t count = 0;

	if (!list) {
		ids[0] = json_get_string(test, "asked");
		ids[0] = ids[0] ? ids[0] : "cgt-1";
		return 1;
	}
	for (const struct json *id = json_first(list); id; id = json_next(id)) {
		assert_true(count < IDS_MOST);
		ids[count++] = json_string(id);
	}
	return count;
}

#endif
