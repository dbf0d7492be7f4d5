/*
 * The files of outputs below the media directory: one directory per task, one file per
 * version of an output. Backend thread only, unless stated otherwise.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_STREAM_FILES_H
#define SEEDANCEFS_BACKEND_MEDIA_STREAM_FILES_H

#include "backend/tasks/task.h"

struct backend;

/* The name of an output's file in its task's directory. Any thread. */
char *media_file_name(enum output_kind kind, uint32_t version);
/*
 * Opens (or creates) the directory of a task's media; a descriptor or -errno. Any thread.
 */
int media_task_directory(struct backend *backend, uint64_t number);
/* Removes the media files of a task: those of one output, or all with OUTPUT_COUNT. */
void media_drop(struct backend *backend, uint64_t number, enum output_kind kind);
/* Removes the files of earlier versions. */
void media_drop_older(struct backend *backend, uint64_t number, enum output_kind kind,
		      uint32_t version);
/* The bytes of a version that are on disk, without opening it. Any thread. */
uint64_t media_look(struct backend *backend, uint64_t number, enum output_kind kind,
		    uint32_t version, uint64_t size, const char *etag);

#endif
