/* Weights are packed when a stream turns out to be long, and scores have the same bits before and after, in any number of threads. */
#include <pthread.h>
#include <string.h>

#include "gemm/sparse_block.h"
#include "influence/scorer.h"
#include "naive.h"
#include "tap.h"

enum { INPUTS = 100, MOST = 128, WORKERS = 3, ROUNDS = 40 };

static const char network[] = "input: {shape: [1, 10, 10]}\nmodel:\n  latent: 80\n  encoder: [flatten, {linear: 96}, relu, {linear: 160}]\n"
                              "  decoder: [{linear: 96}, relu, {linear: 130}, relu, {linear: 100}]\n";
static float x[MOST * INPUTS];
static uint64_t id[MOST];
static struct score expected[MOST];
static int size;

static int score(struct scorer *s, uint64_t first, int n, struct score *out)
{
	struct fail f = {{0}};
	struct batch b = {.rows = size, .nrows = n, .first = first, .id = id};
	return scorer_score(s, &b, x, out, NULL, &f);
}

static int equal(const struct score *out, int n) { return !memcmp(out, expected, (size_t)n * sizeof *out); }

struct worker {
	struct scorer *s;
	int number, same;
};

/* The first worker begins with the first batch, which has one record; the others have full batches at the same time. */
static void *work(void *arg)
{
	struct worker *w = arg;
	struct score out[MOST];
	w->same = 1;
	for (int i = 0; i < 2; i++) {
		int n = w->number == 0 && i == 0 ? 1 : size;
		w->same &= !score(w->s, n == 1 ? 0 : 7, n, out) && equal(out, n);
	}
	return NULL;
}

int main(void)
{
	static const struct noise drawn;
	struct fail f = {{0}};
	struct model m;
	struct score out[MOST];
	uint64_t state = 5;
	naive_model(&m, network, 0.3, &state);
	m.cfg.score.draws = SPARSE_ROWS;
	naive_fill(x, MOST * INPUTS, 0, 1, &state);
	for (int i = 0; i < MOST; i++)
		id[i] = (uint64_t)i;
	size = influence_batch_size(&m, 0);
	if (size > MOST)
		BAIL(&f);
	struct influence *plain = influence_open(&m, 1, size, 0, &f);
	if (!plain)
		BAIL(&f);
	influence_score(plain, size, x, id, NULL, expected, NULL);
	int lazy = !influence_gains_from_packing(plain, 1) && influence_gains_from_packing(plain, size);
	influence_close(plain);

	/* a short batch that begins the stream, the next one, and a full one that begins it */
	static const struct { uint64_t first; int n; } batch[] = {{0, 1}, {1, 2}, {0, MOST}};
	int same = 1, packed = 1, blocks = network_sparse(&m.dec, 0);
	for (int from = 0; from < 3; from += 2) {
		struct scorer *s = scorers_open(&m, 1, 1, 0, &drawn, NULL, &f);
		if (!s)
			BAIL(&f);
		for (int i = from; i < (from ? 3 : 2); i++) {
			int n = batch[i].n < size ? batch[i].n : size;
			same &= !score(s, batch[i].first, n, out) && equal(out, n);
			packed &= network_sparse(&m.dec, 1) == (blocks && i > 0);
		}
		scorers_close(s, 1);
		network_free_packed(&m.enc);
		network_free_packed(&m.dec);
	}
	ok(same, "scores have the same bits before the weights are packed and after");
	ok(packed && lazy == blocks, "weights are packed at the second batch, or at the first one if it is long%s", blocks ? "" : " (no sparse blocks on this processor)");

	same = 1;
	for (int round = 0; round < ROUNDS; round++) {
		struct scorer *s = scorers_open(&m, 1, WORKERS, 0, &drawn, NULL, &f);
		struct worker w[WORKERS];
		pthread_t t[WORKERS];
		if (!s)
			BAIL(&f);
		for (int i = 0; i < WORKERS; i++) {
			w[i] = (struct worker){&s[i], i, 0};
			if (pthread_create(&t[i], NULL, work, &w[i]))
				BAIL(&f);
		}
		for (int i = 0; i < WORKERS; i++) {
			pthread_join(t[i], NULL);
			same &= w[i].same;
		}
		scorers_close(s, WORKERS);
		network_free_packed(&m.enc);
		network_free_packed(&m.dec);
	}
	ok(same, "and with %d workers that come to the first batches at once", WORKERS);
	model_free(&m);
	return done();
}
