/* html.h - text and data inside HTML and SVG. */
#ifndef VF_HTML_H
#define VF_HTML_H

#include "base/buf.h"

/* Any bytes as text between tags or inside a quoted attribute: & < > " ' are escaped; control bytes and what
 * is not UTF-8 become \xHH as in name_escape() (a backslash stays: keys come escaped); what could turn
 * the text around it or is not seen at all (bidi controls, zero width, tags) becomes \u{HEX}. */
int html_text(struct buf *out, const char *p, size_t n, struct fail *f);
/* Newlines stay. */
int html_lines(struct buf *out, const char *s, struct fail *f);
/* At most `most` characters of it, then an ellipsis. */
int html_short(struct buf *out, const char *s, size_t most, struct fail *f);
/* The first and the last characters of a text that has more of them, with an ellipsis between: what tells paths apart is their end. */
int html_middle(struct buf *out, const char *s, size_t head, size_t tail, struct fail *f);
int html_base64(struct buf *out, const void *p, size_t n, struct fail *f);

#endif
