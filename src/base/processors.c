#include "base/processors.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The limit in a file cpu.max, "QUOTA PERIOD" in microseconds, or "max PERIOD"; 0: none. */
static double read_limit(const char *path)
{
	char text[100] = "", *end;
	FILE *in = fopen(path, "re");
	if (!in)
		return 0;
	if (!fgets(text, sizeof text, in))
		text[0] = 0;
	fclose(in);
	double quota = strtod(text, &end), period = strtod(end, NULL);
	return quota > 0 && period > 0 && isfinite(quota) ? quota / period : 0;
}

double processors_quota(const char *root, const char *self)
{
	char path[4096];
	double least = 0;
	const char *line = strstr(self, "0::/");
	if (!line || (line > self && line[-1] != '\n'))
		return 0;
	line += 3;
	size_t top = strlen(root), n = strcspn(line, "\n");
	if (top + n + sizeof "/cpu.max" > sizeof path)
		return 0;
	snprintf(path, sizeof path, "%s%.*s", root, (int)n, line);
	for (size_t len = top + n; len >= top; len--) { /* the group, and those above it */
		if (path[len] && path[len] != '/')
			continue;
		path[len] = 0;
		char file[sizeof path + 16];
		snprintf(file, sizeof file, "%s/cpu.max", path);
		double limit = read_limit(file);
		if (limit > 0 && (least == 0 || limit < least))
			least = limit;
		if (!len)
			break;
	}
	return least;
}

/* Those of the affinity mask; the size of the mask grows for machines with more than 1024. */
static int affinity(void)
{
	for (int bits = 1024; bits <= 1 << 20; bits *= 4) {
		cpu_set_t *set = CPU_ALLOC((size_t)bits);
		if (!set)
			break;
		size_t size = CPU_ALLOC_SIZE((size_t)bits);
		int n = sched_getaffinity(0, size, set) ? 0 : CPU_COUNT_S(size, set);
		CPU_FREE(set);
		if (n > 0)
			return n;
	}
	return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

int processors_available(void)
{
	char self[4096];
	FILE *in = fopen("/proc/self/cgroup", "re");
	size_t len = in ? fread(self, 1, sizeof self - 1, in) : 0;
	if (in)
		fclose(in);
	self[len] = 0;
	int n = affinity();
	double quota = processors_quota("/sys/fs/cgroup", self);
	if (quota > 0 && ceil(quota) < n)
		n = (int)ceil(quota);
	return n < 1 ? 1 : n;
}
