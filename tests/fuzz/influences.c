#include <stdlib.h>
#include <string.h>

#include "eval/influences.h"
#include "fuzz.h"

/* Lines of --influence: the groups count every pair once, and what is printed is complete. */
int fuzz_influences(const uint8_t *data, size_t size)
{
	for (int keys = 0; keys < 2; keys++) {
		struct influences s = {.of_class = {.name = keys ? CLASS_OF_KEY : NULL}, .cutoff = {{1, 0}, {50, 1}}, .ncutoffs = 2};
		struct fail f = {{0}};
		struct buf out = {0};
		int bad = 0;
		for (size_t at = 0, len; at < size && !bad; at += len + 1) {
			const uint8_t *end = memchr(data + at, '\n', size - at);
			len = end ? (size_t)(end - data) - at : size - at;
			struct influence_line line;
			bad = influence_line_parse(&line, (const char *)data + at, len, &f) || influences_add(&s, &line, &f);
			influence_line_free(&line);
			CHECK(!bad || f.msg[0]);
		}
		if (!bad && influences_finish(&s, &f) == 0) {
			for (size_t i = 0; i < s.n; i++) {
				const struct influence_method *m = &s.method[i];
				CHECK(m->all.pairs == m->n && m->of[0][2].pairs + m->of[1][2].pairs == m->n);
				CHECK(m->of[0][0].pairs <= m->of[0][2].pairs && m->all.measure[INFLUENCE_SAME_CLASS].n <= m->n);
			}
			CHECK(influences_table(&s, &out, &f) == 0 && out.p[out.len - 1] == '\n');
			out.len = 0;
			CHECK(influences_json(&s, &out, &f) == 0 && out.p[out.len - 2] == '}');
		}
		buf_free(&out);
		influences_free(&s);
	}
	return 0;
}
