/* vae-ckpt curvature: estimates the curvature of checkpoints from records. */
#include "ckpt.h"
#include "tool/curvature_stream.h"

int ckpt_curvature(struct cli *c, const struct ckpt *o)
{
	struct curvature_stream s = {.model = o->model, .checkpoints = o->which ? o->which : "last", .targets = o->targets > 0 ? o->targets : 0, .noise.path = o->eps, .eigenvalues = o->ekfac, .limit = o->limit > 0 ? o->limit : 0};
	struct fail f = {{0}};
	int r = curvature_stream_run(&s, c, &f);
	int status = flow_finish(&s.flow, r, &f);
	curvature_stream_close(&s);
	return status;
}
