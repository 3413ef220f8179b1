#include <string.h>
#include <sys/stat.h>

#include "pack/files.h"
#include "pack/walk.h"
#include "stream/name.h"

struct directory {
	struct files files;
	uint64_t links; /* number of links that were not followed, or have no target */
};

struct path {
	const char *text;
};

static int read_path(void *ctx, struct buf *data, struct fail *f)
{
	const struct path *path = ctx;
	return buf_read_file(data, path->text, RECORD_MAX_BYTES, f);
}

static int on_entry(void *ctx, const char *path, const char *below, const struct stat *st, struct fail *f)
{
	struct directory *d = ctx;
	struct pack *p = d->files.pack;
	const char *slash = strrchr(below, '/'), *name = slash ? slash + 1 : below;
	int dir = S_ISDIR(st->st_mode);
	if (dir && *name != '.')
		return 1;
	if (S_ISREG(st->st_mode) && writer_writes_to(p->out, st)) {
		name_show(p->own_output, sizeof p->own_output, path);
		return 0;
	}
	if (dir || !S_ISREG(st->st_mode) || !files_takes(name)) {
		p->skipped++;
		d->links += S_ISLNK(st->st_mode);
		return 0;
	}
	struct path file = {path};
	int go = files_add(&d->files, path, below, st->st_mtime, read_path, &file, f);
	return go ? go : WALK_STOP;
}

int pack_directory(struct pack *p, const char *dir, struct fail *f)
{
	struct directory d = {.files = {.pack = p, .r = {.fields_member = -1}}};
	int r = walk(dir, (p->follow ? WALK_FOLLOW : 0) | (p->together ? WALK_FILES_FIRST : 0), on_entry, &d, f);
	r = files_end(&d.files, r, f);
	if (!r && !p->seen)
		r = p->skipped ? fail_set(f, "%s has no records, but %llu links%s and %llu special or dot files or names without an extension", dir,
		                          (unsigned long long)d.links, p->follow ? " that point nowhere" : " (see --follow)", (unsigned long long)(p->skipped - d.links))
		               : fail_set(f, "%s has no records: there are no files in it%s", dir, *p->own_output ? " but the output" : "");
	return r;
}
