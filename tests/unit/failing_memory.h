/*
 * Allocations that fail on purpose: failing_memory_at(n) makes the n-th one fail, from 0
 * on, and each that comes after it. The program is linked so that allocations of our own
 * code come here (tests/CMakeLists.txt); libraries and vasprintf() of the C library keep
 * their own. Not for tests with threads.
 */
#ifndef SEEDANCEFS_TESTS_UNIT_FAILING_MEMORY_H
#define SEEDANCEFS_TESTS_UNIT_FAILING_MEMORY_H

#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

static unsigned long allocations_left = ULONG_MAX;
static bool fails_once; /* the n-th alone, not those after it */
static unsigned long allocations_failed;

static inline void failing_memory_at(unsigned long n)
{
	allocations_left = n;
	fails_once = false;
	allocations_failed = 0;
}

static inline void failing_memory_once_at(unsigned long n)
{
	failing_memory_at(n);
	fails_once = true;
}

/* Allocations succeed again. Returns whether one failed. */
static inline bool failing_memory_end(void)
{
	bool has_failed = allocations_failed > 0;

	allocations_left = ULONG_MAX;
	return has_failed;
}

static inline bool allocation_fails(void)
{
	if (allocations_left == ULONG_MAX || allocations_left--)
		return false;
	allocations_left = fails_once ? ULONG_MAX : 0;
	allocations_failed++;
	return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
int __real_vasprintf(char **ret, const char *format, va_list arguments);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);
int __wrap_vasprintf(char **ret, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

void *__wrap_malloc(size_t size)
{
	return allocation_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return allocation_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return allocation_fails() ? NULL : __real_realloc(memory, size);
}

char *__wrap_strdup(const char *text)
{
	return allocation_fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t size)
{
	return allocation_fails() ? NULL : __real_strndup(text, size);
}

int __wrap_vasprintf(char **ret, const char *format, va_list arguments)
{
	return allocation_fails() ? -1 : __real_vasprintf(ret, format, arguments);
}

#endif
