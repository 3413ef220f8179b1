/* launch.c - stands in for a program of arm64, and starts it under qemu-user. .ci/arm64 links it to the names of the programs in the directory
 * OUT; the programs themselves are in PROGRAMS. So nothing depends on what the kernel knows of other processors (binfmt_misc).
 *
 * The program sees what it would see without qemu:
 * - its argv[0];
 * - LD_PRELOAD names a library of amd64, for the shells that a test starts. The program gets the one of the same name in PROGRAMS, and qemu none.
 * - EMULATED_SPACE, in KiB, limits its address space. (ulimit -v would limit qemu, which needs hundreds of megabytes for itself.)
 * It is linked statically, so that LD_PRELOAD does not apply to it. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static char self[PATH_MAX], program[PATH_MAX + sizeof PROGRAMS], preload[PATH_MAX + sizeof PROGRAMS + 16], size[32];
	const char *library = getenv("LD_PRELOAD"), *space = getenv("EMULATED_SPACE"), *name;
	const char **args = malloc(((size_t)argc + 16) * sizeof *args), **a = args;
	if (!args || readlink("/proc/self/exe", self, sizeof self - 1) < 0) {
		fprintf(stderr, "launch: %s\n", strerror(errno));
		return 126;
	}
	name = strncmp(self, OUT "/", sizeof OUT) == 0 ? self + sizeof OUT : strrchr(self, '/') + 1; /* a copy that was installed elsewhere */
	snprintf(program, sizeof program, "%s/%s", PROGRAMS, name);
	*a++ = "qemu-aarch64";
	if (library && *library) {
		const char *slash = strrchr(library, '/');
		snprintf(preload, sizeof preload, "LD_PRELOAD=%s/%s", PROGRAMS, slash ? slash + 1 : library);
		unsetenv("LD_PRELOAD");
		*a++ = "-E";
		*a++ = preload;
	}
	if (space && *space) {
		snprintf(size, sizeof size, "%lluK", strtoull(space, NULL, 10) / 4 * 4);
		*a++ = "-R";
		*a++ = size;
	}
	*a++ = "-0";
	*a++ = argv[0];
	*a++ = program;
	for (int i = 1; i <= argc; i++)
		*a++ = argv[i];
	execvp("qemu-aarch64", (char **)args);
	fprintf(stderr, "launch: cannot start qemu-aarch64: %s\n", strerror(errno));
	return 127;
}
