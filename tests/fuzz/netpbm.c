#include "fuzz.h"
#include "input/decode.h"
#include "input/netpbm.h"

int fuzz_netpbm(const uint8_t *data, size_t size)
{
	struct picture p;
	struct fail f = {{0}};
	if (netpbm_decode(data, size, &p, &f) == 0)
		fuzz_picture(&p, data, size);
	else
		CHECK(f.msg[0] && !p.pixels);
	return 0;
}
