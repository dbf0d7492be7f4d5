#include "backend/sim/tasks/ids.h"

#include "backend/base/buffer.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#define ID_CEILING 256
#define LETTERS_MAX 64
#define CHINA_OFFSET_S (8 * 3600)

char *id_random(const char *prefix, size_t letters)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	AUTOBUFFER id = BUFFER_INIT(ID_CEILING);
	unsigned char random[LETTERS_MAX];

	if (letters > sizeof(random) || getrandom(random, letters, 0) != (ssize_t)letters)
		return NULL;
	buffer_add(&id, prefix);
	for (size_t i = 0; i < letters; i++)
		buffer_append(&id, &alphabet[random[i] % (sizeof(alphabet) - 1)], 1);
	return buffer_take(&id);
}

char *id_cgt(int64_t now_ms)
{
	time_t seconds = (time_t)(now_ms / 1000) + CHINA_OFFSET_S;
	char prefix[32];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(prefix, sizeof(prefix), "cgt-%Y%m%d%H%M%S-", &tm);
	return id_random(prefix, 5);
}

char *id_uuid(void)
{
	AUTOBUFFER id = BUFFER_INIT(ID_CEILING);
	unsigned char random[16];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return NULL;
	random[6] = (random[6] & 0x0f) | 0x40;
	random[8] = (random[8] & 0x3f) | 0x80;
	for (size_t i = 0; i < sizeof(random); i++)
		buffer_addf(&id, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
			    random[i]);
	return buffer_take(&id);
}
