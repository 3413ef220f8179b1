/* References: reading gives the bits that were written; percentiles and z are those of the ranking; any other file is
 * refused. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "random.h"
#include "rank/reference.h"
#include "tap.h"

static const char path[] = "test_rank_reference.json"; /* in a directory of its own */
static struct fail f;
static int save(struct ranking *r, struct criterion *b, struct provenance *o)
{
	struct atomic_file to;
	if (atomic_open(&to, path, &f))
		return -1;
	if (reference_write(r, b, o, &to, &f)) {
		atomic_abort(&to);
		return -1;
	}
	return atomic_commit(&to, &f);
}

/* 0 if every record's pct and z against the reference equal those of the ranking. */
static int compare(size_t n, double (*draw)(size_t i), double tolerance)
{
	struct criterion b;
	struct ranking r = {.v = NULL};
	struct provenance o = {.holder = NULL};
	struct reference ref;
	int bad = criterion_open(&b, &(struct criterion_lists){"a", NULL, NULL}, JOINT_TAILS, &f);
	for (size_t i = 0; i < n; i++)
		bad |= ranking_add(&r, draw(i), &f);
	ranking_sort(&r);
	bad |= save(&r, &b, &o) || reference_read(&ref, path, &f);
	bad = bad || ref.score.records != r.scored || ref.score.n != (n < QUANTILES_MAX ? n : QUANTILES_MAX) ||
	      memcmp(&ref.median, &r.median, 8) != 0 || memcmp(&ref.spread, &r.spread, 8) != 0;
	double before = 101;
	for (size_t i = 0; i < n && !bad; i++) {
		double v = r.v[i].value, pct = 100 * (double)(n - i) / (double)n, got = reference_pct(&ref, v);
		int tie = i > 0 && r.v[i - 1].value == v;
		bad = !(tie || fabs(got - pct) <= tolerance) || got > before || reference_z(&ref, v) != ranking_z(&r, v);
		before = got;
	}
	bad = bad || reference_pct(&ref, HUGE_VAL) != 100 || reference_pct(&ref, -HUGE_VAL) != 0 ||
	      reference_pct(&ref, r.v[0].value) != 100;
	/* a value between two records has the share of the lower one; exactly, while all values are kept */
	for (size_t i = 0; i + 1 < n && !bad && n < QUANTILES_MAX; i++) {
		double high = r.v[i].value, low = r.v[i + 1].value, middle = low / 2 + high / 2;
		bad = middle > low && middle < high && reference_pct(&ref, middle) != reference_pct(&ref, low);
	}
	reference_free(&ref);
	criterion_free(&b);
	ranking_free(&r);
	return bad;
}

static double real(size_t i) { return tan(3 * (uniform() - 0.5)) * exp(20 * uniform()); }
static double tied(size_t i) { return floor(10 * uniform()); }
static double extreme(size_t i) { return i % 4 == 0 ? 1.7e308 : i % 4 == 1 ? -1.7e308 : i % 4 == 2 ? 5e-324 : -0.0; }
static double one(size_t i) { return 0.1; }
static double skewed(size_t i) { return exp(8 * uniform() * uniform()); }

static void percentiles(void)
{
	int bad = 0;
	for (size_t n = 1; n < 200; n++)
		bad += compare(n, real, 0) != 0;
	ok(!bad, "pct and z of 1 to 199 records are those of the ranking, to the bit (%d wrong)", bad);
	ok(!compare(50, tied, 0) && !compare(500, tied, 0), "ties have the share of the highest of them");
	ok(!compare(4, extreme, 0) && !compare(7, one, 0), "extreme values, and a single value");
	ok(!compare(QUANTILES_MAX - 1, real, 0) && !compare(QUANTILES_MAX, real, 0), "as many records as order statistics");
	ok(!compare(QUANTILES_MAX + 1, real, 0.01) && !compare(60000, skewed, 0.01) && !compare(3 * QUANTILES_MAX, real, 0.01),
	   "more records: within 0.01 percent");
	ok(!compare(40000, tied, 0.01), "more records, with ties");
	struct ranking r = {.v = NULL};
	struct criterion b;
	struct provenance o = {.holder = NULL};
	criterion_open(&b, &(struct criterion_lists){"a", NULL, NULL}, JOINT_TAILS, &f);
	f.msg[0] = 0;
	ok(save(&r, &b, &o) && strstr(f.msg, "no records"), "no reference from no records: '%s'", f.msg);
	criterion_free(&b);
}

static void joint(enum joint_kind kind)
{
	enum { N = 300 };
	struct criterion b;
	struct ranking r = {.v = NULL};
	struct provenance o = {.holder = "here is"};
	struct reference ref;
	struct record s = {.fields_member = -1, .fields_read = 1};
	char text[400];
	int bad = criterion_open(&b, &(struct criterion_lists){"x.a,x.b,x.c,n", NULL, NULL}, kind, &f);
	for (int i = 0; i < N; i++) {
		double a = exp(uniform()), c = uniform() - 0.5;
		snprintf(text, sizeof text, "{\"x.a\":%.9g,\"x.b\":%.9g,\"x.c\":%.9g,\"n\":%d,\"x.model\":\"m\\n\\u20ac\",\"x.options\":\"\",\"options\":\"o\"}",
		         a, a * exp(uniform()), c, i % 5 == 0);
		bad |= fields_parse(&s.fields, text, strlen(text), &f) || criterion_add(&b, &s, &r, &f) || provenance_check(&o, &b, &s.fields, &f);
	}
	bad |= criterion_fit(&b, &r, &f);
	ranking_sort(&r);
	bad |= save(&r, &b, &o) || reference_read(&ref, path, &f);
	ok(!bad && strcmp(ref.criterion.list, b.list) == 0 && ref.criterion.joint.kind == kind &&
	           (kind == JOINT_TAILS ? ref.criterion.joint.tail[3].n == N : ref.criterion.joint.mcd.dim == 3 && ref.criterion.joint.mcd.axis[2].transform == MCD_ASINH),
	   "the reference of a joint score: %s", f.msg);
	struct criterion_scores v, w;
	for (int i = 0; i < N && !bad; i++) {
		snprintf(text, sizeof text, "{\"x.a\":%g,\"x.b\":%g,\"x.c\":%g,\"n\":1}", exp(9 * uniform()), exp(uniform()), uniform() - 0.4);
		bad = fields_parse(&s.fields, text, strlen(text), &f) || !criterion_score(&b, &s, &v, &f) || !criterion_score(&ref.criterion, &s, &w, &f) || v.score != w.score;
	}
	ok(!bad, "gives the scores of the fit, bit for bit");
	ok(strcmp(ref.provenance.model[0], "m\n\xe2\x82\xac") == 0 && strcmp(ref.provenance.options[2], "") == 0 && !ref.provenance.model[3] &&
	           strcmp(ref.provenance.options[3], "o") == 0,
	   "model and options of each field, by its prefix");
	static const char *const texts[] = {
		"{\"x.a\":1,\"x.model\":\"m\\n\\u20ac\",\"x.options\":\"\",\"options\":\"o\",\"more\":1}", NULL,
		"{\"x.a\":1,\"x.model\":\"n\",\"x.options\":\"\",\"options\":\"o\"}", "model 'n'",
		"{\"x.a\":1,\"x.options\":\"\",\"options\":\"o\"}", "model '(none)'",
		"{\"x.a\":1,\"x.model\":\"m\\n\\u20ac\",\"x.options\":\"p\",\"options\":\"o\"}", "options 'p'",
		"{\"x.a\":1,\"x.model\":\"m\\n\\u20ac\",\"x.options\":\"\",\"options\":\"o\",\"model\":\"m\"}", "'n' has model 'm'",
		"{\"x.a\":1}", "model '(none)', and the reference has 'm\\n",
	};
	for (int i = 0; i < 12; i += 2) {
		f.msg[0] = 0;
		bad = fields_parse(&s.fields, texts[i], strlen(texts[i]), &f);
		int same = provenance_check(&ref.provenance, &ref.criterion, &s.fields, &f) == 0;
		ok(!bad && (texts[i + 1] ? !same && strstr(f.msg, texts[i + 1]) : same), "origin %s: '%s'", texts[i], f.msg);
	}
	record_free(&s);
	provenance_free(&o);
	reference_free(&ref);
	criterion_free(&b);
	ranking_free(&r);
}

/* Fields that records lack: the reference scores any record as the fit does. */
static void missing(void)
{
	enum { N = 200 };
	for (int kind = 0; kind < JOINT_KINDS; kind++) {
		struct criterion b;
		struct ranking r = {.v = NULL};
		struct provenance o = {.holder = "here is"};
		struct reference ref;
		struct record s = {.fields_member = -1, .fields_read = 1};
		static char text[N][100];
		static double score[N];
		int bad = criterion_open(&b, &(struct criterion_lists){"a,b,c*", kind == JOINT_BOTH ? "c?,a" : NULL, kind == JOINT_BOTH ? "b" : NULL}, (enum joint_kind)kind, &f);
		for (int i = 0; i < N; i++) {
			char *t = text[i];
			t += sprintf(t, "{\"n\":\"x\"");
			if (i % 5)
				t += sprintf(t, ",\"a\":%.9g", exp(uniform()));
			if (i % 7)
				t += sprintf(t, ",\"b\":%.9g", exp(uniform()));
			if (i > 2 && i % 11)
				t += sprintf(t, ",\"cc\":%.9g,\"c_model\":\"m\",\"ccc\":\"-\"", exp(uniform()));
			sprintf(t, "}");
			bad |= fields_parse(&s.fields, text[i], strlen(text[i]), &f) || criterion_add(&b, &s, &r, &f) || (!isnan(r.v[i].value) && provenance_check(&o, &b, &s.fields, &f));
		}
		bad |= criterion_fit(&b, &r, &f);
		ok(!bad && b.joint.p == 3 && r.scored == N - 1 && isnan(r.v[0].value) && b.missing[0] == 39 && b.missing[2] == 20, "kind %d: a pattern's field, records that lack some: %s", kind, f.msg);
		for (int i = 0; i < N; i++)
			score[i] = r.v[i].value;
		ranking_sort(&r);
		bad |= save(&r, &b, &o) || reference_read(&ref, path, &f);
		int differ = 0;
		for (int i = 0; i < N && !bad; i++) {
			struct criterion_scores v;
			differ += fields_parse(&s.fields, text[i], strlen(text[i]), &f) || criterion_score(&ref.criterion, &s, &v, &f) != !isnan(score[i]) ||
			          (!isnan(score[i]) && v.score != score[i]) || (kind == JOINT_BOTH && !isnan(score[i]) && memcmp(&v.parts, &b.parts[i], sizeof v.parts) != 0);
		}
		ok(!bad && !differ && ref.criterion.joint.tail[1].records == 171, "the reference gives the same scores (%d differ): %s", differ, f.msg);
		record_free(&s);
		provenance_free(&o);
		reference_free(&ref);
		criterion_free(&b);
		ranking_free(&r);
	}
}

/* Files that earlier versions wrote. */
static void version_1(void)
{
	static const char *const old[] = {
		"{\"format\":\"vae-rank reference 1\",\n\"rank_by\":\"w\",\n\"model\":[null],\n\"options\":[\"o\"],\n\"records\":3,\n\"median\":2,\n\"spread\":1,\n\"values\":[1,\n2,\n4],\n",
		"{\"format\":\"vae-rank reference 1\",\n\"rank_by\":\"w,v\",\n\"model\":[null,null],\n\"options\":[null,null],\n\"joint\":{\"kind\":\"tails\",\n"
		"\"fields\":[[1,\n2,\n4],\n[5,\n5,\n6]]},\n\"records\":3,\n\"median\":0.40546510810816438,\n\"spread\":1,\n\"values\":[0,\n0.4,\n2],\n",
		"{\"format\":\"vae-rank reference 1\",\n\"rank_by\":\"w,v\",\n\"model\":[null,null],\n\"options\":[null,null],\n\"joint\":{\"kind\":\"mahalanobis\",\n"
		"\"axes\":[{\"form\":\"log\",\"unit\":1,\"median\":0,\"spread\":1},\n{\"form\":\"log\",\"unit\":1,\"median\":0,\"spread\":1}],\n\"centre\":[0,0],\n"
		"\"scatter\":[1,0,0,1]},\n\"records\":3,\n\"median\":1,\n\"spread\":1,\n\"values\":[0,\n1,\n2],\n",
	};
	const double expected[] = {4, log(3) + log(3), hypot(log(4), log(6))};
	struct record s = {.fields_member = -1, .fields_read = 1};
	fields_parse(&s.fields, "{\"w\":4,\"v\":6,\"options\":\"o\"}", strlen("{\"w\":4,\"v\":6,\"options\":\"o\"}"), &f);
	for (int i = 0; i < 3; i++) {
		struct reference ref;
		struct criterion_scores v = {.score = NAN};
		FILE *to = fopen(path, "w");
		fprintf(to, "%s\"hash\":\"%016llx\"}\n", old[i], (unsigned long long)XXH3_64bits(old[i], strlen(old[i])));
		fclose(to);
		f.msg[0] = 0;
		int r = reference_read(&ref, path, &f) || criterion_score(&ref.criterion, &s, &v, &f) != 1;
		ok(!r && fabs(v.score - expected[i]) < 1e-12, "a reference of version 1, file %d: %.9g, expected %.9g; %s", i, v.score, expected[i], f.msg);
		reference_free(&ref);
	}
	record_free(&s);
}

/* With more records than order statistics, the joint score from the file approximates that of the fit, and so does its
 * percentile. */
static void large(void)
{
	enum { N = 30000 };
	struct criterion b;
	struct ranking r = {.v = NULL};
	struct provenance o = {.holder = NULL};
	struct reference ref;
	struct record s = {.fields_member = -1, .fields_read = 1};
	char text[100];
	static double v[N][2];
	int bad = criterion_open(&b, &(struct criterion_lists){"a,b", NULL, NULL}, JOINT_TAILS, &f);
	for (int i = 0; i < N; i++) {
		v[i][0] = uniform();
		v[i][1] = exp(9 * uniform());
		snprintf(text, sizeof text, "{\"a\":%.17g,\"b\":%.17g}", v[i][0], v[i][1]);
		bad |= fields_parse(&s.fields, text, strlen(text), &f) || criterion_add(&b, &s, &r, &f);
	}
	bad |= criterion_fit(&b, &r, &f);
	ranking_sort(&r);
	bad |= save(&r, &b, &o) || reference_read(&ref, path, &f);
	double off = 0, off_pct = 0;
	for (int i = 0; i < N && !bad; i++) {
		const double *own = v[r.v[i].index];
		double got = joint_score(&ref.criterion.joint, own, NULL), least = fmin(1 - own[0], 1 - log(own[1]) / 9);
		bad = got != joint_score(&b.joint, own, NULL);
		if (least > 0.01)
			off = fmax(off, fabs(got - r.v[i].value));
		off_pct = fmax(off_pct, fabs(reference_pct(&ref, got) - 100 * (double)(N - i) / N));
	}
	ok(!bad && off > 0 && off < 0.02 && off_pct < 0.5, "of %d records: joint within %.2g, pct within %.2g", N, off, off_pct);
	record_free(&s);
	reference_free(&ref);
	criterion_free(&b);
	ranking_free(&r);
}

static int reads(const char *text, size_t len, int hash)
{
	struct reference ref;
	char *all = malloc(len + 1), digits[17];
	memcpy(all, text, len);
	if (hash && len > 27) {
		snprintf(digits, sizeof digits, "%016llx", (unsigned long long)XXH3_64bits(all, len - 27));
		memcpy(all + len - 19, digits, 16);
	}
	f.msg[0] = 0;
	unlink(path); /* a new file: truncating an old one would sync on close */
	FILE *to = fopen(path, "w");
	int r = !to || fwrite(all, 1, len, to) != len || fclose(to) || reference_read(&ref, path, &f);
	free(all);
	if (f.msg[0] && !strstr(f.msg, path)) {
		printf("# without a path: %s\n", f.msg);
		r = 0;
	}
	reference_free(&ref);
	return !r;
}

/* Whether text is read with its first `from` replaced by `to`, and a new hash. */
static int changed(const struct buf *t, const char *from, const char *to)
{
	const char *at = strstr(t->p, from);
	struct buf b = {0};
	if (!at) {
		printf("# no '%s' in the file\n", from);
		return 1;
	}
	buf_add(&b, t->p, (size_t)(at - t->p), &f);
	buf_add(&b, to, strlen(to), &f);
	buf_add(&b, at + strlen(from), t->len - (size_t)(at - t->p) - strlen(from), &f);
	int r = reads(b.p, b.len, 1);
	buf_free(&b);
	return r;
}

static const char *const changes_of_both[][2] = {
	{"reference 2", "reference 3"}, {"reference 2", "reference 0"}, {"\"x,y\"", "\"x,y,z\""}, {"\"x,y\"", "\"x\""}, {"\"x,y\"", "\"x,z*\""}, {"\"names\":[", "\"names\":[\"z\","}, {"\"names\":[", "\"names\":[],\"z\":["},
	{"\"names\":[", "\"names\":[7,"}, {"\"unlike\":null", "\"unlike\":7"}, {"\"fields_records\":[3", "\"fields_records\":[4"}, {"\"fields_records\":[3", "\"fields_records\":[2"},
	{"\"fields_records\":[3", "\"fields_records\":[0"}, {"\"fields_records\":[3", "\"fields_records\":[3,3"}, {"\"fields_records\":", "\"fields_record\":"}, {"\"x,y\"", "\"x,x\""}, {"\"x,y\"", "7"},
	{"\"x,y\"", "\",\""}, {"[null,null]", "[null]"}, {"[null,null]", "[1,null]"}, {"[null,null]", "null"},
	{"\"kind\":\"", "\"kind\":\"low"}, {"\"kind\":\"", "\"kind\":1,\"x\":\""},
	{"\"records\":3", "\"records\":4"}, {"\"records\":3", "\"records\":0"}, {"\"records\":3", "\"records\":-3"},
	{"\"records\":3", "\"records\":3.5"}, {"\"records\":3", "\"records\":99999999999999999999"}, {"\"records\":3", "\"records\":10001"},
	{"\"records\":3", "\"records\":9000000000000000000"}, {"\"records\":3", "\"records\":3,\"records\":3"},
	{"\"values\":[", "\"values\":[9,"}, {"\"values\":[", "\"values\":[[],"}, {"-7", "8"}, {"-7", "NaN"}, {"-7", "-1e400"},
	{"\"median\":0,\n", "\"median\":{},\n"}, {"\"spread\":1,\n\"values\"", "\"spread\":-1,\n\"values\""}, {"{\"format\"", "[\"format\""},
	{"\"joint\":{", "\"joints\":{"}, {"\"joint\":{", "\"joint\":1,\"z\":{"},
};
static const char *const changes_of_tails[][2] = {
	{"\"fields\":[", "\"fields\":[[1,2,3],"}, {"\"fields\":[", "\"fields\":[],\"x\":["}, {"\"fields\":[", "\"field\":["}, {"[-2,", "[-2,-2,"},
	{"[-2,", "[\"-2\","}, {"[-2,", "[5,"}, {"[-2,", "[1e999,"}, {"[-2,", "7,[-2,"}, {"\"tails\"", "\"mahalanobis\""}, {"\"tails\"", "\"both\""},
};
static const char *const changes_of_mcd[][2] = {
	{"\"form\":\"log\"", "\"form\":\"exp\""}, {"\"unit\":0.5", "\"unit\":0"}, {"\"unit\":0.5", "\"unit\":-1"},
	{"\"unit\":0.5", "\"unit\":\"1\""}, {"\"unit\":0.5", "\"unit\":1e999"},
	{"\"spread\":2", "\"spread\":-2"}, {"\"spread\":2", "\"spread\":0"}, {"\"spread\":2", "\"spread\":null"},
	{"\"axes\":[", "\"axes\":[{},"}, {"\"axes\":[", "\"axis\":["}, {"[1,0.5,0.5,1]", "[1,0.5,0.4,1]"}, {"[1,0.5,0.5,1]", "[1,2,2,1]"},
	{"[1,0.5,0.5,1]", "[1,0.5,0.5]"}, {"[1,0.5,0.5,1]", "[1,0.5,0.5,-1]"}, {"[1,0.5,0.5,1]", "[0,0,0,0]"}, {"\"centre\":[0,0]", "\"centre\":[0]"},
	{"\"centre\":[0,0]", "\"centre\":[0,\"0\"]"}, {"\"mahalanobis\"", "\"both\""},
};
/* the fields of JOINT_BOTH */
static const char *const changes_of_both_questions[][2] = {
	{"\"use\":[3,3]", "\"use\":[1,1]"}, {"\"use\":[3,3]", "\"use\":[2,2]"}, {"\"use\":[3,3]", "\"use\":[3,0]"}, {"\"use\":[3,3]", "\"use\":[3]"},
	{"\"use\":[3,3]", "\"use\":[3,8]"}, {"\"use\":[3,3]", "\"use\":[3,7]"}, {"\"use\":[3,3]", "\"use\":[3,1]"}, {"\"parts\":[", "\"parts\":[[1],"},
	{"\"parts_records\":[3,3,3]", "\"parts_records\":[3,3]"}, {"\"parts_records\":[3,3,3]", "\"parts_records\":[3,-1,3]"}, {"\"both\"", "\"none\""},
	{"\"far_distance\":{\"axes\":[]", "\"far_distance\":{\"axes\":[1]"}, {"\"far_distance\"", "\"far_distances\""}, {"\"far\":null", "\"far\":\"z\""}, {"\"far\":null", "\"far\":1"},
};

static const char *const changes_of_learned[][2] = {
	{"\"weights\":[1,", "\"weights\":["}, {"\"weights\":[1,", "\"weights\":[null,"}, {"\"weights\":[1,", "\"weights\":[1e999,"}, {"\"weights\"", "\"weight\""},
	{"\"learned\":{\"axes\":[", "\"learned\":{\"axes\":[{},"}, {"\"spread\":2", "\"spread\":-2"}, {"\"joint_records\":[3]", "\"joint_records\":[4]"},
	{"\"joint_records\":[3]", "\"joint_records\":[3,3]"}, {"\"learned\":{", "\"learned\":1,\"z\":{"}, {"\"learned\":{", "\"learned\":[],\"z\":{"},
};

static int read_changed(const struct buf *t, const char *const change[][2], size_t n)
{
	int read = 0;
	for (size_t i = 0; i < n; i++)
		if (changed(t, change[i][0], change[i][1])) {
			printf("# read: %s for %s\n", change[i][1], change[i][0]);
			read++;
		}
	return read;
}

static void hostile(enum joint_kind kind, int learned, const char *const change[][2], size_t nchanges)
{
	struct criterion b;
	struct ranking r = {.v = NULL};
	struct provenance o = {.holder = NULL};
	struct buf t = {0};
	int bad = criterion_open(&b, &(struct criterion_lists){"x,y", NULL, NULL}, kind, &f);
	double x[] = {1, 3, -2, 4, 0.25, 5};
	struct mcd *m = &b.joint.mcd;
	*m = (struct mcd){.p = 2, .dim = 2, .axis = {{MCD_LOG, 0.5, 0, 2}, {MCD_ASINH, 3, 0, 2}}};
	memcpy(m->scatter, (double[]){1, 0.5, 0.5, 1}, 4 * sizeof(double));
	bad |= kind == JOINT_TAILS && joint_fit(&b.joint, x, 3, NULL, &f);
	for (int i = 0; i < 5 && kind != JOINT_TAILS; i++) {
		struct quantiles *q = i < 2 ? &b.joint.tail[i] : &b.joint.part[i - 2];
		*q = (struct quantiles){malloc(3 * sizeof(double)), 3, 3};
		memcpy(q->value, (double[]){-2, 1, 5}, 3 * sizeof(double));
	}
	if (learned) {
		b.learn = (struct learn){.p = 2, .axis = {{MCD_LOG, 0.5, 0, 2}, {MCD_ASINH, 3, 0, 0}}, .weight = {1, -0.5, 0.25, 0, 0}, .joint = {malloc(3 * sizeof(double)), 3, 3}};
		memcpy(b.learn.joint.value, (double[]){0, 1, 2}, 3 * sizeof(double));
	}
	bad |= ranking_add(&r, -7, &f) || ranking_add(&r, 0, &f) || ranking_add(&r, 1, &f);
	ranking_sort(&r);
	r.spread = 1;
	bad |= save(&r, &b, &o) || buf_read_file(&t, path, 1 << 20, &f);
	ok(!bad && reads(t.p, t.len, 0) && reads(t.p, t.len, 1), "a small file is read: %s", f.msg);
	bad = 0;
	for (size_t n = 0; n < t.len; n++)
		bad += reads(t.p, n, 0);
	ok(!bad, "a truncated file is refused (%d read)", bad);
	for (size_t i = 0; i < 8 * t.len; i++) {
		t.p[i / 8] ^= (char)(1 << i % 8);
		bad += reads(t.p, t.len, 0);
		t.p[i / 8] ^= (char)(1 << i % 8);
	}
	ok(!bad, "a file with one bit changed is refused (%d read)", bad);
	bad = read_changed(&t, changes_of_both, sizeof changes_of_both / sizeof *changes_of_both) + read_changed(&t, change, nchanges);
	ok(!bad, "invalid contents under a valid hash are refused (%d read)", bad);
	int read = 0;
	for (int i = 0; i < 20000; i++) {
		struct buf c = {0};
		buf_add(&c, t.p, t.len, &f);
		for (int k = 0; k < 1 + i % 3; k++)
			c.p[(size_t)(uniform() * (double)(t.len - 27))] = "0123456789-.eE[]{},:\"x\0\xff"[(int)(uniform() * 24)];
		read += reads(c.p, c.len, 1);
		buf_free(&c);
	}
	ok(read > 0 && read < 15000, "random damage under a valid hash does no harm (%d of 20000 read)", read);
	f.msg[0] = 0;
	struct reference ref;
	ok(reference_read(&ref, "nowhere/x.json", &f) && strstr(f.msg, "nowhere/x.json: No such"), "a missing file: '%s'", f.msg);
	reference_free(&ref);
	buf_free(&t);
	criterion_free(&b);
	ranking_free(&r);
}

int main(void)
{
	char dir[] = "/tmp/vae-test-XXXXXX";
	if (!mkdtemp(dir) || chdir(dir))
		return 1;
	percentiles();
	joint(JOINT_TAILS);
	joint(JOINT_MAHALANOBIS);
	joint(JOINT_BOTH);
	missing();
	version_1();
	large();
	hostile(JOINT_TAILS, 0, changes_of_tails, sizeof changes_of_tails / sizeof *changes_of_tails);
	hostile(JOINT_MAHALANOBIS, 0, changes_of_mcd, sizeof changes_of_mcd / sizeof *changes_of_mcd);
	hostile(JOINT_BOTH, 0, changes_of_both_questions, sizeof changes_of_both_questions / sizeof *changes_of_both_questions);
	hostile(JOINT_TAILS, 1, changes_of_learned, sizeof changes_of_learned / sizeof *changes_of_learned);
	unlink(path);
	return chdir("/") || rmdir(dir) || done();
}
