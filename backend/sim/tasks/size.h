/*
 * Pixel sizes of videos by resolution and ratio. Pure.
 *
 * A table holds the 16:9 sizes of each family of models (providers/README.md, 6.2); other
 * ratios have about as many pixels, and even sides.
 */
#ifndef SEEDANCE_SIM_TASKS_SIZE_H
#define SEEDANCE_SIM_TASKS_SIZE_H

enum size_resolution { SIZE_480P, SIZE_720P, SIZE_1080P, SIZE_4K, SIZE_RESOLUTIONS };
enum size_ratio {
	SIZE_16_9,
	SIZE_4_3,
	SIZE_1_1,
	SIZE_3_4,
	SIZE_9_16,
	SIZE_21_9,
	SIZE_ADAPTIVE,
	SIZE_RATIOS
};
enum size_family { SIZE_FAMILY_10, SIZE_FAMILY_15, SIZE_FAMILY_25, SIZE_FAMILIES };

/* In the order of the enums, NULL-terminated. */
extern const char *const size_resolution_names[SIZE_RESOLUTIONS + 1];
extern const char *const size_ratio_names[SIZE_RATIOS + 1];

struct size {
	int width, height;
};

/* The ratio must not be SIZE_ADAPTIVE. */
struct size size_find(enum size_family family, enum size_resolution resolution,
		      enum size_ratio ratio);
/* The nearest of the six ratios to that of an image; 16:9 if a side is unknown. */
enum size_ratio size_nearest_ratio(int width, int height);

#endif
