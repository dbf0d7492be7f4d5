/*
 * Text written to `status`: a word that controls the task, or a copy of another task's
 * status. Pure.
 */
#ifndef SEEDANCEFS_FS_FOLDER_CONTROL_WORD_H
#define SEEDANCEFS_FS_FOLDER_CONTROL_WORD_H

#include <stdbool.h>
#include <stddef.h>

struct control_word {
	bool is_copy; /* its first line is a state, or it has several lines */
	char word[16];
	char argument[160]; /* the rest of the line; "" if empty */
};

/* Returns 0; -EINVAL: neither a known word nor a copy; -ENODATA: only white space. */
int control_word_parse(const char *text, size_t size, struct control_word *ret_control);

#endif
