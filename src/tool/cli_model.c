/* Functions for tools with a model, in a file of their own: other tools are then not linked with OpenBLAS, which takes longer to load than all
 * other libraries. */
#include "gemm/mat.h"
#include "model/model_dir.h"
#include "tool/cli.h"

bool cli_check_model(struct cli *c, const char *path)
{
	char dir[1024];
	return cli_check_overwrite(c, "-m", path) &&
	       (!path || !checkpoint_dir(path, dir, sizeof dir) || cli_check_overwrite(c, "-m", dir));
}

int cli_workers(const struct cli *c, struct fail *f)
{
	int workers = mat_thread_init() > 1 ? (int)c->jobs : 1;
	return mat_reserve(workers + 1, f) ? -1 : workers;
}
