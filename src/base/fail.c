#include "fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fail_set(struct fail *f, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(f->msg, sizeof f->msg, fmt, ap);
	va_end(ap);
	return -1;
}

int fail_add(struct fail *f, const char *fmt, ...)
{
	struct fail old = *f;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(f->msg, sizeof f->msg, fmt, ap);
	va_end(ap);
	size_t n = strlen(f->msg);
	snprintf(f->msg + n, sizeof f->msg - n, ": %s", old.msg);
	return -1;
}

int fail_errno(struct fail *f, const char *fmt, ...)
{
	int e = errno;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(f->msg, sizeof f->msg, fmt, ap);
	va_end(ap);
	size_t n = strlen(f->msg);
	snprintf(f->msg + n, sizeof f->msg - n, ": %s", strerror(e));
	return -1;
}
