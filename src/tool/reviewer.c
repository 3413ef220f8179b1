#include "tool/reviewer.h"

#include <math.h>

static int check_record(void *ctx, struct record *rec, struct fail *f) { return review_record(&((struct reviewer *)ctx)->review, rec, f); }

static int show_record(void *ctx, struct record *rec, struct fail *f) { return review_show_record(&((struct reviewer *)ctx)->review, rec, f); }

static void show_reading(void *ctx, const struct reader *in, uint64_t records)
{
	struct flow *w = ((struct reviewer *)ctx)->flow;
	(void)in;
	w->records = records;
	flow_show_progress(w, "reading");
}

static void show_comparing(void *ctx, const char *what, double done, double total)
{
	progress_show(&((struct reviewer *)ctx)->progress, done, total, done, what);
}

static int first_pass(struct reviewer *r, int workers, struct fail *f)
{
	struct collect *c = &r->review.points;
	c->check = check_record;
	c->progress = show_reading;
	c->ctx = r;
	int bad = collect_run(c, r->flow->in, workers, f);
	r->flow->notes = c->notes;
	progress_end(&r->flow->progress);
	return bad || r->check(r->flow->cli, r->review.report, f) ? -1 : 0;
}

static int compare(struct reviewer *r, int workers, struct fail *f)
{
	struct exec exec = {pool_open(workers, f), workers, show_comparing, r};
	progress_begin(&r->progress, r->flow->cli, "suspects");
	int bad = exec.pool ? review_finish(&r->review, &exec, f) : -1;
	progress_end(&r->progress);
	if (exec.pool)
		pool_close(exec.pool);
	return bad ? -1 : 0;
}

static void warn(const struct reviewer *r)
{
	const struct review *v = &r->review;
	const struct cli *c = r->flow->cli;
	if (!isnan(v->percent) && v->requested > v->nscored)
		cli_note(c, "--top %g%% is %zu records: the page has the %zu highest", v->percent, v->requested, v->nscored);
	size_t decided = 0;
	for (size_t i = 0; i < v->n; i++)
		decided += v->v[i]->decision != DECISION_NONE;
	if (v->decisions.all > decided)
		cli_note(c, "%zu of %zu decisions are on records that the page does not show; its export keeps them", v->decisions.all - decided, v->decisions.all);
}

int reviewer_run(struct reviewer *r, size_t max, struct buf *page, struct fail *f)
{
	struct flow *w = r->flow;
	int workers = cli_workers(w->cli, f);
	if (workers < 0 || review_open(&r->review, f) || flow_open(w, w->cli, FLOW_SINK | FLOW_TWICE, f) || first_pass(r, workers, f) || compare(r, workers, f))
		return -1;
	w->records = 0;
	if (reader_rewind(w->in, f) || flow_each(w, show_record, r, f) || review_page_write(&r->review, max, page, f))
		return -1;
	warn(r);
	return 0;
}
