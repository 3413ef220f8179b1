#include "stream/reader.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "fuzz.h"
#include "stream/name.h"
#include "stream/writer.h"

/* A hash of a stream: the keys in order, and the names and bytes of the members. */
struct sum {
	uint64_t hash, records;
	size_t bytes;
};

enum { BYTES_MAX = 1 << 22 };

static void add(struct sum *s, const struct record *r)
{
	uint64_t members = 0;
	for (size_t i = 0; i < r->n; i++) {
		const struct member *m = &r->m[i];
		s->bytes += m->data.len;
		if (!m->loose)
			members += XXH3_64bits_withSeed(m->data.p, m->data.len, XXH3_64bits(m->name, strlen(m->name)));
	}
	if (r->ordinal) {
		CHECK(r->key.len && r->n && r->ordinal == ++s->records);
		s->hash = XXH3_64bits_withSeed(r->key.p, r->key.len, s->hash ^ members);
	}
}

/* Copies the stream to fd: 0, or -1 with a message. */
static int copy(struct reader *in, int fd, struct sum *s, uint64_t *len, struct fail *f)
{
	struct record r = {.fields_member = -1};
	struct writer *w = writer_open_spool(fd, f);
	CHECK(w);
	int got;
	*s = (struct sum){0};
	while ((got = reader_next(in, &r, f)) > 0 && s->bytes < BYTES_MAX) {
		add(s, &r);
		if (writer_record(w, &r, WRITER_ALL, f))
			got = -1;
		if (got < 0)
			break;
	}
	record_free(&r);
	*len = writer_bytes(w);
	if (got < 0)
		writer_abort(w);
	else
		CHECK(writer_close(w, f) == 0);
	return got < 0 || s->bytes >= BYTES_MAX ? -1 : 0;
}

static uint64_t hash_file(int fd, uint64_t len)
{
	const void *p = len ? mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0) : "";
	CHECK(p != MAP_FAILED);
	uint64_t h = XXH3_64bits(p, len);
	if (len)
		munmap((void *)p, len);
	return h;
}

/* A stream that is read and written has the same records when it is read again, and the same bytes when it is written again. */
int fuzz_reader(const uint8_t *data, size_t size)
{
	char path[64], *paths[] = {path};
	struct fail f = {{0}};
	struct sum a, b;
	uint64_t zero = 0, alen, blen;
	int fd = fuzz_file(data, size, path), one = memfd_create("one", MFD_CLOEXEC), two = memfd_create("two", MFD_CLOEXEC);
	CHECK(one >= 0 && two >= 0);
	CHECK(setlocale(LC_CTYPE, "C.UTF-8")); /* as every tool does */
	struct reader *in = reader_open(paths, 1, 0, &f);
	CHECK(in);
	if (copy(in, one, &a, &alen, &f) == 0) {
		struct reader *back = reader_open_ranges(one, &zero, &alen, alen > 0, &f);
		CHECK(back);
		CHECK(copy(back, two, &b, &blen, &f) == 0);
		CHECK(a.hash == b.hash && a.records == b.records);
		CHECK(alen == blen && hash_file(one, alen) == hash_file(two, blen));
		reader_close(back);
	} else {
		CHECK(f.msg[0] || a.bytes >= BYTES_MAX);
	}
	reader_close(in);
	close(fd);
	close(one);
	close(two);
	return 0;
}
