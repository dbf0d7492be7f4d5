/*
 * A file whose server does not state its length: one download of the whole file measures
 * it, and stays as the media file.
 *
 * The end of such an answer looks like a broken connection, unless the framing marks it
 * (chunks, HTTP/2); and a proxy may frame correctly what broke off on its other side. So
 * the structure of the file counts, too. Where it is complete, or says nothing, the
 * download is taken as the whole file. Where it is incomplete, the download counts as
 * broken off; only a second one of the same length shows that there is no more.
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
/* The file is incomplete: frees its space on disk. */
void length_gauge_abandon(struct length_gauge *gauge);
/* Keeps the bytes that were written. */
void length_gauge_close(struct length_gauge *gauge);

/* 0 or -errno of writing. */
int length_gauge_add(struct length_gauge *gauge, const char *bytes, size_t size);
uint64_t length_gauge_size(const struct length_gauge *gauge);
/*
 * Whether an answer that ended without an error brought the whole file. `is_framed`: the
 * framing marked its end; `is_same_again`: the download before brought as many bytes.
 */
enum gauged {
	GAUGED_PARTLY,
	GAUGED_WHOLE,
	GAUGED_UNCONFIRMED, /* taken as whole, though nothing marks its end */
	GAUGED_INCOMPLETE,  /* incomplete by its structure, but the server has no more */
};

enum gauged length_gauge_judge(const struct length_gauge *gauge, bool is_framed,
			       bool is_same_again);

#endif
