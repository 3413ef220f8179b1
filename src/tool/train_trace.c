#include "tool/train_trace.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { FLUSH = 1 << 16 };

int train_trace_check(const struct train_trace *t, const struct config *cfg, struct fail *f)
{
	if (t->output && cfg->train.optimizer != SGD)
		return fail_set(f, "--trace requires gradient descent, whose steps are sums of gradients: use --set train.optimizer=sgd, and a train.lr for it");
	return 0;
}

int train_trace_open(struct train_trace *t, const struct model *m, const struct dataset *data, struct pool *pool, const struct cli *c, struct fail *f)
{
	struct config cfg = m->cfg;
	if (!t->output)
		return 0;
	if (memo_truth_read(&t->truth, &cfg, c, data->limit, f))
		return -1;
	t->trace = trace_open(m, data, &t->truth.data, pool, f);
	if (!t->trace || atomic_open(&t->to, t->output, f) || buf_addf(&t->text, f, "step\ttest\tloss\tfall\tinfluence\texact\n"))
		return fail_add(f, "--trace");
	return 0;
}

static int flush(struct train_trace *t, struct fail *f)
{
	if (write_all(t->to.fd, t->text.p, t->text.len, f))
		return fail_add(f, "--trace %s", t->output);
	t->text.len = 0;
	return 0;
}

static void add_pair(struct co_moments *m, double x, double y)
{
	double dx = x - m->x, dy = y - m->y;
	m->n++;
	m->x += dx / m->n;
	m->y += dy / m->n;
	m->xx += dx * (x - m->x);
	m->yy += dy * (y - m->y);
	m->xy += dx * (y - m->y);
}

int train_trace_step(struct train_trace *t, int after, int64_t step, const uint32_t *row, const float *eps, struct fail *f)
{
	const struct trace_row *v;
	if (!after)
		return trace_before(t->trace, step, row, eps, f) ? fail_add(f, "--trace: step %" PRId64, step) : 0;
	if (!(v = trace_after(t->trace, f)))
		return fail_add(f, "--trace: step %" PRId64, step);
	for (size_t q = 0; q < t->truth.data.n; q++) {
		add_pair(&t->influence, v[q].influence, v[q].fall);
		add_pair(&t->exact, v[q].exact, v[q].fall);
		if (buf_addf(&t->text, f, "%" PRId64 "\t%s\t%.9g\t%.9g\t%.9g\t%.9g\n", step, t->truth.key[q].p, v[q].loss, v[q].fall, v[q].influence, v[q].exact))
			return -1;
	}
	return t->text.len > FLUSH ? flush(t, f) : 0;
}

/* Sets Pearson's correlation, and the slope of the least-squares line of the fall by the prediction; sets neither if it does not exist. */
static int count(const struct co_moments *m, const char *name, struct cli *c, struct fail *f)
{
	double pearson = m->xy / sqrt(m->xx) / sqrt(m->yy), slope = m->xy / m->xx;
	char field[64];
	if (!isfinite(pearson) || !isfinite(slope))
		return 0;
	if (c->verbose)
		cli_note(c, "%s: over %.0f pairs of a step and a test record Pearson's correlation with the fall of the loss is %.4f, the slope %.4f", name, m->n, pearson, slope);
	snprintf(field, sizeof field, "%s_pearson", name);
	if (fields_set_real(&c->counts, field, pearson, f))
		return -1;
	snprintf(field, sizeof field, "%s_slope", name);
	return fields_set_real(&c->counts, field, slope, f);
}

int train_trace_commit(struct train_trace *t, struct cli *c, struct fail *f)
{
	if (!t->output)
		return 0;
	return flush(t, f) || atomic_commit(&t->to, f) || count(&t->influence, "trace_influence", c, f) || count(&t->exact, "trace_exact", c, f) ? -1 : 0;
}

void train_trace_close(struct train_trace *t)
{
	atomic_abort(&t->to);
	trace_close(t->trace);
	buf_free(&t->text);
	memo_truth_free(&t->truth);
}
