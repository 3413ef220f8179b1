#include "rank/columns.h"

#include <endian.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/atomic.h"
#include "stream/name.h"

static const char magic[] = "vae-columns 1";
enum { SUM_BYTES = 17, ROWS = 4096 }; /* the hash in hexadecimal, and a newline; rows that are read and written at once */

/* --- writing --- */

struct sink {
	struct atomic_file to;
	XXH3_state_t *state;
};

static int put(struct sink *s, const void *p, size_t n, struct fail *f)
{
	XXH3_64bits_update(s->state, p, n);
	return write_all(s->to.fd, p, n, f);
}

static int put_header(struct sink *s, const struct criterion *c, size_t records, size_t key_bytes, const char *bind, struct fail *f)
{
	struct buf b = {0};
	int r = buf_addf(&b, f, "%s\nbind %s\nlist %s\nfields", magic, bind, c->list);
	for (int i = 0; i < c->joint.p && !r; i++)
		r = name_has_control(c->field[i], strlen(c->field[i])) ? fail_set(f, "a field has a control character in its name, and cannot be a column")
		                                                       : buf_addf(&b, f, "\t%s", c->field[i]);
	r = r || buf_addf(&b, f, "\nrecords %zu\nkeys %zu\n", records, key_bytes);
	if (!r && b.len > COLUMNS_MAX_HEADER)
		r = fail_set(f, "the names of the fields are too long: %zu bytes", b.len);
	r = r || put(s, b.p, b.len, f) ? -1 : 0;
	buf_free(&b);
	return r;
}

static int put_values(struct sink *s, const struct criterion *c, const struct ranking *r, struct fail *f)
{
	size_t p = (size_t)c->joint.p, used = 0;
	const double *x = c->x;
	uint64_t *block = malloc((ROWS * p + 1) * sizeof *block);
	int bad = block ? 0 : fail_memory(f);
	for (size_t i = 0; i < r->n && !bad; i++) {
		int scored = !isnan(r->v[i].value);
		for (size_t k = 0; k < p; k++) {
			double v = scored ? x[k] : NAN;
			uint64_t bits = UINT64_C(0x7ff8000000000000); /* one NaN */
			if (!isnan(v))
				memcpy(&bits, &v, sizeof bits);
			block[used++] = htole64(bits);
		}
		x += scored ? p : 0;
		if (used == ROWS * p || i + 1 == r->n) {
			bad = put(s, block, used * sizeof *block, f);
			used = 0;
		}
	}
	free(block);
	return bad;
}

static int put_keys(struct sink *s, const struct buf *keys, struct fail *f)
{
	for (size_t at = 0; at < keys->len;) {
		const char *key = keys->p + at, *end = memchr(key, '\n', keys->len - at);
		uint64_t hash = htole64(XXH3_64bits(key, (size_t)(end - key)));
		if (put(s, &hash, sizeof hash, f))
			return -1;
		at += (size_t)(end - key) + 1;
	}
	return keys->len ? put(s, keys->p, keys->len, f) : 0;
}

int columns_write(const char *path, const struct criterion *c, const struct ranking *r, const struct buf *keys, const char *bind, struct fail *f)
{
	struct sink s = {.state = XXH3_createState()};
	char sum[SUM_BYTES + 1];
	if (!s.state)
		return fail_memory(f);
	XXH3_64bits_reset(s.state);
	int bad = atomic_open(&s.to, path, f);
	if (bad) {
		XXH3_freeState(s.state);
		return -1;
	}
	bad = put_header(&s, c, r->n, keys->len, bind, f) || put_values(&s, c, r, f) || put_keys(&s, keys, f);
	if (!bad) {
		snprintf(sum, sizeof sum, "%016" PRIx64 "\n", (uint64_t)XXH3_64bits_digest(s.state));
		bad = write_all(s.to.fd, sum, SUM_BYTES, f);
	}
	XXH3_freeState(s.state);
	if (bad) {
		atomic_abort(&s.to);
		return fail_add(f, "%s", path);
	}
	return atomic_commit(&s.to, f);
}

/* --- reading --- */

struct source {
	FILE *in;
	XXH3_state_t *state;
	uint64_t left; /* bytes before the hash at the end */
};

static int damaged(struct fail *f, const char *what) { return fail_set(f, "%s: make it again", what); }

static int get(struct source *s, void *to, uint64_t n, struct fail *f)
{
	if (n > s->left)
		return damaged(f, "truncated or damaged");
	if (fread(to, 1, n, s->in) != n)
		return ferror(s->in) ? fail_errno(f, "cannot read") : damaged(f, "truncated");
	XXH3_64bits_update(s->state, to, n);
	s->left -= n;
	return 0;
}

/* The value of the next line of the header, which begins with a word; NULL if it does not. *at moves behind the line. */
static char *header_line(char *text, size_t *at, const char *word)
{
	char *line = text + *at, *end = strchr(line, '\n');
	size_t n = strlen(word);
	if (!end || strncmp(line, word, n) != 0)
		return NULL;
	*end = 0;
	*at += (size_t)(end - line) + 1;
	return line + n;
}

static int header_number(char *text, size_t *at, const char *word, uint64_t *value)
{
	const char *digits = header_line(text, at, word);
	char *end;
	if (!digits || *digits < '0' || *digits > '9' || strlen(digits) > 15)
		return -1;
	*value = strtoull(digits, &end, 10);
	return *end ? -1 : 0;
}

static int header_names(struct columns *h, char *names)
{
	while (names && *names) {
		size_t n = 1 + strcspn(names + 1, "\t");
		if (name_has_control(names + 1, n - 1) || *names != '\t' || h->p == JOINT_MAX_FIELDS)
			return -1;
		*names = 0;
		h->name[h->p++] = names + 1;
		names += n;
		if (n == 1)
			return -1;
	}
	for (int i = 0; i < h->p; i++)
		for (int k = 0; k < i; k++)
			if (strcmp(h->name[i], h->name[k]) == 0)
				return -1;
	return names && !name_has_control(h->bind, strlen(h->bind)) && !name_has_control(h->list, strlen(h->list)) ? 0 : -1;
}

static int read_header(struct source *s, struct columns *h, struct fail *f)
{
	size_t n = 0, lines = 0, at = 0;
	for (int c; lines < 6 && n < COLUMNS_MAX_HEADER && n < s->left && (c = getc(s->in)) != EOF && c;) {
		h->text[n++] = (char)c;
		lines += c == '\n';
		if (n == sizeof magic && memcmp(h->text, magic, sizeof magic - 1) != 0)
			break;
	}
	h->text[n] = 0;
	if (n < sizeof magic || memcmp(h->text, magic, sizeof magic - 1) != 0 || h->text[sizeof magic - 1] != '\n')
		return fail_set(f, "not a file of columns: vae-cut --columns makes them");
	XXH3_64bits_update(s->state, h->text, n);
	s->left -= n;
	if (lines < 6)
		return damaged(f, "truncated or damaged in its header");
	header_line(h->text, &at, magic);
	h->bind = header_line(h->text, &at, "bind ");
	h->list = h->bind ? header_line(h->text, &at, "list ") : NULL;
	if (!h->list || header_names(h, header_line(h->text, &at, "fields")) || header_number(h->text, &at, "records ", &h->records) ||
	    header_number(h->text, &at, "keys ", &h->key_bytes))
		return damaged(f, "damaged in its header");
	uint64_t row = ((uint64_t)h->p + 1) * 8;
	if (h->records > s->left / row || s->left - h->records * row != h->key_bytes)
		return damaged(f, "truncated or damaged: its size is not that of its records");
	return 0;
}

static int read_rows(struct source *s, const struct columns *h, const struct columns_visitor *v, struct fail *f)
{
	size_t p = (size_t)h->p;
	uint64_t *bits = malloc((p + 1) * sizeof *bits);
	double *row = malloc((p + 1) * sizeof *row);
	int r = bits && row ? 0 : fail_memory(f);
	for (uint64_t i = 0; i < h->records && !r; i++) {
		r = get(s, bits, p * sizeof *bits, f);
		for (size_t k = 0; k < p && !r; k++) {
			uint64_t b = le64toh(bits[k]);
			memcpy(&row[k], &b, sizeof b);
			if (isinf(row[k]))
				r = damaged(f, "damaged: a value is infinite");
		}
		if (!r && v->row)
			r = v->row(v->ctx, row, f);
	}
	free(bits);
	free(row);
	return r;
}

static int read_keys(struct source *s, const struct columns *h, const struct columns_visitor *v, struct fail *f)
{
	uint64_t *hash = malloc((h->records + 1) * sizeof *hash);
	char *keys = malloc(h->key_bytes + 1);
	int r = hash && keys ? 0 : fail_memory_for(f, "%llu keys", (unsigned long long)h->records);
	r = r || get(s, hash, h->records * sizeof *hash, f) || get(s, keys, h->key_bytes, f) ? -1 : 0;
	size_t at = 0;
	for (uint64_t i = 0; i < h->records && !r; i++) {
		const char *key = keys + at, *end = memchr(key, '\n', h->key_bytes - at);
		size_t len = end ? (size_t)(end - key) : 0;
		if (!len || name_has_control(key, len) || le64toh(hash[i]) != XXH3_64bits(key, len))
			r = damaged(f, "damaged: a key is not that of its hash");
		else if (v->key)
			r = v->key(v->ctx, key, len, le64toh(hash[i]), f);
		at += len + 1;
	}
	if (!r && at != h->key_bytes)
		r = damaged(f, "damaged: it has more keys than records");
	free(hash);
	free(keys);
	return r;
}

static int read_sum(struct source *s, uint64_t *sum, struct fail *f)
{
	char want[SUM_BYTES + 1], got[SUM_BYTES];
	*sum = XXH3_64bits_digest(s->state);
	snprintf(want, sizeof want, "%016" PRIx64 "\n", *sum);
	if (fread(got, 1, SUM_BYTES, s->in) != SUM_BYTES)
		return ferror(s->in) ? fail_errno(f, "cannot read") : damaged(f, "truncated");
	return memcmp(want, got, SUM_BYTES) == 0 ? 0 : damaged(f, "damaged or edited: the hash does not match");
}

static int read_file(struct source *s, struct columns *h, const struct columns_visitor *v, uint64_t *sum, struct fail *f)
{
	struct stat st;
	if (fstat(fileno(s->in), &st))
		return fail_errno(f, "cannot read");
	if (!S_ISREG(st.st_mode))
		return fail_set(f, "not a regular file: vae-cut --columns makes one");
	if (st.st_size < SUM_BYTES)
		return fail_set(f, "not a file of columns: vae-cut --columns makes them");
	s->left = (uint64_t)st.st_size - SUM_BYTES;
	if (read_header(s, h, f) || (v->header && v->header(v->ctx, h, f)) || read_rows(s, h, v, f) || read_keys(s, h, v, f))
		return -1;
	return read_sum(s, sum, f);
}

int columns_read(const char *path, const struct columns_visitor *v, uint64_t *sum, struct fail *f)
{
	struct source s = {.in = fopen(path, "rbe")};
	struct columns h = {.text = NULL};
	if (!s.in)
		return fail_errno(f, "%s", path);
	setvbuf(s.in, NULL, _IOFBF, 1 << 18);
	s.state = XXH3_createState();
	h.text = malloc(COLUMNS_MAX_HEADER + 1);
	int r = s.state && h.text ? 0 : fail_memory(f);
	if (!r) {
		XXH3_64bits_reset(s.state);
		r = read_file(&s, &h, v, sum, f);
	}
	XXH3_freeState(s.state);
	free(h.text);
	fclose(s.in);
	return r ? fail_add(f, "%s", path) : 0;
}
