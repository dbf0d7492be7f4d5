#include "backend/sim/wire.h"

#include "backend/base/cleanup.h"

#include <string.h>
#include <strings.h>

static const struct wire *const wires[] = {
	&wire_ark,
};

const struct wire *wire_find(const char *path, const char **ret_rest)
{
	for (size_t i = 0; i < ARRAY_SIZE(wires); i++) {
		size_t length = strlen(wires[i]->prefix);

		if (strncmp(path, wires[i]->prefix, length))
			continue;
		if (path[length] && path[length] != '/')
			continue;
		*ret_rest = path + length;
		return wires[i];
	}
	return NULL;
}

bool wire_is_authorized(const struct wire_call *call)
{
	const char *header = http_header(call->http, "Authorization");

	if (!header)
		return !call->sim->key;
	if (strncasecmp(header, "Bearer ", 7) || !header[7])
		return false;
	return !call->sim->key || !strcmp(header + 7, call->sim->key);
}
