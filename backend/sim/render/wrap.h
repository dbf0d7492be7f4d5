/*
 * Breaks a prompt into lines for the picture. Pure.
 *
 * UTF-8 in, UTF-8 out; words longer than a line are broken. What remains after `lines`
 * lines is dropped. Control characters become blanks.
 */
#ifndef SEEDANCE_SIM_RENDER_WRAP_H
#define SEEDANCE_SIM_RENDER_WRAP_H

#include "backend/base/buffer.h"

int wrap_text(const char *text, size_t columns, size_t lines, struct buffer *out);

#endif
