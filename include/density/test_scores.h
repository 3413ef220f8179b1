/* test_scores.h - the influence of every record over test records, by the estimators that are fitted to the records (scores.h), and the strongest
 * proponents and opponents of each test record. */
#ifndef VF_TEST_SCORES_H
#define VF_TEST_SCORES_H

#include "density/scores.h"

/* Sets s->range, without_influence and first_without_influence. s is fitted, and not yet released by density_release(). Writes one line of JSON
 * for each test record and method (stream/influence_file.h) to fd, unless fd is -1. */
int density_test(struct density_scores *s, const struct collect *tests, const struct exec *exec, int fd, struct fail *f);

#endif
