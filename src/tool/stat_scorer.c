#include "tool/stat_scorer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A batch is the unit of work of a thread. */
enum { ROWS = 64 };

static const char *const claims[] = {
	"stat_width", "stat_height", "stat_channels", "stat_bytes_per_pixel", "stat_brightness", "stat_contrast", "stat_saturation", "stat_warmth", "stat_tint",
	"stat_sharpness", "stat_noise", "stat_entropy", "stat_common", "stat_equal_rows", "stat_equal_columns", "stat_top", "stat_bottom", "stat_left", "stat_right",
	"stat_gray", "stat_values", "stat_missing", "stat_zeros", "stat_norm", "stat_mean", "stat_deviation", "stat_largest", "stat_largest_z", "reason", "error", NULL,
};

struct result { /* of a row */
	int is_picture;
	union {
		struct picture_stat picture;
		struct vector_stat vector;
	} of;
	struct damage_signs damage;
};

/* --- statistics of a payload --- */

/* The payload that the other tools take, or else the first member that has a decoder. NULL leaves in why what batch_decode() put there. */
static const struct member *find_payload(const struct stat_scorer *s, const struct record *r, struct fail *why)
{
	struct fail none = {{0}};
	const struct member *m = record_payload(r, s->cfg.input_field, &none);
	for (size_t i = 0; !m && s->by_content && i < r->n; i++)
		if (!r->m[i].loose && (int)i != r->fields_member && input_format_of(r->m[i].data.p, r->m[i].data.len) != INPUT_NONE)
			m = &r->m[i];
	if (m)
		why->msg[0] = 0;
	return m;
}

static int read_payload(struct stat_scratch *scratch, const struct member *m, struct result *out, unsigned *notes, struct fail *f)
{
	struct picture p;
	struct npy v;
	int kind = input_read(m->data.p, m->data.len, &p, &v, f);
	if (kind < 0)
		return -1;
	out->is_picture = kind;
	if (!kind) {
		vector_stat(&v, &out->of.vector);
		out->damage = damage_of_vector(&out->of.vector);
		return 0;
	}
	*notes = p.notes;
	int r = picture_stat(&p, m->data.len, scratch, &out->of.picture, f);
	picture_free(&p);
	if (!r)
		out->damage = damage_of_picture(&out->of.picture);
	return r;
}

static int score(void *tool, int worker, struct batch *b, const float *x, void *results, struct fail *f)
{
	const struct stat_scorer *s = tool;
	struct result *result = results;
	for (int i = 0; i < b->nitems; i++) {
		int row = b->row[i];
		if (row < 0)
			continue;
		struct fail *why = &b->why[row];
		const struct member *m = find_payload(s, &b->item[i], why);
		if (m && read_payload(&s->scratch[worker], m, &result[row], &b->notes[row], why) && why->memory) {
			*f = *why;
			return -1;
		}
	}
	return 0;
}

/* --- the first pass --- */

static int count_work(void *ctx, int worker, struct batch *b, const float *x, void *result, struct fail *f) { return score(ctx, worker, b, x, result, f); }

static int count_batch(void *ctx, struct batch *b, void *results, struct fail *f)
{
	struct stat_scorer *s = ctx;
	const struct result *result = results;
	for (int i = 0; i < b->nitems; i++) {
		int row = b->row[i];
		if (row < 0)
			continue;
		s->frame.flow.records++;
		if (flow_claim(&s->frame.flow, &b->item[i], claims, f))
			return -1;
		if (!b->why[row].msg[0] && result[row].is_picture)
			damage_count(&s->seen, &result[row].damage);
	}
	flow_show_progress(&s->frame.flow, "reading");
	return 0;
}

static int count_damage(struct stat_scorer *s, struct fail *f)
{
	struct scoring *w = &s->frame;
	const struct batch_stream b = {.in = w->flow.in, .cfg = &s->cfg, .rows = w->rows, .workers = w->workers, .ctx = s, .result_size = w->result_size,
	                               .work = count_work, .consume = count_batch};
	if (batch_stream_run(&b, f))
		return -1;
	progress_end(&w->flow.progress);
	w->flow.records = 0;
	return reader_rewind(w->flow.in, f);
}

/* --- fields --- */

struct named {
	const char *name;
	double value;
	int whole;
};

static int set_numbers(const struct stat_scorer *s, struct record *r, const struct named *v, size_t n, struct fail *f)
{
	char name[256];
	for (size_t i = 0; i < n; i++) {
		cli_field(s->frame.flow.cli, name, v[i].name);
		if (isfinite(v[i].value) &&
		    (v[i].whole ? fields_set_int(&r->fields, name, (int64_t)v[i].value, f) : fields_set_real(&r->fields, name, v[i].value, f)))
			return -1;
	}
	return 0;
}

static int set_picture(const struct stat_scorer *s, struct record *r, const struct picture_stat *p, struct fail *f)
{
	const struct named v[] = {
		{"stat_width", p->width, 1}, {"stat_height", p->height, 1}, {"stat_channels", p->channels, 1}, {"stat_bytes_per_pixel", p->bytes_per_pixel},
		{"stat_brightness", p->brightness}, {"stat_contrast", p->contrast}, {"stat_saturation", p->saturation}, {"stat_warmth", p->warmth},
		{"stat_tint", p->tint}, {"stat_sharpness", p->sharpness}, {"stat_noise", p->noise}, {"stat_entropy", p->entropy}, {"stat_common", p->common},
		{"stat_equal_rows", p->equal_rows}, {"stat_equal_columns", p->equal_columns}, {"stat_top", p->border[SIDE_TOP]},
		{"stat_bottom", p->border[SIDE_BOTTOM]}, {"stat_left", p->border[SIDE_LEFT]}, {"stat_right", p->border[SIDE_RIGHT]}, {"stat_gray", p->gray, 1},
	};
	return set_numbers(s, r, v, sizeof v / sizeof *v, f);
}

static int set_vector(const struct stat_scorer *s, struct record *r, const struct vector_stat *p, struct fail *f)
{
	const struct named v[] = {
		{"stat_values", (double)p->values, 1}, {"stat_missing", p->missing}, {"stat_zeros", p->zeros}, {"stat_norm", p->norm}, {"stat_mean", p->mean},
		{"stat_deviation", p->deviation}, {"stat_largest", p->largest}, {"stat_largest_z", p->largest_z},
	};
	return set_numbers(s, r, v, sizeof v / sizeof *v, f);
}

/* The names of the damage, separated by commas. */
static int set_reason(struct stat_scorer *s, struct record *r, const struct damage_signs *signs, struct fail *f)
{
	char name[256], text[200] = "";
	unsigned damage = damage_named(&s->seen, signs);
	for (int i = 0; i < DAMAGES; i++) {
		s->common[i] += (signs->set & ~damage) >> i & 1;
		if (damage >> i & 1) {
			size_t used = strlen(text);
			snprintf(text + used, sizeof text - used, "%s%s", used ? ", " : "", damage_names[i]);
			s->named[i]++;
		}
	}
	return text[0] ? fields_set_string(&r->fields, cli_field(s->frame.flow.cli, name, "reason"), text, f) : 0;
}

static int fields(void *tool, struct record *r, int64_t row, const void *results, struct fail *why, struct fail *f)
{
	struct stat_scorer *s = tool;
	const struct result *v = (const struct result *)results + row;
	char name[256];
	if (why->msg[0]) {
		s->broken++;
		return s->reasons && fields_set_string(&r->fields, cli_field(s->frame.flow.cli, name, "reason"), "broken", f) ? record_fail(r, f) : 0;
	}
	return (v->is_picture ? set_picture(s, r, &v->of.picture, f) : set_vector(s, r, &v->of.vector, f)) ||
	       (s->reasons && set_reason(s, r, &v->damage, f)) ? record_fail(r, f) : 0;
}

/* --- open, run, close --- */

static int open_scratch(struct stat_scorer *s, struct fail *f)
{
	s->scratch = calloc((size_t)s->frame.workers, sizeof *s->scratch);
	return s->scratch ? 0 : fail_memory(f);
}

/* A look that the rules would call damage, and that too many pictures have for that. */
static void note_common(const struct stat_scorer *s)
{
	for (int i = 0; i < DAMAGES; i++)
		if (s->common[i] && i != DAMAGE_GRAY)
			cli_note(s->frame.flow.cli, "%" PRIu64 " of %" PRIu64 " pictures look %s: too many with the same gray for damage, so they are not named so", s->common[i],
			         s->seen.pictures, damage_names[i]);
}

static int count(const struct stat_scorer *s, struct fail *f)
{
	struct fields *to = &s->frame.flow.cli->counts;
	char name[64];
	for (int i = 0; i < DAMAGES && s->reasons; i++) {
		snprintf(name, sizeof name, "%s", damage_names[i]);
		for (char *p = name; *p; p++)
			*p = *p == ' ' ? '_' : *p;
		if (fields_set_int(to, name, (int64_t)s->named[i], f))
			return -1;
	}
	return s->reasons ? fields_set_int(to, "broken", (int64_t)s->broken, f) : 0;
}

int stat_scorer_run(struct stat_scorer *s, struct cli *c, struct fail *f)
{
	struct scoring *w = &s->frame;
	*w = (struct scoring){.flow.cli = c, .tool = s, .cfg = &s->cfg, .claims = claims, .clears = claims, .rows = ROWS, .workers = (int)c->jobs,
	                      .result_size = ROWS * sizeof(struct result), .score = score, .fields = fields};
	config_defaults(&s->cfg);
	s->by_content = !c->set.n;
	if (config_assign(&s->cfg, &c->set, f) || open_scratch(s, f) || flow_open(&w->flow, c, s->reasons ? FLOW_TWICE : 0, f) || (s->reasons && count_damage(s, f)))
		return -1;
	if (scoring_run(w, f) || count(s, f))
		return -1;
	note_common(s);
	return 0;
}

void stat_scorer_close(struct stat_scorer *s)
{
	for (int i = 0; s->scratch && i < s->frame.workers; i++)
		stat_scratch_free(&s->scratch[i]);
	free(s->scratch);
}
