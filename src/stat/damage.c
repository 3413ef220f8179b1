#include "stat/damage.h"

#include <math.h>

const char *const damage_names[DAMAGES] = {"blank", "nearly uniform", "cut", "barred", "gray among colour", "missing values"};

static int has_bar(const struct picture_stat *s, enum side side) { return s->border[side] >= DAMAGE_BORDER && s->step[side] >= DAMAGE_STEP; }

static int has_bars(const struct picture_stat *s, enum side a, enum side b)
{
	return has_bar(s, a) && has_bar(s, b) && fabs(s->edge[a] - s->edge[b]) * 255 <= DAMAGE_RANGE;
}

struct damage_signs damage_of_picture(const struct picture_stat *s)
{
	struct damage_signs d = {s->gray ? 1u << DAMAGE_GRAY : 0, 0};
	enum side side = SIDE_BOTTOM;
	if (s->range <= DAMAGE_RANGE)
		return (struct damage_signs){1u << DAMAGE_BLANK, 0};
	if (s->common >= DAMAGE_COMMON) {
		d.set |= 1u << DAMAGE_UNIFORM;
		return d;
	}
	if (has_bars(s, SIDE_TOP, SIDE_BOTTOM) || has_bars(s, SIDE_LEFT, SIDE_RIGHT)) {
		d.set |= 1u << DAMAGE_BARRED;
		side = has_bars(s, SIDE_TOP, SIDE_BOTTOM) ? SIDE_TOP : SIDE_LEFT;
	} else if (has_bar(s, SIDE_BOTTOM)) {
		d.set |= 1u << DAMAGE_CUT;
	} else {
		return d;
	}
	d.level = (int)(s->edge[side] * 255 + 8) / 16;
	return d;
}

struct damage_signs damage_of_vector(const struct vector_stat *s)
{
	int blank = s->values > 1 && s->missing == 0 && s->deviation == 0;
	return (struct damage_signs){s->missing > 0 ? 1u << DAMAGE_MISSING : blank ? 1u << DAMAGE_BLANK : 0, 0};
}

static int level_of(int damage, const struct damage_signs *signs) { return damage == DAMAGE_CUT || damage == DAMAGE_BARRED ? signs->level : 0; }

void damage_count(struct damage_counts *c, const struct damage_signs *signs)
{
	c->pictures++;
	for (int i = 0; i < DAMAGES; i++)
		c->n[i][level_of(i, signs)] += signs->set >> i & 1;
}

unsigned damage_named(const struct damage_counts *c, const struct damage_signs *signs)
{
	unsigned named = signs->set;
	for (int i = DAMAGE_CUT; i <= DAMAGE_GRAY; i++)
		if ((double)c->n[i][level_of(i, signs)] > DAMAGE_SHARE * (double)c->pictures)
			named &= ~(1u << i);
	return named;
}
