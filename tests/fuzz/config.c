#include "model/config.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

/* A configuration that was read is written, and read again to the same bytes. */
static void round_trip(struct config *c)
{
	struct config again;
	struct buf one = {0}, two = {0};
	struct fail f;
	config_defaults(&again);
	CHECK(config_write(c, &one, &f) == 0);
	int r = config_parse(&again, one.p, one.len, &f);
	/* missing keys are written as zeros, which are out of range */
	CHECK(r == 0 || config_check(c, &f) != 0);
	if (r == 0) {
		CHECK(config_write(&again, &two, &f) == 0);
		CHECK(one.len == two.len && memcmp(one.p, two.p, one.len) == 0);
	}
	buf_free(&one);
	buf_free(&two);
}

int fuzz_config(const uint8_t *data, size_t size)
{
	struct config c;
	struct fail f;
	char *text = fuzz_text(data, size);
	config_defaults(&c);
	if (config_parse(&c, (const char *)data, size, &f) == 0)
		round_trip(&c);
	else
		CHECK(f.msg[0]);
	config_defaults(&c);
	if (config_set(&c, text, &f) == 0)
		round_trip(&c);
	free(text);
	return 0;
}
