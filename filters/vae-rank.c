/* vae-rank: ranks records by a field, or by the joint score of several; two passes over the stream. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "atomic.h"
#include "flow.h"
#include "rankby.h"

struct options {
	const char *list, *side;
	int sort;
	struct rankby by;
};

struct spool { /* --sort: every record as tar, and where it lies */
	int fd;
	struct writer *out;
	uint64_t *from, *len;
	size_t n, cap;
};

/* what is appended; of several fields, the last too */
static const char *const all_names[] = {"rank", "rank_n", "rank_by", "pct", "z", "joint", NULL};
static const char *const field_names[] = {"rank", "rank_n", "rank_by", "pct", "z", NULL};

static const char *const *names(const struct options *o) { return o->by.joint.p > 1 ? all_names : field_names; }

static int spool_record(struct spool *s, struct record *r, struct fail *f)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 1024;
		uint64_t *from = realloc(s->from, cap * sizeof *from), *len = NULL;
		if (from)
			s->from = from;
		len = realloc(s->len, cap * sizeof *len);
		if (len)
			s->len = len;
		if (!from || !len)
			return fail_set(f, "out of memory");
		s->cap = cap;
	}
	s->from[s->n] = writer_bytes(s->out);
	if (writer_record(s->out, r, WRITER_ALL, f))
		return -1;
	s->len[s->n] = writer_bytes(s->out) - s->from[s->n];
	s->n++;
	return 0;
}

static int first_pass(struct flow *w, struct options *o, struct ranking *rank, struct spool *s, struct fail *f)
{
	struct record r = {.scores = -1};
	struct writer *out = w->out;
	int got;
	if (!o->sort)
		w->out = NULL; /* what stands between records comes with the second pass */
	while ((got = flow_next(w, &r, f)) > 0) {
		if (flow_claim(w, &r, names(o), f) || rankby_add(&o->by, &r.fields, rank, f) ||
		    (o->sort && spool_record(s, &r, f))) {
			got = -1;
			break;
		}
	}
	w->out = out;
	record_free(&r);
	if (!got && rank->n && !rank->scored)
		got = fail_set(f, o->by.joint.p > 1 ? "none of %zu records has numbers in the fields '%s'" :
		                                      "none of %zu records has a number in the field '%s'", rank->n, o->by.text);
	return got ? got : rankby_fit(&o->by, rank, f);
}

static int annotate(struct flow *w, const struct options *o, const struct ranking *rank, struct record *r, int64_t at, struct fail *f)
{
	const struct cli *c = w->cli;
	char name[256];
	double v = 0;
	if (record_fields(r, f))
		return -1;
	if (at < 0) { /* a rank of an earlier run would look like one of this */
		for (const char *const *n = names(o); *n; n++) {
			r->fields_changed |= fields_find(&r->fields, cli_field(c, name, *n)) != NULL;
			fields_remove(&r->fields, name);
		}
		return 0;
	}
	rankby_score(&o->by, &r->fields, &v);
	r->fields_changed = 1;
	if (fields_set_int(&r->fields, cli_field(c, name, "rank"), at, f) ||
	    fields_set_int(&r->fields, cli_field(c, name, "rank_n"), (int64_t)rank->scored, f) ||
	    fields_set_string(&r->fields, cli_field(c, name, "rank_by"), o->by.text, f) ||
	    fields_set_real(&r->fields, cli_field(c, name, "pct"), 100 * (double)(rank->scored - (size_t)at) / (double)rank->scored, f) ||
	    fields_set_real(&r->fields, cli_field(c, name, "z"), ranking_z(rank, v), f) ||
	    (o->by.joint.p > 1 && fields_set_real(&r->fields, cli_field(c, name, "joint"), v, f)))
		return record_fail(r, f);
	return 0;
}

/* Points the flow at what the first pass spooled, in rank order. */
static int reread_sorted(struct flow *w, const struct ranking *rank, struct spool *s, uint64_t **order, struct fail *f)
{
	*order = malloc(2 * (rank->n + 1) * sizeof **order);
	if (!*order)
		return fail_set(f, "out of memory");
	uint64_t *from = *order, *len = *order + rank->n;
	for (size_t i = 0; i < rank->n; i++) {
		from[i] = s->from[rank->v[i].index];
		len[i] = s->len[rank->v[i].index];
	}
	struct writer *out = s->out;
	s->out = NULL;
	if (writer_close(out, f))
		return -1;
	struct reader *in = reader_open_ranges(s->fd, from, len, rank->n, f);
	if (!in)
		return -1;
	reader_close(w->in);
	w->in = in;
	return 0;
}

static int rank_stream(struct flow *w, struct options *o, struct ranking *rank, struct spool *s, struct fail *f)
{
	struct record r = {.scores = -1};
	uint64_t *order = NULL, i = 0;
	int got = first_pass(w, o, rank, s, f);
	if (got)
		return -1;
	ranking_sort(rank);
	if (o->sort) {
		got = reread_sorted(w, rank, s, &order, f);
	} else {
		ranking_by_position(rank);
		got = reader_rewind(w->in, f);
	}
	w->records = 0;
	struct writer *out = w->out;
	while (!got) {
		/* the first pass has let loose members between records out when sorting, else they come now */
		int item = reader_next(w->in, &r, f);
		if (item == READER_LOOSE && !o->sort) {
			got = writer_record(out, &r, WRITER_ALL, f);
			continue;
		}
		if (item != READER_RECORD) {
			got = item;
			break;
		}
		int64_t at = !o->sort ? ranking_rank(rank, i) : i < rank->scored ? (int64_t)i : -1;
		got = annotate(w, o, rank, &r, at, f) ? -1 : writer_record(out, &r, WRITER_ALL, f);
		i++;
		w->records++;
	}
	record_free(&r);
	free(order);
	return got;
}

/* Fields that a joint score can do nothing with. */
static void remark(const struct cli *c, const struct joint *j, char *const *field)
{
	if (j->p == 1 || !j->used)
		return;
	for (int i = 0; i < j->p; i++)
		if (!(j->axis[i].spread > 0))
			cli_note(c, "the field '%s' has one value in more than half of the records, and is left out of the joint score", field[i]);
	if (joint_collinear(j) >= 0)
		cli_note(c, "the field '%s' follows from the others, or nearly so", field[joint_collinear(j)]);
}

int main(int argc, char **argv)
{
	struct cli c = {.tool = NULL};
	struct options o = {.list = "selfinf", .side = "high"};
	const struct cli_opt opts[] = {
		{'k', "key", "FIELDS", CLI_TEXT, &o.list, "the field to rank by, highest first (default selfinf); of a,b,c the joint score"},
		{0, "side", "SIDE", CLI_TEXT, &o.side, "what is strange in a joint score: high values (default), or both high and low"},
		{0, "sort", NULL, CLI_FLAG, &o.sort, "emit the records in rank order, the unscored last"},
		CLI_NAMES(&c),
		CLI_OUTPUT(&c),
		CLI_BASE(&c),
	};
	int status = cli_begin(&c, "vae-rank", "[FILE ...]", "Ranks records by a field, or by several jointly: appends rank, rank_n, rank_by, pct and z.", opts, argc, argv);
	if (status >= 0)
		return status;
	struct flow w;
	struct fail f = {{0}};
	int both = strcmp(o.side, "both") == 0;
	if (!both && strcmp(o.side, "high") != 0)
		return cli_usage(&c, "--side is high or both, not '%s'", o.side);
	if (rankby_open(&o.by, o.list, both ? JOINT_BOTH : JOINT_HIGH, &f)) {
		rankby_free(&o.by);
		return cli_usage(&c, "-k: %s", f.msg);
	}
	struct ranking rank = {.v = NULL};
	struct spool s = {.fd = -1};
	int r = flow_open(&w, &c, o.sort ? 0 : FLOW_TWICE, &f);
	if (!r && o.sort) {
		s.fd = temp_file(&f);
		s.out = s.fd >= 0 ? writer_open_spool(s.fd, &f) : NULL;
		r = s.out ? 0 : -1;
	}
	if (!r)
		r = rank_stream(&w, &o, &rank, &s, &f);
	if (!r)
		remark(&c, &o.by.joint, o.by.field);
	if (!r)
		r = fields_set_int(&c.counts, "ranked", (int64_t)rank.scored, &f) || fields_set_string(&c.counts, "rank_by", o.by.text, &f);
	writer_abort(s.out);
	free(s.from);
	free(s.len);
	status = flow_finish(&w, r, &f);
	ranking_free(&rank);
	rankby_free(&o.by);
	if (s.fd >= 0)
		close(s.fd);
	return status;
}
