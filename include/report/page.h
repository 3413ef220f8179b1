/* page.h - a report as one HTML page. */
#ifndef VF_PAGE_H
#define VF_PAGE_H

#include "report/report.h"

/* Writes the page of a finished report with as many and as large pictures as fit into max bytes. */
int page_write(const struct report *r, size_t max, struct buf *out, struct fail *f);

#endif
