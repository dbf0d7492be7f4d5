/*
 * models.json: what each model can do at each service, as data. Read once at start,
 * handed down as const. share/models.md documents the file.
 */
#ifndef SEEDANCEFS_BACKEND_MODELS_MODELS_H
#define SEEDANCEFS_BACKEND_MODELS_MODELS_H

#include <stddef.h>

struct models;

/*
 * Reads the installed file, then each of `overrides` (a missing one is fine): a model or
 * a service that it names again takes the place of the one before. Errors are whole lines
 * for people in *ret_error (free() it): file, place, what is wrong. Returns 0, -EINVAL,
 * -ENOMEM or -errno of reading.
 */
int models_load(const char *installed, const char *const *overrides, size_t count,
		struct models **ret_models, char **ret_error);
/* The same from texts, for tests and the fuzzer: pure. */
int models_parse(const char *name, const char *text, size_t size, struct models **models,
		 char **ret_error);
void models_destroy(struct models *models);

/*
 * Where the installed file is: share/models.json beside the program that runs, else in
 * the data directory that it was installed with. free() it; NULL without memory.
 */
char *models_installed_path(void);

#endif
