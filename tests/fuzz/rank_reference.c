#include "rank/reference.h"

#include <inttypes.h>
#include <math.h>
#include <unistd.h>
#include <xxhash.h>

#include "fuzz.h"

/* Scores a record with this value in every field, and one with it in some of them. */
static void score(const struct reference *ref, double v)
{
	const struct criterion *c = &ref->criterion;
	double values[JOINT_MAX_FIELDS];
	for (int lacking = 0; lacking < 2 && c->joint_wanted; lacking++) {
		struct joint_parts parts;
		for (int i = 0; i < c->joint.p; i++)
			values[i] = lacking && i % 2 ? NAN : v;
		double joint = joint_score(&c->joint, values, &parts);
		struct joint_reason why = joint_explain(&c->joint, values);
		CHECK(!(joint < 0) && why.field >= -1 && why.field < c->joint.p && (why.field < 0 || joint_uses(&c->joint, why.field, why.question)));
		if (c->learn.p)
			learn_score(&c->learn, values, joint);
	}
}

/* Reads the bytes as they are, and with a valid hash. Percentiles must be at most 100 and must not fall. */
int fuzz_rank_reference(const uint8_t *data, size_t size)
{
	struct buf b = {0};
	struct fail f;
	for (int hashed = 0; hashed < 2; hashed++) {
		char path[64];
		struct reference ref;
		b.len = 0;
		CHECK(buf_add(&b, (const char *)data, size, &f) == 0);
		if (hashed)
			CHECK(buf_addf(&b, &f, "\"hash\":\"%016" PRIx64 "\"}\n", (uint64_t)XXH3_64bits(data, size)) == 0);
		int fd = fuzz_file((const uint8_t *)b.p, b.len, path), r = reference_read(&ref, path, &f);
		CHECK(r == 0 || f.msg[0]);
		double last = 0;
		for (double v = -1e6; r == 0 && v < 1e6; v = v < -1 ? v / 10 : v < 1 ? v + 0.25 : v * 10) {
			double pct = reference_pct(&ref, v);
			CHECK(pct >= last - 1e-9 && pct <= 100 + 1e-9);
			reference_z(&ref, v);
			last = pct;
			score(&ref, v);
		}
		reference_free(&ref);
		close(fd);
	}
	buf_free(&b);
	return 0;
}
