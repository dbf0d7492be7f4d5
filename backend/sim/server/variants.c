#include "backend/sim/server/variants.h"

#include "backend/base/cleanup.h"
#include "backend/sim/wires/wire.h"

#include <errno.h>
#include <string.h>

#define WIRES_MAX 16

struct variants {
	pthread_mutex_t lock;
	int64_t values[WIRES_MAX][VARIANTS_MAX]; /* guarded by lock */
};

static size_t index_of(const struct wire *wire)
{
	size_t index = 0;

	while (wire_at(index) != wire)
		index++;
	return index;
}

int variants_create(struct variants **ret_variants)
{
	struct variants *variants = calloc(1, sizeof(*variants));

	if (!variants)
		return -ENOMEM;
	pthread_mutex_init(&variants->lock, NULL);
	variants_reset(variants);
	*ret_variants = variants;
	return 0;
}

void variants_destroy(struct variants *variants)
{
	if (!variants)
		return;
	pthread_mutex_destroy(&variants->lock);
	free(variants);
}

void variants_get(struct variants *variants, const struct wire *wire,
		  int64_t values[VARIANTS_MAX])
{
	SCOPED_LOCK(&variants->lock);

	memcpy(values, variants->values[index_of(wire)], sizeof(variants->values[0]));
}

void variants_set(struct variants *variants, const struct wire *wire,
		  const int64_t values[VARIANTS_MAX])
{
	SCOPED_LOCK(&variants->lock);

	memcpy(variants->values[index_of(wire)], values, sizeof(variants->values[0]));
}

void variants_reset(struct variants *variants)
{
	SCOPED_LOCK(&variants->lock);
	const struct wire *wire;

	for (size_t i = 0; (wire = wire_at(i)); i++)
		for (size_t j = 0; wire->variants && wire->variants[j].name; j++)
			variants->values[i][j] = wire->variants[j].otherwise;
}
