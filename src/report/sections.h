/* sections.h - the sections of a page. Each appends nothing where it has nothing to show. */
#ifndef VF_SECTIONS_H
#define VF_SECTIONS_H

#include "report/put.h"

/* section_summary.c: what was found, for the first screen */
void section_summary(struct page *p);

/* section_records.c: thumbnails */
void set_vector_scale(struct page *p); /* call it first */
void section_highest(struct page *p);
void section_middle(struct page *p);
void section_lowest(struct page *p);
void section_quarantine(struct page *p);
void section_influence(struct page *p);

/* section_scores.c: distributions and detection */
void section_scores(struct page *p);
void section_detection(struct page *p);

/* section_model.c: how the scores were made */
void section_model(struct page *p);
void section_training(struct page *p);

/* style.c: the CSS of the page, light and dark; plot_style() has that of the charts */
extern const char page_style[];

#endif
