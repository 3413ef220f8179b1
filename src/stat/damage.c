#include "stat/damage.h"

#include <math.h>

const char *const damage_names[DAMAGES] = {"blank", "nearly uniform", "cut", "barred", "gray among colour", "missing values"};

static int has_bar(const struct picture_stat *s, enum side side) { return s->border[side] >= DAMAGE_BORDER && s->step[side] >= DAMAGE_STEP; }

static int has_bars(const struct picture_stat *s, enum side a, enum side b)
{
	return has_bar(s, a) && has_bar(s, b) && fabs(s->edge[a] - s->edge[b]) * 255 <= DAMAGE_RANGE;
}

unsigned damage_of_picture(const struct picture_stat *s)
{
	if (s->range <= DAMAGE_RANGE)
		return 1u << DAMAGE_BLANK;
	unsigned damage = s->gray ? 1u << DAMAGE_GRAY : 0;
	if (s->common >= DAMAGE_COMMON)
		return damage | 1u << DAMAGE_UNIFORM;
	if (has_bars(s, SIDE_TOP, SIDE_BOTTOM) || has_bars(s, SIDE_LEFT, SIDE_RIGHT))
		damage |= 1u << DAMAGE_BARRED;
	else if (has_bar(s, SIDE_BOTTOM) && !has_bar(s, SIDE_TOP))
		damage |= 1u << DAMAGE_CUT;
	return damage;
}

unsigned damage_of_vector(const struct vector_stat *s)
{
	if (s->missing > 0)
		return 1u << DAMAGE_MISSING;
	return s->values > 1 && s->deviation == 0 ? 1u << DAMAGE_BLANK : 0;
}

void damage_count(struct damage_counts *c, unsigned damage)
{
	c->pictures++;
	for (int i = 0; i < DAMAGES; i++)
		c->n[i] += damage >> i & 1;
}

unsigned damage_rare(const struct damage_counts *c)
{
	unsigned rare = (1u << DAMAGES) - 1;
	for (int i = DAMAGE_CUT; i <= DAMAGE_GRAY; i++)
		if ((double)c->n[i] > DAMAGE_SHARE * (double)c->pictures)
			rare &= ~(1u << i);
	return rare;
}
