#include "backend/media/prefetch/deadline.h"

#include "backend/core/core.h"
#include "backend/core/section.h"
#include "backend/http/link.h"
#include "backend/media/prefetch/plan.h"

int64_t backend_link_expires_s(struct backend *backend, const struct task_view *view,
			       bool *ret_is_guess)
{
	const struct output *video = &view->outputs[OUTPUT_VIDEO];
	const struct provider_section *section = backend_section_of(backend, view);
	int64_t expires_s = link_expires_at(video->url);

	*ret_is_guess = !expires_s;
	if (expires_s || !video->url || !section || !view->since_ms ||
	    view->state != TASK_SUCCEEDED)
		return expires_s;
	return view->since_ms / 1000 + section->provider->link_life_s;
}

int64_t backend_keep_begins_ms(struct backend *backend, const struct task_view *view)
{
	const struct output *video = &view->outputs[OUTPUT_VIDEO];
	bool is_guess;
	struct prefetch_life life = {
		view->since_ms, backend_link_expires_s(backend, view, &is_guess) * 1000
	};

	if (backend->config->keep != KEEP_RESCUE || view->state != TASK_SUCCEEDED ||
	    !video->is_ready || video->is_whole || video->is_lost || !life.end_ms)
		return 0;
	return prefetch_begin_ms(&life);
}
