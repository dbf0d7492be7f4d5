/*
 * Whom a section's calls may reach. The service itself is where its owner says. What a
 * service links to is distrusted: private and local addresses only where the service is
 * on such an address itself, and plain http only where it is on this machine.
 */
#include "backend/core_internal.h"

void trust_service(const struct provider_section *section, struct http_options *options)
{
	options->allows_private = true;
	options->allows_http = config_is_loopback(section->base_url);
}

static bool *is_private(const struct backend *backend,
			const struct provider_section *section)
{
	return &backend->private_sections[section - backend->config->sections];
}

void trust_media(const struct backend *backend, const struct provider_section *section,
		 struct http_options *options)
{
	options->allows_http = config_is_loopback(section->base_url);
	options->allows_private = options->allows_http || *is_private(backend, section);
}

const void *trust_media_lane(const struct backend *backend,
			     const struct provider_section *section)
{
	return is_private(backend, section);
}

void trust_learn(struct backend *backend, const struct provider_section *section,
		 const struct http_response *response)
{
	if (response->outcome == HTTP_ANSWERED)
		*is_private(backend, section) = response->is_private;
}
