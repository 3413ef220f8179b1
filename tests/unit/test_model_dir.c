/* Replacing an old model by a finished new one: on file systems with and without an exchange of two names, and after failures.
 * src/model calls the rename() and renameat2() of this file. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/model_dir.h"
#include "tap.h"

static int fail_exchange, fail_rename[4], renames; /* errno, or 0; fail_rename: of each rename() in turn, of which the first is that of model.yaml */

static int fail_with(int why)
{
	errno = why;
	return -1;
}

int renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
	char third[700];
	struct stat x, y;
	if (fail_exchange)
		return fail_with(fail_exchange);
	if (stat(from, &x) || stat(to, &y))
		return fail_with(ENOENT);
	snprintf(third, sizeof third, "%s.third", from);
	return renameat(a, from, a, third) || renameat(b, to, a, from) || renameat(a, third, b, to) ? -1 : 0;
}

int rename(const char *from, const char *to)
{
	int why = renames < 4 ? fail_rename[renames] : 0;
	renames++;
	return why ? fail_with(why) : renameat(AT_FDCWD, from, AT_FDCWD, to);
}

static void put(const char *dir, const char *name)
{
	char path[700];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
}

static int has(const char *dir, const char *name)
{
	char path[700];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

static struct model_dir d;
static struct fail f, warning;

/* Replaces m.vae, an old model of step 1, by one of step 2. */
static int replace(const char *foreign)
{
	struct config cfg;
	config_defaults(&cfg);
	if (system("rm -rf m.vae* && mkdir m.vae"))
		return -1;
	put("m.vae", "step-000000001.safetensors");
	put("m.vae", "model.yaml");
	memset(&f, 0, sizeof f);
	if (model_dir_begin(&d, "m.vae", MODEL_DIR_REPLACE, &f))
		return -1;
	put(d.work, "step-000000002.safetensors");
	if (foreign)
		put("m.vae", foreign);
	renames = 0;
	int r = model_dir_finish(&d, &cfg, &warning, &f);
	model_dir_abort(&d); /* as a tool does after a failure */
	model_dir_discard(&d);
	close(d.lock);
	return r;
}

static int is_old(const char *dir) { return has(dir, "step-000000001.safetensors") && has(dir, "model.yaml") && !has(dir, "step-000000002.safetensors"); }
static int is_new(const char *dir) { return has(dir, "step-000000002.safetensors") && has(dir, "model.yaml") && !has(dir, "step-000000001.safetensors"); }

static const char *beside(const char *what)
{
	static char name[100];
	snprintf(name, sizeof name, "m.vae.%s%ld", what, (long)getpid());
	return name;
}

static void test_exchange(void)
{
	ok(!replace(NULL) && is_new("m.vae") && !has(".", beside("tmp")), "exchanged, and the old model is removed %s", f.msg);
	ok(!replace("notes.txt") && is_new("m.vae") && is_old(beside("tmp")) && has(beside("tmp"), "notes.txt"), "with a foreign file the old model is kept whole %s", f.msg);
}

static void test_without(void)
{
	fail_exchange = EINVAL;
	ok(!replace(NULL) && is_new("m.vae") && !has(".", beside("tmp")) && !has(".", beside("old")), "without an exchange: renamed away, and removed %s", f.msg);
	ok(!replace("notes.txt") && is_new("m.vae") && is_old(beside("old")) && has(beside("old"), "notes.txt"), "with a foreign file it is kept %s", f.msg);
	fail_rename[1] = EBUSY;
	ok(replace(NULL) && is_old("m.vae") && is_new(beside("tmp")) && !has(".", beside("old")) && strstr(f.msg, beside("tmp")), "the old model cannot be renamed: both are kept: %s", f.msg);
	fail_rename[1] = 0;
	fail_rename[2] = EXDEV;
	ok(replace(NULL) && is_old("m.vae") && is_new(beside("tmp")) && strstr(f.msg, beside("tmp")), "the new model cannot be renamed: the old one is put back: %s", f.msg);
	fail_rename[3] = EIO;
	ok(replace(NULL) && is_old(beside("old")) && is_new(beside("tmp")) && strstr(f.msg, beside("tmp")) && strstr(f.msg, beside("old")), "nor can the old one be put back: the message names both: %s",
	   f.msg);
	fail_rename[2] = fail_rename[3] = 0;
	fail_exchange = 0;
}

static void test_another(void)
{
	struct config cfg;
	config_defaults(&cfg);
	replace(NULL);
	ok(!model_dir_begin(&d, "m.vae", MODEL_DIR_REPLACE, &f), "started %s", f.msg);
	put(d.work, "step-000000003.safetensors");
	ok(!system("mv m.vae away && mkdir m.vae"), "another directory in its place");
	put("m.vae", "state");
	ok(model_dir_finish(&d, &cfg, &warning, &f) && has("m.vae", "state") && !has("m.vae", "model.yaml") && is_new("away"), "a directory that came meanwhile is not removed: %s", f.msg);
	ok(has(beside("tmp"), "step-000000003.safetensors") && has(beside("tmp"), "model.yaml") && strstr(f.msg, beside("tmp")), "the new model is kept");
	model_dir_abort(&d);
	close(d.lock);
	ok(has(beside("tmp"), "model.yaml") && !system("rm -r away m.vae*"), "also after model_dir_abort()");
}

/* In a container every run has the same PID, so that names of temporary directories come again. */
static void test_remains(void)
{
	struct model_dir more;
	char first[600];
	replace(NULL);
	mkdir(beside("tmp"), 0777);
	put(beside("tmp"), "state");
	ok(!model_dir_begin(&d, "m.vae", MODEL_DIR_REPLACE, &f) && strcmp(d.work, beside("tmp")) != 0, "the files of a killed run stay: %s %s", d.work, f.msg);
	strcpy(first, d.work);
	close(d.lock);
	ok(!model_dir_begin(&more, "m.vae", MODEL_DIR_REPLACE, &f) && strcmp(more.work, first) != 0 && has(beside("tmp"), "state"), "another name for a second run: %s %s", more.work, f.msg);
	close(more.lock);
	model_dir_abort(&d);
	model_dir_abort(&more);
	ok(has(beside("tmp"), "state") && !has(".", first) && !has(".", more.work), "model_dir_abort() removes its own directories");
}

int main(void)
{
	char dir[] = "/tmp/vae-test-XXXXXX", gone[100];
	if (!mkdtemp(dir) || chdir(dir))
		return 1;
	test_exchange();
	test_without();
	test_another();
	test_remains();
	snprintf(gone, sizeof gone, "rm -rf %s", dir);
	return chdir("/") || system(gone) ? 1 : done();
}
