/*
 * gateway_guards — budgets, key cache, sources behind proxies, trace headers: pure, by table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/keys.h"
#include "gateway/limits.h"
#include "gateway/source.h"
#include "gateway/trace.h"

/* ---- limits ---------------------------------------------------------------------------------- */

static void what_passed_elsewhere_is_owed(void **state)
{
	struct limits *l;
	struct limits_rate rate = { .per_s = 10, .burst = 5 };
	uint64_t now = 1000000000;
	(void)state;
	assert_int_equal(limits_new(16, 1, &l), OK);
	uint64_t key = limits_key(l, 1, str_of("a"));
	limits_charge(l, key, rate, 3, now);
	assert_int_equal(limits_take(l, key, rate, 0, now).left, 2);
	limits_charge(l, key, rate, 12, now); /* ten more than there were */
	assert_false(limits_take(l, key, rate, 1, now + 1000000).ok);
	assert_true(limits_take(l, key, rate, 1, now + 1100000).ok);
	limits_charge(l, key, rate, 1000000, now + 1100000);
	assert_false(limits_take(l, key, rate, 1, now + 1100000 + 3500000).ok);
	assert_true(limits_take(l, key, rate, 1, now + 1100000 + 3600000).ok); /* eight bursts */
	limits_free(&l);
}

static void a_bucket_fills_and_empties(void **state)
{
	struct limits *l;
	struct limits_rate rate = { .per_s = 10, .burst = 5 };
	uint64_t now = 1000000, key;
	(void)state;
	assert_int_equal(limits_new(16, 1, &l), OK);
	key = limits_key(l, 1, str_of("a"));
	for (unsigned i = 0; i < 5; i++) {
		struct limits_verdict v = limits_take(l, key, rate, 1, now);
		assert_true(v.ok);
		assert_int_equal(v.left, 4 - i);
	}
	struct limits_verdict v = limits_take(l, key, rate, 1, now);
	assert_false(v.ok);
	assert_in_range(v.retry_ms, 100, 101);
	assert_int_equal(v.left, 0);
	assert_true(limits_take(l, limits_key(l, 2, str_of("a")), rate, 1, now).ok);
	assert_true(limits_take(l, key, rate, 1, now + 100000).ok);
	assert_false(limits_take(l, key, rate, 1, now + 100000).ok);
	v = limits_take(l, key, rate, 0, now + 10000000);
	assert_true(v.ok);
	assert_int_equal(v.left, 5);
	limits_free(&l);
}

/* Over ten seconds exactly rate * time + burst pass, however they come. */
static void a_rate_is_kept(void **state)
{
	struct limits *l;
	struct limits_rate rate = { .per_s = 100, .burst = 20 };
	uint64_t passed = 0, key;
	(void)state;
	assert_int_equal(limits_new(64, 7, &l), OK);
	key = limits_key(l, 1, str_of("a"));
	for (uint64_t now = 5000000; now < 15000000; now += 777)
		passed += limits_take(l, key, rate, 1, now).ok;
	assert_in_range(passed, 1000 + 19, 1000 + 20);
	limits_free(&l);
}

/* A flood of other sources cannot push out the one that is over its budget: it is the emptiest. */
static void strangers_do_not_help(void **state)
{
	struct limits *l;
	struct limits_rate rate = { .per_s = 10, .burst = 5 };
	uint64_t now = 1000000, key;
	(void)state;
	assert_int_equal(limits_new(64, 3, &l), OK);
	key = limits_key(l, 1, str_of("bad"));
	while (limits_take(l, key, rate, 1, now).ok)
		continue;
	for (unsigned i = 0; i < 100000; i++) {
		char who[16];
		int n = snprintf(who, sizeof who, "%u", i);
		(void)limits_take(l, limits_key(l, 1, str_n(who, (size_t)n)), rate, 1, now);
	}
	assert_false(limits_take(l, key, rate, 1, now).ok);
	limits_free(&l);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void keys_are_believed_for_seconds(void **state)
{
	struct key_cache *k;
	uint8_t a[32] = { 1 }, b[32] = { 2 }, twin[32] = { 1, 0, 9 };
	struct str scopes[] = { STR_LIT("messages.read"), STR_LIT("x") };
	(void)state;
	assert_int_equal(key_cache_new(&k), OK);
	assert_null(key_cache_find(k, a, 1));
	key_cache_put(k, a, 7, 9, scopes, 2, 100);
	const struct key *key = key_cache_find(k, a, 100 + KEYS_GOOD_US - 1);
	assert_non_null(key);
	assert_int_equal(key->business, 9);
	assert_true(key_may(key, "messages.read") && key_may(key, "x"));
	assert_false(key_may(key, "messages") || key_may(key, "read") || key_may(key, ""));
	assert_null(key_cache_find(k, a, 100 + KEYS_GOOD_US));
	assert_true(KEYS_GOOD_US < 5000000); /* revocation within 5 s */
	key_cache_put(k, b, 0, 0, NULL, 0, 100);
	assert_int_equal(key_cache_find(k, b, 101)->id, 0);
	assert_null(key_cache_find(k, b, 100 + KEYS_BAD_US));
	key_cache_put(k, a, 7, 9, scopes, 2, 100);
	assert_null(key_cache_find(k, twin, 101)); /* the same cell, another hash */
	key_cache_free(&k);
}

static void scopes_that_do_not_fit_are_left_out(void **state)
{
	struct key_cache *k;
	uint8_t a[32] = { 1 };
	char longs[20][64];
	struct str scopes[20];
	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		memset(longs[i], 'a' + (int)i, 64);
		scopes[i] = str_n(longs[i], 64);
	}
	assert_int_equal(key_cache_new(&k), OK);
	const struct key *key = key_cache_put(k, a, 7, 9, scopes, 20, 100);
	char want[65] = { 0 };
	memcpy(want, longs[0], 64);
	assert_true(key_may(key, want));
	memcpy(want, longs[19], 64);
	assert_false(key_may(key, want));
	key_cache_free(&k);
}

static void bearers(void **state)
{
	(void)state;
	assert_true(str_is(key_bearer(str_of("Bearer abc-._~+/=1")), "abc-._~+/=1"));
	assert_true(str_is(key_bearer(str_of("bEARER   abc")), "abc"));
	assert_int_equal(key_bearer(str_of("Bearer")).len, 0);
	assert_int_equal(key_bearer(str_of("Bearer ")).len, 0);
	assert_int_equal(key_bearer(str_of("Basic abcdefgh")).len, 0);
	assert_int_equal(key_bearer(str_of("Bearer a b")).len, 0);
	assert_int_equal(key_bearer(str_of("Bearer a,b")).len, 0);
	assert_int_equal(key_bearer((struct str){ 0 }).len, 0);
}

/* ---- sources --------------------------------------------------------------------------------- */

static void sources(void **state)
{
	static const struct {
		const char *trusted, *peer, *forwarded, *source;
	} table[] = {
		{ "", "192.0.2.1", "203.0.113.9", "192.0.2.1" }, /* nobody is believed */
		{ "10.0.0.0/8", "10.1.2.3", "203.0.113.9", "203.0.113.9" },
		{ "10.0.0.0/8", "10.1.2.3", "", "10.1.2.3" },
		{ "10.0.0.0/8", "11.1.2.3", "203.0.113.9", "11.1.2.3" },
		/* what the client made up stands left of what our proxy saw */
		{ "10.0.0.0/8", "10.1.2.3", "127.0.0.1, 203.0.113.9", "203.0.113.9" },
		{ "10.0.0.0/8", "10.1.2.3", "127.0.0.1, 203.0.113.9 , 10.9.9.9", "203.0.113.9" },
		{ "10.0.0.0/8", "10.1.2.3", "10.7.7.7", "10.7.7.7" },
		{ "10.0.0.0/8", "10.1.2.3", "evil", "10.1.2.3" },
		{ "10.0.0.0/8", "10.1.2.3", "unix", "10.1.2.3" },
		{ "10.0.0.0/8", "10.1.2.3", "203.0.113.9,", "10.1.2.3" },
		{ "10.0.0.0/8", "10.1.2.3", "203.0.113.9, 1.2.3.4:80", "10.1.2.3" },
		{ "127.0.0.1", "unix", "203.0.113.9", "203.0.113.9" },
		{ "2001:db8::/32, ::1", "2001:db8::7", "2001:db9::1", "2001:db9::1" },
		{ "2001:db8::/32 ::1", "::1", "::1, 2001:db8::7", "::1" },
		{ "10.0.0.0/8", "::ffff:10.1.2.3", "203.0.113.9", "203.0.113.9" },
		{ "0.0.0.0/0", "1.2.3.4", "203.0.113.9", "203.0.113.9" },
	};
	(void)state;
	for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
		struct source_nets nets;
		char got[SOURCE_TEXT];
		assert_int_equal(source_nets_read(str_of(table[i].trusted), &nets), OK);
		source_of(&nets, table[i].peer, str_of(table[i].forwarded), got);
		assert_string_equal(got, table[i].source);
	}
	static const char *const broken[] = { "10.0.0.0/33", "10.0.0/8",    "x",          "::/129",
		                              "10.0.0.0/",   "10.0.0.0/-1", "10.0.0.0/8x" };
	for (unsigned i = 0; i < sizeof broken / sizeof *broken; i++) {
		struct source_nets nets;
		assert_int_equal(source_nets_read(str_of(broken[i]), &nets), ERR_INVALID);
	}
}

static void source_kinds(void **state)
{
	char a[SOURCE_TEXT], b[SOURCE_TEXT];
	(void)state;
	assert_true(source_is_loopback("127.0.0.1") && source_is_loopback("127.9.9.9"));
	assert_true(source_is_loopback("::1") && source_is_loopback("unix"));
	assert_true(source_is_loopback("::ffff:127.0.0.1"));
	assert_false(source_is_loopback("10.0.0.1") || source_is_loopback("::2"));
	assert_false(source_is_loopback("localhost") || source_is_loopback(""));
	/* one household of IPv6 is one source; two IPv4 addresses are two */
	assert_true(str_eq(source_bucket("2001:db8::1", a), source_bucket("2001:db8::ffff:2", b)));
	assert_false(str_eq(source_bucket("2001:db8::1", a), source_bucket("2001:db8:0:1::1", b)));
	assert_false(str_eq(source_bucket("192.0.2.1", a), source_bucket("192.0.2.2", b)));
	assert_true(str_eq(source_bucket("192.0.2.1", a), source_bucket("::ffff:192.0.2.1", b)));
}

/* ---- trace ----------------------------------------------------------------------------------- */

static void traces(void **state)
{
	static const char good[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
	static const char *const bad[] = {
		"",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
		"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
		"00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
		"00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
	};
	struct trace t;
	char text[TRACE_TEXT];
	(void)state;
	assert_int_equal(trace_read(str_of(good), &t), OK);
	assert_true(t.sampled && t.span == 0x00f067aa0ba902b7);
	trace_write(&t, text);
	assert_string_equal(text, good);
	assert_int_equal(
		trace_read(str_of("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-more"),
	                   &t),
		OK);
	assert_false(t.sampled);
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(trace_read(str_of(bad[i]), &t), ERR_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_passed_elsewhere_is_owed),
		cmocka_unit_test(a_bucket_fills_and_empties),
		cmocka_unit_test(a_rate_is_kept),
		cmocka_unit_test(strangers_do_not_help),
		cmocka_unit_test(keys_are_believed_for_seconds),
		cmocka_unit_test(scopes_that_do_not_fit_are_left_out),
		cmocka_unit_test(bearers),
		cmocka_unit_test(sources),
		cmocka_unit_test(source_kinds),
		cmocka_unit_test(traces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
