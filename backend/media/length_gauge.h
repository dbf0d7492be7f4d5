/*
 * A file whose server does not say how long it is: it is brought in whole to learn that,
 * and kept where its media file will lie.
 *
 * Such an answer has no end that can be told from a cut, unless its framing has one
 * (chunks, HTTP/2); and a proxy may frame neatly what broke off behind it. So its length
 * is believed at once only if both the framing and the file's own structure say that it
 * is whole; else when it is the same again: once more, or twice more where the structure
 * seems to be cut.
 *
 * The backend's thread only. What it wrote has no map: a media file that is opened on it
 * takes none of it as present until it is marked.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_LENGTH_GAUGE_H
#define SEEDANCEFS_BACKEND_MEDIA_LENGTH_GAUGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct length_gauge;

/* Empties `name` in the directory (or creates it), without its map. 0 or -errno. */
int length_gauge_create(int directory, const char *name, struct length_gauge **ret_gauge);
/* Not whole: gives the disk its room back. */
void length_gauge_abandon(struct length_gauge *gauge);
/* What was written stays. */
void length_gauge_close(struct length_gauge *gauge);

/* 0 or -errno of writing. */
int length_gauge_add(struct length_gauge *gauge, const char *bytes, size_t size);
uint64_t length_gauge_size(const struct length_gauge *gauge);
/*
 * Whether what came is the file. `is_framed`: the answer's own framing told its end;
 * `repeats`: so many times before, just now, came as much.
 */
enum gauged {
	GAUGED_PARTLY,
	GAUGED_WHOLE,
	GAUGED_AS_EVER, /* it looks cut, but nothing more ever comes */
};

enum gauged length_gauge_judge(const struct length_gauge *gauge, bool is_framed,
			       unsigned repeats);

#endif
