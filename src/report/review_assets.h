/* review_assets.h - review.js and review.css as they stand in the source tree; the Makefile makes the arrays. */
#ifndef VF_REVIEW_ASSETS_H
#define VF_REVIEW_ASSETS_H

extern const char review_js[], review_css[];

#endif
