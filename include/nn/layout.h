/* layout.h - the order of a picture's numbers in memory: channels first (channels, height, width), as payloads and PyTorch have them,
 * or channels last (height, width, channels), as convolutions read and write them. area: height * width.
 */
#ifndef VF_LAYOUT_H
#define VF_LAYOUT_H

/* in and out are different buffers of rows * channels * area numbers. */
void to_channels_last(float *out, const float *in, int rows, int channels, int area);
void to_channels_first(float *out, const float *in, int rows, int channels, int area);

#endif
