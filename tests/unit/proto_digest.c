/*
 * proto_digest — published vectors for the digests, and the edges of the hex reader.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/digest.h"

static void hex_is(const uint8_t *digest, const char *want)
{
	char hex[DIGEST_HEX + 1];
	digest_hex(digest, DIGEST_BYTES, hex);
	assert_string_equal(hex, want);
}

static void sha256_vectors(void **state) /* FIPS 180-2, appendix B */
{
	uint8_t d[DIGEST_BYTES];
	(void)state;
	assert_int_equal(digest_sha256(str_of("abc"), d), OK);
	hex_is(d, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(digest_sha256((struct str){ 0 }, d), OK);
	hex_is(d, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void hmac_vectors(void **state) /* RFC 4231, cases 2 and 6; and nothing at all */
{
	uint8_t d[DIGEST_BYTES];
	char key[131];
	(void)state;
	assert_int_equal(
		digest_hmac_sha256(str_of("Jefe"), str_of("what do ya want for nothing?"), d), OK);
	hex_is(d, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof key);
	assert_int_equal(
		digest_hmac_sha256(str_n(key, sizeof key),
	                           str_of("Test Using Larger Than Block-Size Key - Hash Key First"),
	                           d),
		OK);
	hex_is(d, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	assert_int_equal(digest_hmac_sha256((struct str){ 0 }, (struct str){ 0 }, d), OK);
	hex_is(d, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void hex_both_ways(void **state)
{
	uint8_t bytes[3] = { 9, 9, 9 };
	char hex[7];
	(void)state;
	assert_int_equal(digest_unhex(str_of("00fFa9"), bytes, 3), OK);
	digest_hex(bytes, 3, hex);
	assert_string_equal(hex, "00ffa9");
	assert_int_equal(digest_unhex(str_of("00ff"), bytes, 3), ERR_MALFORMED);
	assert_int_equal(digest_unhex(str_of("00ffa90"), bytes, 3), ERR_MALFORMED);
	assert_int_equal(digest_unhex(str_of("11ffag"), bytes, 3), ERR_MALFORMED);
	assert_int_equal(bytes[0], 0);
}

static void equality_and_chance(void **state)
{
	uint8_t a[16], b[16];
	(void)state;
	assert_int_equal(digest_random(a, sizeof a), OK);
	assert_int_equal(digest_random(b, sizeof b), OK);
	assert_false(digest_eq(a, b, sizeof a));
	memcpy(b, a, sizeof a);
	assert_true(digest_eq(a, b, sizeof a));
	b[15] ^= 1;
	assert_false(digest_eq(a, b, sizeof a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_vectors),
		cmocka_unit_test(hmac_vectors),
		cmocka_unit_test(hex_both_ways),
		cmocka_unit_test(equality_and_chance),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
