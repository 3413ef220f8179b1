#include "tool/scoring.h"

int scoring_open(struct scoring *s, const char *path, const char *which, struct fail *f)
{
	if (models_open(&s->models, &s->nmodels, path, which, &s->flow.cli->set, f))
		return -1;
	models_id(s->models, s->nmodels, s->id);
	return 0;
}

struct model *scoring_model(const struct scoring *s) { return &s->models[s->nmodels - 1]; }

void scoring_warn_weights(const struct scoring *s)
{
	const struct config *cfg = &scoring_model(s)->cfg;
	if (cfg->score.weights == WEIGHTS_LR && cfg->train.optimizer != SGD)
		cli_note(s->flow.cli, "--weights lr is TracIn's weight for plain sgd; this model was trained with adam");
}

int scoring_record(struct scoring *s, struct record *r, int64_t row, const void *result, struct fail *why, struct fail *f)
{
	if (s->claims) {
		if (flow_claim(&s->flow, r, s->claims, f))
			return -1;
		if (!s->keep_places || why->msg[0])
			flow_clear(&s->flow, r, s->clears);
		r->fields_changed = 1;
	}
	if (s->fields(s->tool, r, row, result, why, f))
		return -1;
	if (!why->msg[0])
		return flow_pass(&s->flow, r, f);
	if (why->memory) {
		*f = *why;
		return -1;
	}
	return flow_unscored(&s->flow, r, why, f);
}

static int skip(void *ctx, uint64_t position)
{
	const struct scoring *s = ctx;
	return s->skip(s->tool, position);
}

static int work(void *ctx, int worker, struct batch *b, const float *x, void *result, struct fail *f)
{
	const struct scoring *s = ctx;
	return s->score(s->tool, worker, b, x, result, f);
}

static int consume(void *ctx, struct batch *b, void *result, struct fail *f)
{
	struct scoring *s = ctx;
	for (int i = 0; i < b->nitems; i++) {
		struct record *r = &b->item[i];
		int row = b->row[i];
		struct fail none = {.msg = ""}, *why = row < 0 ? &none : &b->why[row];
		s->flow.records += r->ordinal > 0;
		if (r->ordinal ? scoring_record(s, r, row, result, why, f) : flow_pass(&s->flow, r, f))
			return -1;
	}
	flow_show_progress(&s->flow, NULL);
	return 0;
}

int scoring_run(struct scoring *s, struct fail *f)
{
	struct model *m = s->cfg ? NULL : scoring_model(s);
	const struct batch_stream b = {
		.in = s->flow.in, .cfg = m ? &m->cfg : s->cfg, .rows = s->rows, .workers = s->workers, .ctx = s,
		.notes = &s->flow.notes, .skip = s->skip ? skip : NULL, .items_per_row = s->items_per_row,
		.standard = m ? &m->standard : NULL, .result_size = s->result_size, .work = work, .consume = consume,
	};
	return batch_stream_run(&b, f);
}

int scoring_set_origin(const struct scoring *s, struct record *r, struct fail *f)
{
	char name[256];
	return (s->nmodels && fields_set_string(&r->fields, cli_field(s->flow.cli, name, "model"), s->id, f)) ||
	       fields_set_string(&r->fields, cli_field(s->flow.cli, name, "options"), s->options, f) ? -1 : 0;
}

int scoring_count(const struct scoring *s, struct fail *f)
{
	struct fields *to = &s->flow.cli->counts;
	return fields_set_string(to, "model", s->id, f) || fields_set_string(to, "options", s->options, f) ||
	       fields_set_int(to, "checkpoints", s->nmodels, f) ? -1 : 0;
}

void scoring_close(struct scoring *s)
{
	if (s->models)
		models_free(s->models, s->nmodels);
}
