#include "backend/sim/control/control_orders.h"

#include "backend/base/json_write.h"
#include "backend/sim/control/control_reader.h"

static const struct variant *first(const struct wire *wire)
{
	static const struct variant none = { .name = NULL };

	return wire->variants ? wire->variants : &none;
}

static void read_variant(const struct control_reader *reader,
			 const struct variant *variant, int64_t *value)
{
	int index;

	if (!variant->words) {
		if (control_read_integer(reader, variant->name, 0, value) &&
		    *value > variant->most)
			control_complain(reader, "%s: too large", variant->name);
	} else if (control_read_word(reader, variant->name, variant->words, &index)) {
		*value = index;
	}
}

bool control_read_variants(const struct json *order, const struct wire *wire,
			   struct buffer *complaint, int64_t values[VARIANTS_MAX])
{
	const char *keys[VARIANTS_MAX + 1] = { NULL };
	const struct variant *variants = first(wire);
	struct control_reader reader;

	for (size_t i = 0; variants[i].name; i++)
		keys[i] = variants[i].name;
	control_reader_open(&reader, "variants", order, keys, complaint);
	for (size_t i = 0; variants[i].name; i++)
		read_variant(&reader, &variants[i], &values[i]);
	return control_reader_is_good(&reader);
}

void control_write_variants(struct buffer *out, const struct wire *wire,
			    const int64_t values[VARIANTS_MAX])
{
	const struct variant *variants = first(wire);

	json_write_open(out, wire->name, '{');
	for (size_t i = 0; variants[i].name; i++) {
		if (variants[i].words)
			json_write_string(out, variants[i].name,
					  variants[i].words[values[i]]);
		else
			json_write_int64(out, variants[i].name, values[i]);
	}
	json_write_close(out, '}');
}
