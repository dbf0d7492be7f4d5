#include "backend/sim/tasks/size.h"

#include <math.h>
#include <stddef.h>

const char *const size_resolution_names[SIZE_RESOLUTIONS + 1] = { "480p", "720p", "1080p",
								  "4k", NULL };
const char *const size_ratio_names[SIZE_RATIOS + 1] = {
	"16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "adaptive", NULL
};

static const struct size wide[SIZE_FAMILIES][SIZE_RESOLUTIONS] = {
	[SIZE_FAMILY_10] = { { 864, 480 },
			     { 1280, 720 },
			     { 1920, 1088 },
			     { 3840, 2160 } },
	[SIZE_FAMILY_15] = { { 864, 496 },
			     { 1280, 720 },
			     { 1920, 1080 },
			     { 3840, 2160 } },
	[SIZE_FAMILY_25] = { { 854, 480 },
			     { 1280, 720 },
			     { 1920, 1080 },
			     { 3840, 2160 } },
};

static const struct size parts[SIZE_ADAPTIVE] = { { 16, 9 }, { 4, 3 },	{ 1, 1 },
						  { 3, 4 },  { 9, 16 }, { 21, 9 } };

static int even(double side)
{
	return (int)lround(side / 2) * 2;
}

struct size size_find(enum size_family family, enum size_resolution resolution,
		      enum size_ratio ratio)
{
	struct size base = wide[family][resolution], part = parts[ratio];
	double area = (double)base.width * base.height;

	if (ratio == SIZE_16_9)
		return base;
	if (ratio == SIZE_9_16)
		return (struct size){ base.height, base.width };
	return (struct size){ even(sqrt(area * part.width / part.height)),
			      even(sqrt(area * part.height / part.width)) };
}

enum size_ratio size_nearest_ratio(int width, int height)
{
	double best = INFINITY;
	int nearest = SIZE_16_9;

	if (width <= 0 || height <= 0)
		return SIZE_16_9;
	for (int i = 0; i < SIZE_ADAPTIVE; i++) {
		double distance = fabs(
			log((double)width / height * parts[i].height / parts[i].width));

		if (distance < best) {
			best = distance;
			nearest = i;
		}
	}
	return (enum size_ratio)nearest;
}
