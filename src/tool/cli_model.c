#include "model/model.h"
#include "tool/cli.h"

int cli_keeps_model(const struct cli *c, const char *path)
{
	char dir[1024];
	int status = cli_keeps(c, "-m", path);
	return status < 0 && path && checkpoint_dir(path, dir, sizeof dir) ? cli_keeps(c, "-m", dir) : status;
}
