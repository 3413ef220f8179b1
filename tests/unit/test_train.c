/* Training steps: the same bits for any number of threads, Adam and SGD against naive.h, losses that are not finite. Scores: the same
 * bits every time, and nearly the same values in another order of the records. */
#include "influence/influence.h"
#include "gemm/mat.h"
#include "naive.h"
#include "train/trainer.h"

enum { BATCH = 13, LATENT = 5 };

/* Layers of 520 and 70 outputs, cut into four tasks and two; a batch that is not a multiple of eight. */
static const char wide[] = "input: {shape: [1, 9, 10]}\nmodel:\n  latent: 5\n"
			   "  encoder: [flatten, {linear: 520}, relu, {linear: 33}, relu, {linear: 10}]\n"
			   "  decoder: [{linear: 70}, relu, {linear: 520}, relu, {linear: 90}]\n";
static const char narrow[] = "input: {shape: [1, 9, 10]}\nmodel:\n  latent: 5\n"
			     "  encoder: [flatten, {linear: 11}, relu, {linear: 10}]\n  decoder: [{linear: 70}, relu, {linear: 90}]\n";
/* Two row tasks; every kind of layer except linear, in runs. */
static const char pictures[] = "input: {shape: [1, 9, 10]}\nmodel:\n  latent: 5\n"
			       "  encoder: [tanh, {conv2d: {out: 70, kernel: 3, stride: 4, padding: 1}}, relu, {conv2d: {out: 8, kernel: 2}}, leaky_relu,\n"
			       "    flatten, {linear: 20}, relu, {linear: 10}]\n"
			       "  decoder: [{linear: 60}, relu, {unflatten: [2, 5, 6]}, sigmoid, {conv_transpose2d: {out: 3, kernel: 2}}, relu,\n"
			       "    {conv_transpose2d: {out: 1, kernel: 4}}]\n";
enum { INPUT = 90 };

struct run {
	struct model m;
	struct pool *pool;
	struct trainer *t;
	uint64_t data;
	float x[BATCH * INPUT], eps[BATCH * LATENT];
};

static void begin(struct run *r, const char *yaml, int threads, int optimizer, double lr)
{
	struct fail f = {{0}};
	uint64_t state = 1;
	naive_model(&r->m, yaml, 0.1, &state);
	r->m.cfg.train.batch = BATCH;
	r->m.cfg.train.optimizer = optimizer;
	r->m.cfg.train.lr = lr;
	r->m.cfg.train.beta = 2;
	r->data = 2;
	r->pool = pool_open(threads, &f);
	r->t = r->pool ? trainer_open(&r->m, r->pool, &f) : NULL;
	if (!r->t)
		BAIL(&f);
}

static void next_batch(struct run *r)
{
	naive_fill(r->x, BATCH * INPUT, 0, 1, &r->data);
	naive_fill(r->eps, BATCH * LATENT, 1, 1, &r->data);
}

static void end(struct run *r)
{
	trainer_close(r->t);
	pool_close(r->pool);
	model_free(&r->m);
}

static void test_threads(int optimizer, const char *yaml, const char *kind)
{
	enum { STEPS = 30 };
	static struct run r[3];
	struct train_stats s[3], fresh;
	struct fail f = {{0}};
	char name[40];
	snprintf(name, sizeof name, "%s, %s", kind, optimizer == ADAM ? "adam" : "sgd");
	for (int k = 0; k < 3; k++)
		begin(&r[k], yaml, k + 1, optimizer, optimizer == ADAM ? 0.003 : 0.001);
	size_t bytes = r[0].m.nparams * sizeof(float);
	double first = 0;
	for (int step = 0; step < STEPS; step++) {
		for (int k = 0; k < 3; k++) {
			next_batch(&r[k]);
			if (trainer_step(r[k].t, r[k].x, r[k].eps, &s[k], &f))
				BAIL(&f);
		}
		first = step ? first : s[0].loss;
		if (step && step < STEPS - 1)
			continue;
		for (int k = 1; k < 3; k++)
			ok(!memcmp(r[0].m.params, r[k].m.params, bytes) && !memcmp(&s[0], &s[k], sizeof *s),
			   "%s, step %d: %d threads give the same bits of weights and losses as one", name, step, k + 1);
	}
	if (yaml == wide) /* the other one starts at the loss of gray, which is the best for noise */
		ok(s[0].loss < 0.97 * first, "%s: the loss falls, from %g to %g", name, first, s[0].loss);
	float *kept = malloc(bytes);
	memcpy(kept, r[1].m.params, bytes);
	next_batch(&r[1]);
	trainer_loss(r[1].t, r[1].x, r[1].eps, &fresh);
	ok(!memcmp(kept, r[1].m.params, bytes), "%s: trainer_loss() changes no weight", name);
	trainer_step(r[1].t, r[1].x, r[1].eps, &s[1], &f);
	ok(fresh.loss == s[1].loss && fresh.recon == s[1].recon && fresh.kl == s[1].kl && memcmp(kept, r[1].m.params, bytes),
	   "%s: trainer_loss() gives the loss of the step", name);
	free(kept);
	for (int k = 0; k < 3; k++)
		end(&r[k]);
}

/* Algorithm 1 of Kingma & Ba, and gradient descent, with gradients in double. */
static void test_optimizer(int optimizer, const char *yaml, const char *kind)
{
	enum { STEPS = 8 };
	static struct run r;
	char name[40];
	snprintf(name, sizeof name, "%s, %s", kind, optimizer == ADAM ? "adam" : "sgd");
	double lr = optimizer == ADAM ? 0.01 : 0.02, xd[INPUT], epsd[LATENT];
	begin(&r, yaml, 2, optimizer, lr);
	struct naive n = naive_of(&r.m, BERNOULLI, 2);
	double *g = calloc(n.n, sizeof *g), *m = calloc(n.n, sizeof *m), *v = calloc(n.n, sizeof *v), *w = calloc(n.n, sizeof *w);
	double *start = calloc(n.n, sizeof *start);
	float *gradient = mat_floats(n.n);
	memcpy(start, n.p, n.n * sizeof *start);
	for (int step = 1; step <= STEPS; step++) {
		struct train_stats s;
		struct naive_draw t;
		struct fail f = {{0}};
		double loss = 0;
		next_batch(&r);
		trainer_gradient(r.t, r.x, r.eps, gradient, &s);
		double square = dot(gradient, gradient, (int)n.n);
		if (trainer_step(r.t, r.x, r.eps, &s, &f))
			BAIL(&f);
		memset(g, 0, n.n * sizeof *g);
		for (int k = 0; k < BATCH; k++) {
			to_double(xd, r.x + k * INPUT, INPUT);
			to_double(epsd, r.eps + k * LATENT, LATENT);
			loss += naive_loss(&n, xd, epsd, &t) / BATCH;
			naive_gradient(&n, xd, epsd, 0, g);
		}
		for (size_t i = 0; i < n.n; i++) {
			g[i] /= BATCH;
			m[i] = 0.9 * m[i] + 0.1 * g[i];
			v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
			n.p[i] -= optimizer == SGD ? lr * g[i] : lr * m[i] / (1 - pow(0.9, step)) / (sqrt(v[i] / (1 - pow(0.999, step))) + 1e-8);
		}
		ok(fabs(s.loss / loss - 1) < 1e-5 && fabs(square / inner(g, g, n.n) - 1) < 1e-4,
		   "%s, step %d: loss %.7g (%.7g) and squared norm of the gradient %.6g (%.6g)", name, step, s.loss, loss, square, inner(g, g, n.n));
	}
	/* the error is relative to the change of the weights */
	to_double(w, r.m.params, n.n);
	for (size_t i = 0; i < n.n; i++) {
		w[i] -= start[i];
		n.p[i] -= start[i];
	}
	double e = relative_distance(w, n.p, n.n), tolerance = optimizer == ADAM ? 3e-4 : 1e-5;
	ok(e < tolerance, "%s: %d steps change the weights as in double, relative error %.2g", name, STEPS, e);
	free(g), free(m), free(v), free(w), free(start), free(gradient), free(n.p);
	end(&r);
}

/* A batch in two shares: trainer_gradient() of each, their sum, and trainer_apply() with half of it change the weights as trainer_step() on
 * the whole batch does. */
static void test_shares(int optimizer, const char *yaml, const char *kind)
{
	enum { STEPS = 4, SHARE = 6 };
	static struct run whole, parts;
	struct fail f = {{0}};
	double lr = optimizer == ADAM ? 0.003 : 0.01;
	begin(&whole, yaml, 2, optimizer, lr);
	begin(&parts, yaml, 2, optimizer, lr);
	trainer_close(whole.t);
	trainer_close(parts.t);
	whole.m.cfg.train.batch = parts.m.cfg.train.batch = 2 * SHARE;
	parts.m.cfg.train.shards = 2;
	whole.t = trainer_open(&whole.m, whole.pool, &f);
	parts.t = trainer_open(&parts.m, parts.pool, &f);
	if (!whole.t || !parts.t)
		BAIL(&f);
	size_t n = whole.m.nparams;
	float *g[2] = {mat_floats(n), mat_floats(n)};
	double *start = calloc(n, sizeof *start), *a = calloc(n, sizeof *a), *b = calloc(n, sizeof *b), losses = 0;
	to_double(start, whole.m.params, n);
	for (int step = 0; step < STEPS; step++) {
		struct train_stats s, p[2];
		next_batch(&whole);
		if (trainer_step(whole.t, whole.x, whole.eps, &s, &f))
			BAIL(&f);
		for (int k = 0; k < 2; k++)
			trainer_gradient(parts.t, whole.x + k * SHARE * INPUT, whole.eps + k * SHARE * LATENT, g[k], &p[k]);
		for (size_t i = 0; i < n; i++)
			g[0][i] += g[1][i];
		trainer_apply(parts.t, g[0], 0.5f);
		losses = fmax(losses, fabs((p[0].loss + p[1].loss) / 2 / s.loss - 1));
	}
	to_double(a, whole.m.params, n);
	to_double(b, parts.m.params, n);
	for (size_t i = 0; i < n; i++) {
		a[i] -= start[i];
		b[i] -= start[i];
	}
	double e = relative_distance(b, a, n), tolerance = optimizer == ADAM ? 3e-3 : 1e-5;
	ok(e < tolerance && losses < 1e-5, "%s, %s: a batch in two shares, relative error %.2g of weights and %.2g of losses", kind,
	   optimizer == ADAM ? "adam" : "sgd", e, losses);
	free(start), free(a), free(b), free(g[0]), free(g[1]);
	end(&whole);
	end(&parts);
}

static void test_not_finite(void)
{
	static struct run r;
	struct train_stats s;
	struct fail f = {{0}};
	begin(&r, wide, 1, SGD, 1e6);
	size_t bytes = r.m.nparams * sizeof(float);
	float *kept = malloc(bytes);
	int steps = 0, failed = 0;
	for (; steps < 10 && !failed; steps++) {
		memcpy(kept, r.m.params, bytes);
		next_batch(&r);
		failed = trainer_step(r.t, r.x, r.eps, &s, &f);
	}
	ok(failed == -1 && strstr(f.msg, "not finite"), "a learning rate of a million fails in step %d: '%s'", steps, f.msg);
	ok(!memcmp(kept, r.m.params, bytes), "the weights are those before that step");
	free(kept);
	end(&r);
	begin(&r, wide, 1, ADAM, 0.001);
	next_batch(&r);
	r.x[5] = NAN;
	f.msg[0] = 0;
	ok(trainer_step(r.t, r.x, r.eps, &s, &f) == -1 && strstr(f.msg, "not finite"), "a NAN input: '%s'", f.msg);
	end(&r);
}

/* --- scores --- */

static void test_scores(const char *yaml)
{
	enum { MANY = 101, FEW = 7 }; /* with 3 draws: rows that fill no tile of the products, and two slabs of a decoder without pictures */
	static float x[MANY * INPUT], y[MANY * INPUT];
	static struct score a[MANY], b[MANY];
	static double part[MANY * MODEL_MAX_TENSORS];
	uint64_t id[MANY], turned[MANY], state = 3;
	struct fail f = {{0}};
	struct model m;
	naive_model(&m, yaml, 0.15, &state);
	naive_fill(x, MANY * INPUT, 0, 1, &state);
	m.cfg.score.draws = 3;
	for (int r = 0; r < MANY; r++)
		id[r] = (uint64_t)r * 0x9e3779b97f4a7c15u;
	struct influence *s = influence_open(&m, 1, MANY, 0, &f), *other = influence_open(&m, 1, MANY, 0, &f);
	if (!s || !other)
		BAIL(&f);
	influence_score(s, MANY, x, id, NULL, a, NULL);
	influence_score(s, MANY, x, id, NULL, b, part);
	ok(!memcmp(a, b, sizeof a), "a second call, now with parts: the same bits");
	naive_fill(y, MANY * INPUT, 0, 1, &state);
	influence_score(other, MANY, y, id, NULL, b, NULL);
	influence_score(other, MANY, x, id, NULL, b, NULL);
	ok(!memcmp(a, b, sizeof a), "another object, after another batch: the same bits");
	memset(b, 0, sizeof b);
	influence_score(other, FEW, x, id, NULL, b, NULL);
	ok(!memcmp(a, b, FEW * sizeof *a), "the first %d of the batch: the same bits", FEW);
	int far = 0;
	double worst = 0;
	for (int turn = 1; turn < MANY; turn += 7) {
		for (int r = 0; r < MANY; r++) {
			int from = (r * 5 + turn) % MANY;
			memcpy(y + r * INPUT, x + from * INPUT, INPUT * sizeof *x);
			turned[r] = id[from];
		}
		influence_score(other, MANY, y, turned, NULL, b, NULL);
		for (int r = 0; r < MANY; r++) {
			const struct score *p = &a[(r * 5 + turn) % MANY];
			double e = fabs(b[r].selfinf / p->selfinf - 1);
			e = max_error(e, max_error(fabs(b[r].recon / p->recon - 1), fabs(b[r].kl / p->kl - 1)));
			worst = max_error(worst, e);
			far += e > 1e-5;
		}
	}
	ok(worst < 1e-3 && far < 15 * MANY / 20, "another order: %d of %d scores differ by more than 1e-5, at most by %.2g", far, 15 * MANY, worst);
	id[7]++;
	influence_score(s, MANY, x, id, NULL, b, NULL);
	int others = 0;
	for (int r = 0; r < MANY; r++)
		others += r != 7 && memcmp(&a[r], &b[r], sizeof *a);
	ok(others == 0 && a[7].selfinf != b[7].selfinf && a[7].kl == b[7].kl, "another id of one record: only its noise changes");
	m.cfg.score.seed = 1;
	influence_close(s);
	s = influence_open(&m, 1, MANY, 0, &f);
	influence_score(s, MANY, x, id, NULL, a, NULL);
	others = 0;
	for (int r = 0; r < MANY; r++)
		others += a[r].selfinf == b[r].selfinf;
	ok(others == 0, "another seed: all noise changes");
	m.step++;
	influence_score(s, MANY, x, id, NULL, b, NULL);
	others = 0;
	for (int r = 0; r < MANY; r++)
		others += a[r].selfinf == b[r].selfinf;
	ok(others == 0, "another step: all noise changes");
	influence_close(s);
	influence_close(other);
	model_free(&m);
}

int main(void)
{
	mat_thread_init();
	for (int optimizer = ADAM; optimizer <= SGD; optimizer++) {
		test_threads(optimizer, wide, "rows");
		test_shares(optimizer, wide, "rows");
		test_shares(optimizer, pictures, "pictures");
		test_threads(optimizer, pictures, "pictures");
		test_optimizer(optimizer, narrow, "rows");
		test_optimizer(optimizer, pictures, "pictures");
	}
	test_not_finite();
	test_scores(wide);
	test_scores(pictures);
	return done();
}
