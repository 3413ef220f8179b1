/* vae-density: appends densities and influences by k-NN, KDE and Gaussian mixtures to every record. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tool/density_scorer.h"

struct options {
	const char *neighbors, *scale;
	char k_names[128];
	long clusters, top, seed;
	int first_order, as_printed;
};

/* The index of the word at p, which ends at a comma, in a list; n if it is not there. */
static int find_word(const char *p, const char *const *words, int n)
{
	size_t len = strcspn(p, ",");
	int i = 0;
	while (i < n && (strlen(words[i]) != len || memcmp(p, words[i], len) != 0))
		i++;
	return i;
}

static bool parse_methods(struct cli *c, struct density_scorer *d)
{
	for (const char *p = d->methods; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
		int m = find_word(p, density_names, DENSITY_METHODS);
		if (m == DENSITY_METHODS)
			return cli_usage(c, "--method takes knn, kde, gmm, or several of them separated by commas, not '%s'", d->methods);
		d->scores[0].use[m] = 1;
	}
	return true;
}

static bool parse_scales(struct cli *c, const struct options *o, struct density_scorer *d)
{
	int taken[SCALES] = {0};
	for (const char *p = o->scale; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
		int i = find_word(p, scale_names, SCALES);
		if (i == SCALES || taken[i]++)
			return cli_usage(c, "--scale takes none, std, robust, asinh, or several of them separated by commas, not '%s'", o->scale);
		d->scale[d->nscales++] = (enum scale)i;
	}
	return true;
}

static bool parse_sigma(struct cli *c, struct density_scorer *d)
{
	char *end;
	if (strcmp(d->sigma, "auto") == 0)
		return true;
	double sigma = d->scores[0].sigma = strtod(d->sigma, &end);
	if (end == d->sigma || *end || !isfinite(sigma) || sigma <= 0)
		return cli_usage(c, "--sigma takes a positive number, or auto, not '%s'", d->sigma);
	return true;
}

/* K, or P%, whose name in fields is K or Pp. */
static bool parse_neighbor(struct cli *c, char *text, struct density_scorer *d)
{
	struct density_scores *s = &d->scores[0];
	char *end;
	double v = strtod(text, &end);
	int percent = end != text && strcmp(end, "%") == 0, q = s->nk++;
	if (strspn(text, "0123456789.") != (size_t)(end - text) || (percent ? !(v > 0 && v <= 100) : end == text || *end || !(v >= 1 && v <= 100000) || v != floor(v)))
		return cli_usage(c, "--neighbors takes 1 to 100000, or a percentage of the records above 0 and up to 100%%, not '%s'", text);
	if (!percent && v < 2 && s->use[DENSITY_KNN])
		return cli_usage(c, "--neighbors takes 2 or more for knn: every record is the first neighbour of itself");
	if (percent)
		*end = 'p';
	s->k[q] = percent ? 0 : (int)v;
	s->percent[q] = percent ? v : 0;
	d->k_name[q] = text;
	for (int i = 0; i < q; i++)
		if (strcmp(d->k_name[i], text) == 0)
			return cli_usage(c, "--neighbors has '%s' twice", text);
	return true;
}

static bool parse_neighbors(struct cli *c, struct options *o, struct density_scorer *d)
{
	if (strlen(o->neighbors) >= sizeof o->k_names)
		return cli_usage(c, "--neighbors takes at most %zu characters", sizeof o->k_names - 1);
	strcpy(o->k_names, o->neighbors);
	for (char *p = o->k_names, *next; p; p = next) {
		next = strchr(p, ',');
		if (next)
			*next++ = 0;
		if (d->scores[0].nk == KNN_MAX_K)
			return cli_usage(c, "--neighbors takes at most %d numbers", KNN_MAX_K);
		if (!parse_neighbor(c, p, d))
			return false;
	}
	return true;
}

/* auto, or a ratio. */
static bool parse_duplicates(struct cli *c, struct density_scorer *d)
{
	struct density_scores *s = &d->scores[0];
	char *end = NULL;
	if (!d->duplicates)
		return true;
	if (!s->use[DENSITY_KNN] || s->count_copies)
		return cli_usage(c, s->count_copies ? "--duplicates and --count-copies exclude each other" : "--duplicates requires --method knn");
	if (strcmp(d->duplicates, "auto") == 0)
		return true;
	s->dup.ratio = strtod(d->duplicates, &end);
	if (end == d->duplicates || *end || !(s->dup.ratio > 0 && s->dup.ratio < 1))
		return cli_usage(c, "--duplicates takes auto, or a ratio above 0 and below 1, not '%s'", d->duplicates);
	return true;
}

static bool check_mixture(struct cli *c, const struct options *o, const struct density_scorer *d)
{
	int gmm = d->scores[0].use[DENSITY_GMM];
	if (gmm && !d->group_field == !o->clusters)
		return cli_usage(c, "--method gmm requires one of --clusters K and --cluster-field FIELD");
	if (!gmm && (d->group_field || o->clusters || o->first_order || o->as_printed))
		return cli_usage(c, "--clusters, --cluster-field, --first-order and --as-printed require --method gmm");
	if (o->first_order && o->as_printed)
		return cli_usage(c, "--first-order and --as-printed exclude each other");
	return o->clusters <= 65536 || cli_usage(c, "--clusters takes 1 to 65536");
}

/* What is not exact over blocks, or depends on the whole reference. */
static bool check_parts(struct cli *c, const struct density_scorer *d)
{
	const struct density_scores *s = &d->scores[0];
	int percent = 0;
	for (int q = 0; q < s->nk; q++)
		percent |= s->percent[q] > 0;
	if (s->use[DENSITY_KDE] || s->use[DENSITY_GMM] || percent || s->count_copies || d->nscales > 1 || d->scale[0] != SCALE_NONE || strcmp(d->space, "pixel") != 0)
		return cli_usage(c, "--part and --merge require --method knn, numbers of --neighbors, --scale none and --space pixel, and exclude --count-copies");
	if (c->part && (!d->against || d->merge))
		return cli_usage(c, d->merge ? "--part and --merge exclude each other" : "--part requires --against FILE");
	if (c->part && (c->output || c->rejects))
		return cli_usage(c, "--part writes no records: it excludes -o and -r");
	if (d->merge && (d->against || d->test_file || d->duplicates))
		return cli_usage(c, "--merge excludes --against, -t and --duplicates");
	return true;
}

/* --merge reads all of these. */
static bool check_overwrite_parts(struct cli *c, const char *list)
{
	char path[4096];
	for (const char *p = list; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
		size_t n = strcspn(p, ",");
		if (!n || n >= sizeof path)
			return cli_usage(c, "--merge takes files, separated by commas, not '%.200s'", list);
		memcpy(path, p, n);
		path[n] = 0;
		if (!cli_check_overwrite(c, "--merge", path))
			return false;
	}
	return true;
}

static bool check_options(struct cli *c, const struct options *o, const struct density_scorer *d)
{
	int latent = strcmp(d->space, "pixel") != 0;
	if (latent && strcmp(d->space, "latent") != 0 && strncmp(d->space, "encoder.", 8) != 0)
		return cli_usage(c, "--space takes pixel, latent, or a layer such as encoder.3, not '%s'", d->space);
	if (latent != (d->model != NULL))
		return cli_usage(c, latent ? "--space %s requires -m NAME.vae" : "-m requires --space latent, or a layer such as encoder.3", d->space);
	if (o->top > 1000000)
		return cli_usage(c, "--top takes 0 to 1000000");
	if (d->test_file && strcmp(d->test_file, "-") == 0)
		return cli_usage(c, "-t takes a file, not standard input");
	if (d->against && strcmp(d->against, "-") == 0)
		return cli_usage(c, "--against takes a file, not standard input");
	if (d->against && (d->scores[0].use[DENSITY_GMM] || d->test_file || d->duplicates))
		return cli_usage(c, "--against excludes --method gmm, -t and --duplicates");
	if ((c->part || d->merge) && !check_parts(c, d))
		return false;
	if (d->test_file && (d->nscales > 1 || d->scores[0].nk > 1))
		return cli_usage(c, "-t requires one --neighbors and one --scale");
	if (c->influence && !d->test_file)
		return cli_usage(c, "--influence requires -t TESTS");
	for (int i = 0; i < c->set.n && !latent; i++)
		if (strncmp(c->set.v[i], "input.", 6) != 0)
			return cli_usage(c, "without a model only keys of input can be set, not '%s'", c->set.v[i]);
	return check_mixture(c, o, d) && cli_check_overwrite(c, "-t", d->test_file) && cli_check_overwrite(c, "--against", d->against) && check_overwrite_parts(c, d->merge) && cli_check_model(c, d->model);
}

static void take_options(struct density_scorer *d, const struct options *o)
{
	struct density_scores *s = &d->scores[0];
	d->layer = strncmp(d->space, "encoder.", 8) == 0 ? d->space : NULL;
	s->clusters = (int)o->clusters;
	s->form = o->first_order ? GMM_FIRST_ORDER : o->as_printed ? GMM_AS_PRINTED : GMM_EXACT;
	s->seed = (uint64_t)o->seed;
	s->top = (size_t)o->top;
}

int main(int argc, char **argv)
{
	struct cli c = {.tool = NULL};
	static struct options o = {.neighbors = "10", .scale = "none", .top = 10};
	static struct density_scorer d = {.methods = "knn", .sigma = "auto", .space = "pixel"};
	const struct cli_opt opts[] = {
		{0, "method", "LIST", CLI_TEXT, &d.methods, "knn (default), kde, gmm, or several, as in knn,kde"},
		{0, "neighbors", "LIST", CLI_TEXT, &o.neighbors, "neighbours of k-NN, and for --sigma auto (default 10); P%: of the records; or several, as in 10,5%"},
		{0, "count-copies", NULL, CLI_FLAG, &d.scores[0].count_copies, "equal records are neighbours of each other, instead of one row"},
		{0, "duplicates", "R", CLI_TEXT, &d.duplicates, "append groups of duplicates: nearer than R times the K-th neighbour; auto: R by the data"},
		{0, "scale", "LIST", CLI_TEXT, &o.scale, "none (default), std: by mean and deviation, robust: by median and its deviation, asinh: robust, without tails; or several"},
		{0, "sigma", "S", CLI_TEXT, &d.sigma, "bandwidth of KDE; auto (default): the median distance to the K-th neighbour"},
		{0, "clusters", "K", CLI_INT, &o.clusters, "clusters of gmm, found by k-means"},
		{0, "cluster-field", "FIELD", CLI_TEXT, &d.group_field, "clusters of gmm, given by a field or by cls"},
		{0, "first-order", NULL, CLI_FLAG, &o.first_order, "expand gmm to first order in 1/N"},
		{0, "as-printed", NULL, CLI_FLAG, &o.as_printed, "compute gmm by equations 4 and 5 as the paper prints them"},
		{0, "space", "WHICH", CLI_TEXT, &d.space, "pixel (default): the payload's numbers; latent: latent means of the model; encoder.N: outputs of a layer of its encoder"},
		{'m', "model", "NAME.vae", CLI_TEXT, &d.model, "the model, for --space latent and encoder.N"},
		{0, "against", "FILE", CLI_TEXT, &d.against, "fit to the records of FILE, not to the stream: the density of new records, read once"},
		{0, "part", "FILE", CLI_TEXT, &c.part, "write to FILE what --merge requires of the block --against, and no records"},
		{0, "merge", "PARTS", CLI_TEXT, &d.merge, "k-NN against all blocks whose PARTS, separated by commas, --part wrote"},
		{'t', "tests", "TESTS", CLI_TEXT, &d.test_file, "test records: append the influence over them"},
		{0, "influence", "FILE", CLI_TEXT, &c.influence, "write proponents and opponents of each test record to FILE"},
		{0, "top", "N", CLI_INT, &o.top, "how many of each (default 10)"},
		{0, "seed", "N", CLI_INT, &o.seed, "seed of k-means (default 0)"},
		CLI_SET(&c),
		CLI_SCORING(&c),
		CLI_IN_FLIGHT(&c),
		CLI_BASE(&c),
	};
	if (!cli_begin(&c, "vae-density", "[FILE ...]", "Appends densities and influences by k-NN, KDE and Gaussian mixtures.", opts, argc, argv) ||
	    !parse_methods(&c, &d) || !parse_sigma(&c, &d) || !parse_scales(&c, &o, &d) || !parse_neighbors(&c, &o, &d) || !parse_duplicates(&c, &d) || !check_options(&c, &o, &d))
		return c.status;
	struct fail f = {{0}};
	take_options(&d, &o);
	if (d.model)
		cli_wait_input(&c);
	int r = density_scorer_run(&d, &c, &f);
	int status = flow_finish(&d.frame.flow, r, &f);
	density_scorer_close(&d);
	return status;
}
