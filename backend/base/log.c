#include "backend/base/log.h"

#include "backend/base/buffer.h"

#include <stdatomic.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#define LINE_CEILING 4096

static _Atomic enum log_level log_level = LOG_LEVEL_INFO;
static _Atomic int log_fd = 2;

void log_set_level(enum log_level level)
{
	log_level = level;
}

void log_set_fd(int fd)
{
	log_fd = fd;
}

static void add_time(struct buffer *line)
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	buffer_addf(line, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ ", tm.tm_year + 1900,
		    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		    now.tv_nsec / 1000000);
}

static void clean_controls(struct buffer *line, size_t from)
{
	for (size_t i = from; i < line->size; i++) {
		unsigned char c = (unsigned char)line->data[i];

		if (c < 0x20 || c == 0x7f)
			line->data[i] = ' ';
	}
}

void log_line(enum log_level level, const char *format, ...)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	AUTOBUFFER line = BUFFER_INIT(LINE_CEILING);
	va_list arguments;
	ssize_t written;
	size_t start;

	if (level > log_level)
		return;
	add_time(&line);
	buffer_addf(&line, "%s ", names[level]);
	start = line.size;
	va_start(arguments, format);
	buffer_vaddf(&line, format, arguments);
	va_end(arguments);
	if (!line.data)
		return;
	clean_controls(&line, start);
	line.error = 0; /* a line over the ceiling is cut, not lost */
	buffer_add(&line, "\n");
	written = write(log_fd, line.data, line.size);
	(void)written; /* if the log itself fails, there is nowhere to report it */
}
