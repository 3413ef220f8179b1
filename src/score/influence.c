/* For a batch of B records and m draws, per checkpoint:
 *   encoder forward (B rows) -> mu, logvar -> xi (B m rows) -> decoder forward -> loss and its
 *   gradient -> decoder backward (B m rows) -> gradients by mu and logvar, draw by draw.
 * Decoder layers: two Gram matrices a record. Encoder layers: one backward pass of the mean over
 * the draws (two, one a half, for the cross estimator), and a tangent pass along the mean
 * gradient, whose result s gives <g_j, mean g> = s . (gradient by the encoder's output of draw j). */
#include "influence.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loss.h"
#include "mat.h"
#include "rng.h"

struct influence {
	const struct model *models;
	int n, batch, draws, latent, half; /* draws [0, half) and [half, draws) are the two halves */
	struct config cfg;
	struct tape enc, dec, ddec, denc[2], tangent;
	float *sigma;                  /* [batch][latent] */
	float *eps, *xi, *dxi, *dhead; /* [batch][draws][latent], dhead [..][2 latent] */
	float *ga, *gd;                /* [draws][draws] */
	double *recon, *nll;           /* [batch][draws] */
	double *h;                     /* [batch][draws]: sum over checkpoints of w <g_j, mean g> */
	char use_enc[CONFIG_MAX_LAYERS], use_dec[CONFIG_MAX_LAYERS];
};

int influence_batch(int draws) { return draws >= 1024 ? 1 : 1024 / draws; }

double checkpoint_weight(const struct model *m)
{
	if (m->cfg.score.weights == WEIGHTS_ONE)
		return 1;
	return m->lr * (double)m->since / (double)(m->records > 0 ? m->records : 1);
}

static void choose_layers(const struct network *net, const char *list, char *use, int *named)
{
	for (int i = 0; i < net->n; i++) {
		char name[40];
		snprintf(name, sizeof name, "%s.%d", net->name, i);
		use[i] = 0;
		for (const char *p = list; net->l[i].kind == LAYER_LINEAR && *p;) {
			size_t len = strcspn(p, ",");
			int whole = (len == 3 && memcmp(p, "all", 3) == 0) || (len == strlen(net->name) && memcmp(p, net->name, len) == 0);
			if (whole || (len == strlen(name) && memcmp(p, name, len) == 0)) {
				use[i] = 1;
				*named += !whole;
			}
			p += len + (p[len] == ',');
		}
	}
}

static int parse_layers(struct influence *s, struct fail *f)
{
	const char *list = s->cfg.score.layers;
	int named = 0, wanted = 0;
	choose_layers(&s->models[0].enc, list, s->use_enc, &named);
	choose_layers(&s->models[0].dec, list, s->use_dec, &named);
	for (const char *p = list; *p;) {
		size_t len = strcspn(p, ",");
		wanted += !(len == 3 && memcmp(p, "all", 3) == 0) && !(len == 7 && (memcmp(p, "encoder", 7) == 0 || memcmp(p, "decoder", 7) == 0));
		p += len + (p[len] == ',');
	}
	if (!*list || named < wanted)
		return fail_set(f, "--layers '%s': the model has no such layer with weights; try all, encoder, decoder, or names as vae-ckpt show prints them", list);
	return 0;
}

static float *floats(size_t n)
{
	size_t bytes = (n * sizeof(float) + 63) / 64 * 64;
	float *p = aligned_alloc(64, bytes);
	if (p)
		memset(p, 0, bytes);
	return p;
}

struct influence *influence_open(const struct model *models, int n, int batch, struct fail *f)
{
	struct influence *s = calloc(1, sizeof *s);
	if (!s) {
		fail_set(f, "out of memory");
		return NULL;
	}
	const struct model *m = &models[n - 1];
	*s = (struct influence){.models = models, .n = n, .batch = batch, .cfg = m->cfg, .draws = m->cfg.score.draws, .latent = m->cfg.latent};
	s->half = s->draws / 2;
	int rows = batch * s->draws;
	size_t size = (size_t)rows * (size_t)s->latent;
	if (parse_layers(s, f) || tape_open(&s->enc, &m->enc, batch, f) || tape_open(&s->denc[0], &m->enc, batch, f) ||
	    tape_open(&s->denc[1], &m->enc, batch, f) || tape_open(&s->tangent, &m->enc, batch, f) ||
	    tape_open(&s->dec, &m->dec, rows, f) || tape_open(&s->ddec, &m->dec, rows, f)) {
		influence_close(s);
		return NULL;
	}
	s->sigma = floats((size_t)batch * (size_t)s->latent);
	s->eps = floats(size);
	s->xi = floats(size);
	s->dxi = floats(size);
	s->dhead = floats(2 * size);
	s->ga = floats((size_t)s->draws * (size_t)s->draws);
	s->gd = floats((size_t)s->draws * (size_t)s->draws);
	s->recon = calloc((size_t)rows, sizeof *s->recon);
	s->nll = calloc((size_t)rows, sizeof *s->nll);
	s->h = calloc((size_t)rows, sizeof *s->h);
	if (!s->sigma || !s->eps || !s->xi || !s->dxi || !s->dhead || !s->ga || !s->gd || !s->recon || !s->nll || !s->h) {
		fail_set(f, "out of memory for %d rows", rows);
		influence_close(s);
		return NULL;
	}
	return s;
}

void influence_close(struct influence *s)
{
	if (!s)
		return;
	struct tape *t[] = {&s->enc, &s->dec, &s->ddec, &s->denc[0], &s->denc[1], &s->tangent};
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
		free(t[i]->all);
	free(s->sigma);
	free(s->eps);
	free(s->xi);
	free(s->dxi);
	free(s->dhead);
	free(s->ga);
	free(s->gd);
	free(s->recon);
	free(s->nll);
	free(s->h);
	free(s);
}

/* --- one checkpoint --- */

static void draw(struct influence *s, const struct model *m, const uint64_t *id, const float *eps)
{
	int n = s->latent;
	for (int r = 0; r < s->batch; r++) {
		const float *head = s->enc.v[m->enc.last] + (size_t)r * 2 * (size_t)n;
		float *sigma = s->sigma + (size_t)r * (size_t)n;
		for (int i = 0; i < n; i++)
			sigma[i] = expf(0.5f * head[n + i]);
		for (int j = 0; j < s->draws; j++) {
			size_t at = ((size_t)r * (size_t)s->draws + (size_t)j) * (size_t)n;
			if (eps)
				memcpy(s->eps + at, eps + at, (size_t)n * sizeof *eps);
			else
				rng_normal(s->eps + at, n, (uint64_t)s->cfg.score.seed, ROLE_TRAIN_RECORD, (uint64_t)m->step, id[r], (uint32_t)j);
			for (int i = 0; i < n; i++)
				s->xi[at + (size_t)i] = head[i] + sigma[i] * s->eps[at + (size_t)i];
		}
	}
}

static void losses(struct influence *s, const struct model *m, const float *x)
{
	enum likelihood scored = (enum likelihood)s->cfg.score.likelihood, trained = (enum likelihood)s->cfg.train.likelihood;
	int n = m->enc.in;
	for (int r = 0; r < s->batch; r++)
		for (int j = 0; j < s->draws; j++) {
			size_t row = (size_t)r * (size_t)s->draws + (size_t)j;
			const float *f = s->dec.v[m->dec.last] + row * (size_t)n, *xr = x + (size_t)r * (size_t)n;
			s->nll[row] = trained == scored ? 0 : loss_recon(trained, f, xr, n, NULL);
			s->recon[row] = loss_recon(scored, f, xr, n, s->ddec.v[m->dec.last] + row * (size_t)n);
			if (trained == scored)
				s->nll[row] = s->recon[row];
		}
}

/* Gradient by mu and logvar of one draw. Pathwise: through xi. Score function (eq. 9 as printed):
 * grad log Q(xi|x) * (beta log Q/P + recon), xi held still. */
static void head_gradient(const struct influence *s, const float *head, const float *sigma, size_t row, float *d)
{
	int n = s->latent;
	const float *g = s->dxi + row * (size_t)n, *eps = s->eps + row * (size_t)n, *xi = s->xi + row * (size_t)n;
	float beta = (float)s->cfg.score.beta;
	if (s->cfg.score.gradient == PATHWISE) {
		for (int i = 0; i < n; i++) {
			d[i] = beta * head[i] + g[i];
			d[n + i] = 0.5f * (beta * (sigma[i] * sigma[i] - 1) + g[i] * sigma[i] * eps[i]);
		}
		return;
	}
	double ratio = 0;
	for (int i = 0; i < n; i++)
		ratio += 0.5 * ((double)xi[i] * (double)xi[i] - (double)eps[i] * (double)eps[i] - (double)head[n + i]);
	float scale = (float)(s->cfg.score.beta * ratio + s->recon[row]);
	for (int i = 0; i < n; i++) {
		d[i] = scale * eps[i] / sigma[i];
		d[n + i] = scale * 0.5f * (eps[i] * eps[i] - 1);
	}
}

/* Means of the draws' gradients by the encoder's output: over all draws into denc[0], or one half
 * each into denc[0] and denc[1]. */
static void head_means(struct influence *s, const struct model *m, int halves)
{
	size_t n = 2 * (size_t)s->latent;
	for (int r = 0; r < s->batch; r++) {
		const float *head = s->enc.v[m->enc.last] + (size_t)r * n;
		for (int k = 0; k < halves; k++) {
			int from = halves == 2 && k ? s->half : 0, to = halves == 2 && !k ? s->half : s->draws;
			float *mean = s->denc[k].v[m->enc.last] + (size_t)r * n;
			float share = 1.0f / (float)(to - from);
			memset(mean, 0, n * sizeof *mean);
			for (int j = from; j < to; j++) {
				size_t row = (size_t)r * (size_t)s->draws + (size_t)j;
				float *d = s->dhead + row * n;
				head_gradient(s, head, s->sigma + (size_t)r * (size_t)s->latent, row, d);
				for (size_t i = 0; i < n; i++)
					mean[i] += d[i] * share;
			}
		}
	}
}

struct target { /* where a checkpoint's contribution goes */
	double w;
	struct score *out;
	double *part;
	int ntensors;
};

static void add_part(const struct target *t, int r, int tensor, double v)
{
	t->out[r].selfinf += t->w * v;
	if (t->part)
		t->part[(size_t)r * (size_t)t->ntensors + (size_t)tensor] += t->w * v;
}

static void encoder_parts(struct influence *s, const struct model *m, const float *x, int halves, const struct target *t)
{
	const struct network *net = &m->enc;
	float left = halves == 2 ? (float)s->half / (float)s->draws : 1;
	int tensor = 0;
	for (int i = 0; i < net->n; i++) {
		const struct layer *l = &net->l[i];
		if (l->kind == LAYER_RELU)
			relu_backward(s->tangent.v[l->source], s->enc.v[l->source], s->batch, l->out, 0, l->out);
		if (l->kind != LAYER_LINEAR)
			continue;
		const float *in = network_source(net, i, x, &s->enc);
		float *tangent = s->tangent.v[i];
		for (int r = 0; r < s->batch; r++) {
			const float *a = in + (size_t)r * (size_t)l->in;
			const float *d0 = s->denc[0].v[i] + (size_t)r * (size_t)l->out;
			const float *d1 = s->denc[halves - 1].v[i] + (size_t)r * (size_t)l->out;
			double aa = dot(a, a, l->in), dd = dot(d0, d1, l->out);
			float along = s->use_enc[i] ? (float)(aa + 1) : 0;
			for (int k = 0; k < l->out; k++)
				tangent[(size_t)r * (size_t)l->out + (size_t)k] = along * (left * d0[k] + (1 - left) * d1[k]);
			if (s->use_enc[i]) {
				add_part(t, r, tensor, aa * dd);
				add_part(t, r, tensor + 1, dd);
			}
		}
		if (l->source >= 0)
			mat_nt(tangent, l->out, s->tangent.v[l->source], l->in, m->params + l->weight, l->in, s->batch, l->out, l->in, 1);
		tensor += 2;
	}
	const float *last = s->tangent.v[net->last];
	for (int r = 0; r < s->batch; r++)
		for (int j = 0; j < s->draws; j++) {
			size_t row = (size_t)r * (size_t)s->draws + (size_t)j;
			s->h[row] += t->w * dot(s->dhead + row * (size_t)net->out, last + (size_t)r * (size_t)net->out, net->out);
		}
}

static void decoder_parts(struct influence *s, const struct model *m, const struct target *t)
{
	const struct network *net = &m->dec;
	int n = s->draws, cross = s->cfg.score.estimator == CROSS, tensor = 0;
	/* the pairs (j, k) that count: all, or one of each half */
	int to_j = cross ? s->half : n, from_k = cross ? s->half : 0;
	double pairs = (double)to_j * (double)(n - from_k);
	for (int i = 0; i < m->enc.n; i++)
		tensor += 2 * (m->enc.l[i].kind == LAYER_LINEAR);
	for (int i = 0; i < net->n; i++) {
		const struct layer *l = &net->l[i];
		if (l->kind != LAYER_LINEAR)
			continue;
		const float *in = network_source(net, i, s->xi, &s->dec);
		for (int r = 0; s->use_dec[i] && r < s->batch; r++) {
			size_t row = (size_t)r * (size_t)n;
			const float *a = in + row * (size_t)l->in, *d = s->ddec.v[i] + row * (size_t)l->out;
			mat_nt(s->ga, n, a, l->in, a, l->in, n, n, l->in, 0);
			mat_nt(s->gd, n, d, l->out, d, l->out, n, n, l->out, 0);
			double weight = 0, bias = 0;
			for (int j = 0; j < n; j++) {
				double wj = 0, bj = 0, all = 0;
				for (int k = 0; k < n; k++) {
					double g = (double)s->gd[j * n + k], p = g * (double)s->ga[j * n + k];
					all += p + g;
					wj += k >= from_k ? p : 0;
					bj += k >= from_k ? g : 0;
				}
				s->h[row + (size_t)j] += t->w * all / n;
				weight += j < to_j ? wj : 0;
				bias += j < to_j ? bj : 0;
			}
			add_part(t, r, tensor, weight / pairs);
			add_part(t, r, tensor + 1, bias / pairs);
		}
		tensor += 2;
	}
}

/* The losses and norms of the last checkpoint. */
static void describe(const struct influence *s, const struct model *m, struct score *out)
{
	int n = s->latent;
	for (int r = 0; r < s->batch; r++) {
		const float *head = s->enc.v[m->enc.last] + (size_t)r * 2 * (size_t)n;
		double var = 0;
		out[r].recon = out[r].nll = 0;
		for (int j = 0; j < s->draws; j++) {
			out[r].recon += s->recon[r * s->draws + j] / s->draws;
			out[r].nll += s->nll[r * s->draws + j] / s->draws;
		}
		for (int i = 0; i < n; i++)
			var += exp((double)head[n + i]);
		out[r].kl = loss_kl(head, n);
		out[r].loss = s->cfg.score.beta * out[r].kl + out[r].recon;
		out[r].mu_norm = sqrt(dot(head, head, n));
		out[r].sigma_norm = sqrt(var);
	}
}

/* Delta method: the estimate is close to |E g|^2, whose change with the mean of g is 2 <g, E g>. */
static double standard_error(const double *h, int n)
{
	double mean = 0, q = 0;
	if (n < 2)
		return NAN;
	for (int j = 0; j < n; j++)
		mean += h[j] / n;
	for (int j = 0; j < n; j++)
		q += (h[j] - mean) * (h[j] - mean);
	return 2 * sqrt(q / (n - 1) / n);
}

void influence_score(struct influence *s, const float *x, const uint64_t *id, const float *eps, struct score *out, double *part)
{
	int ntensors = s->models[0].ntensors, halves = s->cfg.score.estimator == CROSS ? 2 : 1;
	memset(out, 0, (size_t)s->batch * sizeof *out);
	memset(s->h, 0, (size_t)s->batch * (size_t)s->draws * sizeof *s->h);
	if (part)
		memset(part, 0, (size_t)s->batch * (size_t)ntensors * sizeof *part);
	for (int c = 0; c < s->n; c++) {
		const struct model *m = &s->models[c];
		struct target t = {checkpoint_weight(m), out, part, ntensors};
		network_forward(&m->enc, m->params, x, &s->enc);
		draw(s, m, id, eps);
		network_forward(&m->dec, m->params, s->xi, &s->dec);
		losses(s, m, x);
		network_backward(&m->dec, m->params, &s->dec, &s->ddec, s->dxi);
		head_means(s, m, halves);
		for (int k = 0; k < halves; k++)
			network_backward(&m->enc, m->params, &s->enc, &s->denc[k], NULL);
		encoder_parts(s, m, x, halves, &t);
		decoder_parts(s, m, &t);
		if (c == s->n - 1)
			describe(s, m, out);
	}
	for (int r = 0; r < s->batch; r++)
		out[r].selfinf_se = standard_error(s->h + (size_t)r * (size_t)s->draws, s->draws);
}

/* --- dot products between records --- */

/* out[r][q] += sum over the draws of r and q of (a.a' + 1)(d.d') / draws^2; a and d have `draws` rows a record */
static int add_dots(double *out, const float *a, int na, const float *d, int nd, int batch, int draws, struct fail *f)
{
	int rows = batch * draws;
	float *ga = floats((size_t)draws * (size_t)rows), *gd = floats((size_t)draws * (size_t)rows);
	for (int r = 0; ga && gd && r < batch; r++) {
		size_t row = (size_t)r * (size_t)draws;
		mat_nt(ga, rows, a + row * (size_t)na, na, a, na, draws, rows, na, 0);
		mat_nt(gd, rows, d + row * (size_t)nd, nd, d, nd, draws, rows, nd, 0);
		for (int j = 0; j < draws; j++)
			for (int k = 0; k < rows; k++)
				out[r * batch + k / draws] += ((double)ga[j * rows + k] + 1) * (double)gd[j * rows + k] / draws / draws;
	}
	int bad = !ga || !gd;
	free(ga);
	free(gd);
	return bad ? fail_set(f, "out of memory") : 0;
}

int influence_gram(struct influence *s, const float *x, double *out, struct fail *f)
{
	const struct model *m = &s->models[s->n - 1];
	if (s->cfg.score.estimator != PLUGIN)
		return fail_set(f, "dot products of mean gradients want the plugin estimator");
	memset(out, 0, (size_t)s->batch * (size_t)s->batch * sizeof *out);
	for (int i = 0; i < m->enc.n; i++)
		if (s->use_enc[i] && add_dots(out, network_source(&m->enc, i, x, &s->enc), m->enc.l[i].in, s->denc[0].v[i], m->enc.l[i].out, s->batch, 1, f))
			return -1;
	for (int i = 0; i < m->dec.n; i++)
		if (s->use_dec[i] && add_dots(out, network_source(&m->dec, i, s->xi, &s->dec), m->dec.l[i].in, s->ddec.v[i], m->dec.l[i].out, s->batch, s->draws, f))
			return -1;
	for (int i = 0; i < s->batch * s->batch; i++)
		out[i] *= checkpoint_weight(m);
	return 0;
}
