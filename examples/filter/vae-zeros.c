/* vae-zeros: appends the share of zero bytes in the payload. A whole filter on a page, to begin a new one with: copied to filters/, it is built by
 * `make`. The frame (tool/scoring.h) reads, threads, checks and writes. */
#include "tool/scoring.h"

enum { ROWS = 16 };

struct zeros {
	struct scoring frame;
	struct config cfg;
};

/* On a worker thread: the results [ROWS] of a batch. */
static int score(void *tool, int worker, struct batch *b, const float *x, void *result, struct fail *f)
{
	const struct zeros *z = tool;
	double *share = result;
	for (int i = 0; i < b->nitems; i++) {
		int row = b->row[i];
		const struct member *m = row < 0 ? NULL : record_payload(&b->item[i], z->cfg.input_field, &b->why[row]);
		size_t n = 0;
		for (size_t k = 0; m && k < m->data.len; k++)
			n += m->data.p[k] == 0;
		if (m)
			share[row] = m->data.len ? (double)n / (double)m->data.len : 0;
	}
	return 0;
}

/* In stream order: the fields of a record. */
static int fields(void *tool, struct record *r, int64_t row, const void *result, struct fail *why, struct fail *f)
{
	const struct zeros *z = tool;
	const double *share = result;
	char name[256];
	if (why->msg[0]) /* the frame appends the field error */
		return 0;
	return fields_set_real(&r->fields, cli_field(z->frame.flow.cli, name, "zeros"), share[row], f) ? record_fail(r, f) : 0;
}

int main(int argc, char **argv)
{
	static const char *const claims[] = {"zeros", NULL};
	struct cli c = {.tool = NULL};
	struct zeros z = {.frame = {.flow.cli = &c, .tool = &z, .cfg = &z.cfg, .claims = claims, .clears = claims, .rows = ROWS,
	                            .result_size = ROWS * sizeof(double), .score = score, .fields = fields}};
	const struct cli_opt opts[] = {CLI_SCORING(&c), CLI_IN_FLIGHT(&c), CLI_BASE(&c)};
	if (!cli_begin(&c, "vae-zeros", "[FILE ...]", "Appends the share of zero bytes in the payload.", opts, argc, argv))
		return c.status;
	struct fail f = {{0}};
	config_defaults(&z.cfg);
	z.frame.workers = (int)c.jobs;
	int r = flow_open(&z.frame.flow, &c, 0, &f) || scoring_run(&z.frame, &f) ? -1 : 0;
	int status = flow_finish(&z.frame.flow, r, &f);
	scoring_close(&z.frame);
	return status;
}
