#include "backend/config/trust.h"

#include <errno.h>
#include <stdlib.h>

struct trust {
	const struct config *config;
	bool is_private[]; /* indexed like config->sections */
};

int trust_create(const struct config *config, struct trust **ret_trust)
{
	struct trust *trust =
		calloc(1, sizeof(*trust) +
				  config->section_count * sizeof(*trust->is_private));

	if (!trust)
		return -ENOMEM;
	trust->config = config;
	*ret_trust = trust;
	return 0;
}

void trust_destroy(struct trust *trust)
{
	free(trust);
}

void trust_service(const struct provider_section *section, struct http_options *options)
{
	options->allows_private = true;
	options->allows_http = config_is_loopback(section->base_url);
}

static size_t place_of(const struct trust *trust, const struct provider_section *section)
{
	return (size_t)(section - trust->config->sections);
}

void trust_media(const struct trust *trust, const struct provider_section *section,
		 struct http_options *options)
{
	options->allows_http = config_is_loopback(section->base_url);
	options->allows_private =
		options->allows_http || trust->is_private[place_of(trust, section)];
}

const void *trust_media_lane(const struct trust *trust,
			     const struct provider_section *section)
{
	return &trust->is_private[place_of(trust, section)];
}

void trust_learn(struct trust *trust, const struct provider_section *section,
		 const struct http_response *response)
{
	if (response->outcome == HTTP_ANSWERED)
		trust->is_private[place_of(trust, section)] = response->is_private;
}
