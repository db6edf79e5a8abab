/*
 * Twilio's signature: the example of the carrier's documentation, the rules of its npm SDK, and the
 * TwiML it is answered with.
 */
#include "gateway/twilio_secret.h"
#include "gateway/twilio_sign.h"
#include "gateway/twiml.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char form[] = "CallSid=CA1234567890ABCDE&Caller=%2B12349013030&Digits=1234"
			   "&From=%2B12349013030&To=%2B18005551212";

static enum err verify(const char *url, const char *body, bool is_form, const char *signature,
                       const char *token, const char *other)
{
	char room[8192];
	struct arena a = ARENA_OVER(room);
	struct str tokens[] = { str_of(token), str_of(other) };
	return twilio_verify(&(struct twilio_request){ .url = str_of(url),
	                                               .body = str_of(body),
	                                               .form = is_form },
	                     str_of(signature), tokens, 2, &a);
}

static void the_documented_example(void **state)
{
	(void)state;
	const char *url = "https://mycompany.com/myapp.php?foo=1&bar=2";
	const char *good = "0/KCTR6DLpKmkAf8muzZqo1nDgQ=";
	assert_int_equal(verify(url, form, true, good, "12345", ""), OK);
	assert_int_equal(verify(url, form, true, good, "", "12345"), OK); /* the second token */
	assert_int_equal(verify(url, form, true, good, "12346", ""), ERR_UNAUTHENTICATED);
	assert_int_equal(verify(url, form, true, "", "12345", ""), ERR_MISSING);
	assert_int_equal(verify(url, form, true, "0/KCTR6DLpKmkAf8muzZqo1nDgR=", "12345", ""),
	                 ERR_UNAUTHENTICATED);
	assert_int_equal(verify("https://mycompany.com/myapp.php?foo=1&bar=3", form, true, good,
	                        "12345", ""),
	                 ERR_UNAUTHENTICATED);
	/* No token at all opens nothing. */
	assert_int_equal(verify(url, form, true, good, "", ""), ERR_UNAUTHENTICATED);
	/* The order in which fields come is not theirs in the signature. */
	assert_int_equal(
		verify(url,
	               "To=%2B18005551212&From=%2B12349013030&Digits=1234&Caller=%2B12349013030"
	               "&CallSid=CA1234567890ABCDE",
	               true, good, "12345", ""),
		OK);
}

/* Signed for one spelling, called by another. */
static void the_default_port_is_as_none(void **state)
{
	(void)state;
	static const struct {
		const char *signed_url, *called_url;
		bool fits;
	} table[] = {
		{ "https://a.example:443/v?x=1", "https://a.example/v?x=1", true },
		{ "https://a.example/v?x=1", "https://a.example:443/v?x=1", true },
		{ "wss://a.example/ws", "wss://a.example:443/ws", true },
		{ "http://a.example:80/v", "http://a.example/v", true },
		{ "https://a.example", "https://a.example:443", true },
		{ "https://[::1]:443/v", "https://[::1]/v", true },
		{ "https://a.example/v", "https://a.example:8443/v",
		  true }, /* as their library has it */
		{ "https://a.example:8443/v", "https://a.example/v", false },
		{ "https://a.example/v", "http://a.example/v", false },
		{ "https://a.example/v", "https://b.example/v", false },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char room[8192], signature[29];
		struct arena a = ARENA_OVER(room);
		assert_int_equal(
			twilio_signature(
				&(struct twilio_request){ .url = str_of(table[i].signed_url) },
				str_of("t"), &a, signature),
			OK);
		enum err e = verify(table[i].called_url, "", false, signature, "t", "");
		if ((e == OK) != table[i].fits)
			print_error("%s called %s\n", table[i].signed_url, table[i].called_url);
		assert_int_equal(e == OK, table[i].fits);
	}
}

static void a_repeated_field_counts_without_twins(void **state)
{
	(void)state;
	char room[8192], one[29], two[29];
	struct arena a = ARENA_OVER(room);
	struct twilio_request r = { .url = str_of("https://a/"),
		                    .form = true,
		                    .body = str_of("b=2&a=1&b=2&b=1") };
	assert_int_equal(twilio_signature(&r, str_of("t"), &a, one), OK);
	r = (struct twilio_request){ .url = str_of("https://a/a1b1b2") };
	assert_int_equal(twilio_signature(&r, str_of("t"), &a, two), OK);
	assert_string_equal(one, two);
}

static void json_is_covered_by_its_digest(void **state)
{
	(void)state;
	const char *body = "{\"a\":1}";
	const char *url = "https://a.example/v?bodySHA256="
			  "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862";
	char room[8192], signature[29];
	struct arena a = ARENA_OVER(room);
	assert_int_equal(twilio_signature(&(struct twilio_request){ .url = str_of(url) },
	                                  str_of("t"), &a, signature),
	                 OK);
	assert_int_equal(verify(url, body, false, signature, "t", ""), OK);
	assert_int_equal(verify(url, "{\"a\":2}", false, signature, "t", ""), ERR_UNAUTHENTICATED);
	assert_int_equal(
		twilio_signature(&(struct twilio_request){ .url = str_of("https://a.example/v") },
	                         str_of("t"), &a, signature),
		OK);
	assert_int_equal(verify("https://a.example/v", body, false, signature, "t", ""),
	                 ERR_UNAUTHENTICATED);
}

static void bad_forms_and_addresses(void **state)
{
	(void)state;
	static char many[TWILIO_FIELDS * 4 + 8], far[TWILIO_URL_MAX + 2];
	for (int i = 0; i <= TWILIO_FIELDS; i++)
		memcpy(many + i * 4, "a=1&", 4);
	assert_int_equal(verify("https://a/", many, true, "x", "t", ""), ERR_MALFORMED);
	assert_int_equal(verify("https://a/", "a=%zz", true, "x", "t", ""), ERR_MALFORMED);
	memset(far, 'a', TWILIO_URL_MAX + 1);
	assert_int_equal(verify(far, "", false, "x", "t", ""), ERR_TOO_LARGE);
	assert_int_equal(verify("", "", false, "x", "t", ""), ERR_UNAUTHENTICATED);
}

static void a_line_keeps_three_tokens(void **state)
{
	(void)state;
	struct twilio_secret s = { .auth = "0123456789abcdef", .stream = "fixed" }, back;
	char text[TWILIO_SECRET_MAX + 1];
	assert_int_equal(twilio_secret_write(&s, text), OK);
	assert_string_equal(text, "0123456789abcdef - fixed");
	assert_int_equal(twilio_secret_read(str_of(text), &back), OK);
	assert_string_equal(back.auth, s.auth);
	assert_string_equal(back.old, "");
	assert_string_equal(back.stream, "fixed");
	static const char *const bad[] = { "", "a", "a b", "a b c d", "a  c", "- b c", " a b c" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(twilio_secret_read(str_of(bad[i]), &back), ERR_INVALID);
	assert_int_equal(twilio_secret_write(&(struct twilio_secret){ .auth = "short" }, text),
	                 ERR_INVALID);
	assert_int_equal(
		twilio_secret_write(&(struct twilio_secret){ .auth = "0123456789abcdef g" }, text),
		ERR_INVALID);
}

static void twiml_escapes(void **state)
{
	(void)state;
	char room[1024];
	struct buf b;
	buf_over(&b, room, sizeof room);
	twiml_stream(&b, &(struct twiml_stream){ .url = str_of("wss://a/ws?x=1&y=2"),
	                                         .token = str_of("<\"&>") });
	struct str got = buf_view(&b);
	const char *want = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect><Stream "
			   "url=\"wss://a/ws?x=1&amp;y=2\"><Parameter name=\"token\" "
			   "value=\"&lt;&quot;&amp;&gt;\"/></Stream></Connect></Response>";
	assert_true(str_is(got, want));
	buf_over(&b, room, sizeof room);
	twiml_say(&b, str_of("we are\x01 full"), (struct str){ 0 });
	assert_true(str_is(buf_view(&b),
	                   "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Say>we are  full"
	                   "</Say><Hangup/></Response>"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_documented_example),
		cmocka_unit_test(the_default_port_is_as_none),
		cmocka_unit_test(a_repeated_field_counts_without_twins),
		cmocka_unit_test(json_is_covered_by_its_digest),
		cmocka_unit_test(bad_forms_and_addresses),
		cmocka_unit_test(a_line_keeps_three_tokens),
		cmocka_unit_test(twiml_escapes),
	};
	return cmocka_run_group_tests_name("gateway twilio", tests, NULL, NULL);
}
