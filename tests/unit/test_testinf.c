/* Means and standard deviations over a stream, also of values that are large against their differences; and what test sets free. */
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/atomic.h"
#include "influence/testinf.h"
#include "tap.h"

static void test_moments(double offset)
{
	struct test_record one = {.key = "t"};
	struct test_set tests = {.n = 1, .record = &one};
	struct testinf s;
	struct influence_summary summary;
	struct fail f = {{0}};
	if (testinf_open(&s, &tests, 1, &f))
		return (void)ok(0, "%s", f.msg);
	for (int i = 0; i < 1000; i++) {
		double v = offset + i % 10, influence = 1;
		struct train_record r = {.key = "r", .position = (uint64_t)i, .norm = v};
		if (testinf_add(&s, &r, &influence, &v, &summary, &f))
			return (void)ok(0, "%s", f.msg);
	}
	near(moments_mean(&s.norm[ALL]), offset + 4.5, 1e-15, "mean");
	near(moments_sd(&s.norm[ALL]), sqrt(8.25 * 1000 / 999), 1e-8, "standard deviation");
	near(moments_sd(&s.distance[ALL]), sqrt(8.25 * 1000 / 999), 1e-8, "standard deviation of distances");
	testinf_free(&s);
}

/* The number of the spool belongs to another file once it is closed. */
static void test_free_blocks(void)
{
	struct fail f = {{0}};
	struct test_set t = {.fd = open_spool(&f), .nblocks = 1, .nmodels = 1, .block = calloc(1, sizeof *t.block)};
	int spool = t.fd;
	test_set_free_blocks(&t);
	int fd = open("/dev/null", O_RDONLY);
	test_set_free_blocks(&t);
	ok(spool >= 0 && fd == spool && fcntl(fd, F_GETFD) >= 0, "blocks that are freed twice close their spool once");
	close(fd);
}

int main(void)
{
	struct moments none = {.n = 0};
	ok(moments_sd(&none) == 0, "no values: standard deviation 0");
	test_moments(0);
	test_moments(1e6);
	test_moments(1e9);
	test_free_blocks();
	return done();
}
