/*
 * The texts that users read while a task is under way: its note, and what it waits for.
 * Any thread.
 */
#ifndef SEEDANCEFS_BACKEND_CORE_NOTE_H
#define SEEDANCEFS_BACKEND_CORE_NOTE_H

#include <stdint.h>

struct backend;

/*
 * Each sets the text (NULL: none) if it differs. A change that fails for lack of memory
 * is dropped.
 */
void backend_set_waiting(struct backend *backend, uint64_t number, const char *waiting);
void backend_set_note(struct backend *backend, uint64_t number, const char *note);

#endif
