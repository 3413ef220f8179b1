#include "eval/plane.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "eval/classes.h"
#include "input/npy.h"

/* Reads the two numbers of the payload. Returns 1, or 0 and the reason. */
static int read_point(const struct record *r, const char *extensions, struct plane_point *to, struct fail *why)
{
	struct npy npy;
	const struct member *m = record_payload(r, extensions, why);
	if (!m || npy_parse(m->data.p ? m->data.p : "", m->data.len, &npy, why))
		return 0;
	if (npy.count != 2) {
		fail_set(why, "an .npy of %zu numbers, not 2", npy.count);
		return 0;
	}
	to->x = npy_value(&npy, 0);
	to->y = npy_value(&npy, 1);
	if (isfinite(to->x) && isfinite(to->y))
		return 1;
	fail_set(why, "a number is not finite");
	return 0;
}

int plane_add(struct plane *p, struct record *r, const char *extensions, struct fail *f)
{
	struct fail why = {{0}};
	if (grow(&p->v, &p->cap, p->n + 1, "points", f))
		return -1;
	struct plane_point *to = &p->v[p->n++];
	*to = (struct plane_point){NAN, NAN, -1};
	if (!read_point(r, extensions, to, &why)) {
		if (why.memory) {
			*f = why;
			return -1;
		}
		to->x = to->y = NAN;
		p->without++;
	}
	if (!p->of_class.name)
		return 0;
	if (class_check_record(&p->of_class, r, f))
		return -1;
	struct buf cls = {0};
	int has = class_of(r, p->of_class.name, &cls, f), number = has > 0 ? class_list_add(&p->classes, cls.p ? cls.p : "", cls.len, f) : -1;
	buf_free(&cls);
	to->cls = (int16_t)number;
	return has < 0 || (has && number < 0) ? -1 : 0;
}

int plane_add_test(struct plane *p, struct record *r, const char *extensions, struct fail *f)
{
	if (p->ntests == PLANE_MAX_TESTS)
		return 0;
	p->test[p->ntests].cls = -1;
	return read_point(r, extensions, &p->test[p->ntests], f) ? p->ntests++, 0 : record_fail(r, f);
}

int plane_check(const struct plane *p, struct fail *f)
{
	if (p->without == p->n)
		return fail_set(f, "--plane: none of %zu records has an .npy of two numbers", p->n);
	return class_check_end(&p->of_class, f);
}

void plane_free(struct plane *p)
{
	class_list_free(&p->classes);
	class_check_free(&p->of_class);
	free(p->v);
	p->v = NULL;
	p->n = p->cap = 0;
}
