/*
 * Ids in the services' formats. free() them; NULL without memory or randomness. Any
 * thread.
 */
#ifndef SEEDANCE_SIM_TASKS_IDS_H
#define SEEDANCE_SIM_TASKS_IDS_H

#include <stddef.h>
#include <stdint.h>

/* cgt-20250331175019-68d9t: the time is that of China. */
char *id_cgt(int64_t now_ms);
/* 93f11baf-347b-4bb4-9520-8653cb46d6a3 */
char *id_uuid(void);
/* The prefix and some lower-case letters and digits. */
char *id_random(const char *prefix, size_t letters);

#endif
