/* The adapters, for the table in provider.c only. */
#ifndef SEEDANCEFS_BACKEND_PROVIDERS_TABLE_INTERNAL_H
#define SEEDANCEFS_BACKEND_PROVIDERS_TABLE_INTERNAL_H

#include "backend/providers/provider.h"

extern const struct provider provider_ark;
extern const struct provider provider_acedata;
extern const struct provider provider_xhuo;
extern const struct provider provider_createtask;
extern const struct provider provider_comet;
extern const struct provider provider_senseaudio;

#endif
