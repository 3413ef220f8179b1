/* Checksums of safetensors: of all flipped bits of a file each is found, or changes nothing that is read. */
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/safetensors.h"
#include "tap.h"

static struct fail f;
static const struct tensor tensors[] = {{.name = "weight", .ndim = 2, .shape = {2, 3}, .count = 6}, {.name = "bias", .ndim = 1, .shape = {2}, .count = 2}};
static const float values[] = {1, -2, 3.5f, 4e-3f, 5, 6, 7, 8};
static const char *const words[][2] = {{"config", "train: {beta: 4}\n"}, {"model", "0123456789abcdef"}};

/* Reads the bytes: 1 if all is as it was written, 0 if something else is read, -1 if they are refused. */
static int is_same(const char *bytes, size_t n)
{
	struct safetensors s = {.header = NULL};
	float out[6], bias[2];
	int got = buf_add(&s.bytes, bytes, n, &f) || safetensors_parse(&s, &f) ? -1 : 1;
	if (got > 0) {
		int sound = safetensors_verify(&s, &f);
		got = sound < 0 || safetensors_get(&s, &tensors[0], out, &f) || safetensors_get(&s, &tensors[1], bias, &f) ? -1 : sound;
	}
	if (got > 0)
		got = memcmp(out, values, sizeof out) == 0 && memcmp(bias, values + 6, sizeof bias) == 0;
	for (size_t i = 0; i < sizeof words / sizeof *words && got > 0; i++) {
		const char *is = safetensors_metadata(&s, words[i][0]);
		got = is && strcmp(is, words[i][1]) == 0;
	}
	safetensors_free(&s);
	return got;
}

int main(void)
{
	const char *dir = getenv("TMPDIR");
	char path[PATH_MAX];
	struct buf b = {0};
	int count[3] = {0};
	json_t *metadata = json_pack("{s:s, s:s}", words[0][0], words[0][1], words[1][0], words[1][1]);
	snprintf(path, sizeof path, "%.200s/vae-test-checksums-%ld", dir && *dir ? dir : "/tmp", (long)getpid());
	if (safetensors_write(path, tensors, 2, values, metadata, &f) || buf_read_file(&b, path, 1 << 20, &f))
		abort();
	unlink(path);
	json_decref(metadata);
	ok(is_same(b.p, b.len) == 1, "the file as it was written %s", f.msg);
	size_t at = 0;
	for (size_t bit = 0; bit < 8 * b.len; bit++) {
		b.p[bit / 8] = (char)(b.p[bit / 8] ^ 1 << bit % 8);
		int got = is_same(b.p, b.len);
		b.p[bit / 8] = (char)(b.p[bit / 8] ^ 1 << bit % 8);
		count[got + 1]++;
		at = got == 0 ? bit / 8 : at;
	}
	ok(count[1] == 0 && count[0] > 1000, "of all flipped bits %d are refused, %d change nothing, %d give another file (at %zu)", count[0], count[2], count[1], at);
	char *bias = memmem(b.p, b.len, " bias=", 6), *text = memmem(b.p, b.len, "\"checksums\":\"", 13);
	if (!bias || !text)
		abort();
	memset(bias, ' ', 6 + 16);
	ok(is_same(b.p, b.len) == -1 && strstr(f.msg, "1 checksums for 2 tensors"), "a tensor without a checksum beside one that has it: %s", f.msg);
	memset(text + 13, ' ', strcspn(text + 13, "\""));
	ok(is_same(b.p, b.len) == -1 && strstr(f.msg, "0 checksums"), "a blank for all checksums: %s", f.msg);
	buf_free(&b);
	return done();
}
