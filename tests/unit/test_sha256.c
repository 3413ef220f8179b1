/* SHA-256 against the examples of NIST (FIPS 180-4; "SHA256.pdf" of its Cryptographic Standards and Guidelines), and against what
 * Python's hashlib gives for every length around the ends of blocks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "tap.h"

static const char *hex(const void *data, size_t n)
{
	static char text[65];
	unsigned char d[32];
	sha256(data, n, d);
	for (int i = 0; i < 32; i++)
		snprintf(text + 2 * i, 3, "%02x", d[i]);
	return text;
}

static void gives(const char *what, const void *data, size_t n, const char *expected)
{
	const char *got = hex(data, n);
	ok(strcmp(got, expected) == 0, "%s: %s", what, got);
}

int main(void)
{
	gives("no bytes", "", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	gives("abc", "abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	gives("two blocks", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	char *a = malloc(1000000);
	if (!a)
		return 1;
	memset(a, 'a', 1000000);
	gives("a million times a", a, 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	/* the digest of all digests of 0 to 259 bytes 0, 1, 2, ...:
	 * python3 -c 'import hashlib as h; b = bytes(i % 256 for i in range(260)); print(h.sha256("".join(h.sha256(b[:n]).hexdigest() for n in range(260)).encode()).hexdigest())' */
	char all[260 * 64 + 1];
	for (int n = 0; n < 260; n++) {
		unsigned char b[260];
		for (int i = 0; i < n; i++)
			b[i] = (unsigned char)i;
		memcpy(all + 64 * n, hex(b, (size_t)n), 64);
	}
	gives("every length to 259", all, 260 * 64, "e52310e4bee760c67035523c80e989cbe361c1374705c22f4d593cfcfb7406a8");
	free(a);
	return done();
}
