/* sparse_decoder.h - AMX tiles or sparse blocks for the decoder of a model, where the processor has both.
 *
 * Tiles compute all activations, and AVX-512 the sparse blocks (gemm/sparse_block.h), which leave out the neurons that a ReLU turns off for all 16
 * draws of a record. Tiles are faster for an untrained model, blocks for a trained one. Which of them computes, the model alone decides, never
 * the stream, so that a record gets the same bytes in every shard. */
#ifndef VF_SPARSE_DECODER_H
#define VF_SPARSE_DECODER_H

#include "model/model.h"

/* *work: the part of a dense decoder's multiplications, forward and backward, that remains in sparse blocks; of a few generated records: latents
 * from the prior, decoded to pictures, and these encoded to 16 draws. For networks without convolutions. -1: out of memory */
int sparse_decoder_work(const struct model *m, double *work, struct fail *f);
/* Sets dec.sparse of models [n], which influence.h scores with the options of the last: 1 where sparse blocks are faster; 0 where tiles are, where
 * there is no such choice, or where VAE_FILTERS_SIMD is amx. Call it before weights are packed. */
int sparse_decoders_choose(struct model *models, int n, struct fail *f);

#endif
