/* html.h - text, numbers and data inside HTML and SVG. */
#ifndef VF_HTML_H
#define VF_HTML_H

#include <math.h>
#include <stdint.h>

#include "base/buf.h"

/* The minus sign, which is wider than a hyphen; and the arguments of "%s%.4g" and the like for a number with that sign. v is evaluated twice. */
#define HTML_MINUS "\xe2\x88\x92"
#define HTML_SIGNED(v) ((v) < 0 ? HTML_MINUS : ""), fabs(v)

/* Each appends any bytes as text, safe between tags and inside quoted attributes: & < > " ' are escaped; control bytes
 * and invalid UTF-8 become \xHH as in name_escape(), backslashes stay (keys come escaped); characters that are invisible
 * or change the direction of text (bidi controls, zero width, tags) become \u{HEX}. */
int html_text(struct buf *out, const char *p, size_t n, struct fail *f);
/* The same for text of several lines: newlines stay. */
int html_lines(struct buf *out, const char *s, struct fail *f);
/* At most max characters, then an ellipsis. */
int html_short(struct buf *out, const char *s, size_t max, struct fail *f);
/* The first and the last characters with an ellipsis between, if there are more: paths differ at their ends. */
int html_middle(struct buf *out, const char *s, size_t head, size_t tail, struct fail *f);
/* Whether a character is invisible, or changes how its neighbours are shown: those that become \u{HEX}. */
int html_is_format(uint32_t u);
/* Appends n bytes in base64. */
int html_base64(struct buf *out, const void *p, size_t n, struct fail *f);

#endif
