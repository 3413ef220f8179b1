#include "input/png.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

/* Metadata chunks are skipped. A longer chunk is not metadata but an attack. */
#define MAX_CHUNK (16u << 20)

struct input {
	const uint8_t *p;
	size_t left;
};

static void read_bytes(png_structp png, png_bytep to, size_t n)
{
	struct input *s = png_get_io_ptr(png);
	if (n > s->left)
		png_error(png, "the file is truncated");
	memcpy(to, s->p, n);
	s->p += n;
	s->left -= n;
}

/* The allocator of libpng and its zlib. Sets the flag *out_of_memory, since their messages do not say so reliably. */
static png_voidp get_memory(png_structp png, png_alloc_size_t n)
{
	void *p = malloc(n);
	int *out_of_memory = png_get_mem_ptr(png);
	if (!p)
		*out_of_memory = 1;
	return p;
}

static void free_memory(png_structp png, png_voidp p) { free(p); }

static void set_error(png_structp png, const char *what, const char *msg)
{
	const int *out_of_memory = png_get_mem_ptr(png);
	struct fail *f = png_get_error_ptr(png);
	if (*out_of_memory)
		fail_memory_for(f, "PNG");
	else
		fail_set(f, "cannot %s PNG: %s", what, msg);
}

static _Noreturn void decode_error(png_structp png, png_const_charp msg)
{
	set_error(png, "decode", msg);
	png_longjmp(png, 1);
}

static void ignore_warning(png_structp png, png_const_charp msg)
{
}

/* Keeps the high byte of 16-bit samples, and puts the highest sample into the picture's notes. libpng adapts the row's description itself. */
static void take_high_bytes(png_structp png, png_row_infop row, png_bytep data)
{
	unsigned *highest = png_get_user_transform_ptr(png);
	size_t n = (size_t)row->width * row->channels;
	for (size_t i = 0; i < n; i++) {
		unsigned v = (unsigned)data[2 * i] << 8 | data[2 * i + 1];
		*highest = v > *highest ? v : *highest;
		data[i] = data[2 * i];
	}
}

/* Reads the picture as 8-bit gray or RGB. decode_error() leaves it by longjmp(). */
static int read_picture(png_structp png, png_infop info, struct picture *out, struct fail *f)
{
	/* Read only IHDR, PLTE, tRNS and IDAT: no profile or text is ever decompressed. */
	png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
	png_set_chunk_malloc_max(png, MAX_CHUNK);
	png_set_chunk_cache_max(png, 1);
	png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
	/* Let picture_alloc() check the size: libpng's message has no numbers. */
	png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
	png_read_info(png, info);

	int colour = png_get_color_type(png, info);
	if (picture_alloc(out, png_get_image_width(png, info), png_get_image_height(png, info),
	                  colour & PNG_COLOR_MASK_COLOR ? 3 : 1, f))
		return -1;
	if (colour == PNG_COLOR_TYPE_PALETTE)
		png_set_palette_to_rgb(png);
	else if (png_get_bit_depth(png, info) < 8)
		png_set_expand_gray_1_2_4_to_8(png);
	png_set_strip_alpha(png);
	if (png_get_bit_depth(png, info) == 16) {
		png_set_read_user_transform_fn(png, take_high_bytes);
		png_set_user_transform_info(png, &out->notes, 8, colour & PNG_COLOR_MASK_COLOR ? 3 : 1);
	}
	int passes = png_set_interlace_handling(png);
	png_read_update_info(png, info);

	size_t stride = (size_t)out->width * (size_t)out->channels;
	if (png_get_rowbytes(png, info) != stride)
		return fail_set(f, "cannot decode PNG: rows of %zu bytes, expected %zu",
		                png_get_rowbytes(png, info), stride);
	while (passes--)
		for (int y = 0; y < out->height; y++)
			png_read_row(png, out->pixels + (size_t)y * stride, NULL);
	png_read_end(png, NULL);
	out->notes = picture_notes_16bit(out->notes);
	return 0;
}

int png_decode(const void *data, size_t len, struct picture *out, struct fail *f)
{
	struct input src = {data, len};
	int out_of_memory = 0;
	*out = (struct picture){0};
	png_structp png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, f, decode_error, ignore_warning, &out_of_memory, get_memory, free_memory);
	png_infop info = png ? png_create_info_struct(png) : NULL;
	if (!info) {
		fail_memory_for(f, "a PNG decoder");
	} else if (!setjmp(png_jmpbuf(png))) {
		png_set_read_fn(png, &src, read_bytes);
		if (!read_picture(png, info, out, f)) {
			png_destroy_read_struct(&png, &info, NULL);
			return 0;
		}
	}
	png_destroy_read_struct(&png, &info, NULL);
	picture_free(out);
	return -1;
}

/* buf_add() has set the message where it fails. */
static void write_bytes(png_structp png, png_bytep from, size_t n)
{
	if (buf_add(png_get_io_ptr(png), from, n, png_get_error_ptr(png)))
		png_longjmp(png, 1);
}

static void flush_nothing(png_structp png)
{
}

static _Noreturn void encode_error(png_structp png, png_const_charp msg)
{
	set_error(png, "encode", msg);
	png_longjmp(png, 1);
}

static void write_picture(png_structp png, png_infop info, const uint8_t *pixels, int width, int height, int channels)
{
	/* Not libpng's limit of a million pixels a row: png_decode() has none. */
	png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
	png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, 8,
	             channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
	             PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	/* Fixed, so that the bytes depend on the samples alone. Gray pictures are mostly flat (digits, masks) and smallest
	 * without a filter; colour pictures are mostly photographs. */
	png_set_compression_level(png, 6);
	png_set_filter(png, PNG_FILTER_TYPE_BASE, channels == 3 ? PNG_FILTER_PAETH : PNG_FILTER_NONE);
	png_write_info(png, info);
	for (int y = 0; y < height; y++)
		png_write_row(png, pixels + (size_t)y * (size_t)width * (size_t)channels);
	png_write_end(png, NULL);
}

int png_encode(const uint8_t *pixels, int width, int height, int channels, struct buf *out, struct fail *f)
{
	if (channels != 1 && channels != 3)
		return fail_set(f, "cannot encode PNG: %d channels, expected 1 or 3", channels);
	size_t before = out->len;
	int out_of_memory = 0;
	png_structp png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, f, encode_error, ignore_warning, &out_of_memory, get_memory, free_memory);
	png_infop info = png ? png_create_info_struct(png) : NULL;
	if (!info) {
		fail_memory_for(f, "a PNG encoder");
	} else if (!setjmp(png_jmpbuf(png))) {
		png_set_write_fn(png, out, write_bytes, flush_nothing);
		write_picture(png, info, pixels, width, height, channels);
		png_destroy_write_struct(&png, &info);
		return 0;
	}
	png_destroy_write_struct(&png, &info);
	if (out->p) /* remove what was written */
		out->p[out->len = before] = 0;
	return -1;
}
