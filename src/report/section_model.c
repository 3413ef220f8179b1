/* How the scores were made: model, options, errors, training. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/html.h"
#include "report/sections.h"

static void begin_fact(struct page *p, const char *name) { put(p, "<div><dt>%s</dt><dd>", name); }
static void end_fact(struct page *p) { put(p, "</dd></div>\n"); }

static void put_model(struct page *p)
{
	const struct report *r = p->r;
	if (!r->model)
		return;
	static const char *const likelihood[] = {"gaussian", "bernoulli", "linear"}, *const optimizer[] = {"Adam", "SGD"};
	const struct model *m = r->model;
	const struct config *c = &m->cfg;
	int same = 0;
	for (int i = 0; i < r->origins.n; i++)
		same |= strcmp(r->origins.v[i].text[0], r->model_id) == 0 || strcmp(r->origins.v[i].text[0], r->all_id) == 0;
	begin_fact(p, "Network");
	if (c->input_kind == VECTOR_INPUT)
		put(p, "beta-VAE, input of %d numbers, %d latent variables, ", config_input_size(c), c->latent);
	else
		put(p, "beta-VAE, input %d\xc3\x97%d\xc3\x97%d, %d latent variables, ", c->input_shape[0], c->input_shape[1], c->input_shape[2], c->latent);
	put_count(p, m->nparams);
	put(p, " parameters");
	end_fact(p);
	begin_fact(p, "Trained");
	put_count(p, (uint64_t)m->step);
	put(p, " steps of %d records, %s, \xce\xb2 %g, %s likelihood, learning rate %g", c->train.batch, optimizer[c->train.optimizer], c->train.beta,
	    likelihood[c->train.likelihood], m->lr);
	end_fact(p);
	begin_fact(p, "Checkpoints");
	put(p, "%d", r->checkpoints);
	end_fact(p);
	begin_fact(p, "Made by this model");
	put(p, "%s", same ? "yes: the scores carry its id" : r->origins.n ? "<strong>no: the scores were made with another model, or other checkpoints</strong>" : "unknown: the records do not name a model");
	end_fact(p);
}

static void put_failed(struct page *p)
{
	const struct report *r = p->r;
	if (!r->unscored)
		return;
	put(p, "<h3>Not scored</h3>\n<p>");
	put_plural(p, r->unscored, "record has", "records have");
	put(p, " no score, but an error%s:</p>\n<ul class=\"errors\">\n", r->unscored > REPORT_MAX_FAILED ? "; the first" : "");
	for (int i = 0; i < r->nfailed; i++) {
		put(p, "<li><bdi class=\"key\">");
		put_text(p, r->failed[i].key);
		put(p, "</bdi>: ");
		put_text(p, r->failed[i].why);
		put(p, "</li>\n");
	}
	put(p, "</ul>\n");
}

void section_model(struct page *p)
{
	const struct report *r = p->r;
	put(p, "<section id=\"model\" aria-labelledby=\"h-model\"><h2 id=\"h-model\">How the scores were made</h2>\n<dl class=\"facts\">\n");
	begin_fact(p, "Records");
	put_count(p, r->eval.records);
	end_fact(p);
	for (int i = 0; i < r->origins.n; i++) {
		begin_fact(p, "Model id");
		put(p, "<code>");
		put_text(p, r->origins.v[i].text[0]);
		put(p, "</code>");
		if (r->origins.v[i].text[1][0]) {
			put(p, ", options <code>");
			put_text(p, r->origins.v[i].text[1]);
			put(p, "</code>");
		}
		put(p, ": ");
		put_plural(p, r->origins.v[i].n, "record", "records");
		end_fact(p);
	}
	if (r->origins.others) {
		begin_fact(p, "Other models");
		put_plural(p, r->origins.others, "record", "records");
		end_fact(p);
	}
	if (!r->origins.n && r->eval.records) {
		begin_fact(p, "Model id");
		put(p, "not stated in the records");
		end_fact(p);
	}
	put_model(p);
	put(p, "</dl>\n");
	put_failed(p);
	if (r->model) {
		struct buf yaml = {0};
		put(p, "<details><summary>Configuration of the model</summary><pre>");
		if (!p->bad && (config_write(&r->model->cfg, &yaml, p->f) || html_lines(p->out, yaml.p, p->f)))
			p->bad = 1;
		put(p, "</pre></details>\n");
		buf_free(&yaml);
	}
	put(p, "</section>\n");
}

void section_training(struct page *p)
{
	const struct training *t = &p->r->curve;
	char text[300];
	if (t->n < 2)
		return;
	put(p, "<section id=\"training\" aria-labelledby=\"h-training\"><h2 id=\"h-training\">Training</h2>\n<div class=\"figs\"><figure>");
	if (!p->bad && training_chart(t, "g-training", p->out, p->f) < 0)
		p->bad = 1;
	put(p, "<figcaption>Mean loss while training: %s.</figcaption></figure></div></section>\n", training_text(t, text, sizeof text));
}
