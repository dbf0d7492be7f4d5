/*
 * Feeds each file of the directories that are named to a fuzz target: what a fuzzer once
 * found stays tested, with any compiler.
 */
#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int feed_file(int directory, const char *name)
{
	AUTOCLOSE int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	AUTOFREE uint8_t *bytes = NULL;
	struct stat about;

	if (fd < 0 || fstat(fd, &about))
		return -1;
	if (!S_ISREG(about.st_mode))
		return 0;
	bytes = malloc(about.st_size ? (size_t)about.st_size : 1); /* not a byte more */
	if (!bytes || read(fd, bytes, (size_t)about.st_size) != about.st_size)
		return -1;
	LLVMFuzzerTestOneInput(bytes, (size_t)about.st_size);
	return 1;
}

static long feed_directory(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	long count = 0;

	while (directory && count >= 0 && (entry = readdir(directory))) {
		int fed = feed_file(dirfd(directory), entry->d_name);

		count = fed < 0 ? -1 : count + fed;
	}
	if (directory)
		closedir(directory);
	return count;
}

int main(int argc, char **argv)
{
	long count = 0;

	for (int i = 1; i < argc; i++) {
		long fed = feed_directory(argv[i]);

		if (fed <= 0) {
			fprintf(stderr, "%s: nothing to feed\n", argv[i]);
			return 1;
		}
		count += fed;
	}
	printf("%ld inputs\n", count);
	return count ? 0 : 1;
}
