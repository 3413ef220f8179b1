#include "base/fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void fail_put(struct fail *f, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(f->msg, sizeof f->msg, fmt, ap);
	va_end(ap);
	f->memory = f->unscored = 0;
}

void fail_put_memory(struct fail *f)
{
	fail_put(f, "out of memory");
	f->memory = 1;
}

void fail_put_memory_for(struct fail *f, const char *fmt, ...)
{
	va_list ap;
	fail_put_memory(f);
	size_t n = strlen(strcat(f->msg, " for "));
	va_start(ap, fmt);
	vsnprintf(f->msg + n, sizeof f->msg - n, fmt, ap);
	va_end(ap);
}

void fail_prefix(struct fail *f, const char *fmt, ...)
{
	struct fail old = *f;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(f->msg, sizeof f->msg, fmt, ap);
	va_end(ap);
	size_t n = strlen(f->msg);
	snprintf(f->msg + n, sizeof f->msg - n, ": %s", old.msg);
}

void fail_suffix(struct fail *f, const char *fmt, ...)
{
	size_t n = strlen(f->msg);
	va_list ap;
	if (f->memory || n + 2 >= sizeof f->msg)
		return;
	memcpy(f->msg + n, "; ", 3);
	va_start(ap, fmt);
	vsnprintf(f->msg + n + 2, sizeof f->msg - n - 2, fmt, ap);
	va_end(ap);
}

void fail_put_errno(struct fail *f, const char *fmt, ...)
{
	int e = errno;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(f->msg, sizeof f->msg, fmt, ap);
	va_end(ap);
	f->memory = e == ENOMEM;
	f->unscored = 0;
	size_t n = strlen(f->msg);
	snprintf(f->msg + n, sizeof f->msg - n, ": %s", strerror(e));
}
