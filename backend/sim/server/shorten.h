/*
 * Request bodies for people: data URLs without their data. Pure; any thread.
 */
#ifndef SEEDANCE_SIM_SERVER_SHORTEN_H
#define SEEDANCE_SIM_SERVER_SHORTEN_H

#include "backend/base/buffer.h"
#include "backend/base/json.h"

/*
 * Writes a tree as json_write_value() does, but long data URLs in it as
 * "data:image/png;base64,...(1234 bytes)".
 */
void shorten_write(struct buffer *out, const char *key, const struct json *value);

#endif
