/* eval.h - the options of vae-eval, and its modes, which have files of their own. */
#ifndef VF_EVAL_MODES_H
#define VF_EVAL_MODES_H

#include "eval/eval.h"
#include "tool/flow.h"

struct eval_options {
	const char *fields, *positive, *against, *cutoffs, *svg, *model, *lds, *halves, *influence, *class_name, *tests;
	int json, mean, runs, plane;
};

/* Each function runs a mode, and does not close w. e: opened with the options. */
int run_lds(struct flow *w, const struct eval_options *o, struct fail *f);
int run_mean(struct flow *w, const struct eval_options *o, struct fail *f);
/* run_influences() opens the flow only if classes come from records. */
bool check_influence(struct cli *c, const struct eval_options *o);
int run_influences(struct flow *w, const struct eval_options *o, struct fail *f);
int run_runs(struct flow *w, const struct eval_options *o, struct eval *e, struct fail *f);

/* Calls each() with ctx for the records of -t TESTS. */
int eval_read_tests(const struct cli *c, const char *path, int (*each)(void *ctx, struct record *r, struct fail *f), void *ctx, struct fail *f);
/* Takes the extensions of the payload from the model. */
int eval_read_model(const struct cli *c, const char *path, struct eval *e, struct fail *f);
/* --svg: makes the directory; writes DIR/NAME.svg. */
int eval_make_directory(const char *dir, struct fail *f);
int eval_write_chart(const char *dir, const char *name, const struct buf *svg, struct fail *f);
void eval_warn_missing(const struct cli *c, uint64_t n);

#endif
