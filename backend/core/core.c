#include "backend/core/core.h"

#include "backend/http/http.h"

#include <stdlib.h>

void backend_wake(struct backend *backend)
{
	http_wake(backend->http);
}

int64_t backend_jitter(struct backend *backend, int64_t ms)
{
	int64_t spread = ms / 10;

	if (spread <= 0)
		return ms;
	return ms - spread + rand_r(&backend->random_state) % (2 * spread + 1);
}
