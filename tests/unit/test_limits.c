/* Every limit of a reader is a limit of the writer: at the limit both take a stream, one above it the writer refuses it. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rank/reference.h"
#include "stream/reader.h"
#include "stream/writer.h"
#include "tap.h"

static struct fail f;
static char path[PATH_MAX];

/* Appends a member with n bytes. */
static void add(struct record *r, const char *name, size_t n, int loose)
{
	struct member *m = record_add_member(r, name, 0, &f);
	if (!m || buf_reserve(&m->data, n, &f))
		abort();
	memset(m->data.p, 'x', n);
	m->data.len = n;
	m->loose = loose;
	if (loose)
		m->header.name.p[1] = '-'; /* no extension */
}

static void begin(struct record *r, const char *key)
{
	r->n = r->key.len = 0;
	r->fields_member = -1;
	r->fields_read = r->fields_changed = 0;
	r->ordinal++;
	buf_add(&r->key, key, strlen(key), &f);
}

/* Reads the file with the limit: 1 if it is accepted. */
static int is_read(size_t limit)
{
	char *paths[] = {path};
	struct record rec = {.fields_member = -1};
	struct reader *r = reader_open(paths, 1, 0, &f);
	struct reader_limits limits = READER_LIMITS;
	limits.record = limit;
	if (!r)
		return 0;
	reader_limit(r, &limits);
	int got;
	while ((got = reader_next(r, &rec, &f)) > 0)
		if (got == READER_RECORD && record_fields(&rec, &f)) {
			got = -1;
			break;
		}
	record_free(&rec);
	reader_close(r);
	return got == READER_END;
}

/* Writes a record of so many members and bytes, whose fields are then set, and so many loose members after it: 1 if the writer
 * accepts it. */
static int is_written(size_t limit, size_t members, size_t size, size_t loose, size_t fields)
{
	struct record r = {.fields_member = -1, .file = "made"};
	struct writer *w = writer_open(path, WRITER_PLAIN, &f);
	char name[40];
	if (!w)
		abort();
	writer_limit(w, limit);
	begin(&r, "a");
	for (size_t i = 0; i < members; i++) {
		snprintf(name, sizeof name, "a.%zu", i);
		add(&r, name, i ? 0 : size, 0);
	}
	record_fields(&r, &f);
	if (fields) { /* {"s":"..."} and a newline */
		char *text = malloc(fields);
		memset(text, 'x', fields);
		text[fields - 9] = 0;
		fields_set_string(&r.fields, "s", text, &f);
		r.fields_changed = 1;
		free(text);
	}
	int bad = writer_record(w, &r, WRITER_ALL, &f);
	r.fields_changed = 0;
	for (size_t i = 0; i < loose && !bad; i++) {
		r.n = r.key.len = 0;
		r.ordinal = 0;
		r.fields_member = -1;
		add(&r, "l.x", 1, 1);
		bad = writer_record(w, &r, WRITER_ALL, &f);
	}
	record_free(&r);
	if (bad)
		writer_abort(w);
	else
		bad = writer_close(w, &f);
	return !bad;
}

/* At the limit, and one above it. */
static void agree(const char *what, size_t limit, const size_t at[4], const size_t above[4])
{
	int ok_written = is_written(limit, at[0], at[1], at[2], at[3]), ok_read = ok_written && is_read(limit);
	ok(ok_written && ok_read, "%s at the limit is written and read %s", what, ok_read ? "" : f.msg);
	unlink(path);
	f.msg[0] = 0;
	ok(!is_written(limit, above[0], above[1], above[2], above[3]) && (strstr(f.msg, "limit") || strstr(f.msg, "more than")), "%s above it is not written: %s", what, f.msg);
	/* the reader agrees: a larger limit lets the writer make what the reader refuses */
	if (above[1] + above[3] > limit)
		ok(is_written(2 * limit, above[0], above[1], above[2], above[3]) && !is_read(limit), "%s above it is not read", what);
	unlink(path);
}

/* A record whose only member has a name of n bytes, which gets fields or not: 1 if the writer accepts it. */
static int is_named(size_t n, int fields)
{
	struct record r = {.fields_member = -1, .file = "made"};
	struct writer *w = writer_open(path, WRITER_PLAIN, &f);
	char *name = malloc(n + 1);
	if (!w || !name)
		abort();
	memset(name, 'k', n);
	memcpy(name + n - 9, ".12345678", 10); /* as long as .vae.json */
	r.ordinal = 1;
	if (buf_add(&r.key, name, n - 9, &f))
		abort();
	add(&r, name, 3, 0);
	record_fields(&r, &f);
	r.fields_changed = fields;
	int bad = (fields && fields_set_int(&r.fields, "a", 1, &f)) || writer_record(w, &r, WRITER_ALL, &f);
	record_free(&r);
	free(name);
	if (bad)
		writer_abort(w);
	else
		bad = writer_close(w, &f);
	return !bad;
}

/* A name is in a pax record, "1048576 path=NAME\n", which alone reaches the limit of the header. */
static void test_names(void)
{
	const size_t most = TAR_EXTENSION_MAX - strlen("1048576 path=\n");
	for (int fields = 0; fields < 2; fields++) {
		ok(is_named(most, fields) && is_read(RECORD_MAX_BYTES), "a name of 1 MiB%s is written and read %s", fields ? " and that of its fields" : "", f.msg);
		unlink(path);
		ok(!is_named(most + 1, fields) && strstr(f.msg, "limit"), "a longer one is not written: %s", f.msg);
		unlink(path);
		f.msg[0] = 0;
	}
}

/* So many fields: 1 if they can be set and written. */
static int write_fields(struct buf *out, int n)
{
	struct fields s = {.n = 0};
	int bad = 0;
	for (int i = 0; i < n && !bad; i++) {
		char name[20];
		snprintf(name, sizeof name, "f%d", i);
		bad = fields_set_int(&s, name, i, &f);
	}
	bad = bad || fields_write(&s, out, &f);
	fields_free(&s);
	return !bad;
}

static void test_fields(void)
{
	struct buf b = {0};
	struct fields s = {.n = 0};
	ok(write_fields(&b, FIELDS_MAX) && !fields_parse(&s, b.p, b.len, &f) && s.n == FIELDS_MAX, "1000 fields are written and read %s", f.msg);
	ok(!write_fields(&b, FIELDS_MAX + 1), "1001 are not written: %s", f.msg);
	f.msg[0] = 0;
	fields_free(&s);
	buf_free(&b);
}

static void test_reference(double x, const char *what)
{
	struct ranking k = {0};
	struct criterion c;
	struct provenance o = {.holder = "others have"};
	struct record rec = {.fields_member = -1, .fields_read = 1};
	struct atomic_file to;
	struct reference ref;
	int r = criterion_open(&c, &(struct criterion_lists){"a,b", NULL, NULL}, JOINT_MAHALANOBIS, &f);
	for (int i = 0; i < 40 && !r; i++) {
		char text[200];
		snprintf(text, sizeof text, "{\"a\":%.17g,\"b\":%d}", (i % 2 ? -x : x) * (1 - i * 1e-3), i * 7 % 29 - 14);
		r = fields_parse(&rec.fields, text, strlen(text), &f) || criterion_add(&c, &rec, &k, &f);
	}
	r = r || criterion_fit(&c, &k, &f);
	if (!r) {
		ranking_sort(&k);
		r = provenance_check(&o, &c, &rec.fields, &f) || atomic_open(&to, path, &f);
		int written = !r && !reference_write(&k, &c, &o, &to, &f);
		r = r || atomic_commit(&to, &f);
		ok(!r && (!written || !reference_read(&ref, path, &f)), "a reference of %s: %s", what, written ? "written and read" : f.msg);
		if (written)
			reference_free(&ref);
	} else {
		ok(1, "a reference of %s: no fit, %s", what, f.msg);
	}
	unlink(path);
	record_free(&rec);
	provenance_free(&o);
	ranking_free(&k);
	criterion_free(&c);
}

int main(void)
{
	const char *dir = getenv("TMPDIR");
	snprintf(path, sizeof path, "%.200s/vae-test-limits-%ld.tar", dir && *dir ? dir : "/tmp", (long)getpid());
	const size_t big = RECORD_MAX_BYTES, small = 3000;
	/* members, bytes of the first, loose members after it, bytes of fields */
	agree("1 MiB of fields", big, (size_t[]){1, 9, 0, FIELDS_MAX_BYTES}, (size_t[]){1, 9, 0, FIELDS_MAX_BYTES + 1});
	agree("10000 members with the fields", big, (size_t[]){RECORD_MAX_MEMBERS - 1, 9, 0, 20}, (size_t[]){RECORD_MAX_MEMBERS, 9, 0, 20});
	agree("10000 loose members", big, (size_t[]){1, 9, RECORD_MAX_MEMBERS, 0}, (size_t[]){1, 9, RECORD_MAX_MEMBERS + 1, 0});
	agree("bytes of a record", small, (size_t[]){2, small, 0, 0}, (size_t[]){2, small + 1, 0, 0});
	agree("bytes with the fields", small, (size_t[]){2, small - 100, 0, 100}, (size_t[]){2, small - 99, 0, 100});
	agree("bytes with loose members", small, (size_t[]){2, small - 100, 100, 0}, (size_t[]){2, small - 99, 100, 0});
	test_names();
	test_fields();
	static const struct { double x; const char *what; } values[] = {
		{1, "values of 1"}, {1.7976931348623157e308, "the largest values"}, {1e308, "values of 1e308"}, {1e-308, "values of 1e-308"}, {5e-324, "the smallest values"},
	};
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		test_reference(values[i].x, values[i].what);
	return done();
}
