/*
 * Sealed secrets: the cipher by its published vectors, then what must not open.
 */
#include "proto/digest.h"
#include "proto/seal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define KEY_A "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
#define KEY_B "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define PLAIN                                                                                      \
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"                         \
	"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"

static struct str unhex(const char *hex, char *room)
{
	size_t n = strlen(hex) / 2;
	assert_int_equal(digest_unhex(str_of(hex), room, n), OK);
	return str_n(room, n);
}

static void check(const char *aad, const char *plain, const char *want)
{
	char key[32], nonce[12], a[64], p[128], got[2 * 128 + 1];
	uint8_t box[128];
	struct str text = unhex(plain, p);
	unhex(KEY_A, key);
	unhex("cafebabefacedbaddecaf888", nonce);
	assert_int_equal(seal_gcm((uint8_t *)key, (uint8_t *)nonce, unhex(aad, a), text, box), OK);
	digest_hex(box, text.len + SEAL_TAG_BYTES, got);
	assert_string_equal(got, want);
}

/* McGrew and Viega, The Galois/Counter Mode of Operation, appendix B, cases 15 and 16. */
static void published_vectors(void **state)
{
	(void)state;
	check("", PLAIN "1aafd255",
	      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
	      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
	      "b094dac5d93471bdec1a502270e3cc6c");
	check("feedfacedeadbeeffeedfacedeadbeefabaddad2", PLAIN,
	      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
	      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
	      "76fc6ece0f4e1768cddf8853bb2d551b");
}

static struct seal_keys keys_of(const char *text)
{
	struct seal_keys k;
	assert_int_equal(seal_keys_read(str_of(text), &k), OK);
	return k;
}

static const char secret[] = "0123456789abcdef0123456789abcdef";

static void opens_for_whom_it_was_sealed(void **state)
{
	struct seal_keys k = keys_of(KEY_A);
	char sealed[SEAL_TEXT_MAX], again[SEAL_TEXT_MAX], plain[SEAL_PLAIN_MAX + 1];
	(void)state;
	assert_int_equal(seal(&k, 7, "connector.secret", str_of(secret), sealed), OK);
	assert_int_equal(seal(&k, 7, "connector.secret", str_of(secret), again), OK);
	assert_string_not_equal(sealed, again); /* a nonce of its own */
	assert_true(seal_is(str_of(sealed)));
	assert_false(seal_is(str_of(secret)));
	assert_int_equal(seal_open(&k, 7, "connector.secret", str_of(sealed), plain), OK);
	assert_string_equal(plain, secret);
	assert_int_equal(seal_open(&k, 8, "connector.secret", str_of(sealed), plain), ERR_DENIED);
	assert_int_equal(seal_open(&k, 7, "user.token", str_of(sealed), plain), ERR_DENIED);
}

static void each_changed_byte_is_noticed(void **state)
{
	struct seal_keys k = keys_of(KEY_A);
	char sealed[SEAL_TEXT_MAX], plain[SEAL_PLAIN_MAX + 1];
	(void)state;
	assert_int_equal(seal(&k, 7, "connector.secret", str_of(secret), sealed), OK);
	for (size_t i = 0; sealed[i]; i++) {
		char was = sealed[i];
		sealed[i] = was == 'A' ? 'B' : 'A';
		assert_int_not_equal(seal_open(&k, 7, "connector.secret", str_of(sealed), plain),
		                     OK);
		sealed[i] = was;
	}
	for (size_t n = strlen(sealed); n-- > 0;)
		assert_int_not_equal(seal_open(&k, 7, "connector.secret", str_n(sealed, n), plain),
		                     OK);
}

static void two_keys_while_they_change(void **state)
{
	struct seal_keys old = keys_of(KEY_A), both = keys_of(KEY_B ", " KEY_A "\n"),
			 new = keys_of(KEY_B);
	char sealed[SEAL_TEXT_MAX], plain[SEAL_PLAIN_MAX + 1];
	(void)state;
	assert_int_equal(seal(&old, 7, "connector.secret", str_of(secret), sealed), OK);
	assert_int_equal(seal_open(&both, 7, "connector.secret", str_of(sealed), plain), OK);
	assert_false(seal_is_new(&both, str_of(sealed)));
	assert_int_equal(seal_open(&new, 7, "connector.secret", str_of(sealed), plain),
	                 ERR_MISSING);
	assert_int_equal(seal(&both, 7, "connector.secret", str_of(secret), sealed), OK);
	assert_true(seal_is_new(&both, str_of(sealed)));
	assert_int_equal(seal_open(&new, 7, "connector.secret", str_of(sealed), plain), OK);
	assert_int_equal(seal_open(&old, 7, "connector.secret", str_of(sealed), plain),
	                 ERR_MISSING);
}

static void bounds(void **state)
{
	struct seal_keys k = { 0 };
	char sealed[SEAL_TEXT_MAX], plain[SEAL_PLAIN_MAX + 1], text[SEAL_PLAIN_MAX + 1];
	(void)state;
	memset(text, 'x', sizeof text);
	assert_int_equal(seal(&k, 1, "w", str_of("x"), sealed), ERR_MISSING);
	k = keys_of(KEY_B);
	assert_int_equal(seal(&k, 1, "w", str_n(text, SEAL_PLAIN_MAX + 1), sealed), ERR_TOO_LARGE);
	assert_int_equal(seal(&k, 1, "w", str_n(text, SEAL_PLAIN_MAX), sealed), OK);
	assert_int_equal(seal_open(&k, 1, "w", str_of(sealed), plain), OK);
	assert_int_equal(strlen(plain), SEAL_PLAIN_MAX);
	static const char *const bad[] = { "",        "00",      KEY_A "0",
		                           KEY_A ",", "," KEY_A, KEY_A ";" KEY_B };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(seal_keys_read(str_of(bad[i]), &k), i == 3 ? OK : ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors),
		cmocka_unit_test(opens_for_whom_it_was_sealed),
		cmocka_unit_test(each_changed_byte_is_noticed),
		cmocka_unit_test(two_keys_while_they_change),
		cmocka_unit_test(bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
