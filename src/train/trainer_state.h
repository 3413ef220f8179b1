/* trainer_state.h - what a trainer holds, shared by trainer.c, passes.c and update.c.
 *
 * Dense layers are cut into tasks by columns. Runs of other layers are cut by rows, so that a task computes the whole run while its rows
 * are in the cache; each of these tasks leaves a partial gradient, and they are added in the order of the tasks. What is read within a task alone
 * is never written for the whole batch, but in memory of the thread, which the next task overwrites: the deltas within a run, and, since
 * the tasks of the decoder's last run also compute the loss and go back, the activations there.
 */
#ifndef VF_TRAINER_STATE_H
#define VF_TRAINER_STATE_H

#include <stdatomic.h>

#include "train/trainer.h"

/* ROWS: of a task between the networks. TILE: columns of a processor's tile (gemm_amx.c), which would be filled up with zeros. */
enum { ROWS = 8, MAX_ROW_TASKS = 16, TILE = 32 };

/* The number of tasks for so many columns, and the first column of a task, which is that of a tile. */
static inline int column_tasks(int columns) { return columns >= 512 ? 4 : columns >= 64 ? 2 : 1; }
static inline int first_column(int columns, int task)
{
	int at = (int)((long)columns * task / column_tasks(columns));
	return task == column_tasks(columns) ? columns : at / TILE * TILE;
}

struct side { /* the encoder or the decoder */
	struct network *net, own;                   /* net is own: the model's network, with the weights of convolutions packed */
	struct tape act, delta;                     /* of the batch; layers that a thread has in own_act and own_delta have no buffer here */
	struct tape *own_act, *own_delta;           /* [threads] */
	int turn;                                   /* the first layer of a last run whose tasks go forward and back; net->n without one */
	const float *input;                         /* of the batch */
	float *dinput;                              /* its delta, or NULL */
	struct mat_packed *packed_input[MAX_LAYERS]; /* what a dense layer reads, packed for its gradient; or NULL */
	float *partial[MAX_LAYERS];                 /* [row_tasks][partial_size()]: gradients of a layer that is not dense */
};
enum { ENCODER, DECODER, SIDES };

struct update { /* a task of the update: rows of one layer's weight */
	struct side *side;
	int layer, task;
};

struct trainer {
	struct model *m;
	struct pool *pool;
	int batch, latent, input; /* input: numbers of a record */
	struct side side[SIDES];
	float *xi, *dxi, *grad, *adam_m, *adam_v;
	float *channels_last;     /* the batch in that order, where a network reads or writes it; or NULL */
	float *reordered;         /* the parameters (network_reorder()); the model's own without convolutions */
	float *scratch;           /* [threads][scratch_size] */
	size_t scratch_size;
	int threads;              /* that run tasks of rows */
	atomic_int next_task;
	void (*work)(struct trainer *t, int task, int thread);
	int row_tasks;            /* that a run of layers is cut into */
	double *recon, *kl;       /* [batch] */
	double *by_variance;      /* [batch][m->nvariances]: gradients with respect to the log variances; NULL if no variance is learnt */
	struct update *update;    /* [updates] */
	int updates;
	long steps;
	/* of the phase at hand */
	const float *x, *eps;
	struct side *at;
	int layer, end;           /* a run of layers: [layer, end) */
	int want_gradient;
	int gradient_only; /* compute the whole gradient into grad, and make no step */
	float share;       /* factor of grad in update_apply() */
};

/* Whether the gradient of a convolution is one product over the batch, of what it reads and the deltas as they are: its kernel covers all of the
 * picture. It is then computed by update_run(), as that of a dense layer. */
static inline int gradient_is_product(const struct layer *l)
{
	return !l->type->dense && l->positions == 1 && !l->padding && l->in + l->out == l->p + l->k;
}

/* Of the partial gradients of a layer: weights and biases; only biases, behind room for one gradient by the weight, if that is a product. */
static inline size_t partial_size(const struct layer *l) { return (size_t)l->biases + (gradient_is_product(l) ? 0 : layer_weights(l)); }

/* trainer.c: reconstruction losses of rows [from, from + rows), and, when a gradient is wanted, the deltas at the decoder's output. The tapes have
 * these rows only. */
void compute_recon(struct trainer *t, const struct tape *act, const struct tape *delta, int from, int rows);

/* passes.c: all activations of a side from its input, before its turn; all deltas from those of its turn, and the partial gradients. */
int passes_open(struct trainer *t, struct side *s, struct fail *f);
void passes_close(struct trainer *t, struct side *s);
void forward_pass(struct trainer *t, struct side *s);
void backward_pass(struct trainer *t, struct side *s);
/* The decoder from its turn on: activations, losses, and, when a gradient is wanted, deltas and partial gradients. */
void turn_pass(struct trainer *t);

/* update.c */
int update_open(struct trainer *t, struct fail *f);
void update_close(struct trainer *t);
/* Gradients with respect to the parameters, and the step of the optimiser. */
void update_run(struct trainer *t);
/* Makes only the step, along share times the gradient [nparams], which is overwritten. */
void update_apply(struct trainer *t, float *gradient, float share);

#endif
