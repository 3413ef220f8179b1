/* vae-stat: appends statistics of every payload, without a model. */
#include "tool/stat_scorer.h"

int main(int argc, char **argv)
{
	struct cli c = {.tool = NULL};
	struct stat_scorer s = {.reasons = 0};
	const struct cli_opt opts[] = {
		{0, "input", "LIST", CLI_KEY, NULL, "extensions of the payload (default: as the other tools, or by content)", .key = "input.field", .check = config_check_assignments},
		{0, "reasons", NULL, CLI_FLAG, &s.reasons, "name damage in the field reason; reads the input twice"},
		CLI_SCORING(&c),
		CLI_IN_FLIGHT(&c),
		CLI_BASE(&c),
	};
	if (!cli_begin(&c, "vae-stat", "[FILE ...]", "Appends statistics of every payload: size, light, colour, detail; norm, zeros, missing values.", opts, argc, argv))
		return c.status;
	struct fail f = {{0}};
	int r = stat_scorer_run(&s, &c, &f);
	int status = flow_finish(&s.frame.flow, r, &f);
	stat_scorer_close(&s);
	return status;
}
