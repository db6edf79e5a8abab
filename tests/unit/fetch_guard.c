/*
 * fetch_guard.c — every spelling of an address that leads somewhere else than it seems to, and when
 * a request may be made again.
 */
#include "actors/fetch/guard.h"
#include "actors/fetch/plan.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void each_address_has_one_spelling(void **state)
{
	static const struct {
		const char *text, *as; /* NULL: refused */
	} table[] = {
		{ "https://example.com", "https://example.com/" },
		{ "HTTPS://EXAMPLE.com:443/a?b#c", "https://example.com/a?b" },
		{ "http://example.com.:80?q", "http://example.com/?q" },
		{ "https://a_b.example:8443/x/../y", "https://a_b.example:8443/x/../y" },
		{ "https://127.0.0.1/", "https://127.0.0.1/" },
		{ "https://[::1]:444/", "https://[::1]:444/" },
		{ "https://[0:0::0:1]/", "https://[::1]/" },
		{ "https://[::ffff:127.0.0.1]/", "https://[::ffff:127.0.0.1]/" },
		{ "ftp://example.com/", NULL },
		{ "file:///etc/passwd", NULL },
		{ "gopher://127.0.0.1:6379/_x", NULL },
		{ "//example.com/", NULL },
		{ "https:/example.com/", NULL },
		{ "https://", NULL },
		{ "https:///path", NULL },
		{ "https://user@example.com/", NULL },
		{ "https://example.com@127.0.0.1/", NULL },
		{ "https://user:word@example.com/", NULL },
		{ "https://2130706433/", NULL },
		{ "https://0x7f000001/", NULL },
		{ "https://0x7f.1/", NULL },
		{ "https://0177.0.0.1/", NULL },
		{ "https://127.1/", NULL },
		{ "https://127.0.0.1.1/", NULL },
		{ "https://127.0.0.256/", NULL },
		{ "https://example.0x/", NULL },
		{ "https://%31%32%37.0.0.1/", NULL },
		{ "https://exa mple.com/", NULL },
		{ "https://example.com\\@127.0.0.1/", NULL },
		{ "https://example.com\r\nX: y/", NULL },
		{ "https://\xe2\x91\xa0.example/", NULL },
		{ "https://a..b/", NULL },
		{ "https://-a.b/", NULL },
		{ "https://example.com:0/", NULL },
		{ "https://example.com:65536/", NULL },
		{ "https://example.com:/", NULL },
		{ "https://example.com:80a/", NULL },
		{ "https://[::1/", NULL },
		{ "https://[fe80::1%25lo]/", NULL },
		{ "https://[127.0.0.1]/", NULL },
		{ "https://[::1]x/", NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct guard_url u;
		const char *why = NULL;
		char room[512];
		struct buf b;
		enum err e = guard_url(str_of(table[i].text), &u, &why);
		buf_over(&b, room, sizeof room);
		if (!e)
			guard_url_write(&b, &u);
		if (e != (table[i].as ? OK : ERR_INVALID) ||
		    (table[i].as && !str_is(buf_view(&b), table[i].as)))
			fail_msg("%s: %s %.*s", table[i].text, why ? why : "taken", (int)b.len,
			         room);
		assert_true(!e || why);
	}
}

static void only_the_public_internet_is_public(void **state)
{
	static const char *const not_public[] = {
		"0.0.0.0",
		"10.0.0.1",
		"100.64.0.1",
		"100.127.255.255",
		"127.0.0.1",
		"127.255.255.254",
		"169.254.169.254",
		"172.16.0.1",
		"172.31.255.1",
		"192.0.0.8",
		"192.0.2.1",
		"192.168.1.1",
		"198.18.0.1",
		"198.19.255.1",
		"198.51.100.7",
		"203.0.113.9",
		"224.0.0.1",
		"239.255.255.250",
		"240.0.0.1",
		"255.255.255.255",
		"::",
		"::1",
		"::127.0.0.1",
		"::ffff:127.0.0.1",
		"::ffff:8.8.8.8",
		"fe80::1",
		"fc00::1",
		"fd12::1",
		"fec0::1",
		"ff02::1",
		"2001::1",
		"2001:db8::1",
		"2002:7f00:1::",
		"64:ff9b::7f00:1",
		"64:ff9b::a00:1",
		"64:ff9b:1::1",
		"3fff::1",
		"100::1",
		"4000::1",
	};
	static const char *const is_public[] = {
		"8.8.8.8",    "100.63.0.1",  "100.128.0.1",     "172.15.0.1",   "172.32.0.1",
		"198.20.0.1", "223.255.0.1", "2606:4700::1111", "2a00:1450::1", "64:ff9b::808:808"
	};
	struct guard_addr a;
	(void)state;
	for (size_t i = 0; i < sizeof not_public / sizeof *not_public; i++)
		if (!guard_addr_read(str_of(not_public[i]), &a) || !guard_addr_is(&a))
			fail_msg("%s", not_public[i]);
	for (size_t i = 0; i < sizeof is_public / sizeof *is_public; i++)
		if (!guard_addr_read(str_of(is_public[i]), &a) || guard_addr_is(&a))
			fail_msg("%s", is_public[i]);
}

static const char *judged(const struct guard *g, bool secure, const char *addr, uint16_t port)
{
	struct guard_addr a;
	assert_true(guard_addr_read(str_of(addr), &a));
	return guard_why(g, secure, &a, port);
}

static void what_is_allowed_is_that_alone(void **state)
{
	static const char *const broken[] = { "10.0.0.0/33", "10.0.0.0/",    "10.0.0",    "[::1",
		                              "::1",         "[::1]/129",    "[1.2.3.4]", "a.b:80",
		                              "1.2.3.4:0",   "1.2.3.4:70000" };
	struct guard g;
	(void)state;
	assert_int_equal(guard_read(str_of("10.1.0.0/16, 127.0.0.1:9000 [fd00::]/8,[::1]:81"),
	                            str_of("443, 80"), false, &g),
	                 OK);
	assert_null(judged(&g, false, "10.1.255.1", 5432));
	assert_non_null(judged(&g, true, "10.2.0.1", 443));
	assert_null(judged(&g, false, "127.0.0.1", 9000));
	assert_non_null(judged(&g, false, "127.0.0.1", 9001));
	assert_null(judged(&g, false, "fd77::1", 1));
	assert_null(judged(&g, false, "::1", 81));
	assert_non_null(judged(&g, false, "::1", 82));
	assert_null(judged(&g, true, "8.8.8.8", 443));
	assert_non_null(judged(&g, false, "8.8.8.8", 80)); /* plain is off */
	assert_non_null(judged(&g, true, "8.8.8.8", 22));
	g.plain = true;
	assert_null(judged(&g, false, "8.8.8.8", 80));
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
		if (guard_read(str_of(broken[i]), str_of(""), false, &g) != ERR_INVALID)
			fail_msg("%s", broken[i]);
	assert_int_equal(guard_read(str_of(""), str_of("0"), false, &g), ERR_INVALID);
}

static bool follows(const char *a, const char *b)
{
	struct guard_url from, to;
	const char *why;
	assert_int_equal(guard_url(str_of(a), &from, &why), OK);
	assert_int_equal(guard_url(str_of(b), &to, &why), OK);
	return guard_may_follow(&from, &to);
}

static void credentials_stay_with_their_origin(void **state)
{
	(void)state;
	assert_true(follows("https://a.example/1", "https://A.example:443/2"));
	assert_true(follows("http://a.example/", "https://a.example/"));
	assert_false(follows("https://a.example/", "http://a.example/"));
	assert_false(follows("http://a.example:8080/", "https://a.example/"));
	assert_false(follows("https://a.example/", "https://b.example/"));
	assert_false(follows("https://a.example/", "https://a.example:8443/"));
}

static void only_what_is_safe_is_made_again(void **state)
{
	struct plan_try t = { .method = FETCH_METHOD_POST,
		              .trouble = FETCH_TROUBLE_BROKEN,
		              .reached = true,
		              .tries = 1,
		              .tries_most = 3,
		              .left_us = 60000000 };
	uint32_t ms;
	(void)state;
	assert_false(plan_again(&t, 7, &ms)); /* it may have been done */
	t.reached = false;
	assert_true(plan_again(&t, 7, &ms)); /* nobody has heard it */
	t.reached = t.repeatable = true;
	assert_true(plan_again(&t, 7, &ms));
	t.tries = 3;
	assert_false(plan_again(&t, 7, &ms));
	t = (struct plan_try){ .tries = 1, .tries_most = 3, .status = 429, .left_us = 5000000 };
	assert_true(plan_again(&t, 7, &ms));
	t.retry_after = true;
	t.retry_after_s = 4;
	assert_true(plan_again(&t, 7, &ms) && ms >= 4000);
	t.retry_after_s = 5;
	assert_false(plan_again(&t, 7, &ms)); /* later than anybody waits */
	t = (struct plan_try){ .tries = 1, .tries_most = 3, .status = 404, .left_us = 5000000 };
	assert_false(plan_again(&t, 7, &ms));
}

static void repeats_have_a_budget(void **state)
{
	struct plan_budget b = { 0 };
	uint32_t n = 0;
	(void)state;
	plan_earn(&b, 7);
	while (plan_spend(&b, 7))
		n++;
	assert_int_equal(n, 10);
	for (int i = 0; i < 30; i++)
		plan_earn(&b, 7);
	for (n = 0; plan_spend(&b, 7); n++)
		;
	assert_int_equal(n, 3);
	assert_true(plan_spend(&b, 8)); /* another host */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_has_one_spelling),
		cmocka_unit_test(only_the_public_internet_is_public),
		cmocka_unit_test(what_is_allowed_is_that_alone),
		cmocka_unit_test(credentials_stay_with_their_origin),
		cmocka_unit_test(only_what_is_safe_is_made_again),
		cmocka_unit_test(repeats_have_a_budget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
