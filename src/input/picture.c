#include "input/picture.h"

#include <stdlib.h>

int picture_check_size(size_t width, size_t height, struct fail *f)
{
	if (!width || !height)
		return fail_set(f, "picture of %zu x %zu pixels is empty", width, height);
	if (width > PICTURE_MAX_PIXELS / height)
		return fail_set(f, "picture of %zu x %zu pixels is larger than the limit of %u pixels", width, height,
		                PICTURE_MAX_PIXELS);
	return 0;
}

int picture_alloc(struct picture *p, size_t width, size_t height, int channels, struct fail *f)
{
	*p = (struct picture){0};
	if (picture_check_size(width, height, f))
		return -1;
	size_t size = width * height * (size_t)channels;
	p->memory = malloc(size + 1);
	if (!p->memory)
		return fail_memory_for(f, "a picture of %zu bytes", size);
	p->pixels = p->memory + 1;
	p->width = (int)width;
	p->height = (int)height;
	p->channels = channels;
	return 0;
}

unsigned picture_notes_16bit(unsigned highest) { return highest > 0 && highest < 4096 ? PICTURE_LOW_BITS : 0; }

void picture_free(struct picture *p)
{
	free(p->memory);
	*p = (struct picture){0};
}
