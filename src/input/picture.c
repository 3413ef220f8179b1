#include "input/picture.h"

#include <stdlib.h>

int picture_alloc(struct picture *p, size_t width, size_t height, int channels, struct fail *f)
{
	*p = (struct picture){0};
	if (!width || !height)
		return fail_set(f, "picture of %zu x %zu pixels is empty", width, height);
	if (width > PICTURE_MAX_SIDE || height > PICTURE_MAX_SIDE)
		return fail_set(f, "picture of %zu x %zu pixels is larger than the limit of %d per side", width, height,
		                PICTURE_MAX_SIDE);
	if (width * height > PICTURE_MAX_PIXELS)
		return fail_set(f, "picture of %zu x %zu pixels is larger than the limit of %u pixels", width, height,
		                PICTURE_MAX_PIXELS);
	size_t size = width * height * (size_t)channels;
	p->pixels = malloc(size);
	if (!p->pixels)
		return fail_memory_for(f, "a picture of %zu bytes", size);
	p->width = (int)width;
	p->height = (int)height;
	p->channels = channels;
	return 0;
}

void picture_free(struct picture *p)
{
	free(p->pixels);
	*p = (struct picture){0};
}
