/* Lists of keys and lists of decisions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stream/keylist.h"
#include "tap.h"

static char path[] = "/tmp/test_keylist.XXXXXX";
static struct fail f;
static struct keylist l;

static int read_list(const char *text, int (*reader)(struct keylist *, const char *, struct fail *))
{
	FILE *out = fopen(path, "w");
	keylist_free(&l);
	f = (struct fail){{0}};
	if (!out || fputs(text, out) < 0 || fclose(out) != 0)
		exit(1);
	return reader(&l, path, &f);
}

static void selects(const char *text, const char *selected)
{
	char got[8] = "";
	size_t n = 0;
	int bad = read_list(text, keylist_read);
	for (const char *k = "abcdef"; !bad && *k; k++)
		if (keylist_has(&l, k, 1))
			got[n++] = *k;
	ok(!bad && strcmp(got, selected) == 0, "'%s' of the list selects %s", selected, got);
	ok(l.n == strlen(selected) && l.seen == l.n, "and says so: %zu listed, %zu seen", l.n, l.seen);
}

static void refuses(const char *text, int (*reader)(struct keylist *, const char *, struct fail *), const char *why)
{
	int bad = read_list(text, reader);
	ok(bad && strstr(f.msg, why), "refused: %s", f.msg);
}

int main(void)
{
	int fd = mkstemp(path);
	if (fd < 0)
		return 1;
	close(fd);
	selects("a\nb\n", "ab");
	selects("a\t1\nb\tx\tdrop\nc", "abc");
	selects("a\tdrop\nb\tkeep\nc\tunsure\nd\tdrop\r\n\ne\tdrop\twhy", "ade");
	selects("\xef\xbb\xbf""a\tkeep\n", "");
	/* as editors and spreadsheets write them */
	selects("a\tKeep\nb\tDrop\nc\tDROP \nd\tUnsure\n", "bc");
	/* the last line of a key counts */
	selects("a\tdrop\na\tkeep\nb\tunsure\nb\tdrop\nc\tdrop\nc\tdrop\n", "bc");
	selects("", "");
	/* no decision by a mistake */
	refuses("a\tkeep\nb\tdorp\n", keylist_read, "line 2 has no decision, but line 1 has 'keep'");
	refuses("a\tkeep\n\nb\n", keylist_read, "line 3 has no decision");
	refuses("a\tcat\nb\tdrop\n", keylist_read, "line 1 has no decision, but line 2 has 'drop'");
	refuses("a\tkeep\nb\t\tdrop\n", keylist_read, "line 2");
	refuses("a\nb\n", keylist_read_decisions, "it is no list of decisions");
	ok(read_list("", keylist_read_decisions) == 0, "an empty list has no decisions");

	ok(read_list("x\\ty\tkeep\nb\tdrop\nx\\ty\tunsure\nc\tkeep\n", keylist_read_decisions) == 0 && l.all == 3 && l.n == 1, "a list of decisions is read");
	ok(keylist_decision(&l, "x\\ty", 4) == DECISION_UNSURE && keylist_decision(&l, "b", 1) == DECISION_DROP && keylist_decision(&l, "c", 1) == DECISION_KEEP &&
	           keylist_decision(&l, "n", 1) == DECISION_NONE, "its decisions");
	char order[64] = "";
	enum decision d;
	size_t i = 0;
	for (const char *k; (k = keylist_next(&l, &i, &d)) != NULL;)
		snprintf(order + strlen(order), sizeof order - strlen(order), "%s %s;", k, decision_words[d]);
	ok(strcmp(order, "x\\ty unsure;b drop;c keep;") == 0, "in order: %s", order);
	i = 0;
	const char *first = keylist_next_unseen(&l, &i), *second = first ? keylist_next_unseen(&l, &i) : NULL;
	ok(first && strcmp(first, "b") == 0 && !second, "of those that are not seen, only what is to be dropped");
	keylist_free(&l);
	unlink(path);
	return done();
}
