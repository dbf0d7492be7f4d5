/*
 * Fuzzes what the adapters read. An input: the adapter, what is read, the HTTP status
 * (two bytes, the lower first), the body.
 */
#include "tests/fuzz/provider_check.h"

#define HEAD_BYTES 4
#define SINCE_S 1743414619

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t provider_count(void)
{
	size_t count = 0;

	while (provider_at(count))
		count++;
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const ids[] = { "cgt-1", "cgt-2", "cgt-3" };
	const struct provider *provider;
	struct http_response response;

	if (size < HEAD_BYTES)
		return 0;
	provider = provider_at(data[0] % provider_count());
	response = check_response((data[2] | data[3] << 8) % 600, data + HEAD_BYTES,
				  size - HEAD_BYTES);
	switch (data[1] % 5) {
	case 0:
		check_create(provider, &response);
		break;
	case 1:
		check_query(provider, &response, ids, 1);
		break;
	case 2:
		if (provider->query_most >= 3)
			check_query(provider, &response, ids, 3);
		break;
	case 3:
		if (provider->parse_list)
			check_list(provider, &response, SINCE_S);
		break;
	default:
		if (provider->parse_cancel)
			check_cancel(provider, &response);
		break;
	}
	http_response_clear(&response);
	return 0;
}
