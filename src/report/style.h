/* style.h - the CSS of a page, light and dark; plot_style() has that of the charts. */
#ifndef VF_STYLE_H
#define VF_STYLE_H

extern const char page_style[];

#endif
