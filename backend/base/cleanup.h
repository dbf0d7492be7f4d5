/*
 * Scoped cleanup: a resource is released when its variable leaves the scope, unless
 * TAKE() moved it out. Every destructor used here accepts NULL (or -1 for descriptors).
 */
#ifndef SEEDANCEFS_BACKEND_BASE_CLEANUP_H
#define SEEDANCEFS_BACKEND_BASE_CLEANUP_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclose(FILE **file)
{
	if (*file)
		fclose(*file);
}

static inline void cleanup_unlock(pthread_mutex_t **mutex)
{
	if (*mutex)
		pthread_mutex_unlock(*mutex);
}

static inline pthread_mutex_t *cleanup_lock(pthread_mutex_t *mutex)
{
	pthread_mutex_lock(mutex);
	return mutex;
}

#define CLEANUP(function) __attribute__((cleanup(function)))
#define AUTOFREE CLEANUP(cleanup_free)
#define AUTOCLOSE CLEANUP(cleanup_close)
#define AUTOFCLOSE CLEANUP(cleanup_fclose)

/* Holds the mutex until the end of the enclosing scope. */
#define SCOPED_LOCK_NAME2(line) scoped_lock_##line
#define SCOPED_LOCK_NAME(line) SCOPED_LOCK_NAME2(line)
#define SCOPED_LOCK(mutex)                          \
	pthread_mutex_t *SCOPED_LOCK_NAME(__LINE__) \
		__attribute__((cleanup(cleanup_unlock), unused)) = cleanup_lock(mutex)

/* Moves a pointer out of its variable:
 * the variable becomes NULL, the value is returned. */
#define TAKE(pointer)                                   \
	({                                              \
		__typeof__(pointer) taken_ = (pointer); \
		(pointer) = NULL;                       \
		taken_;                                 \
	})

/* The same for a descriptor, which becomes -1. */
static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
