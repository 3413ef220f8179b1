/* Files that a tool writes and another one reads, at their limits: what is written is read, and what would be larger is not written. The
 * limits have their real sizes. */
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "influence/testinf.h"
#include "input/npy.h"
#include "input/png.h"
#include "input/picture.h"
#include "model/config.h"
#include "model/safetensors.h"
#include "nn/layer.h"
#include "rank/reference.h"
#include "report/test_influence.h"
#include "stream/fields.h"
#include "tap.h"

static struct fail f;
static char path[PATH_MAX];

static size_t file_size(void)
{
	struct stat st;
	return stat(path, &st) ? 0 : (size_t)st.st_size;
}

static char *letters(size_t n)
{
	char *s = malloc(n + 1);
	if (!s)
		abort();
	memset(s, 'x', n);
	s[n] = 0;
	return s;
}

/* ---- references of vae-rank ---- */

/* Of all the fields that a joint score may have, whose options are texts of `total` bytes together: 1 if it is written. */
static int write_reference(size_t total)
{
	struct ranking k = {0};
	struct criterion c;
	struct provenance o = {.holder = "others have"};
	struct record rec = {.fields_member = -1, .fields_read = 1};
	struct atomic_file to;
	char list[JOINT_MAX_FIELDS * 4] = "";
	for (int i = 0; i < JOINT_MAX_FIELDS; i++)
		sprintf(list + strlen(list), "%sf%d", i ? "," : "", i);
	int r = criterion_open(&c, &(struct criterion_lists){list, NULL, NULL}, JOINT_TAILS, &f);
	for (int i = 0; i < 50 && !r; i++) {
		fields_clear(&rec.fields);
		for (int k2 = 0; k2 < JOINT_MAX_FIELDS && !r; k2++) {
			char name[16];
			sprintf(name, "f%d", k2);
			r = fields_set_real(&rec.fields, name, i * 1.2345678 / (k2 + 1), &f);
		}
		r = r || criterion_add(&c, &rec, &k, &f);
	}
	r = r || criterion_fit(&c, &k, &f);
	ranking_sort(&k);
	for (int i = 0; i < JOINT_MAX_FIELDS; i++) {
		size_t part = i ? total / JOINT_MAX_FIELDS : total - total / JOINT_MAX_FIELDS * (JOINT_MAX_FIELDS - 1);
		o.model[i] = letters(16);
		o.options[i] = letters(part);
	}
	if (r || atomic_open(&to, path, &f))
		abort();
	r = reference_write(&k, &c, &o, &to, &f);
	if (r)
		atomic_abort(&to);
	else
		r = atomic_commit(&to, &f);
	record_free(&rec);
	provenance_free(&o);
	ranking_free(&k);
	criterion_free(&c);
	return !r;
}

static void test_reference(void)
{
	struct reference ref;
	write_reference(0);
	size_t text = REFERENCE_MAX_BYTES - file_size();
	ok(write_reference(text) && file_size() == REFERENCE_MAX_BYTES && !reference_read(&ref, path, &f), "a reference of 64 MiB is written and read %s", f.msg);
	ok(strlen(ref.provenance.options[1]) == text / JOINT_MAX_FIELDS && ref.criterion.joint.p == JOINT_MAX_FIELDS, "all of it");
	reference_free(&ref);
	unlink(path);
	ok(!write_reference(text + 1) && strstr(f.msg, "limit") && !file_size(), "one byte more is not written: %s", f.msg);
	f.msg[0] = 0;
}

/* ---- lines of --influence ---- */

/* One test record and one proponent with a key of n bytes: 1 if it is written. */
static int write_influence(size_t n)
{
	struct test_record t = {.key = (char[]){"test"}};
	struct test_set tests = {.record = &t, .n = 1};
	struct testinf s;
	struct influence_summary sum;
	struct atomic_file to;
	char *key = letters(n);
	const struct train_record r = {key, NULL, 0, 1};
	if (testinf_open(&s, &tests, 1, &f) || testinf_add(&s, &r, (double[]){1}, (double[]){2}, &sum, &f) || atomic_open(&to, path, &f))
		abort();
	testinf_end(&s);
	const struct influence_origin origin = {"m", "o", 0};
	int bad = testinf_write(&s, &origin, to.fd, &f);
	if (bad)
		atomic_abort(&to);
	else
		bad = atomic_commit(&to, &f);
	testinf_free(&s);
	free(key);
	return !bad;
}

static void test_influence(void)
{
	struct test_influences t;
	write_influence(1);
	size_t n = INFLUENCE_MAX_LINE - file_size() + 1;
	int written = write_influence(n), same = written && file_size() == INFLUENCE_MAX_LINE;
	ok(same && !test_influences_read(&t, path, 5, &f), "a line of --influence of 64 MiB is written and read %s", f.msg);
	ok(t.n == 1 && t.v[0].n[0] == 1 && strlen(t.v[0].item[0][0].key) == n, "all of it");
	test_influences_free(&t);
	unlink(path);
	ok(!write_influence(n + 1) && strstr(f.msg, "limit") && !file_size(), "one byte more is not written: %s", f.msg);
	f.msg[0] = 0;
}

/* ---- safetensors ---- */

/* With metadata of n bytes: 1 if it is written. */
static int write_safetensors(size_t n)
{
	const struct tensor t = {.name = "t", .ndim = 1, .shape = {1}, .count = 1};
	char *text = letters(n);
	json_t *metadata = json_pack("{s:s}", "text", text);
	free(text);
	int bad = safetensors_write(path, &t, 1, &(float){1}, metadata, &f);
	json_decref(metadata);
	return !bad;
}

static void test_safetensors(void)
{
	struct safetensors s;
	write_safetensors(0);
	size_t n = 0, part = 4 + 8; /* the tensor and the length */
	for (int i = 7; i >= 0; i--) /* the header is padded to 8 bytes: adds to it until it grows */
		n += file_size() == (write_safetensors((size_t)(8 - i)), file_size());
	size_t at = SAFETENSORS_MAX_HEADER + part - (write_safetensors(n), file_size()) + n;
	ok(write_safetensors(at) && file_size() == SAFETENSORS_MAX_HEADER + part && !safetensors_read(&s, path, &f), "safetensors with a header of 100 MiB are written and read %s", f.msg);
	ok(safetensors_verify(&s, &f) == 1 && strlen(safetensors_metadata(&s, "text")) == at, "all of it");
	safetensors_free(&s);
	unlink(path);
	ok(!write_safetensors(at + 1) && strstr(f.msg, "limit") && !file_size(), "one byte more is not written: %s", f.msg);
	const struct tensor t = {.name = "t", .ndim = 1, .shape = {SAFETENSORS_MAX_BYTES / 4}, .count = SAFETENSORS_MAX_BYTES / 4};
	ok(safetensors_write(path, &t, 1, &(float){1}, NULL, &f) && strstr(f.msg, "limit") && !file_size(), "16 GiB of tensors are not written: %s", f.msg);
	f.msg[0] = 0;
}

/* ---- configurations ---- */

/* The network whose text is longest, of one kind of layer. */
static void fill_layers(struct layer_list *l, const struct layer_type *type)
{
	l->n = MAX_LAYERS;
	for (int i = 0; i < MAX_LAYERS; i++) {
		l->v[i] = (struct layer_spec){.type = type};
		for (int k = 0; k < LAYER_ARGUMENTS && type->argument[k].name; k++) {
			void *to = (char *)&l->v[i] + type->argument[k].at;
			if (type->argument[k].real)
				*(double *)to = type->argument[k].lo + 1.23456789e-100;
			else
				*(int *)to = (int)type->argument[k].hi;
		}
	}
}

static void test_config(void)
{
#define DECLARE(name) extern const struct layer_type layer_##name;
	LAYER_TYPES(DECLARE)
#define LIST(name) &layer_##name,
	static const struct layer_type *const types[] = {LAYER_TYPES(LIST)};
	size_t largest = 0;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		struct config *c = malloc(sizeof *c), *again = malloc(sizeof *again);
		struct buf a = {0}, b = {0};
		config_defaults(c);
		config_defaults(again);
		memset(c->input_field, 'x', sizeof c->input_field - 1);
		c->input_field[sizeof c->input_field - 1] = 0;
		memset(c->score.layers, 'x', sizeof c->score.layers - 1);
		c->score.layers[sizeof c->score.layers - 1] = 0;
		c->train.beta = c->train.lr = c->score.beta = 1.23456789e-100;
		c->train.seed = c->score.seed = 9007199254740992.0;
		c->train.steps = 1000000000;
		c->latent = c->input_shape[0] = 65536;
		c->input_shape[1] = 256;
		c->input_shape[2] = 1;
		fill_layers(&c->encoder, types[i]);
		fill_layers(&c->decoder, types[i]);
		int bad = config_write(c, &a, &f) || config_parse(again, a.p, a.len, &f) || config_write(again, &b, &f);
		ok(!bad && a.len == b.len && memcmp(a.p, b.p, a.len) == 0, "the largest configuration of %s is written and read: %zu bytes %s", types[i]->name, a.len, f.msg);
		largest = a.len > largest ? a.len : largest;
		buf_free(&a);
		buf_free(&b);
		free(c);
		free(again);
	}
	ok(largest < CONFIG_MAX_BYTES / 2, "the largest has less than half of the limit: %zu", largest);
}

/* ---- arrays and pictures ---- */

static void test_npy(void)
{
	const size_t most[8] = {SIZE_MAX / 8, 1, 1, 1, 1, 1, 1, 1}, nine[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
	struct buf b = {0};
	struct npy n;
	size_t header;
	ok(!npy_header(&b, NPY_F8, 8, most, &f) && !npy_parse_header(b.p, b.len, &n, &header, &f) && n.ndim == 8 && n.shape[0] == most[0],
	   "an npy header of 8 dimensions and the largest size is written and read %s", f.msg);
	ok(npy_header(&b, NPY_F8, 9, nine, &f), "9 dimensions are not written: %s", f.msg);
	b.len = 0;
	ok(!npy_header_noted(&b, NPY_F4, 2, (size_t[]){3, 2}, "of these", &f) && b.len % 64 == 0 && !npy_parse_header(b.p, b.len, &n, &header, &f) && !strcmp(n.note, "of these") && n.shape[0] == 3,
	   "a note in the header is read again: '%s'", n.note);
	b.len = 0;
	ok(!npy_header(&b, NPY_F4, 2, (size_t[]){3, 2}, &f) && !npy_parse_header(b.p, b.len, &n, &header, &f) && !n.note[0], "and there is none without");
	buf_free(&b);
	f.msg[0] = 0;
}

static void test_picture(int width, int height)
{
	uint8_t *pixels = calloc((size_t)width, (size_t)height);
	struct buf b = {0};
	struct picture p;
	pixels[(size_t)width * (size_t)height - 1] = 7;
	ok(!png_encode(pixels, width, height, 1, &b, &f) && !png_decode(b.p, b.len, &p, &f) && p.width == width && p.height == height &&
	       memcmp(p.pixels, pixels, (size_t)width * (size_t)height) == 0, "a picture of %d x %d is written and read %s", width, height, f.msg);
	picture_free(&p);
	buf_free(&b);
	free(pixels);
	f.msg[0] = 0;
}

int main(void)
{
	const char *dir = getenv("TMPDIR");
	snprintf(path, sizeof path, "%.200s/vae-test-limits-files-%ld", dir && *dir ? dir : "/tmp", (long)getpid());
	test_reference();
	test_influence();
	test_safetensors();
	test_config();
	test_npy();
	test_picture(PICTURE_MAX_PIXELS, 1);
	test_picture(8192, PICTURE_MAX_PIXELS / 8192);
	unlink(path);
	return done();
}
