#include "tool/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/clock.h"
#include "base/processors.h"
#include "base/thread.h"
#include "stream/name.h"
#include "stream/writer.h"
#include "tool/overwrite.h"

enum { MAX_JOBS = 256 };

const char *const on_error_words[] = {"pass", "reject", "fail", NULL};

/* --- messages --- */

/* The next file opened would get the number of a closed descriptor, and stray output would overwrite it. So these
 * are opened, in the wrong direction: their use fails, as it should. */
static void guard_descriptors(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

/* Without memory, which may be what the message is about: all but printable ASCII becomes '?'. */
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

/* A line on stderr, in one write. Names in msg are escaped, paths and arguments are not: name_escape() escapes here
 * what could control a terminal, and backslashes stay. */
static void say(const struct cli *c, const char *msg)
{
	struct buf b = {0};
	struct fail f = {{0}};
	size_t n = strlen(msg);
	if (c->silent)
		return;
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

/* --- outputs --- */

enum { OUTPUTS = 9 };

static void list_outputs(const struct cli *c, struct output out[OUTPUTS])
{
	const struct output all[OUTPUTS] = {
		{"-o", c->output}, {"-r", c->rejects}, {"--summary", c->summary}, {"--influence", c->influence}, {"--save-ref", c->save_ref},
		{"--matrix", c->matrix}, {"--trace", c->trace}, {"--part", c->part}, {"--columns", c->columns},
	};
	memcpy(out, all, sizeof all);
}

/* Fails now, not after an hour of work. */
static bool check_summary(struct cli *c)
{
	struct stat st;
	struct atomic_file a;
	struct fail f = {{0}};
	if (!c->summary || c->silent || (stat(c->summary, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
		return true;
	if (atomic_open(&a, c->summary, &f)) {
		fail_add(&f, "--summary");
		return cli_failed(c, &f);
	}
	atomic_abort(&a);
	return true;
}

static bool check_outputs(struct cli *c)
{
	struct output out[OUTPUTS];
	struct fail f = {{0}};
	int first = !c->separate_output; /* -o may replace an input: all is read before the rename */
	list_outputs(c, out);
	if (outputs_differ(out, OUTPUTS, &f) || outputs_spare_inputs(out + first, OUTPUTS - first, c->files, c->nfiles, &f))
		return cli_invalid(c, &f);
	return check_summary(c);
}

bool cli_check_overwrite(struct cli *c, const char *option, const char *path)
{
	struct output out[OUTPUTS];
	struct fail f = {{0}};
	list_outputs(c, out);
	return !outputs_spare(out, OUTPUTS, option, path, &f) || cli_invalid(c, &f);
}

/* --- the command line --- */

static void set_defaults(struct cli *c, const char *tool)
{
	c->tool = tool;
	c->started = seconds_now();
	c->level = WRITER_BY_NAME;
	c->prefix = "";
	c->limits = READER_LIMITS;
	c->jobs = processors_available();
	c->jobs = c->jobs < 1 ? 1 : c->jobs > MAX_JOBS ? MAX_JOBS : c->jobs;
}

static bool check_common(struct cli *c, const struct cli_opt *opts)
{
	struct fail f = {{0}};
	if (c->jobs < 1 || c->jobs > MAX_JOBS)
		return cli_usage(c, "-j takes 1 to %d", MAX_JOBS);
	for (const char *p = c->prefix; *p; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '_' || *p == '.' || *p == '-') || p - c->prefix >= 60)
			return cli_usage(c, "--prefix takes at most 60 characters of a-z 0-9 _ . -, not '%s'", c->prefix);
	if (c->on_error == ON_ERROR_REJECT && !c->rejects)
		return cli_usage(c, "--on-error reject requires -r FILE");
	for (const struct cli_opt *o = opts; o->letter || o->name; o++)
		if (o->check && o->check(&c->set, &f))
			return cli_invalid(c, &f);
	return true;
}

bool cli_check_keys(struct cli *c)
{
	struct fail f = {{0}};
	struct buf a = {0}, b = {0};
	int bad = 0;
	for (int i = 0; i < c->nfiles && c->keys_by_file && !bad; i++) {
		a.len = 0;
		bad = reader_key_prefix(&a, c->key_prefix, c->files[i], &f);
		for (int k = 0; k < i && !bad; k++) {
			b.len = 0;
			bad = reader_key_prefix(&b, c->key_prefix, c->files[k], &f);
			if (!bad && strcmp(a.p, b.p) == 0)
				bad = fail_set(&f, "--keys-per-file puts the name of its file before each key, and '%.200s' and '%.200s' have the same: run one after the other, with --key-prefix",
				               c->files[k], c->files[i]);
		}
	}
	if (!bad && c->key_prefix)
		bad = reader_key_prefix(&a, c->key_prefix, NULL, &f) ? fail_add(&f, "--key-prefix") : 0;
	buf_free(&a);
	buf_free(&b);
	return !bad || cli_invalid(c, &f);
}

bool cli_begin(struct cli *c, const char *tool, const char *operands, const char *about, const struct cli_opt *opts,
               int argc, char **argv)
{
	guard_descriptors();
	setlocale(LC_CTYPE, "C.UTF-8"); /* names are bytes here, whatever cron or the shell have set */
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_IGN); /* a limit on file size is then an error of write(), like a full disk */
	set_defaults(c, tool);
	if (!cli_parse(c, operands, about, opts, argc, argv))
		return false;
	c->quiet |= c->silent;
	if (c->output && strcmp(c->output, "-") == 0) {
		c->output = NULL;
		c->output_stdout = 1;
	}
	if (c->has_verb && c->nfiles) {
		c->verb = *c->files++;
		c->nfiles--;
	}
	if (c->nfiles && !operands)
		return cli_usage(c, "unexpected operand '%s'", c->files[0]);
	struct fail f = {{0}};
	if (thread_check_stack(&f))
		return cli_failed(c, &f);
	return check_common(c, opts) && cli_check_keys(c) && check_outputs(c);
}

bool cli_failed(struct cli *c, const struct fail *f)
{
	say(c, f->msg);
	c->status = EXIT_FAILED;
	return false;
}

bool cli_invalid(struct cli *c, const struct fail *f)
{
	return f->memory ? cli_failed(c, f) : cli_usage(c, "%s", f->msg);
}

bool cli_usage(struct cli *c, const char *fmt, ...)
{
	va_list ap;
	char msg[1024], hint[64];
	snprintf(hint, sizeof hint, " (%s -h shows the options)", c->tool);
	va_start(ap, fmt);
	vsnprintf(msg, sizeof msg - sizeof hint, fmt, ap);
	va_end(ap);
	strcat(msg, hint);
	say(c, msg);
	c->status = EXIT_USAGE;
	return false;
}

bool cli_require(struct cli *c, const void *value, const char *option)
{
	return value || cli_usage(c, "%s is required", option);
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

void cli_note_count(const struct cli *c, uint64_t n, const char *one, const char *many, ...)
{
	va_list ap;
	char msg[1024];
	if (c->quiet || !n)
		return;
	int at = snprintf(msg, sizeof msg, "%" PRIu64 " ", n);
	va_start(ap, many);
	vsnprintf(msg + at, sizeof msg - (size_t)at, n == 1 ? one : many, ap);
	va_end(ap);
	say(c, msg);
}

static int write_summary(struct cli *c, struct fail *f)
{
	struct buf b = {0};
	int r = fields_set_string(&c->counts, "tool", c->tool, f) || fields_set_string(&c->counts, "version", VF_VERSION, f) ||
	        fields_set_real(&c->counts, "seconds", seconds_now() - c->started, f) || fields_write(&c->counts, &b, f) ||
	        atomic_write(c->summary, b.p, b.len, f) ? fail_add(f, "--summary") : 0;
	buf_free(&b);
	return r;
}

int cli_end(struct cli *c, int status)
{
	struct fail f = {{0}};
	c->status = status;
	if ((fflush(stdout) || ferror(stdout)) && status != EXIT_FAILED) { /* after a failure there is a message already */
		fail_errno(&f, "standard output");
		cli_failed(c, &f);
	}
	if (c->summary && !c->silent && (c->status == EXIT_OK || c->status == EXIT_POLICY) && write_summary(c, &f))
		cli_failed(c, &f);
	fields_free(&c->counts);
	return c->status;
}

bool cli_reads_stdin(const struct cli *c)
{
	bool standard = c->nfiles == 0;
	for (int i = 0; i < c->nfiles; i++)
		standard |= strcmp(c->files[i], "-") == 0;
	return standard;
}

bool cli_check_stdin(struct cli *c, const char *option, const char *path)
{
	if (!path || strcmp(path, "-") != 0)
		return true;
	if (cli_reads_stdin(c))
		return cli_usage(c, "%s - and the records cannot both come from standard input: name FILEs", option);
	if (c->stdin_option)
		return cli_usage(c, "%s - and %s - cannot both read standard input: name a file", c->stdin_option, option);
	c->stdin_option = option;
	return true;
}

void cli_wait_input(const struct cli *c)
{
	struct pollfd p = {.fd = 0, .events = POLLIN};
	if (c->nfiles && strcmp(c->files[0], "-") != 0)
		return;
	while (!isatty(0) && poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

const char *cli_field(const struct cli *c, char *name, const char *base)
{
	size_t n = strnlen(c->prefix, 255), m = strnlen(base, 255 - n);
	memcpy(name, c->prefix, n);
	memcpy(name + n, base, m);
	name[n + m] = 0;
	return name;
}
