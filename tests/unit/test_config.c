/* Configurations: presets round-trip; --set of every kind of key; refusals have a message, also for hostile YAML. (test_model.c has
 * checkpoints.) */
#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/config.h"
#include "nn/layer.h"
#include "stream/name.h"
#include "tap.h"

static const char tiny[] = "config/tiny.yaml";

/* One line that a terminal can show. */
static int is_message(const struct fail *f)
{
	for (const char *p = f->msg; *p;) {
		int n = utf8_length(p, strlen(p));
		if (!n || iscntrl((unsigned char)*p))
			return 0;
		p += n;
	}
	return f->msg[0] != 0;
}

static int parse(struct config *c, const char *text, size_t len, struct fail *f)
{
	f->msg[0] = 0;
	config_defaults(c);
	/* a copy of exactly these bytes, so that the address sanitizer detects a read after them */
	char *copy = malloc(len ? len : 1);
	memcpy(copy, text, len);
	int r = config_parse(c, copy, len, f);
	free(copy);
	return r;
}

static int written_same(const struct config *a, const struct config *b)
{
	struct buf x = {0}, y = {0};
	struct fail f;
	int same = !config_write(a, &x, &f) && !config_write(b, &y, &f) && x.len == y.len && !memcmp(x.p, y.p, x.len);
	buf_free(&x);
	buf_free(&y);
	return same;
}

/* Written and read again, it is the same configuration. */
static int round_trips(const struct config *c)
{
	struct buf b = {0};
	struct config again;
	struct fail f;
	memset(&again, 0x55, sizeof again); /* every key must be written, but for four where they are not set */
	again.jpeg = again.binarize = 0;
	again.variance = 0;
	again.train.shards = 1;
	int r = !config_write(c, &b, &f) && !config_parse(&again, b.p, b.len, &f) && written_same(c, &again);
	buf_free(&b);
	return r;
}

static void test_presets(void)
{
	glob_t presets;
	ok(!glob("config/*.yaml", 0, NULL, &presets) && presets.gl_pathc >= 2, "presets are found: run from the root of the source");
	for (size_t i = 0; i < presets.gl_pathc; i++) {
		struct config c;
		struct fail f = {{0}};
		config_defaults(&c);
		int r = config_load(&c, presets.gl_pathv[i], &f), infers = config_infers_shape(&c);
		if (infers) {
			ok(config_check(&c, &f) == -1 && strstr(f.msg, "input.shape"), "%s: without a shape: %s", presets.gl_pathv[i], f.msg);
			f.msg[0] = 0;
			r = r || config_set(&c, "input.shape=[1, 1, 7]", &f);
		}
		r = r || config_check(&c, &f);
		ok(!infers || (c.decoder.v[c.decoder.n - 1].out == 7 && !config_infers_shape(&c)), "%s: {linear: input}", presets.gl_pathv[i]);
		ok(!r && round_trips(&c), "%s: loads, is valid, and round-trips %s", presets.gl_pathv[i], f.msg);
	}
	globfree(&presets);
	struct config c;
	struct fail f = {{0}};
	config_defaults(&c);
	ok(!config_load(&c, "mnist-mlp", &f) && c.latent == 128 && c.encoder.n == 8 && c.encoder.v[1].out == 1024 && c.decoder.v[6].out == 784 &&
	       c.encoder.v[2].type == &layer_relu && c.encoder.v[0].type == &layer_flatten && config_input_size(&c) == 784 &&
	       c.train.lr == 0.0005 && c.train.likelihood == BERNOULLI && c.score.likelihood == GAUSSIAN,
	   "mnist-mlp is found by its name and has the published values %s", f.msg);
	ok(config_load(&c, "mnist-mpl", &f) == -1 && strstr(f.msg, "mnist-mpl") && strstr(f.msg, "config/"), "an unknown preset: %s", f.msg);
}

/* text NULL: accepted; else part of the message */
static void test_set(void)
{
	static const struct {
		const char *set, *text;
	} cases[] = {
		{"model.latent=7", NULL}, {"train.beta=0.25", NULL}, {"train.beta=1e-3", NULL}, {"train.optimizer=sgd", NULL},
		{"score.likelihood=linear", NULL}, {"score.estimator=cross", NULL}, {"score.gradient=score", NULL}, {"score.weights=lr", NULL},
		{"score.layers=decoder.4,decoder.6", NULL}, {"score.layers=[encoder.1, decoder.6]", NULL}, {"input.field=[png, seg.png]", NULL},
		{"input.field=ppm,npy", NULL}, {"input.shape=[3, 64, 32]", NULL}, {"model.decoder=[{linear: 8}, relu, {linear: 9}]", NULL},
		{"input.jpeg=reduced", NULL}, {"input.jpeg=half", "unknown"}, {"input.binarize=stochastic", NULL}, {"model.variance=0.5", NULL}, {"input.binarize=half", "unknown"}, {"model.variance=-1", "outside"},
		{"train.seed=9007199254740992", NULL}, {"score.draws=4096", NULL}, {"train.lr=0", NULL}, {"format=1", NULL},
		{"model.latnt=7", "did you mean 'model.latent'"}, {"score.drawss=7", "did you mean 'score.draws'"}, {"zzz=7", "unknown key 'zzz'"},
		{"train.optimizer=adm", "did you mean 'adam'"}, {"model.encoder=[{liner: 7}]", "did you mean 'linear'"},
		{"model.latent=0", "outside 1 to"}, {"model.latent=-3", "outside"}, {"model.latent=2.5", "whole number"}, {"model.latent=x", "not 'x'"},
		{"model.latent=[1]", "must be a number"}, {"train.beta=nan", "not 'nan'"}, {"train.beta=inf", "not 'inf'"}, {"train.beta=1e999", "1e999"},
		{"train.beta=4x", "'4x'"}, {"train.seed=1.5", "whole"}, {"train.seed=1e17", "outside"}, {"train.holdout=1", "outside 0 to 0.9"},
		{"model.latent=99999999999", "outside"}, {"input.shape=[1, 2]", "[channels, height, width]"}, {"input.shape=7", "[channels"},
		{"input.shape=[1, x, 2]", "'x'"}, {"input.shape=[1, 0, 2]", "outside"}, {"input.shape=[1, 65536, 65536]", "16 million"}, {"input.shape=[3, 37838, 37838]", "16 million"},
		{"input.shape=[65536, 65536, 65536]", "16 million"}, {"input.shape=[1, 4096, 4097]", "1x4096x4097"}, {"input.shape=[1, 4096, 4096]", NULL}, {"model.encoder=relu", "list of layers"},
		{"model.encoder=[[linear]]", "layer 0"}, {"model.encoder=[linear]", "layer 0"}, {"model.encoder=[{relu: 3}]", "takes no argument"},
		{"model.encoder=[{linear: 3, relu: 2}]", "layer 0"}, {"model.encoder=[{linear: 0}]", "outside 1 to"},
		{"model.encoder=[{linear: [1]}]", "must be a number"}, {"score.layers={a: b}", "must be a list"}, {"score.layers=a b", "only letters"},
		{"input.field=[[a]]", "not a list of short words"}, {"train=3", "unknown key"}, {"train={beta: 3}", "unknown key"},
		{"model.encoder=[{conv2d: {out: 3, kernel: 4, stride: 2, padding: 1}}, {leaky_relu: 0.2}, tanh, sigmoid, leaky_relu]", NULL},
		{"model.decoder=[{unflatten: [256, 1, 1]}, {conv_transpose2d: {kernel: 3, out: 2}}]", NULL},
		{"model.encoder=[conv2d]", "layer 0 (conv2d)"}, {"model.encoder=[{conv2d: 3}]", "write {conv2d: {out: N, kernel: N"}, {"model.encoder=[{conv2d: {out: 3}}]", "kernel is missing"},
		{"model.encoder=[{conv2d: {kernel: 3}}]", "out is missing"}, {"model.encoder=[{conv2d: {out: 3, kernl: 3}}]", "did you mean 'kernel'"},
		{"model.encoder=[{conv2d: {out: 3, kernel: 3, kernel: 2}}]", "kernel is given twice, in line 1 and in line 1"},
		{"model.encoder=[{conv2d: {out: 3, kernel: 0}}]", "outside 1 to 255"}, {"model.encoder=[{conv2d: {out: 3, kernel: 3, stride: 0}}]", "stride"},
		{"model.encoder=[{conv2d: {out: 3, kernel: 3, padding: -1}}]", "padding"}, {"model.encoder=[{conv2d: {out: 3, kernel: [3, 3]}}]", "must be a number"},
		{"model.encoder=[{conv3d: {out: 3, kernel: 3}}]", "did you mean 'conv2d'"}, {"model.decoder=[{unflatten: 3}]", "layer 0 (unflatten)"},
		{"model.decoder=[unflatten]", "channels, height, width"}, {"model.decoder=[{unflatten: [0, 1, 1]}]", "outside"}, {"model.encoder=[{leaky_relu: 2}]", "outside 0 to 1"},
		{"model.encoder=[{tanh: 1}]", "takes no argument"}, {"=3", "key=value"}, {"train.beta", "key=value"}, {"", "key=value"}, {"train.beta=", "empty"}, {"train.beta=[", "train.beta"},
		{"format=2", "newer"}, {"format=0", "outside"}, {"input.field=png,", "empty"}, {"input.field=[-]", "'-'"}, {"input.field=[png, -b]", "'-'"},
		{"input.field=[vae.json]", "vae.json holds the fields"}, {"input.field=[png, PNG]", "'PNG' is no extension"}, {"input.field=SEG.png", "'SEG.png'"}, {"input.field=.png", "'.png'"},
		{"input.field=[png.]", "'png.'"}, {"input.field=''", "empty"}, {"input.field=png,,npy", "empty"}, {"train.optimizer=\"a\\e[31m\\nb\"", "train.optimizer"},
		{"train.\033[31m=3", "unknown key"}, {"train.\xff=3", "unknown key"}, {"train.beta=\"\\e[0m\"", "train.beta"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct config c, before;
		struct fail f = {{0}};
		char shown[80];
		config_defaults(&c);
		config_load(&c, tiny, &f);
		before = c;
		int r = config_set(&c, cases[i].set, &f);
		name_show(shown, sizeof shown, cases[i].set);
		if (cases[i].text)
			ok(r == -1 && strstr(f.msg, cases[i].text) && is_message(&f) && written_same(&before, &c), "--set %s: %s", shown, f.msg);
		else
			ok(!r && round_trips(&c) && (!strcmp(cases[i].set, "format=1") || !written_same(&before, &c)), "--set %s: accepted %s", shown, f.msg);
	}
	struct config c;
	struct fail f = {{0}};
	config_defaults(&c);
	config_load(&c, tiny, &f);
	ok(!config_set(&c, "score.layers=[a.1, b.2]", &f) && !strcmp(c.score.layers, "a.1,b.2"), "a list is kept with commas");
	ok(!config_set(&c, "train.seed=12345678901234", &f) && c.train.seed == 12345678901234.0 && round_trips(&c), "a seed keeps all its digits");
	char text[400] = "score.layers=";
	memset(text + 13, 'a', 256);
	ok(config_set(&c, text, &f) == -1 && strstr(f.msg, "too long"), "256 bytes of layers: %s", f.msg);
	text[13 + 255] = 0;
	ok(!config_set(&c, text, &f) && strlen(c.score.layers) == 255 && round_trips(&c), "255 bytes of layers");
	memset(text, 'k', sizeof text), text[300] = '=', text[301] = 0;
	ok(config_set(&c, text, &f) == -1 && is_message(&f), "a key of 300 bytes: %s", f.msg);
}

static void test_check(void)
{
	static const struct {
		const char *set, *text;
	} cases[] = {
		{"input.shape=[2, 8, 8]", "2 channels"}, {"input.shape=[1, 4096, 4096]", "ends in 64 numbers, but must end in 16777216"}, {"model.latent=5", "ends in 8 numbers, but must end in 10"},
		{"model.decoder=[{linear: 63}]", "ends in 63 numbers, but must end in 64"}, {"model.decoder=[]", "no layer with weights"},
		{"model.decoder=[flatten]", "no layer with weights"}, {"model.decoder=[{linear: 64}, relu]", "end in a linear"},
		{"model.encoder=[relu, {linear: 8}]", NULL}, {"model.encoder=[flatten, relu, {linear: 8}]", NULL},
		{"model.encoder=[{conv2d: {out: 2, kernel: 8}}, flatten, {linear: 8}]", NULL}, {"model.encoder=[{conv2d: {out: 8, kernel: 8}}]", NULL},
		{"model.encoder=[{conv2d: {out: 2, kernel: 8}}, {linear: 8}]", "layer 1: linear reads a vector"},
		{"model.encoder=[flatten, {conv2d: {out: 2, kernel: 8}}]", "layer 1: conv2d reads a picture"},
		{"model.encoder=[{conv2d: {out: 2, kernel: 9}}, flatten, {linear: 8}]", "leaves nothing of 8x8"},
		{"model.encoder=[{conv2d: {out: 8, kernel: 8, padding: 1}}]", "ends in 72 numbers, but must end in 8"},
		{"model.encoder=[{conv2d: {out: 2, kernel: 7}}]", "ends in a picture of 2x2x2"},
		{"model.encoder=[{conv_transpose2d: {out: 1000000, kernel: 8}}, flatten, {linear: 8}]", "too large"},
		{"model.encoder=[{conv_transpose2d: {out: 1, kernel: 1, padding: 4}}, flatten, {linear: 8}]", "leaves nothing"},
		{"model.decoder=[{unflatten: [1, 1, 4]}, {conv_transpose2d: {out: 1, kernel: 8}}]", "ends in 88 numbers, but must end in 64"},
		{"model.decoder=[{unflatten: [4, 1, 1]}, {conv_transpose2d: {out: 1, kernel: 8}}]", NULL},
		{"model.decoder=[{unflatten: [4, 1, 1]}, {conv_transpose2d: {out: 1, kernel: 8}}, flatten]", NULL},
		{"model.decoder=[{unflatten: [4, 1, 1]}, {conv_transpose2d: {out: 4, kernel: 4}}]", "ends in a picture of 4x4x4"},
		{"model.decoder=[{unflatten: [3, 1, 1]}, {linear: 64}]", "unflatten makes 3x1x1 of 4"},
		{"model.decoder=[{unflatten: [4, 1, 1]}, {unflatten: [4, 1, 1]}, flatten, {linear: 64}]", "layer 1: unflatten reads a vector"},
		{"model.decoder=[{linear: 64}, sigmoid]", "end in a linear"}, {"model.decoder=[tanh, {linear: 9}, leaky_relu, {linear: 64}]", NULL},
		{"train.checkpoints=401", "more than train.steps"}, {"score.draws=1", NULL}, {"score.layers=bogus", NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct config c;
		struct fail f = {{0}};
		config_defaults(&c);
		int r = config_load(&c, tiny, &f) || config_set(&c, cases[i].set, &f);
		int checked = config_check(&c, &f);
		ok(!r && (cases[i].text ? checked == -1 && strstr(f.msg, cases[i].text) : !checked), "check after %s: %s", cases[i].set, f.msg);
	}
	struct config c;
	struct fail f = {{0}};
	config_defaults(&c);
	ok(config_check(&c, &f) == -1 && strstr(f.msg, "input.shape"), "nothing set: %s", f.msg);
	config_load(&c, tiny, &f);
	ok(!config_set(&c, "score.estimator=cross", &f) && !config_set(&c, "score.draws=1", &f) && config_check(&c, &f) == -1, "cross of 1 draw: %s", f.msg);
}

static void refused(const char *text, size_t len, const char *want, const char *what)
{
	struct config c;
	struct fail f;
	int r = parse(&c, text, len, &f);
	ok(r == -1 && is_message(&f) && strstr(f.msg, want), "%s: %s", what, f.msg);
}

/* Units that repeat, up to the limit of a text and far above it: each is refused in a moment. */
static void test_sizes(char *big, size_t size)
{
	static const char *const units[] = {"[", "{", "- ", "? ", "k", " ", "%%TAG !%zu! x\n", "a%zu: &a%zu 1\n", "- &a%zu 1\n", "a%zu: 1\n", "\"\\u0041", "- |\n", "#\n"};
	const size_t limits[] = {CONFIG_MAX_BYTES, size};
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		for (size_t k = 0; k < 2; k++) {
			size_t len = 0, n = 0;
			for (; len + 40 < limits[k]; n++)
				len += (size_t)sprintf(big + len, units[i], n, n);
			struct config c;
			struct fail f;
			clock_t from = clock();
			int r = parse(&c, big, len, &f);
			double seconds = (double)(clock() - from) / CLOCKS_PER_SEC;
			char shown[40];
			ok(r == -1 && is_message(&f) && (len <= CONFIG_MAX_BYTES || strstr(f.msg, "limit")) && seconds < 1, "%zu of %s, %zu bytes: %s", n,
			   name_show(shown, sizeof shown, units[i]), len, f.msg);
		}
}

static void test_hostile(void)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"", "empty"}, {"# nothing\n", "empty"}, {"a", "not a mapping"}, {"- a\n", "not a mapping"}, {"train: [", "line"}, {"a: b: c", "line"},
		{"train:\n  betta: 3\n", "line 2: unknown key 'train.betta'; did you mean 'train.beta'"}, {"train: &a {train: *a}\n", "line 1: anchors"},
		{"&a {train: *a}\n", "anchors"}, {"*a", "anchors"}, {"a: 1\nb: &c 2\n", "line 2: anchors"}, {"a: &c [1]\n", "anchors"}, {"? [a]\n: 3\n", "not a word"}, {"train: {? {a: b} : 3}\n", "not a word"},
		{"format: 2\nnew: [1]\n", "newer"}, {"format: x\n", "'x'"}, {"train: {beta: &a [*a]}\n", "anchors"},
		{"train: {beta: [[]]}\n", "must be a number"}, {"model: {encoder: [[]]}\n", "layer 0"}, {"model: {encoder: [{linear: []}]}\n", "layer 0"},
		{"input: {shape: [[], [], []]}\n", "must be a number"}, {"score: {layers: [[]]}\n", "short words"}, {"\"a\\nb\": 3\n", "unknown key"},
		{"\"\\e]0;x\\a\": 3\n", "unknown key"}, {"train: {optimizer: \"\\u009b31m\"}\n", "optimizer"}, {"\xff\xfe", "empty"}, {"a: \xff\n", "line"},
		{"model:\n  latent: 3\n  latent: 4\n", "line 3: model.latent is given twice"}, {"train: {beta: 1}\ntrain.beta: 2\n", "line 2: train.beta is given twice"},
		{"format: 1\ntrain: {lr: 1}\nformat: 1\n", "line 3: format is given twice"},
		{"model:\n  encoder:\n  - conv2d:\n      out: 3\n      kernel: 3\n      out: 3\n", "layer 0 (conv2d): out is given twice, in line 4 and in line 6"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char what[80];
		refused(cases[i].text, strlen(cases[i].text), cases[i].want, name_show(what, sizeof what, cases[i].text));
	}
	enum { BIG = 1 << 20 };
	char *big = malloc(BIG + 64);
	memset(big, '[', BIG);
	refused(big, BIG, "limit", "a million brackets");
	memset(big, 'k', BIG);
	strcpy(big + BIG, ": 3\n");
	refused(big, BIG + 4, "", "a key of a million bytes");
	memset(big, ' ', BIG);
	memcpy(big, "train:", 6);
	refused(big, BIG, "", "a million blanks");
	for (int i = 0; i < BIG; i += 2)
		memcpy(big + i, "- ", 2);
	refused(big, BIG, "", "half a million nested lists");
	test_sizes(big, BIG);
	strcpy(big, "model: {encoder: [");
	for (int i = 0; i < 65; i++)
		strcat(big, "relu, ");
	strcat(big, "relu]}\n");
	refused(big, strlen(big), "more than 64 layers", "66 layers");
	struct config c;
	struct fail f;
	free(big);
	/* a preset truncated at every byte, without it, and with it changed */
	struct buf b = {0};
	if (buf_read_file(&b, tiny, 1 << 16, &f))
		return (void)ok(0, "%s", f.msg);
	int bad = 0, accepted = 0, n = 0;
	char *copy = malloc(b.len);
	for (size_t i = 0; i < b.len; i++)
		for (int how = 0; how < 12; how++, n++) {
			size_t len = b.len;
			memcpy(copy, b.p, len);
			if (how == 0)
				len = i;
			else if (how == 1)
				memmove(copy + i, copy + i + 1, --len - i);
			else if (how < 10)
				copy[i] ^= (char)(1 << (how - 2));
			else
				copy[i] = how == 10 ? '{' : '*';
			if (parse(&c, copy, len, &f))
				bad += !is_message(&f);
			else
				accepted++, bad += !config_check(&c, &f) && !round_trips(&c);
		}
	struct config full;
	parse(&full, b.p, b.len, &f);
	memset(full.input_field, 'n', sizeof full.input_field - 1);
	memset(full.score.layers, 'n', sizeof full.score.layers - 1);
	full.encoder.n = full.decoder.n = MAX_LAYERS;
	for (int i = 0; i < MAX_LAYERS; i++)
		full.encoder.v[i] = full.decoder.v[i] = (struct layer_spec){&layer_conv_transpose2d, 1 << 24, 255, 255, 255, {0}, 0};
	struct buf text = {0};
	int written = !config_write(&full, &text, &f);
	ok(written && text.len < CONFIG_MAX_BYTES / 2, "the longest configuration that can be written: %zu bytes", text.len);
	buf_free(&text);
	ok(!bad && accepted > n / 10 && accepted < n, "%d changed presets: %d are accepted and round-trip, the others have a message", n, accepted);
	free(copy);
	buf_free(&b);
}

static void test_nearest(void)
{
	static const char *const words[] = {"linear", "relu", "flatten", NULL};
	char longer[300];
	memset(longer, 'a', 299), longer[299] = 0;
	ok(nearest_word("lineer", words) == words[0] && nearest_word("Relu", words) == words[1] && nearest_word("fltten", words) == words[2],
	   "one letter wrong: the intended word");
	ok(!nearest_word("softmax", words) && !nearest_word(longer, words), "too many letters wrong: none");
}

int main(void)
{
	test_presets();
	test_set();
	test_check();
	test_hostile();
	test_nearest();
	return done();
}
