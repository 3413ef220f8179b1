/* The options of a tool: -h, and the command line by getopt_long(). */
#include "tool/cli.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_OPTS = 64 };

static void print_help(const char *tool, const char *operands, const char *about, const struct cli_opt *o)
{
	printf("usage: %s [options]%s%s\n%s\n\n", tool, operands ? " " : "", operands ? operands : "", about);
	for (; o->letter || o->name; o++) {
		char left[80];
		const char *arg = o->arg ? o->arg : "";
		if (!o->name)
			snprintf(left, sizeof left, o->kind == CLI_LEVEL ? "-%c[%s]" : "-%c %s", o->letter, arg);
		else if (o->letter)
			snprintf(left, sizeof left, "-%c, --%s%s%s", o->letter, o->name, *arg ? " " : "", arg);
		else
			snprintf(left, sizeof left, "    --%s%s%s", o->name, *arg ? " " : "", arg);
		printf("  %-26s %s\n", left, o->help);
	}
}

static int parse_long(const char *s, long *out)
{
	char *end;
	errno = 0;
	*out = strtol(s, &end, 10);
	return end == s || *end || errno || *out < 0 ? -1 : 0;
}

static int parse_real(const char *s, double *out)
{
	char *end;
	*out = strtod(s, &end);
	return end == s || *end || !isfinite(*out) ? -1 : 0;
}

static int parse_size(const char *s, size_t *out)
{
	char *end;
	double v = strtod(s, &end);
	const char *units = "KMGT", *unit = *end ? strchr(units, *end >= 'a' ? *end - 'a' + 'A' : *end) : NULL;
	if (end == s || (*end && (!unit || end[1])) || !(v >= 0))
		return -1;
	v *= unit ? pow(1024, (double)(unit - units + 1)) : 1;
	if (v > 0x1p62)
		return -1;
	*out = (size_t)v;
	return 0;
}

static void show_option(char shown[80], const struct cli_opt *o)
{
	if (o->name)
		snprintf(shown, 80, "--%s", o->name);
	else
		snprintf(shown, 80, "-%c", o->letter);
}

static bool store(struct cli *c, const struct cli_opt *o, const char *arg, const char **given)
{
	char shown[80];
	struct assignments *list = o->to;
	long level;
	show_option(shown, o);
	switch (o->kind) {
	case CLI_FLAG:
		*(int *)o->to = 1;
		return true;
	case CLI_TEXT:
		*(const char **)o->to = arg;
		return true;
	case CLI_CHOICE:
	case CLI_KEY:
		*given = arg;
		return true;
	case CLI_ASSIGNMENT:
		if (list->n == ASSIGNMENTS_GIVEN)
			return cli_usage(c, "%s is given more than %d times", shown, ASSIGNMENTS_GIVEN);
		list->v[list->n++] = arg;
		return true;
	case CLI_INT:
		return !parse_long(arg, o->to) || cli_usage(c, "%s takes a whole number, not '%s'", shown, arg);
	case CLI_REAL:
		return !parse_real(arg, o->to) || cli_usage(c, "%s takes a number, not '%s'", shown, arg);
	case CLI_SIZE:
		return !parse_size(arg, o->to) || cli_usage(c, "%s takes a size such as 512K, 100M or 2G, not '%s'", shown, arg);
	case CLI_LEVEL:
		level = 3;
		if (arg && (parse_long(arg, &level) || level < 1 || level > 22))
			return cli_usage(c, "-z takes a level from 1 to 22, not '%s'", arg);
		*(int *)o->to = (int)level;
		return true;
	}
	return true;
}

static bool choose(struct cli *c, const struct cli_opt *o, const char *word)
{
	char shown[80], list[200] = "";
	for (int i = 0; o->choices[i]; i++)
		if (strcmp(o->choices[i], word) == 0) {
			*(int *)o->to = i;
			return true;
		}
	show_option(shown, o);
	for (int i = 0; o->choices[i]; i++) {
		strcat(list, !i ? "" : o->choices[i + 1] ? ", " : " or ");
		strcat(list, o->choices[i]);
	}
	return cli_usage(c, "%s is %s, not '%s'", shown, list, word);
}

/* Choices, and assignments to keys: the last one of an option counts, and comes after all of --set. */
static bool take_given(struct cli *c, const struct cli_opt *opts, const char *const *given)
{
	int n = 0;
	for (const struct cli_opt *o = opts; o->letter || o->name; o++) {
		const char *text = given[o - opts];
		if (text && o->kind == CLI_CHOICE && !choose(c, o, text))
			return false;
		if (!text || o->kind != CLI_KEY)
			continue;
		snprintf(c->key_text[n], sizeof c->key_text[n], "%s=%.300s", o->key, text);
		c->set.v[c->set.n++] = c->key_text[n++];
		if (o->to)
			*(const char **)o->to = text;
	}
	return true;
}

static bool print_and_end(struct cli *c)
{
	c->status = cli_end(c, EXIT_OK);
	return false;
}

/* The tables of getopt_long(). */
static void make_tables(const struct cli_opt *opts, struct option *longs, char *shorts)
{
	strcpy(shorts, ":");
	for (const struct cli_opt *o = opts; o->letter || o->name; o++) {
		int has = o->kind == CLI_LEVEL ? optional_argument : o->arg ? required_argument : no_argument;
		if (o->name)
			*longs++ = (struct option){o->name, has, NULL, 256 + (int)(o - opts)};
		if (o->letter) {
			char one[4] = {o->letter, has ? ':' : 0, has == optional_argument ? ':' : 0, 0};
			strcat(shorts, one);
		}
	}
}

static bool unknown_option(struct cli *c, int got, const char *word, const struct option *longs)
{
	size_t n = strcspn(word, "=");
	const struct option *like = NULL;
	int alike = 0;
	if (got == ':')
		return cli_usage(c, "option '%s' requires an argument", word);
	if (optopt && optopt < 256 && strncmp(word, "--", 2) != 0)
		return cli_usage(c, "there is no option -%c", optopt);
	for (const struct option *o = longs; o->name; o++)
		if (n > 2 && strncmp(o->name, word + 2, n - 2) == 0) {
			like = !like || strlen(o->name) == n - 2 ? o : like;
			alike++;
		}
	if (alike == 1 || (like && strlen(like->name) == n - 2))
		return cli_usage(c, "option '--%s' takes no argument, as in '%s'", like->name, word);
	return alike ? cli_usage(c, "option '%s' is ambiguous: --%s and others begin like that", word, like->name) : cli_usage(c, "there is no option '%.*s'", (int)n, word);
}

bool cli_parse(struct cli *c, const char *operands, const char *about, const struct cli_opt *opts, int argc, char **argv)
{
	struct option longs[MAX_OPTS] = {{0}};
	char shorts[3 * MAX_OPTS + 1];
	const char *given[MAX_OPTS] = {NULL};
	int got;
	make_tables(opts, longs, shorts);
	opterr = 0;
	while ((got = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (got == '?' || got == ':')
			return unknown_option(c, got, argv[optind > 1 ? optind - 1 : 1], longs);
		const struct cli_opt *o = opts;
		if (got >= 256)
			o = opts + (got - 256);
		else
			while (o->letter != got)
				o++;
		if (o->letter == 'h') {
			if (!c->silent)
				print_help(c->tool, operands, about, opts);
			return print_and_end(c);
		}
		if (o->letter == 'V') {
			if (!c->silent)
				printf("%s (vae-filters) %s\n", c->tool, VF_VERSION);
			return print_and_end(c);
		}
		if (!store(c, o, optarg, &given[o - opts]))
			return false;
	}
	c->files = argv + optind;
	c->nfiles = argc - optind;
	return take_given(c, opts, given);
}
