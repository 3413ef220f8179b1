/* test_fuzz_corpus [DIR]: runs every target on the files of its corpus, DIR/NAME (tests/fuzz/corpus). */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "../unit/tap.h"
#include "base/buf.h"
#include "fuzz.h"

static int replay(const char *dir, const char *name, int (*target)(const uint8_t *, size_t))
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	DIR *d = opendir(path);
	const struct dirent *e;
	int n = 0, bad = !d;
	while (d && (e = readdir(d))) {
		struct buf b = {0};
		struct fail f;
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s/%s", dir, name, e->d_name);
		bad |= buf_read_file(&b, path, 1 << 24, &f);
		fprintf(stderr, "%s\n", path); /* if the target crashes, the last line names the file */
		target((const uint8_t *)b.p, b.len);
		target((const uint8_t *)b.p, b.len / 2);
		buf_free(&b);
		n++;
	}
	if (d)
		closedir(d);
	return bad ? -1 : n;
}

int main(int argc, char **argv)
{
#define ROW(name) {#name, fuzz_##name},
	static const struct { const char *name; int (*target)(const uint8_t *, size_t); } all[] = {FUZZ_TARGETS(ROW)};
	const char *dir = argc > 1 ? argv[1] : "tests/fuzz/corpus";
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		all[i].target((const uint8_t *)"", 0);
		int n = replay(dir, all[i].name, all[i].target);
		ok(n >= 3, "%s: %d files of the corpus", all[i].name, n);
	}
	return done();
}
