#include "input/format.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int begins(const void *data, size_t len, const char *with, size_t n) { return len >= n && memcmp(data, with, n) == 0; }

/* Whether the file type box of an ISO media file (AVIF, HEIF, MP4) names one of the brands, 4 letters each. */
static int has_brand(const uint8_t *p, size_t len, const char *brands)
{
	if (len < 16 || memcmp(p + 4, "ftyp", 4) != 0)
		return 0;
	size_t box = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	for (size_t i = 8; i + 4 <= box && i + 4 <= len; i += i == 8 ? 8 : 4) /* the minor version follows the major brand */
		for (const char *b = brands; *b; b += 4)
			if (memcmp(p + i, b, 4) == 0)
				return 1;
	return 0;
}

enum input_format input_format_of(const void *data, size_t len)
{
	const uint8_t *p = data;
	if (begins(p, len, "\x89PNG", 4))
		return INPUT_PNG;
	if (begins(p, len, "\xff\xd8\xff", 3))
		return INPUT_JPEG;
	if (begins(p, len, "\x93NUMPY", 6))
		return INPUT_NPY;
	if (len >= 12 && memcmp(p, "RIFF", 4) == 0 && memcmp(p + 8, "WEBP", 4) == 0)
		return INPUT_WEBP;
	if (has_brand(p, len, "avifavis"))
		return INPUT_AVIF;
	if (len >= 3 && p[0] == 'P' && p[1] && strchr("2356", p[1]) && (p[2] == '#' || p[2] == ' ' || (p[2] >= '\t' && p[2] <= '\r')))
		return INPUT_NETPBM;
	return INPUT_NONE;
}

/* Whether the text begins with the word, in any case. */
static int begins_text(const char *s, size_t len, const char *word)
{
	size_t n = strlen(word);
	return len >= n && strncasecmp(s, word, n) == 0;
}

/* The text between two tags, with nothing but letters: the code of an S3 error, such as AccessDenied. */
static int error_code(const char *s, size_t len, char *code, size_t size)
{
	const char *at = memmem(s, len, "<Code>", 6);
	size_t n = 0;
	if (!at || !memmem(s, len, "<Error>", 7))
		return 0;
	for (at += 6; at < s + len && n + 1 < size && ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z')); at++)
		code[n++] = *at;
	code[n] = 0;
	return n > 0;
}

static int is_text(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len && i < 512; i++)
		if (p[i] < ' ' && p[i] != '\t' && p[i] != '\n' && p[i] != '\r')
			return 0;
	return 1;
}

static const char *name_text(const uint8_t *p, size_t len, char *storage, size_t size)
{
	const char *s = (const char *)p;
	char code[64];
	if (begins(s, len, "\xef\xbb\xbf", 3))
		s += 3, len -= 3;
	while (len && (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\r'))
		s++, len--;
	if (begins_text(s, len, "version https://git-lfs.github.com/spec/"))
		return "a Git LFS pointer, whose file was not downloaded (git lfs pull)";
	if (begins_text(s, len, "<?xml") || begins_text(s, len, "<Error>")) {
		if (!error_code(s, len < 4096 ? len : 4096, code, sizeof code))
			return memmem(s, len < 4096 ? len : 4096, "<svg", 4) ? "SVG" : "XML";
		snprintf(storage, size, "an error message of an object store in XML (%s)", code);
		return storage;
	}
	if (begins_text(s, len, "<svg"))
		return "SVG";
	if (begins_text(s, len, "<!doctype html") || begins_text(s, len, "<html") || begins_text(s, len, "<head"))
		return "HTML, such as the error page of a web server";
	if (len && (*s == '{' || *s == '['))
		return "JSON, or text like it";
	return len ? "text" : "blank";
}

int input_unknown(const void *data, size_t len, struct fail *f)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *name;
	} known[] = {
		{"GIF8", 4, "GIF"}, {"BM", 2, "BMP"}, {"II*\0", 4, "TIFF"}, {"MM\0*", 4, "TIFF"}, {"II+\0", 4, "TIFF"}, {"MM\0+", 4, "TIFF"},
		{"\xff\x0a", 2, "JPEG XL"}, {"\0\0\0\x0cJXL ", 8, "JPEG XL"}, {"\0\0\0\x0cjP  ", 8, "JPEG 2000"}, {"\xff\x4f\xff\x51", 4, "JPEG 2000"},
		{"8BPS", 4, "PSD"}, {"\0\0\1\0", 4, "ICO"}, {"P1", 2, "PBM (one bit a pixel)"}, {"P4", 2, "PBM (one bit a pixel)"}, {"P7", 2, "PAM"},
		{"PF", 2, "PFM (floating point)"}, {"Pf", 2, "PFM (floating point)"}, {"\x76\x2f\x31\x01", 4, "OpenEXR"}, {"%PDF", 4, "PDF"},
		{"\x89HDF", 4, "HDF5"}, {"\x1f\x8b", 2, "gzip"}, {"\x28\xb5\x2f\xfd", 4, "zstd"}, {"PAR1", 4, "Parquet"}, {"\x80\2", 2, "a Python pickle"},
		{"\x80\4", 2, "a Python pickle"}, {"RIFF", 4, "RIFF (AVI or WAV)"},
		{"PK\3\4", 4, "a zip archive, such as numpy's .npz: unpack it (unzip FILE.npz gives one .npy for each array)"},
	};
	const char *name = len ? "of an unknown format" : "empty";
	const uint8_t *p = data;
	char storage[120];
	size_t i = 0, zeros = 0;
	while (i < sizeof known / sizeof *known && !begins(p, len, known[i].bytes, known[i].n))
		i++;
	while (zeros < len && !p[zeros])
		zeros++;
	if (i < sizeof known / sizeof *known)
		name = known[i].name;
	else if (has_brand(p, len, "heicheixhevcheimheismif1msf1"))
		name = "HEIC";
	else if (len >= 12 && memcmp(p + 4, "ftyp", 4) == 0)
		name = "MP4 or QuickTime";
	else if (len && zeros == len)
		name = "nothing but zeros";
	else if (len && is_text(p, len))
		name = name_text(p, len, storage, sizeof storage);
	return fail_set(f, "the payload is %s; decoders: PNG, JPEG, WebP, AVIF, PGM, PPM and npy", name);
}
