/* Thinning a model directory: which checkpoints stay, and that a kill at any system call leaves a model. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "naive.h"
#include "model/thin.h"

static char dir[512];

/* A model with checkpoints at these steps, up to a 0, and these losses. */
static void make(const int64_t *step, const double *loss)
{
	struct model m;
	struct fail f = {{0}};
	char path[700];
	uint64_t state = 5;
	int64_t before = 0;
	naive_model(&m, "input: {shape: [1, 1, 2]}\nmodel:\n  latent: 1\n  encoder: [flatten, {linear: 2}]\n  decoder: [{linear: 2}]\n", 1, &state);
	mkdir(dir, 0777);
	for (int i = 0; step[i]; i++) {
		m.step = step[i];
		m.since = step[i] - before;
		m.records = 100;
		m.loss = loss ? loss[i] : NAN;
		m.params[0] = (float)i;
		before = step[i];
		checkpoint_path(path, sizeof path, dir, step[i]);
		if (model_write(&m, path, &f))
			BAIL(&f);
	}
	model_free(&m);
	snprintf(path, sizeof path, "%s/model.yaml", dir);
	close(open(path, O_CREAT | O_WRONLY, 0666));
	snprintf(path, sizeof path, "%s/state", dir);
	close(open(path, O_CREAT | O_WRONLY, 0666));
}

static void remove_dir(void)
{
	char command[700];
	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	if (system(command))
		exit(1);
}

/* The steps that are kept, as text, or the message. */
static const char *chosen(int n, enum thin_by by)
{
	static char text[200];
	struct thinning t;
	struct fail f = {{0}};
	text[0] = 0;
	if (thin_choose(&t, dir, n, by, &f))
		return strcpy(text, f.msg) + strlen(dir);
	for (int i = 0; i < t.c.n; i++)
		if (t.keep[i])
			snprintf(text + strlen(text), 40, "%" PRId64 " ", t.c.step[i]);
	thin_free(&t);
	return text;
}

static void keeps(int n, enum thin_by by, const char *want)
{
	const char *got = chosen(n, by);
	ok(strcmp(got, want) == 0, "keep %d %s: %s", n, by == THIN_LOSS ? "by loss" : "evenly", got);
}

static void test_choice(void)
{
	static const int64_t even[] = {10, 20, 30, 40, 50, 60, 70, 80, 0}, odd[] = {1, 2, 3, 4, 100, 1000, 0};
	static const double loss[] = {90, 70, 65, 66, 50, 49, 48, 47.5};
	make(even, loss);
	keeps(1, THIN_EVEN, "80 ");
	keeps(2, THIN_EVEN, "40 80 ");
	keeps(4, THIN_EVEN, "20 40 60 80 ");
	keeps(7, THIN_EVEN, "10 20 30 50 60 70 80 "); /* nearest to the sevenths of 80 */
	keeps(8, THIN_EVEN, "10 20 30 40 50 60 70 80 ");
	keeps(1000, THIN_EVEN, "10 20 30 40 50 60 70 80 ");
	keeps(1, THIN_LOSS, "80 ");
	keeps(2, THIN_LOSS, "10 80 ");
	keeps(3, THIN_LOSS, "10 20 80 ");
	keeps(4, THIN_LOSS, "10 20 50 80 ");
	keeps(7, THIN_LOSS, "10 20 30 50 60 70 80 ");
	remove_dir();
	make(odd, NULL);
	keeps(3, THIN_EVEN, "4 100 1000 ");
	keeps(5, THIN_EVEN, "2 3 4 100 1000 ");
	ok(strstr(chosen(3, THIN_LOSS), "its loss is not known") != NULL, "by loss, without a known loss: %s", chosen(3, THIN_LOSS));
	remove_dir();
}

/* The number of checkpoints if the directory is a model, has the checkpoint of step last, and weights that sum to weight; else 0. */
static int count_usable(int64_t last, double weight)
{
	struct model *m;
	struct fail f = {{0}};
	int n;
	double sum = 0;
	if (models_open(&m, &n, dir, "all", NULL, &f)) {
		printf("# %s\n", f.msg);
		return 0;
	}
	for (int i = 0; i < n; i++) {
		m[i].cfg.score.weights = WEIGHTS_LR;
		m[i].lr = 1;
		sum += (double)m[i].since / 100;
	}
	int good = m[n - 1].step == last && fabs(sum - weight) < 1e-12;
	models_free(m, n);
	return good ? n : 0;
}

static void thin_child(void)
{
	struct thinning t;
	struct fail f = {{0}};
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(99);
	raise(SIGSTOP);
	_exit(thin_choose(&t, dir, 2, THIN_EVEN, &f) || thin_apply(&t, dir, &f));
}

/* Thins, and kills the process before its n-th system call: 1 killed; 0 it finished before; -1 ptrace is not allowed; -2 it failed. */
static int kill_at(int n)
{
	int status;
	pid_t child = fork();
	if (child == 0)
		thin_child();
	waitpid(child, &status, 0);
	if (WIFEXITED(status))
		return -1;
	ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)PTRACE_O_EXITKILL);
	for (int i = 0; i < 2 * n; i++) { /* a call stops twice */
		if (ptrace(PTRACE_SYSCALL, child, NULL, NULL))
			break;
		waitpid(child, &status, 0);
		if (WIFEXITED(status))
			return WEXITSTATUS(status) ? -2 : 0;
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return 1;
}

static void test_kills(void)
{
	static const int64_t even[] = {10, 20, 30, 40, 50, 60, 0};
	int n = 0, got = 1, bad = 0, seen = 0;
	for (; got > 0; n++) {
		make(even, NULL);
		got = kill_at(n);
		if (got < 0)
			break;
		int left = count_usable(60, 0.6);
		bad += !left;
		seen |= 1 << left;
		/* thinning again finishes the work */
		struct thinning t;
		struct fail f = {{0}};
		bad += thin_choose(&t, dir, 2, THIN_EVEN, &f) || thin_apply(&t, dir, &f) || count_usable(60, 0.6) != 2;
		thin_free(&t);
		struct model m;
		char path[700];
		checkpoint_path(path, sizeof path, dir, 60);
		bad += model_read(&m, path, NULL, &f) || m.since != 30 || !m.checked; /* the file alone has the same steps since */
		model_free(&m);
		snprintf(path, sizeof path, "%s/state", dir);
		bad += access(path, F_OK) != 0;
		remove_dir();
	}
	if (got == -1) {
		remove_dir();
		skip("killed at every system call", "ptrace is not allowed here");
		return;
	}
	ok(got == 0 && !bad && n > 40, "killed at each of %d system calls: still a model", n);
	/* not every number: an allocator's own system calls can make a run skip one */
	ok((seen & 0x44) == 0x44 && (seen & 0x38), "with 6 checkpoints, with 2, and between");
}

static void test_damage(void)
{
	static const int64_t even[] = {10, 20, 30, 40, 0};
	struct thinning t;
	struct fail f = {{0}};
	char path[700];
	make(even, NULL);
	checkpoint_path(path, sizeof path, dir, 40);
	if (truncate(path, 100))
		exit(1);
	int r = thin_choose(&t, dir, 2, THIN_EVEN, &f) ? -2 : thin_apply(&t, dir, &f);
	ok(r == -1 && strstr(f.msg, "nothing was removed") && strstr(f.msg, "step-000000040"), "a checkpoint to keep is damaged: %s", f.msg);
	ok(t.c.n == 4, "of four checkpoints");
	thin_free(&t);
	struct checkpoints c;
	ok(!checkpoints_list(&c, dir, &f) && c.n == 4, "all four are still there");
	checkpoints_free(&c);
	remove_dir();
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(dir, sizeof dir, "%.400s/test_thin.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		return 1;
	test_choice();
	test_damage();
	test_kills();
	return done();
}
