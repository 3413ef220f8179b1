#include "tool/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/clock.h"
#include "stream/name.h"

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

/* A descriptor that is closed would be given to the next file opened, which stray output would
 * then overwrite. Opened the wrong way round, its use fails as it should. */
static void guard_descriptors(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

/* When there is no memory to say it well, which may be just what is to be said. */
static void say_plainly(const char *tool, const char *msg)
{
	char line[1200];
	snprintf(line, sizeof line - 1, "%s: %s", tool, msg);
	size_t n = strlen(line);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < 0x20 || (unsigned char)line[i] > 0x7e)
			line[i] = '?';
	line[n++] = '\n';
	fwrite(line, 1, n, stderr);
}

/* A line on stderr, in one write. Names come escaped into it, but paths and arguments as they were
 * given: what could move a terminal is escaped here as name_escape() does, backslashes left alone. */
static void say(const struct cli *c, const char *msg)
{
	struct buf b = {0};
	struct fail f = {{0}};
	size_t n = strlen(msg);
	int r = buf_addf(&b, &f, "%s: ", c->tool);
	for (size_t i = 0; i < n && !r;) {
		size_t plain = i;
		while (plain < n && msg[plain] != '\\')
			plain++;
		r = name_escape(&b, msg + i, plain - i, &f) || (plain < n && buf_add(&b, "\\", 1, &f));
		i = plain + 1;
	}
	if (!r && !buf_add(&b, "\n", 1, &f))
		fwrite(b.p, 1, b.len, stderr);
	else
		say_plainly(c->tool, msg);
	buf_free(&b);
}

/* The directory that path is, or would be, a file of. */
static int stat_parent(const char *path, struct stat *st)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	int bad = !dir || stat(dir, st);
	free(dir);
	return bad ? -1 : 0;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* Two names of one regular file, there already or yet to be made. */
static int same_file(const char *a, const char *b)
{
	struct stat x, y;
	int have = stat(a, &x) == 0, other = stat(b, &y) == 0;
	if (have || other)
		return have && other && S_ISREG(x.st_mode) && same_inode(&x, &y);
	char *p = atomic_target(a), *q = atomic_target(b);
	int same = p && q && strcmp(last_part(p), last_part(q)) == 0 && !stat_parent(p, &x) && !stat_parent(q, &y) && same_inode(&x, &y);
	free(p);
	free(q);
	return same;
}

/* Told now, not after an hour of work. */
static int check_summary(const struct cli *c)
{
	struct stat st;
	struct atomic_file a;
	struct fail f = {{0}};
	if (!c->summary || (stat(c->summary, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
		return -1;
	if (atomic_open(&a, c->summary, &f)) {
		fail_add(&f, "--summary");
		return cli_failed(c, &f);
	}
	atomic_abort(&a);
	return -1;
}

static int is_file(const char *path, const struct stat *of)
{
	struct stat st;
	int bad = strcmp(path, "-") == 0 ? fstat(0, &st) : stat(path, &st);
	return !bad && S_ISREG(st.st_mode) && same_inode(&st, of);
}

static int lies_in(const char *dir, const char *path)
{
	struct stat x, y;
	char *real = atomic_target(path);
	int yes = stat(dir, &x) == 0 && S_ISDIR(x.st_mode) && !stat_parent(real ? real : path, &y) && same_inode(&x, &y);
	free(real);
	return yes;
}

struct output {
	const char *option, *path;
};
enum { OUTPUTS = 6 };

static void outputs(const struct cli *c, struct output out[OUTPUTS])
{
	const struct output all[OUTPUTS] = {
		{"-o", c->output}, {"-r", c->rejects}, {"--summary", c->summary}, {"--influence", c->influence}, {"--save-ref", c->save_ref},
		{"--matrix", c->matrix},
	};
	memcpy(out, all, sizeof all);
}

static int not_input(const struct cli *c, const struct output *o)
{
	struct stat of;
	if (!o->path || stat(o->path, &of))
		return -1;
	for (int i = 0; i < c->nfiles; i++)
		if (is_file(c->files[i], &of))
			return cli_usage(c, "%s names an input, '%s'", o->option, o->path);
	return !c->nfiles && is_file("-", &of) ? cli_usage(c, "%s names the file on standard input, '%s'", o->option, o->path) : -1;
}

int cli_keeps(const struct cli *c, const char *option, const char *path)
{
	struct output out[OUTPUTS];
	struct stat of;
	outputs(c, out);
	for (int i = 0; path && i < OUTPUTS; i++) {
		if (out[i].path && stat(out[i].path, &of) == 0 && is_file(path, &of))
			return cli_usage(c, "%s and %s name the same file, '%s'", out[i].option, option, out[i].path);
		if (out[i].path && lies_in(path, out[i].path))
			return cli_usage(c, "%s names a file in the directory of %s, '%s'", out[i].option, option, out[i].path);
	}
	return -1;
}

/* Two outputs of the same name would end as one of them, and what was read would be gone. */
static int check_outputs(const struct cli *c)
{
	struct output out[OUTPUTS];
	outputs(c, out);
	struct stat std, st;
	int regular = fstat(1, &std) == 0 && S_ISREG(std.st_mode);
	for (int i = 0; i < OUTPUTS; i++) {
		if (out[i].path && strcmp(out[i].path, "-") == 0) /* of -o it is gone */
			return cli_usage(c, "%s wants a file, and '-' is standard output; ./- is a file of that name", out[i].option);
		for (int k = 0; k < i; k++)
			if (out[i].path && out[k].path && same_file(out[i].path, out[k].path))
				return cli_usage(c, "%s and %s name the same file, '%s'", out[k].option, out[i].option, out[i].path);
		if (i && regular && out[i].path && stat(out[i].path, &st) == 0 && same_inode(&st, &std))
			return cli_usage(c, "%s names the file that standard output goes to, '%s'", out[i].option, out[i].path);
	}
	/* -o may, as a stream: it takes its place when all is read. Rejects alone, counts, a page are no input any more. */
	for (int i = !c->other; i < OUTPUTS; i++) {
		int status = not_input(c, &out[i]);
		if (status >= 0)
			return status;
	}
	return check_summary(c);
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

static int store(const struct cli *c, const struct cli_opt *o, const char *arg)
{
	char shown[80] = "";
	if (o->name)
		snprintf(shown, sizeof shown, "--%s", o->name);
	else
		snprintf(shown, sizeof shown, "-%c", o->letter);
	struct assignments *list = o->to;
	long level;
	switch (o->kind) {
	case CLI_FLAG:
		*(int *)o->to = 1;
		return 0;
	case CLI_TEXT:
		*(const char **)o->to = arg;
		return 0;
	case CLI_LIST:
		if (list->n == ASSIGNMENTS_GIVEN)
			return cli_usage(c, "%s is given too often", shown);
		list->v[list->n++] = arg;
		return 0;
	case CLI_INT:
		return parse_long(arg, o->to) ? cli_usage(c, "%s wants a whole number, not '%s'", shown, arg) : 0;
	case CLI_REAL:
		return parse_real(arg, o->to) ? cli_usage(c, "%s wants a number, not '%s'", shown, arg) : 0;
	case CLI_SIZE:
		return parse_size(arg, o->to) ? cli_usage(c, "%s wants a size such as 512K, 100M or 2G, not '%s'", shown, arg) : 0;
	case CLI_LEVEL:
		level = 3;
		if (arg && (parse_long(arg, &level) || level < 1 || level > 22))
			return cli_usage(c, "-z wants a level from 1 to 22, not '%s'", arg);
		*(int *)o->to = (int)level;
		return 0;
	}
	return 0;
}

enum { MAX_OPTS = 64, MAX_JOBS = 256 };

int cli_begin(struct cli *c, const char *tool, const char *operands, const char *about, const struct cli_opt *opts,
              int argc, char **argv)
{
	struct option longs[MAX_OPTS] = {{0}};
	char shorts[3 * MAX_OPTS] = "";
	int n = 0;
	guard_descriptors();
	setlocale(LC_CTYPE, "C.UTF-8"); /* names are bytes to us, whatever cron or the shell have set */
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_IGN); /* a limit on file size is an error of write(), told like a full disk */
	c->tool = tool;
	c->started = seconds_now();
	c->level = -2; /* WRITER_BY_NAME */
	c->prefix = "";
	c->on_error = "pass";
	c->jobs = sysconf(_SC_NPROCESSORS_ONLN);
	c->jobs = c->jobs < 1 ? 1 : c->jobs > MAX_JOBS ? MAX_JOBS : c->jobs;
	for (const struct cli_opt *o = opts; o->letter || o->name; o++) {
		int has = o->kind == CLI_LEVEL ? optional_argument : o->arg ? required_argument : no_argument;
		if (o->name)
			longs[n++] = (struct option){o->name, has, NULL, 256 + (int)(o - opts)};
		if (o->letter) {
			char one[4] = {o->letter, has ? ':' : 0, has == optional_argument ? ':' : 0, 0};
			strcat(shorts, one);
		}
	}
	opterr = 0;
	int got;
	char all[3 * MAX_OPTS + 1] = ":";
	strcat(all, shorts);
	while ((got = getopt_long(argc, argv, all, longs, NULL)) != -1) {
		if (got == '?' || got == ':') {
			const char *word = argv[optind > 1 ? optind - 1 : 1];
			if (got == ':')
				return cli_usage(c, "option '%s' wants an argument", word);
			if (optopt && optopt < 256 && strncmp(word, "--", 2) != 0)
				return cli_usage(c, "there is no option -%c", optopt);
			return cli_usage(c, "there is no option '%s', or it takes no argument, or it is cut too short", word);
		}
		const struct cli_opt *o = opts;
		if (got >= 256)
			o = opts + (got - 256);
		else
			while (o->letter != got)
				o++;
		if (o->letter == 'h') {
			print_help(tool, operands, about, opts);
			return cli_end(c, EXIT_OK);
		}
		if (o->letter == 'V') {
			printf("%s (vae-filters) %s\n", tool, VF_VERSION);
			return cli_end(c, EXIT_OK);
		}
		int bad = store(c, o, optarg);
		if (bad)
			return bad;
	}
	if (c->output && strcmp(c->output, "-") == 0) {
		c->output = NULL;
		c->standard = 1;
	}
	c->files = argv + optind;
	c->nfiles = argc - optind;
	if (c->verbs && c->nfiles) {
		c->verb = *c->files++;
		c->nfiles--;
	}
	if (c->nfiles && !operands)
		return cli_usage(c, "no operand is wanted, but '%s' is given", c->files[0]);
	if (c->jobs < 1 || c->jobs > MAX_JOBS)
		return cli_usage(c, "-j wants 1 to %d", MAX_JOBS);
	for (const char *p = c->prefix; *p; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '_' || *p == '.' || *p == '-') || p - c->prefix >= 60)
			return cli_usage(c, "--prefix wants at most 60 of a-z 0-9 _ . -, not '%s'", c->prefix);
	if (strcmp(c->on_error, "pass") != 0 && strcmp(c->on_error, "reject") != 0 && strcmp(c->on_error, "fail") != 0)
		return cli_usage(c, "--on-error is pass, reject or fail, not '%s'", c->on_error);
	if (strcmp(c->on_error, "reject") == 0 && !c->rejects)
		return cli_usage(c, "--on-error reject wants -r FILE");
	return check_outputs(c);
}

int cli_failed(const struct cli *c, const struct fail *f)
{
	say(c, f->msg);
	return EXIT_FAILED;
}

int cli_refused(const struct cli *c, const struct fail *f)
{
	return f->memory ? cli_failed(c, f) : cli_usage(c, "%s", f->msg);
}

int cli_usage(const struct cli *c, const char *fmt, ...)
{
	va_list ap;
	char msg[1024], hint[64];
	snprintf(hint, sizeof hint, " (%s -h shows the options)", c->tool);
	va_start(ap, fmt);
	vsnprintf(msg, sizeof msg - sizeof hint, fmt, ap);
	va_end(ap);
	strcat(msg, hint);
	say(c, msg);
	return EXIT_USAGE;
}

void cli_note(const struct cli *c, const char *fmt, ...)
{
	va_list ap;
	char msg[1024];
	if (c->quiet)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	say(c, msg);
}

int cli_end(struct cli *c, int status)
{
	struct fail f = {{0}};
	if ((fflush(stdout) || ferror(stdout)) && status != EXIT_FAILED) { /* a failure has been told */
		fail_errno(&f, "standard output");
		status = cli_failed(c, &f);
	}
	if (c->summary && (status == EXIT_OK || status == EXIT_POLICY)) {
		struct buf b = {0};
		if (fields_set_string(&c->counts, "tool", c->tool, &f) || fields_set_string(&c->counts, "version", VF_VERSION, &f) ||
		    fields_set_real(&c->counts, "seconds", seconds_now() - c->started, &f) || fields_write(&c->counts, &b, &f) ||
		    atomic_write(c->summary, b.p, b.len, &f)) {
			fail_add(&f, "--summary");
			status = cli_failed(c, &f);
		}
		buf_free(&b);
	}
	fields_free(&c->counts);
	return status;
}

void cli_wait_input(void)
{
	struct pollfd p = {.fd = 0, .events = POLLIN};
	while (!isatty(0) && poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

void cli_add_set(struct cli *c, const char *text)
{
	c->set.v[c->set.n++] = text;
}

void cli_add_shorts(struct cli *c, struct cli_short *s, int n)
{
	for (int i = 0; i < n; i++)
		if (s[i].value) {
			snprintf(s[i].text, sizeof s[i].text, "score.%s=%.300s", s[i].key, s[i].value);
			cli_add_set(c, s[i].text);
		}
}

const char *cli_field(const struct cli *c, char *name, const char *base)
{
	size_t n = strnlen(c->prefix, 255), m = strnlen(base, 255 - n);
	memcpy(name, c->prefix, n);
	memcpy(name + n, base, m);
	name[n + m] = 0;
	return name;
}
