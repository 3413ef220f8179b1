/* processors_available() under an affinity mask, and processors_quota() on a tree of control groups as the kernel shows it. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/processors.h"
#include "tap.h"

static char root[] = "/tmp/vae-processors-XXXXXX";

static void write_limit(const char *group, const char *text)
{
	char path[200];
	snprintf(path, sizeof path, "%s%s", root, group);
	mkdir(path, 0777);
	snprintf(path, sizeof path, "%s%s/cpu.max", root, group);
	FILE *out = fopen(path, "w");
	if (out) {
		fputs(text, out);
		fclose(out);
	}
}

static void gives(const char *self, double expected)
{
	double got = processors_quota(root, self);
	ok(got == expected, "%.*s: %g, expected %g", (int)strcspn(self, "\n"), self, got, expected);
}

int main(void)
{
	if (!mkdtemp(root))
		return 1;
	gives("0::/\n", 0);
	write_limit("/a", "max 100000\n");
	write_limit("/a/b", "250000 100000\n");
	write_limit("/a/b/c", "400000 100000\n");
	write_limit("/a/d", "50000 100000\n");
	write_limit("/a/e", "nonsense");
	gives("0::/a\n", 0);
	gives("0::/a/b\n", 2.5);
	gives("0::/a/b/c\n", 2.5); /* the group above is the narrower */
	gives("9:name=systemd:/\n1:cpu:/\n0::/a/d\n", 0.5);
	gives("0::/a/d", 0.5);
	gives("0::/a/e\n", 0);
	gives("0::/gone/b\n", 0);
	gives("10::/a/d\n", 0);
	gives("", 0);
	write_limit("", "150000 100000\n"); /* a container: its own group is the root */
	gives("0::/\n", 1.5);
	gives("0::/a/b\n", 1.5);
	gives("0::/a/d\n", 0.5);

	cpu_set_t set, one;
	CPU_ZERO(&one);
	ok(sched_getaffinity(0, sizeof set, &set) == 0, "the mask is readable");
	int n = processors_available();
	ok(n >= 1 && n <= CPU_COUNT(&set), "%d of %d processors", n, CPU_COUNT(&set));
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set)) {
			CPU_SET(i, &one);
			break;
		}
	ok(sched_setaffinity(0, sizeof one, &one) == 0 && processors_available() == 1, "one processor in the mask: 1");
	char command[100];
	snprintf(command, sizeof command, "rm -r %s", root);
	return system(command) ? 1 : done();
}
