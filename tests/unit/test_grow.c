/* Lists that grow: values are kept, the capacity grows in proportion, and a length that no memory has is refused. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "tap.h"

struct odd {
	char text[13];
};

int main(void)
{
	struct fail f = {{0}};
	size_t cap = 0, moves = 0, bad = 0;
	struct odd *list = NULL;
	for (size_t n = 0; n < 100000; n++) {
		size_t before = cap;
		if (grow(&list, &cap, n + 1, "odd things", &f) || cap < n + 1 || cap < before) {
			bad++;
			break;
		}
		moves += cap != before;
		snprintf(list[n].text, sizeof list[n].text, "%zu", n);
	}
	for (size_t n = 0; n < 100000 && !bad; n++)
		bad += strtoul(list[n].text, NULL, 10) != n;
	ok(!bad, "100,000 elements are kept");
	ok(moves < 40, "the list grew %zu times", moves);
	ok(cap < 160000, "the capacity is at most half as much again: %zu", cap);

	struct odd *was = list;
	size_t had = cap;
	ok(!grow(&list, &cap, had, "odd things", &f) && list == was && cap == had, "nothing is done where the capacity is enough");
	static const size_t lengths[] = {SIZE_MAX, SIZE_MAX / 13 + 1, SIZE_MAX / 13 * 2, PTRDIFF_MAX / 13 + 1, PTRDIFF_MAX / 13};
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		char message[100];
		snprintf(message, sizeof message, "out of memory for %zu odd things", lengths[i]);
		f = (struct fail){{0}};
		int got = grow(&list, &cap, lengths[i], "odd things", &f);
		ok(got == -1 && f.memory && strcmp(f.msg, message) == 0, "%zu elements: %s", lengths[i], f.msg);
		ok(list == was && cap == had && strcmp(list[99999].text, "99999") == 0, "and the list is as it was");
	}
	free(list);

	char **names = NULL;
	cap = 0;
	ok(!grow(&names, &cap, 1000, "names", &f) && cap == 1000, "the first capacity can be any number");
	names[999] = NULL;
	free(names);
	return done();
}
