#include "tool/flow.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic.h"
#include "stream/name.h"

/* A file that does not exist has the mode 0. */
static void stat_file(const char *path, struct stat *st)
{
	if (stat(path, st))
		*st = (struct stat){.st_mode = 0};
}

int flow_open(struct flow *w, struct cli *c, int flags, struct fail *f)
{
	*w = (struct flow){.cli = c};
	if (cli_reads_stdin(c) && isatty(0))
		return fail_set(f, "standard input is a terminal: pipe records in, or name a FILE");
	w->in = reader_open(c->files, c->nfiles, (flags & FLOW_TWICE ? READER_REWINDABLE : 0) | (c->keys_per_file ? READER_KEYS_PER_FILE : 0), f);
	if (!w->in)
		return -1;
	reader_limit(w->in, &c->limits);
	reader_prefix_keys(w->in, c->key_prefix, c->keys_by_file);
	if (!(flags & FLOW_SINK)) {
		w->out = writer_open(c->output, c->level, f);
		if (!w->out)
			return -1;
	}
	size_t limit = c->limits.record > RECORD_MAX_BYTES ? c->limits.record : RECORD_MAX_BYTES;
	if (w->out)
		writer_limit(w->out, limit);
	if (c->rejects && !c->dry_run) {
		stat_file(c->rejects, &w->old_rejects);
		w->rejects = writer_open(c->rejects, WRITER_BY_NAME, f);
		if (!w->rejects || earlier_open(&w->earlier, c->rejects, &c->limits, f))
			return fail_add(f, "-r");
		writer_limit(w->rejects, limit);
	}
	progress_begin(&w->progress, c, "records");
	return 0;
}

void flow_show_progress(struct flow *w, const char *note)
{
	progress_show(&w->progress, (double)reader_bytes(w->in), (double)reader_total(w->in), (double)w->records, note);
}

int flow_next(struct flow *w, struct record *r, struct fail *f)
{
	for (;;) {
		w->bad_metadata = w->records ? w->bad_metadata + (uint64_t)metadata_is_bad(&r->metadata) : 0; /* counted again in a second pass */
		int got = reader_next(w->in, r, f);
		if (got == READER_LOOSE) {
			if (flow_pass(w, r, f))
				return -1;
			continue;
		}
		if (got == READER_END)
			w->emptied |= reader_emptied(w->in);
		if (got == READER_RECORD) {
			w->records++;
			if (w->records % 64 == 0)
				flow_show_progress(w, NULL);
		}
		return got;
	}
}

int flow_each(struct flow *w, int (*each)(void *ctx, struct record *r, struct fail *f), void *ctx, struct fail *f)
{
	struct record r = {.fields_member = -1};
	int got;
	while ((got = flow_next(w, &r, f)) > 0)
		if (each(ctx, &r, f)) {
			got = -1;
			break;
		}
	record_free(&r);
	return got;
}

/* Notes that the input has the record, for the existing file of rejects. */
static int see(struct flow *w, const struct record *r, struct fail *f)
{
	return w->earlier && r->ordinal ? earlier_see(w->earlier, r, w->cli->keys_per_file, f) : 0;
}

int flow_pass(struct flow *w, struct record *r, struct fail *f)
{
	if (see(w, r, f))
		return -1;
	return w->out ? writer_record(w->out, r, WRITER_ALL, f) : 0;
}

int flow_reject(struct flow *w, struct record *r, struct fail *f)
{
	w->rejected++;
	if (see(w, r, f))
		return -1;
	if (w->rejects && writer_record(w->rejects, r, WRITER_OWN, f))
		return -1;
	return w->out ? writer_record(w->out, r, WRITER_LOOSE, f) : 0;
}

int flow_unscored(struct flow *w, struct record *r, const struct fail *why, struct fail *f)
{
	const struct cli *c = w->cli;
	char name[256];
	if (c->on_error == ON_ERROR_FAIL) {
		*f = *why;
		return record_fail(r, f);
	}
	char *first = why->unscored ? w->first_scoreless : w->first_failure, key[200];
	w->failed++;
	w->scoreless += (uint64_t)why->unscored;
	if (!*first)
		snprintf(first, sizeof w->first_failure, "'%s': %.280s", name_show(key, sizeof key, r->key.p), why->msg);
	if (record_fields(r, f))
		return -1;
	if (fields_set_string(&r->fields, cli_field(c, name, "error"), why->msg, f))
		return record_fail(r, f);
	r->fields_changed = 1;
	return c->on_error == ON_ERROR_REJECT ? flow_reject(w, r, f) : flow_pass(w, r, f);
}

/* A record that cannot be read has the field error of each scoring tool of a pipeline: it is that of the last one, without --replace too. */
static int is_error(const char *name) { return strcmp(name, "error") == 0; }

int flow_claim(const struct flow *w, struct record *r, const char *const *names, struct fail *f)
{
	char name[256];
	if (record_fields(r, f))
		return -1;
	for (; *names && !w->cli->replace; names++)
		if (!is_error(*names) && fields_find(&r->fields, cli_field(w->cli, name, *names))) {
			fail_set(f, "field '%s' is there already: see --replace and --prefix", name);
			return record_fail(r, f);
		}
	return 0;
}

void flow_clear(const struct flow *w, struct record *r, const char *const *names)
{
	char name[256];
	size_t had = r->fields.n;
	for (; *names; names++) {
		if (is_error(*names) && !w->cli->replace)
			continue; /* of a tool before */
		char *last = name + strlen(cli_field(w->cli, name, *names)) - 1, kind = *last;
		if (kind == '*' || kind == '#')
			*last = 0;
		if (kind == '*')
			fields_remove_prefix(&r->fields, name);
		else if (kind == '#')
			fields_remove_numbered(&r->fields, name);
		else
			fields_remove(&r->fields, name);
	}
	r->fields_changed |= r->fields.n < had;
}

static int count(struct flow *w, struct fail *f)
{
	struct fields *s = &w->cli->counts;
	return fields_set_int(s, "records", (int64_t)w->records, f) || fields_set_int(s, "unscored", (int64_t)w->failed, f) ||
	       fields_set_int(s, "rejected", (int64_t)w->rejected, f) ||
	       (w->cli->rejects && fields_set_int(s, "rejects_kept", (int64_t)w->kept_rejects, f)) ||
	       (w->bad_metadata && fields_set_int(s, "bad_json", (int64_t)w->bad_metadata, f)) ? -1 : 0;
}

int flow_write_text(const struct flow *w, const struct buf *text, struct fail *f)
{
	if (w->cli->output)
		return atomic_write(w->cli->output, text->p, text->len, f);
	fwrite(text->p, 1, text->len, stdout);
	return 0;
}

/* Another run may have put its rejects into the file since this one opened it: they would be lost. */
static int check_old_rejects(const struct flow *w, struct fail *f)
{
	struct stat now;
	const struct stat *then = &w->old_rejects;
	stat_file(w->cli->rejects, &now);
	if (!S_ISREG(now.st_mode) || (same_inode(&now, then) && now.st_size == then->st_size && now.st_mtim.tv_sec == then->st_mtim.tv_sec &&
	                              now.st_mtim.tv_nsec == then->st_mtim.tv_nsec))
		return 0;
	return fail_set(f, "-r: %s: %s since this run began, by another run perhaps: run the tool again", w->cli->rejects,
	                then->st_mode ? "changed" : "was made");
}

/* No other run may rename its file between the check and the rename. */
static int close_rejects(struct flow *w, struct fail *f)
{
	int lock = lock_parent(w->cli->rejects), r = check_old_rejects(w, f);
	if (!r) {
		struct writer *rejects = w->rejects;
		w->rejects = NULL;
		r = writer_close(rejects, f);
	}
	if (lock >= 0)
		close(lock);
	return r;
}

int flow_close(struct flow *w, struct fail *f)
{
	struct cli *c = w->cli;
	progress_end(&w->progress);
	if (w->failed > w->scoreless)
		cli_note(c, "%llu of %llu records could not be read; the first: %s", (unsigned long long)(w->failed - w->scoreless),
		         (unsigned long long)w->records, w->first_failure);
	if (w->scoreless)
		cli_note(c, "%llu of %llu records have no score; the first: %s", (unsigned long long)w->scoreless, (unsigned long long)w->records,
		         w->first_scoreless);
	if (w->bad_metadata)
		cli_note(c, "%llu of %llu records have a member .json that cannot be read as a JSON object: their json.NAME are missing",
		         (unsigned long long)w->bad_metadata, (unsigned long long)w->records);
	cli_note_count(c, w->notes.flawed, "picture has flaws that leave its pixels whole, such as extraneous bytes",
	               "pictures have flaws that leave their pixels whole, such as extraneous bytes");
	cli_note_count(c, w->notes.low_bits,
	               "picture of 16 bits has all samples below 4096 and becomes nearly black: scale it first if it has 12 bits or fewer",
	               "pictures of 16 bits have all samples below 4096 and become nearly black: scale them first if they have 12 bits or fewer");
	/* what can fail does so before either file is renamed */
	if (w->earlier && earlier_copy(w->earlier, w->rejects, &w->kept_rejects, f))
		return fail_add(f, "-r");
	cli_note_count(c, w->kept_rejects, "record of an earlier run stays in %s", "records of an earlier run stay in %s", c->rejects);
	if (w->out && (w->records || w->emptied || (w->in && reader_emptied(w->in))))
		writer_emptied(w->out);
	if ((w->rejects && writer_prepare(w->rejects, f)) || (w->out && writer_prepare(w->out, f)))
		return -1;
	if (w->rejects && close_rejects(w, f))
		return -1;
	if (w->out) {
		struct writer *out = w->out;
		w->out = NULL;
		if (writer_close(out, f))
			return -1;
	}
	reader_close(w->in);
	earlier_close(w->earlier);
	w->in = NULL;
	w->earlier = NULL;
	return count(w, f);
}

void flow_abort(struct flow *w)
{
	progress_end(&w->progress);
	writer_abort(w->rejects);
	writer_abort(w->out);
	reader_close(w->in);
	earlier_close(w->earlier);
	w->rejects = w->out = NULL;
	w->in = NULL;
	w->earlier = NULL;
}

int flow_finish(struct flow *w, int r, struct fail *f)
{
	if (!r)
		r = flow_close(w, f);
	if (r) {
		flow_abort(w);
		cli_failed(w->cli, f);
	}
	return cli_end(w->cli, r ? EXIT_FAILED : EXIT_OK);
}

int flow_stop(struct flow *w, struct fail *f)
{
	flow_abort(w);
	w->rejected = 0;
	cli_failed(w->cli, f);
	return cli_end(w->cli, count(w, f) ? EXIT_FAILED : EXIT_POLICY);
}
