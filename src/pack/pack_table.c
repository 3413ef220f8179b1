/* Tables of numbers (CSV) to records. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/grow.h"
#include "input/csv.h"
#include "input/npy.h"
#include "pack/pack_record.h"
#include "stream/name.h"

enum { NUMBER, LEFT_OUT, CATEGORY, LABEL };
enum { MAX_CATEGORIES = 4096 }; /* of a column */

struct categories { /* of a column: its texts, sorted */
	char **text;
	int n;
	size_t cap;
};

struct table {
	struct csv *csv;
	const char *path;
	const struct pack *p;
	int cells; /* in a row */
	int *role; /* [cells]: NUMBER, LEFT_OUT, CATEGORY, or LABEL + i of the i-th label */
	int labels;
	double *mean; /* [cells], of --missing mean and mark, or NULL */
	struct categories *categories; /* [cells], or NULL */
	uint64_t rows;
	struct buf names; /* of the columns, each with its NUL */
	size_t *name;     /* [cells]: their offsets; NULL: the file has no names */
	struct buf head;  /* the header of each record's .npy */
};

/* Whether the cell stands for a missing number. */
static int is_missing(const char *s)
{
	static const char *const words[] = {"", "na", "n/a", "nan", "null", "none", "?"};
	char word[8];
	s += strspn(s, " \t");
	size_t n = strcspn(s, " \t");
	if (n >= sizeof word || s[n + strspn(s + n, " \t")])
		return 0;
	memcpy(word, s, n);
	word[n] = 0;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasecmp(word, words[i]) == 0)
			return 1;
	return 0;
}

/* Removes the characters between groups of three digits, before the decimal point or comma, and makes it a point: the length, or 0
 * where the digits are not so grouped. */
static size_t plain_number(char out[100], const char *s, size_t len, const struct pack *p)
{
	char point = p->decimal_comma ? ',' : '.';
	size_t n = 0, digits = 0, group = 0; /* of three digits, behind the first character */
	int whole = 1;
	for (size_t i = 0; i < len && n < 99; i++) {
		if (whole && p->thousands && s[i] == p->thousands) {
			if (!digits || digits > 3 || (group && digits != 3))
				return 0;
			digits = 0;
			group = 1;
			continue;
		}
		int digit = s[i] >= '0' && s[i] <= '9';
		if (whole && !digit && digits && group && digits != 3)
			return 0;
		whole = whole && (digit || i == 0);
		digits += (size_t)digit;
		if (s[i] == '.' && point != '.')
			return 0;
		out[n++] = s[i] == point ? '.' : s[i];
	}
	out[n] = 0;
	return n == 99 || (whole && group && digits != 3) ? 0 : n;
}

/* Reads a cell as a number. NULL, or what is wrong with it. */
static const char *read_number(const struct pack *p, const char *s, size_t len, double *v)
{
	char *end, plain[100];
	while (len && (*s == ' ' || *s == '\t'))
		s++, len--;
	while (len && (s[len - 1] == ' ' || s[len - 1] == '\t'))
		len--;
	if (!len)
		return "is empty";
	if (p->decimal_comma || p->thousands) {
		if (!(len = plain_number(plain, s, len, p)))
			return "is not a number";
		s = plain;
	}
	*v = strtod(s, &end);
	if (strspn(s, "0123456789.eE+-") < len || end != s + len)
		return "is not a number";
	return fabs(*v) <= (double)FLT_MAX ? NULL : "is too large";
}

static const char *column_name(const struct table *t, int i) { return t->name ? t->names.p + t->name[i] : ""; }

static int bad_cell(const struct table *t, int i, const char *why, struct fail *f)
{
	char shown[100], name[100];
	size_t len;
	const char *cell = csv_cell(t->csv, i, &len);
	name_show(shown, sizeof shown, cell);
	name_show(name, sizeof name, column_name(t, i));
	return fail_set(f, "%s: line %zu, column %d%s%s%s: '%s' %s%s", t->path, csv_line(t->csv), i + 1, t->name ? " (" : "", name, t->name ? ")" : "", shown, why,
	                t->name || t->rows ? "" : " (--header takes the first line as names)");
}

/* Whether the cell stands for a missing number: such a word is not the name of a column. */
static int is_missing_value(const char *s)
{
	static const char *const words[] = {"nan", "inf", "infinity", "na", "n/a", "null", "none"};
	s += *s == '-' || *s == '+';
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasecmp(s, words[i]) == 0)
			return 1;
	return 0;
}

/* Whether the name is the list, or between its commas. */
static int is_listed(const char *list, const char *name)
{
	size_t n = strlen(name);
	if (!list || !n || strcmp(list, name) == 0)
		return list && n;
	for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
		if (strcspn(at, ",") == n && memcmp(at, name, n) == 0)
			return 1;
	return 0;
}

/* Whether the current row holds names: one that an option gives, or no number at all. */
static int is_header(const struct table *t)
{
	int numbers = 0, words = 0;
	for (int i = 0; i < t->cells; i++) {
		double v;
		size_t len;
		const char *cell = csv_cell(t->csv, i, &len), *why = read_number(t->p, cell, len, &v);
		if (why && (is_listed(t->p->label, cell) || is_listed(t->p->columns, cell) || is_listed(t->p->skip, cell) ||
		            is_listed(t->p->categories, cell)))
			return 1;
		numbers += !why || is_missing_value(cell);
		words += why && len > 0;
	}
	return !numbers && words;
}

static int keep_names(struct table *t, struct fail *f)
{
	t->name = calloc((size_t)t->cells, sizeof *t->name);
	if (!t->name)
		return fail_memory_for(f, "%d names", t->cells);
	for (int i = 0; i < t->cells; i++) {
		size_t len;
		const char *cell = csv_cell(t->csv, i, &len);
		t->name[i] = t->names.len;
		if (buf_add(&t->names, cell, len, f) || buf_add(&t->names, "", 1, f))
			return -1;
	}
	return 0;
}

/* The column of this name or number; -1. */
static int find_column(const struct table *t, const char *option, const char *text, struct fail *f)
{
	char shown[100], *end;
	long n = strtol(text, &end, 10);
	int found = -1;
	name_show(shown, sizeof shown, text);
	for (int i = 0; t->name && i < t->cells; i++)
		if (strcmp(column_name(t, i), text) == 0) {
			if (found >= 0)
				return fail_set(f, "%s: columns %d and %d are both named '%s': give %s a number", t->path, found + 1, i + 1, shown, option);
			found = i;
		}
	if (found < 0 && *text && !*end && n >= 1 && n <= t->cells)
		found = (int)n - 1;
	return found >= 0 ? found
	                  : fail_set(f, "%s: %s: none of the %d columns is '%s'%s", t->path, option, t->cells, shown,
	                             t->name ? "" : ", and the first line has no names");
}

static int give_role(struct table *t, const char *option, const char *text, int role, struct fail *f)
{
	int i = find_column(t, option, text, f);
	if (i < 0)
		return -1;
	if (t->role[i] >= LABEL)
		return fail_set(f, "%s: %s: column %d is a label already", t->path, option, i + 1);
	t->role[i] = role == LABEL ? LABEL + t->labels++ : role;
	return 0;
}

/* Gives the role to all columns of the list, which may also be one name with commas in it. */
static int give_roles(struct table *t, const char *option, const char *list, int role, struct fail *f)
{
	for (int i = 0; t->name && i < t->cells; i++)
		if (strchr(list, ',') && strcmp(column_name(t, i), list) == 0)
			return give_role(t, option, list, role, f);
	char *copy = strdup(list), *next = copy;
	int r = copy ? 0 : fail_memory(f);
	while (next && !r) {
		const char *one = next;
		next = strchr(next, ',');
		if (next)
			*next++ = 0;
		r = give_role(t, option, one, role, f);
	}
	free(copy);
	return r;
}

/* The number of the row's cells that are missing; of the others a wrong one is an error: -1. */
static int count_missing(const struct table *t, struct fail *f)
{
	int missing = 0;
	if (csv_cells(t->csv) != t->cells)
		return fail_set(f, "%s: line %zu: %d cells, expected %d as in the first line", t->path, csv_line(t->csv), csv_cells(t->csv), t->cells);
	for (int i = 0; i < t->cells; i++) {
		double v;
		size_t len;
		const char *cell = csv_cell(t->csv, i, &len), *why = t->role[i] == NUMBER ? read_number(t->p, cell, len, &v) : NULL;
		if (why && t->p->missing_cells != MISSING_ERROR && is_missing(cell))
			missing++;
		else if (why)
			return bad_cell(t, i, why, f);
	}
	return missing;
}

/* Where the text is among the categories, or should be; *found. */
static int find_category(const struct categories *c, const char *text, int *found)
{
	int low = 0, high = c->n;
	*found = 0;
	while (low < high && !*found) {
		int middle = (low + high) / 2, order = strcmp(c->text[middle], text);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
		*found = order == 0;
	}
	return high;
}

static int add_category(struct table *t, int i, const char *text, struct fail *f)
{
	struct categories *c = &t->categories[i];
	int found, at = find_category(c, text, &found);
	if (found || !*text)
		return 0;
	if (c->n == MAX_CATEGORIES)
		return fail_set(f, "%s: --categories: column %d has more than %d different texts: leave it out with --skip", t->path, i + 1, MAX_CATEGORIES);
	if (grow(&c->text, &c->cap, (size_t)c->n + 1, "categories", f))
		return -1;
	char *copy = strdup(text);
	if (!copy)
		return fail_memory(f);
	memmove(c->text + at + 1, c->text + at, (size_t)(c->n - at) * sizeof *c->text);
	c->text[at] = copy;
	c->n++;
	return 0;
}

/* Adds the current row to means and categories. n [cells]: numbers of the columns. */
static int survey_row(struct table *t, double *n, struct fail *f)
{
	if (count_missing(t, f) < 0)
		return -1;
	for (int i = 0; i < t->cells; i++) {
		double v;
		size_t len;
		const char *cell = csv_cell(t->csv, i, &len);
		if (t->role[i] == CATEGORY && add_category(t, i, cell, f))
			return -1;
		if (t->role[i] == NUMBER && !read_number(t->p, cell, len, &v)) {
			t->mean[i] += v;
			n[i]++;
		}
	}
	return 0;
}

/* Reads the table once for the means and the categories of its columns, and opens it again behind the names. */
static int survey(struct table *t, struct fail *f)
{
	double *n = calloc((size_t)t->cells, sizeof *n);
	t->mean = calloc((size_t)t->cells, sizeof *t->mean);
	t->categories = calloc((size_t)t->cells, sizeof *t->categories);
	int go = !n || !t->mean || !t->categories ? fail_memory_for(f, "%d means", t->cells) : t->name ? csv_next(t->csv, f) : 1;
	while (go > 0)
		go = survey_row(t, n, f) ? -1 : csv_next(t->csv, f);
	for (int i = 0; !go && i < t->cells; i++)
		if (t->role[i] == NUMBER && n[i] == 0 && t->p->missing_cells >= MISSING_MEAN)
			go = fail_set(f, "%s: column %d has no numbers, so no mean: leave it out with --skip", t->path, i + 1);
		else if (t->role[i] == NUMBER && n[i] > 0)
			t->mean[i] /= n[i];
	free(n);
	csv_close(t->csv);
	t->csv = go ? NULL : csv_open(t->path, t->p->separator, f);
	int again = t->csv ? csv_next(t->csv, f) : -1;
	return again ? again < 0 ? -1 : 0 : fail_set(f, "%s: the file has no lines when it is read again: name a regular file", t->path);
}

/* Prepares for the rows, given the first line: names, labels and header of the .npy. */
static int begin_table(struct table *t, struct fail *f)
{
	const struct pack *p = t->p;
	size_t len, numbers = 0;
	const char *first = csv_cell(t->csv, 0, &len);
	char shown[100];
	t->cells = csv_cells(t->csv);
	if (t->cells == 1 && first[strcspn(first, p->decimal_comma ? ";\t|" : ",;\t|")])
		return fail_set(f, "%s: line %zu: '%s' is one cell: give the character between cells with --separator", t->path, csv_line(t->csv),
		                name_show(shown, sizeof shown, first));
	if ((p->header || is_header(t)) && keep_names(t, f))
		return -1;
	t->role = calloc((size_t)t->cells, sizeof *t->role);
	if (!t->role)
		return fail_memory_for(f, "%d columns", t->cells);
	for (int i = 0; p->columns && i < t->cells; i++)
		t->role[i] = LEFT_OUT;
	if ((p->columns && give_roles(t, "--columns", p->columns, NUMBER, f)) || (p->skip && give_roles(t, "--skip", p->skip, LEFT_OUT, f)) ||
	    (p->categories && give_roles(t, "--categories", p->categories, CATEGORY, f)) ||
	    (p->label && give_roles(t, "--label", p->label, LABEL, f)))
		return -1;
	if ((p->missing_cells >= MISSING_MEAN || p->categories) && survey(t, f))
		return -1;
	for (int i = 0; i < t->cells; i++)
		numbers += t->role[i] == NUMBER ? 1 : t->role[i] == CATEGORY ? (size_t)t->categories[i].n : 0;
	if (!numbers)
		return fail_set(f, "%s: no column but the label", t->path);
	numbers += p->missing_cells == MISSING_MARK;
	return npy_header(&t->head, NPY_F8, 1, &numbers, f);
}

/* Adds the labels of the row: the first as .cls, others as fields. Empty ones are left out. */
static int add_labels(struct table *t, struct record *r, struct fail *f)
{
	for (int i = 0; i < t->cells && t->labels; i++) {
		size_t len;
		const char *cell = csv_cell(t->csv, i, &len);
		if (t->role[i] == LABEL && len) {
			struct member *m = pack_add(r, "cls", 0, f);
			if (!m || buf_add(&m->data, cell, len, f))
				return -1;
		} else if (t->role[i] > LABEL && len) {
			char name[40];
			snprintf(name, sizeof name, "column_%d", i + 1);
			const char *field = *column_name(t, i) ? column_name(t, i) : name;
			if (fields_find(&r->fields, field))
				return fail_set(f, "%s: two columns of --label are named '%s'", t->path, name_show(name, sizeof name, field));
			if (fields_set_string(&r->fields, field, cell, f))
				return -1;
			r->fields_changed = 1;
		}
	}
	return 0;
}

/* Adds a number for each category of the column: 1 for that of the cell, else 0. A text that the first reading did not see is an error. */
static int add_one_hot(const struct table *t, int i, const char *cell, struct member *m, struct fail *f)
{
	const struct categories *c = &t->categories[i];
	int found, at = find_category(c, cell, &found);
	if (!found && *cell)
		return fail_set(f, "%s: changed between two readings: run vae-pack again", t->path);
	for (int k = 0; k < c->n; k++) {
		double v = found && k == at;
		if (buf_add(&m->data, &v, sizeof v, f))
			return -1;
	}
	return 0;
}

/* Makes a record of the current row: 1, 0 if the row is skipped, -1. */
static int add_row(struct table *t, struct pack *p, struct record *r, uint64_t ordinal, struct fail *f)
{
	int missing = count_missing(t, f);
	if (missing < 0)
		return -1;
	struct member *m = pack_begin(p, r, ordinal, t->path, f) ? NULL : pack_add(r, "npy", 0, f);
	if (!m || buf_add(&m->data, t->head.p, t->head.len, f))
		return -1;
	t->rows++;
	if (missing && p->missing_cells == MISSING_SKIP) {
		p->rows_skipped++;
		return 0;
	}
	for (int i = 0; i < t->cells; i++) {
		double v = 0;
		size_t len;
		const char *cell = csv_cell(t->csv, i, &len);
		if (t->role[i] == CATEGORY && add_one_hot(t, i, cell, m, f))
			return -1;
		if (t->role[i] != NUMBER)
			continue;
		if (read_number(p, cell, len, &v))
			v = t->mean[i];
		if (buf_add(&m->data, &v, sizeof v, f))
			return -1;
	}
	double mark = missing > 0;
	if (p->missing_cells == MISSING_MARK && buf_add(&m->data, &mark, sizeof mark, f))
		return -1;
	return add_labels(t, r, f) ? -1 : 1;
}

int pack_csv(struct pack *p, const char *path, struct fail *f)
{
	struct record r = {.fields_member = -1};
	struct table t = {.csv = csv_open(path, p->separator, f), .path = strcmp(path, "-") == 0 ? "standard input" : path, .p = p};
	int go = t.csv ? csv_next(t.csv, f) : -1;
	if (!go)
		go = fail_set(f, "%s: the file has no lines", t.path);
	if (go > 0)
		go = begin_table(&t, f) ? -1 : 1;
	if (go > 0 && t.name)
		go = csv_next(t.csv, f);
	for (uint64_t i = 0; go > 0; i++) {
		go = add_row(&t, p, &r, i, f);
		go = go > 0 ? pack_emit(p, &r, 0, f) : go ? -1 : 1;
		go = go > 0 ? csv_next(t.csv, f) : go;
	}
	record_free(&r);
	csv_close(t.csv);
	buf_free(&t.names);
	buf_free(&t.head);
	free(t.name);
	for (int i = 0; t.categories && i < t.cells; i++) {
		for (int k = 0; k < t.categories[i].n; k++)
			free(t.categories[i].text[k]);
		free(t.categories[i].text);
	}
	free(t.categories);
	free(t.role);
	free(t.mean);
	return go < 0 ? -1 : 0;
}
