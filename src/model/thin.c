#include "model/thin.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/atomic.h"

/* Keeps the checkpoint nearest to each of n evenly spaced steps, from the last step to the first. Each choice leaves enough checkpoints
 * for the steps before it. */
static void choose_even(struct thinning *t, int n)
{
	const int64_t *step = t->c.step;
	int next = t->c.n; /* the checkpoint chosen before */
	for (int k = n; k > 0; k--) {
		int best = next - 1;
		double target = (double)step[t->c.n - 1] * k / n;
		for (int i = k - 1; i < next; i++)
			if (fabs((double)step[i] - target) < fabs((double)step[best] - target))
				best = i;
		t->keep[best] = 1;
		next = best;
	}
}

/* By how much the loss fell up to each checkpoint since the one before; infinity for the first. */
static int read_falls(const struct thinning *t, const char *dir, double *fall, struct fail *f)
{
	char path[1024];
	double before = INFINITY;
	for (int i = 0; i < t->c.n; i++) {
		struct model m;
		checkpoint_path(path, sizeof path, dir, t->c.step[i]);
		if (model_read(&m, path, NULL, f))
			return -1;
		double loss = m.loss;
		model_free(&m);
		if (isnan(loss))
			return fail_set(f, "%s: its loss is not known, as in an imported model: use --by even", path);
		fall[i] = before - loss;
		before = loss;
	}
	return 0;
}

static int choose_by_loss(struct thinning *t, const char *dir, int n, struct fail *f)
{
	double *fall = calloc((size_t)t->c.n, sizeof *fall);
	int r = fall ? read_falls(t, dir, fall, f) : fail_memory(f);
	t->keep[t->c.n - 1] = 1;
	for (int k = 1; k < n && !r; k++) {
		int best = -1;
		for (int i = 0; i < t->c.n; i++)
			if (!t->keep[i] && (best < 0 || fall[i] > fall[best]))
				best = i;
		t->keep[best] = 1;
	}
	free(fall);
	return r;
}

int thin_choose(struct thinning *t, const char *dir, int n, enum thin_by by, struct fail *f)
{
	*t = (struct thinning){.keep = NULL};
	if (checkpoints_select(&t->c, dir, "all", f))
		return -1;
	if (t->c.step[0] < 0) {
		thin_free(t);
		return fail_set(f, "%s: is one checkpoint file: name the directory of the model", dir);
	}
	t->keep = calloc((size_t)t->c.n, 1);
	int r = t->keep ? 0 : fail_memory(f);
	if (!r && n >= t->c.n)
		memset(t->keep, 1, (size_t)t->c.n);
	else if (!r && by == THIN_LOSS)
		r = choose_by_loss(t, dir, n, f);
	else if (!r)
		choose_even(t, n);
	if (r)
		thin_free(t);
	return r;
}

/* Reads the checkpoints to keep; write: also updates the steps since the one before in them. */
static int read_kept(const struct thinning *t, const char *dir, int write, struct fail *f)
{
	char path[1024];
	int64_t before = 0;
	for (int i = 0; i < t->c.n; i++) {
		struct model m;
		if (!t->keep[i])
			continue;
		checkpoint_path(path, sizeof path, dir, t->c.step[i]);
		if (model_read(&m, path, NULL, f))
			return write ? -1 : fail_add(f, "nothing was removed");
		int64_t since = t->c.step[i] - before;
		before = t->c.step[i];
		int stale = m.since != since;
		m.since = since;
		int r = write && stale ? model_write(&m, path, f) : 0;
		model_free(&m);
		if (r)
			return r;
	}
	return 0;
}

static int remove_others(const struct thinning *t, const char *dir, struct fail *f)
{
	char path[1024];
	if (read_kept(t, dir, 0, f))
		return -1;
	for (int i = 0; i < t->c.n; i++) {
		if (t->keep[i])
			continue;
		curvature_path(path, sizeof path, dir, t->c.step[i]);
		if (unlink(path) && errno != ENOENT)
			return fail_errno(f, "%s", path);
		checkpoint_path(path, sizeof path, dir, t->c.step[i]);
		if (unlink(path))
			return fail_errno(f, "%s", path);
	}
	checkpoint_path(path, sizeof path, dir, t->c.step[0]);
	return sync_parent(path, f) ? -1 : read_kept(t, dir, 1, f);
}

int thin_apply(const struct thinning *t, const char *dir, struct fail *f)
{
	/* as model_dir.c locks it for a training */
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(f, "%s", dir);
	int r = flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK ? fail_set(f, "%s: another process is writing there: wait until it has ended", dir) : remove_others(t, dir, f);
	close(fd);
	return r;
}

void thin_free(struct thinning *t)
{
	checkpoints_free(&t->c);
	free(t->keep);
	t->keep = NULL;
}
