#include "backend/core/section.h"

#include "backend/base/cleanup.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/core/core.h"
#include "backend/core/note.h"

#include <inttypes.h>
#include <string.h>

#define UNBOUND_HEAD "made with provider \""

const char *section_endpoint_name(const struct provider_section *section)
{
	return section->is_simulator ? "simulator" : section->base_url;
}

const struct provider_section *backend_section_of(const struct backend *backend,
						  const struct task_view *view)
{
	const struct provider_section *section =
		view->provider ? config_section(backend->config, view->provider) : NULL;

	if (!section || !view->endpoint ||
	    strcmp(view->endpoint, section_endpoint_name(section)))
		return NULL;
	if (!view->key_name || !section->key_name ||
	    strcmp(view->key_name, section->key_name))
		return NULL;
	return section;
}

const struct provider_section *backend_bind_section(struct backend *backend,
						    const struct task_view *view)
{
	const struct provider_section *section = backend_section_of(backend, view);
	AUTOFREE char *note = NULL;

	if (section) {
		if (view->note && text_starts_with(view->note, UNBOUND_HEAD))
			backend_set_note(backend, view->number, NULL);
		return section;
	}
	note = text_format(UNBOUND_HEAD
			   "%s\" (%s, key from %s), which is no longer in the "
			   "configuration; restore that section to continue",
			   view->provider ? view->provider : "?",
			   view->endpoint ? view->endpoint : "?",
			   view->key_name ? view->key_name : "?");
	log_warn("event=unbound task=%" PRIu64 " provider=%s", view->number,
		 view->provider ? view->provider : "?");
	backend_set_note(backend, view->number, note);
	return NULL;
}
