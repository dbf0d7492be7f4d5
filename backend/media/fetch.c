#include "backend/media/fetch.h"

#include "backend/core/core.h"
#include "backend/media/prefetch/prefetch.h"
#include "backend/media/size_probe.h"
#include "backend/media/stream/stream.h"

void fetch_task(struct backend *backend, uint64_t number)
{
	AUTOVIEW *view = tasks_view(backend->tasks, number);

	if (!view)
		return;
	prefetch_again(backend, number);
	for (int i = 0; i < OUTPUT_COUNT; i++)
		media_fetch_output(backend, view, (enum output_kind)i);
	if (!size_probe_is_under_way(backend, number))
		size_probe_task(backend, number, true);
}
