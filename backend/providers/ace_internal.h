/* Reads the answers of AceData and xhuoapi: README.md, 1.2 to 1.4. For ace.c only. */
#ifndef SEEDANCEFS_BACKEND_PROVIDERS_ACE_INTERNAL_H
#define SEEDANCEFS_BACKEND_PROVIDERS_ACE_INTERNAL_H

#include "backend/providers/provider.h"

/* As in struct provider. */
int ace_parse_create(const struct http_response *response, struct create_answer *ret);
int ace_parse_query(const struct http_response *response, const char *const *ids,
		    size_t count, struct observations *list, struct problem *problem);

#endif
