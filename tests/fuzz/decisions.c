#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "stream/keylist.h"

/* A list of decisions, or of keys: every key has the decision that is listed with it, and all keys are distinct. */
int fuzz_decisions(const uint8_t *data, size_t size)
{
	for (int decisions = 0; decisions < 2; decisions++) {
		char path[64];
		struct fail f = {{0}};
		struct keylist l;
		int fd = fuzz_file(data, size, path), r = decisions ? keylist_read_decisions(&l, path, &f) : keylist_read(&l, path, &f);
		CHECK(r == 0 || f.msg[0]);
		size_t n = 0, listed = 0, at = 0;
		enum decision d;
		for (const char *key; r == 0 && (key = keylist_next(&l, &at, &d));) {
			CHECK(*key && keylist_decision(&l, key, strlen(key)) == d);
			CHECK(l.decisions ? d > DECISION_NONE && d < DECISIONS : d == DECISION_NONE);
			listed += (size_t)keylist_has(&l, key, strlen(key));
			n++;
		}
		CHECK(r || (n == l.all && listed == l.n && listed == l.seen && (!decisions || l.decisions || !n)));
		keylist_free(&l);
		close(fd);
	}
	return 0;
}
