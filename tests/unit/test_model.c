/* Checkpoints: they round-trip; a truncated file, a wrong shape or layout, and values that are not finite are refused with the name of
 * the tensor; and a changed byte ends in a message or in a finite model. */
#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "naive.h"
#include "stream/name.h"

static const char yaml[] = "input: {shape: [1, 1, 2]}\nmodel:\n  latent: 1\n  encoder: [flatten, {linear: 2}]\n  decoder: [{linear: 3}, relu, {linear: 2}]\n"
			   "train: {seed: 123456789012, beta: 0.1}\n";
static char dir[512];

static void in_dir(char *out, size_t capacity, const char *name) { snprintf(out, capacity, "%.400s/%s", dir, name); }

/* One line that a terminal can show, with the name of the file. */
static int is_message(const struct fail *f)
{
	for (const char *p = f->msg; *p;) {
		int n = utf8_length(p, strlen(p));
		if (!n || iscntrl((unsigned char)*p))
			return 0;
		p += n;
	}
	return strstr(f->msg, "/proc/self/fd/") != NULL;
}

/* model_read() of these bytes, from a file in memory */
static int read_bytes(struct model *m, const void *p, size_t n, struct fail *f)
{
	char path[64];
	int fd = memfd_create("checkpoint", MFD_CLOEXEC);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n) {
		fail_set(f, "memfd_create");
		BAIL(f);
	}
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	f->msg[0] = 0;
	int r = model_read(m, path, NULL, f);
	close(fd);
	return r;
}

static int finite_params(const struct model *m)
{
	for (size_t i = 0; i < m->nparams; i++)
		if (!isfinite(m->params[i]))
			return 0;
	return 1;
}

static struct buf test_round_trip(void)
{
	struct model m, again, third;
	struct fail f = {{0}};
	struct buf b = {0}, config = {0}, config_again = {0};
	char path[512];
	uint64_t state = 1;
	naive_model(&m, yaml, 1, &state);
	m.params[3] = 1e-42f, m.params[4] = -0.0f;
	m.step = 123456789, m.since = 1234, m.records = 60000, m.lr = 0.00012345, m.loss = 12.5;
	in_dir(path, sizeof path, "a.safetensors");
	if (model_write(&m, path, &f) || model_read(&again, path, NULL, &f) || buf_read_file(&b, path, 1 << 20, &f))
		BAIL(&f);
	ok(again.nparams == m.nparams && !memcmp(again.params, m.params, m.nparams * sizeof(float)), "the same bits of %zu parameters", m.nparams);
	ok(again.step == m.step && again.since == m.since && again.records == m.records && again.lr == m.lr && again.loss == m.loss &&
	       isnan(again.holdout_loss), "step, steps since, records, learning rate, loss; a loss that is not known");
	ok(!config_write(&m.cfg, &config, &f) && !config_write(&again.cfg, &config_again, &f) && !strcmp(config.p, config_again.p), "the configuration");
	ok(strlen(again.id) == 16 && strspn(again.id, "0123456789abcdef") == 16 && !strcmp(again.path, path), "an id, %s, and the path", again.id);
	/* checked without safetensors.c: header length, and the first weight after it */
	uint64_t header;
	memcpy(&header, b.p, 8);
	float first;
	memcpy(&first, b.p + 8 + header, 4);
	ok(header % 8 == 0 && b.len == 8 + header + 4 * m.nparams && first == m.params[0], "the file is 8 bytes, header and tensors");
	ok(!read_bytes(&third, b.p, b.len, &f) && !strcmp(third.id, again.id), "the id does not depend on the path");
	model_free(&third);
	memcpy(m.params, again.params, m.nparams * sizeof(float));
	m.params[5] += 1;
	if (model_write(&m, path, &f) || model_read(&third, path, NULL, &f))
		BAIL(&f);
	ok(strcmp(third.id, again.id) != 0, "another weight, another id");
	model_free(&third);
	m.params[5] = again.params[5];
	m.cfg.train.beta = 0.2;
	if (model_write(&m, path, &f) || model_read(&third, path, NULL, &f))
		BAIL(&f);
	ok(strcmp(third.id, again.id) != 0, "another configuration, another id");
	model_free(&third);
	static const struct {
		const char *set, *text; /* text NULL: accepted */
	} sets[] = {{"score.draws=5", NULL}, {"score.layers=encoder", NULL}, {"model.latent=2", "the key belongs to the model"},
	            {"input.shape=[1, 2, 1]", "the key belongs to the model"}, {"score.draw=5", "did you mean 'score.draws'"}, {"format=2", "newer"},
	            {"model.\033[1m=2", "the key belongs to the model"}};
	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
		struct assignments list = {{sets[i].set}, 1};
		char shown[80];
		int r = model_read(&third, path, &list, &f);
		name_show(shown, sizeof shown, sets[i].set);
		if (sets[i].text)
			ok(r == -1 && strstr(f.msg, sets[i].text) && !strchr(f.msg, '\033'), "--set %s: %s", shown, f.msg);
		else
			ok(!r && strcmp(third.id, again.id) != 0 && (third.cfg.score.draws == 5 || !strcmp(third.cfg.score.layers, "encoder")), "--set %s: accepted", shown);
		model_free(&third);
	}
	m.params[8] = NAN; /* encoder.1 has 6: this is the third weight of decoder.0 */
	if (model_write(&m, path, &f))
		BAIL(&f);
	ok(model_read(&third, path, NULL, &f) == -1 && strstr(f.msg, "decoder.0.weight") && strstr(f.msg, "at 2"), "a NAN weight: %s", f.msg);
	ok(model_read(&third, dir, NULL, &f) == -1 && strstr(f.msg, dir), "a directory is not a checkpoint: %s", f.msg);
	in_dir(path, sizeof path, "none");
	ok(model_read(&third, path, NULL, &f) == -1 && strstr(f.msg, path), "a missing file: %s", f.msg);
	buf_free(&config);
	buf_free(&config_again);
	model_free(&m);
	model_free(&again);
	return b;
}

/* The same file with one piece of its header replaced. */
static void replaced(const struct buf *b, const char *what, const char *by, const char *want)
{
	struct model m;
	struct fail f;
	uint64_t n;
	memcpy(&n, b->p, 8);
	char *at = memmem(b->p + 8, n, what, strlen(what)), *copy = calloc(b->len + strlen(by) + 1, 1);
	size_t before = at ? (size_t)(at - b->p) : 0, left = b->len - before - strlen(what);
	memcpy(copy, b->p, before);
	memcpy(copy + before, by, strlen(by));
	memcpy(copy + before + strlen(by), b->p + before + strlen(what), left);
	n += strlen(by) - strlen(what);
	memcpy(copy, &n, 8);
	int r = read_bytes(&m, copy, before + strlen(by) + left, &f);
	char shown[100];
	ok(at && r == -1 && strstr(f.msg, want) && is_message(&f), "%s: %s", name_show(shown, sizeof shown, by), f.msg);
	if (!r)
		model_free(&m);
	free(copy);
}

static void test_header(const struct buf *b)
{
	/* encoder.1: 2x2 and 2; decoder.0: 3x1 and 3; decoder.2: 2x3 and 2 */
	static const char w[] = "\"encoder.1.weight\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}";
	static const struct {
		const char *what, *by, *want;
	} cases[] = {
		{"\"shape\":[2,2]", "\"shape\":[2,3]", "has shape [2, 3]; the configuration needs [2, 2]"}, {"\"shape\":[2,2]", "\"shape\":[4]", "has shape [4]"},
		{"\"shape\":[2,2]", "\"shape\":[]", "has shape []"}, {"\"shape\":[2,2]", "\"shape\":[2,2,1]", "has shape [2, 2, 1]"},
		{"\"shape\":[2,2]", "\"shape\":[1,1,1,1,1,1,1,1,2,2]", "has shape"}, {"\"shape\":[2,2]", "\"shape\":[-2,-2]", "the configuration needs [2, 2]"},
		{"\"shape\":[2,2]", "\"shape\":[2.0,\"2\"]", "the configuration needs [2, 2]"}, {"\"shape\":[2,2]", "\"shape\":7", "shape"},
		{"\"F32\"", "\"F64\"", "is F64; it must be F32"}, {"\"F32\"", "7", "dtype"}, {"\"F32\"", "\"\\u001b[31m\"", "it must be F32"},
		{"[0,16]", "[-16,16]", "outside"}, {"[0,16]", "[0,99999]", "outside"}, {"[0,16]", "[16,0]", "outside"}, {"[0,16]", "[0]", "data_offsets"},
		{"[0,16]", "[0,9223372036854775807]", "outside"}, {"[0,16]", "[-9223372036854775808,16]", "outside"}, {"[0,16]", "[0,99999999999999999999]", "JSON"},
		{"[0,16]", "[0,12]", "hole"}, {"[0,16]", "[0,20]", "overlap"}, {"[0,16]", "[4,16]", "hole"}, {"[16,24]", "[8,16]", "overlap"},
		{"[0,16]", "[\"a\",16]", "data_offsets"}, {w, "\"x\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}", "'encoder.1.weight' is missing"},
		{w, "\"\\u001b]0;x\\u0007\":3", "dtype"}, {w, "\"encoder.1.bias\":3", "JSON"}, {"\"config\":", "\"konfig\":", "no configuration"},
		{"\"__metadata__\":", "\"__metadata__\":3,\"y\":", "not an object"}, {"{\"encoder", "[{\"encoder", "JSON"}, {"{\"encoder", "\033", "JSON"},
		{"latent: 1", "latent: 70000", "latent"}, {"format: 1", "format: 9", "newer"}, {"linear: 3", "linear: 1000000", "the configuration needs [1000000, 1]"},
		{"linear: 2", "linear: 4", "but must end in 2"}, {"flatten, ", "flatten, relu, ", "'encoder.2.weight' is missing"}, {"\"step\":\"123456789\"", "\"step\":\"1e300\"", "step"},
		{"\"step\":\"123456789\"", "\"step\":\"nan\"", "step"}, {"\"steps_since\":\"1234\"", "\"steps_since\":\"-1\"", "steps_since"},
		{"\"records\":\"60000\"", "\"records\":\"0.5\"", "records"}, {"\"lr\":\"0.00012345\"", "\"lr\":\"inf\"", "lr"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		replaced(b, cases[i].what, cases[i].by, cases[i].want);
}

static void test_bytes(const struct buf *b)
{
	struct model m;
	struct fail f;
	size_t bad = 0, taken = 0, n = 0, cut = 0;
	for (size_t len = 0; len < b->len; len++)
		cut += read_bytes(&m, b->p, len, &f) == -1 && is_message(&f);
	ok(cut == b->len, "truncated at each of %zu bytes: refused with a message", cut);
	char *copy = calloc(b->len + 1, 1);
	memcpy(copy, b->p, b->len);
	ok(read_bytes(&m, copy, b->len + 1, &f) == -1 && strstr(f.msg, "after"), "one byte too many: %s", f.msg);
	for (size_t i = 0; i < b->len; i++)
		for (int bit = 0; bit < 8; bit++, n++) {
			copy[i] ^= (char)(1 << bit);
			if (read_bytes(&m, copy, b->len, &f)) {
				bad += !is_message(&f);
			} else {
				taken++;
				bad += !finite_params(&m) || m.step < 0 || m.since < 0 || m.records < 0;
				model_free(&m);
			}
			copy[i] ^= (char)(1 << bit);
		}
	ok(bad == 0 && taken > 20 && taken < n / 50, "%zu files with a changed bit: %zu are finite models, the others have a message", n, taken);
	free(copy);
}

/* Damage that leaves finite numbers is found by the checksums. A file without them is accepted, and marked so. */
static void test_checksums(const struct buf *b)
{
	struct model m;
	struct fail f = {{0}};
	char *copy = calloc(b->len, 1);
	memcpy(copy, b->p, b->len);
	ok(!read_bytes(&m, copy, b->len, &f) && m.checked, "files written here have checksums");
	model_free(&m);
	copy[b->len - 4] ^= 1; /* the last bit of a bias of decoder.2 */
	ok(read_bytes(&m, copy, b->len, &f) == -1 && strstr(f.msg, "'decoder.2.bias' does not match its checksum"), "one bit of a tensor: %s", f.msg);
	copy[b->len - 4] ^= 1;
	char *at = memmem(copy, b->len, "\"records\":\"6", 12);
	at[11] = '5';
	ok(read_bytes(&m, copy, b->len, &f) == -1 && strstr(f.msg, "metadata do not match"), "one digit of the metadata: %s", f.msg);
	at[11] = '6';
	at = memmem(copy, b->len, "\"checksums\"", 11);
	memcpy(at, "\"checksumz\"", 11);
	ok(read_bytes(&m, copy, b->len, &f) == -1 && strstr(f.msg, "damaged"), "checksums whose name is damaged: %s", f.msg);
	char first = at[13];
	at[13] = 'x'; /* of their text */
	ok(!read_bytes(&m, copy, b->len, &f) && !m.checked, "a file without checksums is accepted: %s", f.msg);
	model_free(&m);
	memcpy(at, "\"checksums\"", 11);
	at[13] = first;
	at = memmem(copy, b->len, " encoder.1.bias=", 16);
	at[1] = 'f';
	ok(read_bytes(&m, copy, b->len, &f) == -1 && strstr(f.msg, "'fncoder.1.bias' has a checksum, but is missing"), "a checksum without a tensor: %s", f.msg);
	at[1] = 'e';
	at[20] = 'x';
	ok(read_bytes(&m, copy, b->len, &f) == -1 && strstr(f.msg, "is not a checksum"), "an invalid checksum: %s", f.msg);
	free(copy);
}

/* Two checkpoints with the same number of parameters in different layers are not one model. */
static void test_mixed(void)
{
	static const char *const lists[2] = {"{linear: 2}, {linear: 4}, {linear: 2}", "{linear: 4}, {linear: 2}, {linear: 2}"};
	struct model m, *opened;
	struct fail f = {{0}};
	char path[600], sub[512], text[512];
	uint64_t state = 1;
	int n;
	in_dir(sub, sizeof sub, "mixed.vae");
	mkdir(sub, 0777);
	for (int i = 0; i < 2; i++) {
		/* with 2 inputs: 6 + 12 + 10, and 12 + 10 + 6 */
		snprintf(text, sizeof text, "input: {shape: [1, 1, 2]}\nmodel:\n  latent: 1\n  encoder: [%s]\n  decoder: [{linear: 2}]\n", lists[i]);
		naive_model(&m, text, 1, &state);
		ok(m.nparams == 32, "%s: %zu parameters", lists[i], m.nparams);
		checkpoint_path(path, sizeof path, sub, i);
		if (model_write(&m, path, &f))
			BAIL(&f);
		model_free(&m);
	}
	snprintf(path, sizeof path, "%s/model.yaml", sub);
	close(open(path, O_CREAT | O_WRONLY, 0666));
	int r = models_open(&opened, &n, sub, "all", NULL, &f);
	ok(r == -1 && strstr(f.msg, "network"), "checkpoints of two networks: %s", f.msg);
	if (!r)
		models_free(opened, n);
	r = models_open(&opened, &n, sub, "last", NULL, &f);
	ok(!r && n == 1 && opened[0].enc.l[0].out == 4, "the last one alone is a model");
	if (!r)
		models_free(opened, n);
	unlink(path);
	for (int i = 0; i < 2; i++) {
		checkpoint_path(path, sizeof path, sub, i);
		unlink(path);
	}
	rmdir(sub);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	struct fail f;
	char path[512];
	snprintf(dir, sizeof dir, "%.400s/test_model.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(dir)) {
		fail_errno(&f, "%s", dir);
		BAIL(&f);
	}
	struct buf b = test_round_trip();
	test_header(&b);
	test_bytes(&b);
	test_checksums(&b);
	test_mixed();
	buf_free(&b);
	in_dir(path, sizeof path, "a.safetensors");
	unlink(path);
	ok(!rmdir(dir), "no other file is left");
	return done();
}
