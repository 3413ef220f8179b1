#include "tool/memo_stream.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "gemm/mat.h"
#include "memo/logp.h"
#include "train/dataset_read.h"

static const char *const clears[] = {"memo", "memo_se", "memo_#", "logp_in", "logp_in_#", "logp_out", "logp_out_#", "logp_se", "out_loss", "out_recon", "out_kl", "out_selfinf", "fold", "options", "error", NULL};

/* With a list of records to leave out: remembers where the record is, if it is listed. */
static int on_added(void *ctx, struct record *r, struct fail *f)
{
	struct memo_stream *m = ctx;
	return memo_truth_find(&m->truth, r, m->data.n - 1, f);
}

/* --- reading --- */

static void show_reading(void *ctx, uint64_t records)
{
	struct memo_stream *m = ctx;
	m->frame.flow.records = records;
	flow_show_progress(&m->frame.flow, "reading");
}

static int on_unreadable(void *ctx, struct record *r, uint64_t position, const char *why, struct fail *f)
{
	struct memo_stream *m = ctx;
	(void)r;
	if (grow(&m->unreadable, &m->unreadable_cap, m->nunreadable + 1, "unreadable records", f))
		return -1;
	struct unreadable *to = &m->unreadable[m->nunreadable++];
	*to = (struct unreadable){position, strdup(why)};
	return to->why ? 0 : fail_memory(f);
}

static int read_records(struct memo_stream *m, const struct cli *c, struct fail *f)
{
	struct flow *w = &m->frame.flow;
	struct dataset_read d = {.data = &m->data, .cfg = &m->cfg, .workers = (int)c->jobs, .unreadable = on_unreadable, .added = m->truth.leave ? on_added : NULL,
	                         .progress = show_reading, .ctx = m};
	int r = dataset_read(&d, w->in, f);
	w->notes = d.notes;
	progress_end(&w->progress);
	if (!r && !m->data.n)
		return fail_set(f, w->records ? "none of %llu records could be decoded; the first: %s" : "no records to train on",
		                (unsigned long long)w->records, m->nunreadable ? m->unreadable[0].why : "");
	return r;
}

/* --- training --- */

/* Of all steps of all models. While a model's records are scored, step is their share. */
static void show_training(void *ctx, int model, double step, double loss)
{
	struct memo_stream *m = ctx;
	int models = subsets_models(&m->retrain.subsets);
	double steps = m->cfg.train.steps, done = steps * model + (isnan(loss) ? steps : step);
	char note[80];
	if (isnan(loss))
		snprintf(note, sizeof note, "model %d of %d: scoring, %.0f %%", model + 1, models, 100 * step);
	else
		snprintf(note, sizeof note, "model %d of %d: loss %.5g", model + 1, models, loss);
	progress_show(&m->progress, done, steps * models, done, note);
}

static int train_models(struct memo_stream *m, const struct cli *c, struct fail *f)
{
	struct retrain *r = &m->retrain;
	*r = (struct retrain){.dir = m->output, .cfg = &m->cfg, .data = &m->data, .workers = m->frame.workers, .draws = (int)m->draws, .every_checkpoint = m->every_checkpoint,
	                      .out_scores = m->out_scores, .keep_models = m->keep_models, .save_every = m->save_every, .progress = show_training, .ctx = m};
	r->tests = m->truth.tests ? &m->truth.data : NULL;
	r->subsets = (struct subsets){.kind = m->kind, .records = m->data.n, .seed = (uint64_t)m->cfg.train.seed, .folds = (int)m->folds, .repeats = (int)m->repeats,
	                              .halves = (int)m->halves, .leave = m->truth.left, .nleave = m->truth.nleft};
	if (retrain_open(r, f) || !(r->pool = pool_open(r->workers, f)))
		return -1;
	int models = subsets_models(&r->subsets), failed = m->tasks > models ? fail_set(f, "--task: %ld tasks for %d models; at most one task a model", m->tasks, models) : 0;
	mat_flush_denormals();
	progress_begin(&m->progress, c, "steps");
	for (int i = m->tasks ? (int)m->task - 1 : 0; i < models && !failed; i += m->tasks ? (int)m->tasks : 1) {
		int trained = retrain_model(r, i, f);
		failed = trained < 0;
		m->trained += trained > 0;
	}
	progress_end(&m->progress);
	pool_close(r->pool);
	return failed ? -1 : 0;
}

/* --- passing on --- */

static int set_scores(struct memo_stream *m, struct record *r, struct fail *f)
{
	static const char *const outs[NUMBERS_OUT] = {"out_loss", "out_recon", "out_kl", "out_selfinf"};
	const int n = retrain_checkpoints(&m->retrain);
	double out[NUMBERS_OUT];
	uint32_t fold;
	char name[256];
	if (merge_next(m->merge, &fold, m->row, out, f))
		return -1;
	const struct memorization *last = &m->row[n - 1];
	const struct {
		const char *name;
		double value;
	} values[] = {{"memo", last->memo}, {"memo_se", last->memo_se}, {"logp_in", last->logp_in}, {"logp_out", last->logp_out}, {"logp_se", last->logp_se}};
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		if (!isnan(values[i].value) && fields_set_real(&r->fields, cli_field(m->frame.flow.cli, name, values[i].name), values[i].value, f))
			return -1;
	for (int c = 0; m->every_checkpoint && c < n; c++) {
		const double course[MEMO_COURSES] = {m->row[c].memo, m->row[c].logp_in, m->row[c].logp_out};
		for (int k = 0; k < MEMO_COURSES; k++)
			if (fields_set_real(&r->fields, cli_field(m->frame.flow.cli, name, m->name[c][k]), course[k], f))
				return -1;
	}
	for (int k = 0; m->out_scores && k < NUMBERS_OUT; k++)
		if (fields_set_real(&r->fields, cli_field(m->frame.flow.cli, name, outs[k]), out[k], f))
			return -1;
	return fields_set_int(&r->fields, cli_field(m->frame.flow.cli, name, "fold"), fold, f) || scoring_set_origin(&m->frame, r, f) ? -1 : 0;
}

static int fields(void *tool, struct record *r, int64_t row, const void *result, struct fail *why, struct fail *f)
{
	(void)row, (void)result;
	return !why->msg[0] && set_scores(tool, r, f) ? record_fail(r, f) : 0;
}

static int pass_record(void *ctx, struct record *r, struct fail *f)
{
	struct memo_stream *m = ctx;
	struct fail why = {{0}};
	int unreadable = m->next < m->nunreadable && m->unreadable[m->next].position == m->frame.flow.records - 1;
	if (unreadable)
		fail_set(&why, "%s", m->unreadable[m->next++].why);
	return scoring_record(&m->frame, r, unreadable ? -1 : 0, NULL, &why, f);
}

/* memo_STEP, logp_in_STEP and logp_out_STEP of every checkpoint, and the fields that are always set. */
static int name_fields(struct memo_stream *m, struct fail *f)
{
	static const char *const courses[MEMO_COURSES] = {"memo", "logp_in", "logp_out"};
	size_t n = (size_t)retrain_checkpoints(&m->retrain), fixed = sizeof clears / sizeof *clears;
	m->row = calloc(n, sizeof *m->row);
	m->name = calloc(n, sizeof *m->name);
	m->claims = calloc(MEMO_COURSES * n + fixed, sizeof *m->claims);
	if (!m->row || !m->name || !m->claims)
		return fail_memory(f);
	size_t used = 0;
	for (size_t i = 0; i + 1 < fixed; i++)
		if (!strchr(clears[i], '#') && strcmp(clears[i], "error") != 0 && (m->out_scores || strncmp(clears[i], "out_", 4) != 0))
			m->claims[used++] = clears[i];
	for (size_t i = 0; m->every_checkpoint && i < n; i++)
		for (int k = 0; k < MEMO_COURSES; k++) {
			snprintf(m->name[i][k], sizeof m->name[i][k], "%s_%" PRId64, courses[k], retrain_step(&m->retrain, (int)i));
			m->claims[used++] = m->name[i][k];
		}
	m->frame.claims = m->claims;
	return 0;
}

static int pass_records(struct memo_stream *m, struct fail *f)
{
	m->merge = merge_open(&m->retrain, f);
	if (!m->merge || name_fields(m, f))
		return -1;
	m->frame.flow.records = 0;
	return reader_rewind(m->frame.flow.in, f) || flow_each(&m->frame.flow, pass_record, m, f) ? -1 : 0;
}

/* With --leave: the table, instead of records. */
static int write_changes(const struct memo_stream *m, struct fail *f)
{
	struct buf out = {0};
	int bad = memo_truth_table(&m->truth, &m->retrain, &out, f) || flow_write_text(&m->frame.flow, &out, f) ? -1 : 0;
	buf_free(&out);
	return bad;
}

/* --- the whole --- */

static int count(const struct memo_stream *m, struct fields *to, struct fail *f)
{
	return fields_set_int(to, "models", subsets_models(&m->retrain.subsets), f) || fields_set_int(to, "trained", m->trained, f) ||
	       (m->kind == SUBSETS_FOLDS && fields_set_int(to, "folds", m->folds, f)) || (m->kind != SUBSETS_HALVES && fields_set_int(to, "repeats", m->repeats, f)) || fields_set_string(to, "options", m->frame.options, f) ? -1 : 0;
}

int memo_stream_run(struct memo_stream *m, struct cli *c, struct fail *f)
{
	struct flow *w = &m->frame.flow;
	struct likelihood_density density;
	m->frame = (struct scoring){.flow.cli = c, .tool = m, .clears = clears, .fields = fields, .workers = cli_workers(c, f)};
	config_defaults(&m->cfg);
	if (m->frame.workers < 0 || config_load(&m->cfg, m->config, f) || config_assign(&m->cfg, &c->set, f))
		return -1;
	if (!m->every_checkpoint)
		m->cfg.train.checkpoints = 1; /* no other would be read */
	if (memo_truth_open(&m->truth, f))
		return -1;
	if (config_check_early(&m->cfg, f))
		return fail_add(f, "%s", m->config);
	if (m->cfg.train.shards > 1)
		return fail_set(f, "train.shards is %d: a model of a subset is trained by one worker; set it to 1", m->cfg.train.shards);
	if (m->kind == SUBSETS_FOLDS && likelihood_density_of(&m->cfg, &density, f)) /* before all records are read */
		return -1;
	const int passes = !m->tasks && m->kind == SUBSETS_FOLDS;
	if (flow_open(w, c, passes ? FLOW_TWICE : FLOW_SINK, f) || read_records(m, c, f) || memo_truth_read(&m->truth, &m->cfg, c, m->data.limit, f) || train_models(m, c, f))
		return -1;
	memcpy(m->frame.options, m->retrain.plan, sizeof m->frame.options);
	return (passes && pass_records(m, f)) || (!m->tasks && m->kind == SUBSETS_LEAVE && write_changes(m, f)) || count(m, &c->counts, f) ? -1 : 0;
}

void memo_stream_free(struct memo_stream *m)
{
	merge_close(m->merge);
	for (size_t i = 0; i < m->nunreadable; i++)
		free(m->unreadable[i].why);
	free(m->unreadable);
	free(m->row);
	free(m->name);
	free(m->claims);
	memo_truth_free(&m->truth);
	dataset_free(&m->data);
}
