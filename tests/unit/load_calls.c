/*
 * load_calls.c — what `switchboard load calls` judges by: signatures and TwiML as Twilio has them,
 * stamps that notice every change, a playback buffer that plays in real time.
 */
#include "tools/load/cost.h"
#include "tools/load/playback.h"
#include "tools/load/spread.h"
#include "tools/load/stamp.h"
#include "tools/load/twilio.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- Twilio -------------------------------------------------------------------------------- */

/* Made by npm twilio 6.2.0: getExpectedTwilioSignature("12345abcdef67890", url, params). */
static void signatures_are_those_of_npm_twilio(void **state)
{
	static const struct twilio_param call[] = {
		{ "CallSid", STR_LIT("CA0123456789abcdef0123456789abcdef") },
		{ "From", STR_LIT("+15550001") },
		{ "To", STR_LIT("+15550100") },
		{ "Direction", STR_LIT("inbound") },
	};
	static const struct twilio_param odd[] = {
		{ "FromCity", STR_LIT("São Paulo") },
		{ "CallSid", STR_LIT("CA1") },
		{ "Empty", STR_LIT("") },
		{ "Z a", STR_LIT("x y&z") },
	};
	static const struct {
		const char *url;
		const struct twilio_param *params;
		uint32_t n;
		const char *signature;
	} cases[] = {
		{ "https://example.org/webhook/twilio/voice", call, 4,
		  "WrRzl8uEcbDRTh3woz/Dwxl/PCM=" },
		{ "https://example.org:8443/webhook/twilio/voice?a=b", odd, 4,
		  "U/wxpDSRQX9HG6ycoFvxgGgezVU=" },
		{ "wss://example.org/ws/twilio-media", NULL, 0, "In3cydxLWYecIkfnr9ub510oaO4=" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char got[TWILIO_SIGNATURE];
		assert_int_equal(twilio_sign(str_of("12345abcdef67890"), str_of(cases[i].url),
		                             cases[i].params, cases[i].n, got),
		                 OK);
		assert_string_equal(got, cases[i].signature);
	}
}

static void forms_are_encoded(void **state)
{
	static const struct twilio_param odd[] = { { "From", STR_LIT("+1555") },
		                                   { "City", STR_LIT("São & co") } };
	char memory[128];
	struct buf b;
	(void)state;
	buf_over(&b, memory, sizeof memory);
	twilio_form(&b, odd, 2);
	assert_true(str_is(buf_view(&b), "From=%2B1555&City=S%C3%A3o%20%26%20co"));
}

static void sids_have_their_form(void **state)
{
	char a[TWILIO_SID], b[TWILIO_SID];
	(void)state;
	twilio_sid(a, "CA", 7, 1);
	twilio_sid(b, "CA", 7, 2);
	assert_int_equal(strlen(a), 34);
	assert_int_equal(strspn(a + 2, "0123456789abcdef"), 32);
	assert_string_not_equal(a, b);
}

/* The first three as npm twilio 6.2.0 writes them. */
static void twiml_is_read(void **state)
{
	struct twiml t;
	char why[96];
	(void)state;
	assert_int_equal(
		twiml_read(str_of("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect>"
	                          "<Stream url=\"wss://example.org/ws/twilio-media\"><Parameter "
	                          "name=\"token\" value=\"a&amp;b&lt;c>&quot;d'\"/></Stream>"
	                          "</Connect></Response>"),
	                   &t, why),
		OK);
	assert_true(t.stream && !t.then_some && t.n_parameters == 1);
	assert_string_equal(t.url, "wss://example.org/ws/twilio-media");
	assert_string_equal(t.parameters[0].name, "token");
	assert_string_equal(t.parameters[0].value, "a&b<c>\"d'");
	assert_int_equal(
		twiml_read(str_of("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Say "
	                          "voice=\"alice\">All lines are busy &amp; we are sorry"
	                          "</Say><Hangup/></Response>"),
	                   &t, why),
		OK);
	assert_true(t.say && t.hangup && !t.stream);
	assert_int_equal(twiml_read(str_of("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>"
	                                   "<Dial>+15550123</Dial></Response>"),
	                            &t, why),
	                 OK);
	assert_string_equal(t.dial, "+15550123");
	assert_int_equal(twiml_read(str_of("<Response>\n <Connect>\n  <Stream url='wss://e/p'/>\n "
	                                   "</Connect>\n <Pause length=\"1\"/></Response>\n"),
	                            &t, why),
	                 OK);
	assert_true(t.stream && t.then_some);
}

static void twiml_that_is_none_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"<Response>",
		"<Response></Respons>",
		"<Response/><Response/>",
		"<Connect/>",
		"<Response><Stream url=\"wss://e/p\"/></Response>",
		"<Response><Connect><Stream/></Connect></Response>",
		"<Response><Connect><Stream url=\"ws://e/p\"/></Connect></Response>",
		"<Response><Connect><Stream url=\"wss://e/p?token=1\"/></Connect></Response>",
		"<Response><Connect><Stream url=\"wss://e/p\" "
		"colour=\"red\"/></Connect></Response>",
		"<Response><Connect><Stream url=\"wss://e/p\" "
		"url=\"wss://e/q\"/></Connect></Response>",
		"<Response><Connect><Stream url=\"wss://e/p\"><Parameter value=\"x\"/></Stream>"
		"</Connect></Response>",
		"<Response><Connect><Stream url=wss://e/p /></Connect></Response>",
		"<Response><Say>a & b</Say></Response>",
		"<Response><Say>a &#0; b</Say></Response>",
		"<Response>words</Response>",
		"<Response><Dance/></Response>",
		"<Response><Say>\xff</Say></Response>",
	};
	struct twiml t;
	char why[96];
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (twiml_read(str_of(bad[i]), &t, why) != ERR_MALFORMED)
			fail_msg("taken: %s", bad[i]);
		assert_true(*why);
	}
}

static void a_parameter_has_500_characters_at_the_most(void **state)
{
	char text[1024], value[512], why[96];
	struct twiml t;
	(void)state;
	for (int over = 0; over < 2; over++) {
		memset(value, 'x', 495 + over);
		value[495 + over] = '\0';
		(void)snprintf(
			text, sizeof text,
			"<Response><Connect><Stream url=\"wss://e/p\"><Parameter name=\"token\" "
			"value=\"%s\"/></Stream></Connect></Response>",
			value);
		assert_int_equal(twiml_read(str_of(text), &t, why), over ? ERR_MALFORMED : OK);
	}
}

/* ---- stamps -------------------------------------------------------------------------------- */

static struct stamp sample(uint32_t seq)
{
	return (struct stamp){ .run = 1,
		               .call = 7,
		               .seq = seq,
		               .flags = STAMP_SPEECH,
		               .sent_us = 1234567890123u,
		               .heard_item = 3,
		               .heard_ms = 420,
		               .clears = 2,
		               .cleared_us = 99 };
}

static void every_bit_of_a_stamp_counts(void **state)
{
	uint8_t at[STAMP_BYTES], again[STAMP_BYTES];
	struct stamp in = sample(9), out;
	(void)state;
	stamp_write(&in, at);
	assert_int_equal(stamp_read(at, &out), STAMP_WHOLE);
	stamp_write(&out, again);
	assert_memory_equal(at, again, sizeof at);
	assert_int_equal(out.heard_ms, in.heard_ms);
	for (int bit = 0; bit < STAMP_BYTES * 8; bit++) {
		at[bit / 8] ^= (uint8_t)(1 << (bit & 7));
		assert_int_equal(stamp_read(at, &out), bit < 32 ? STAMP_NONE : STAMP_BROKEN);
		at[bit / 8] ^= (uint8_t)(1 << (bit & 7));
	}
	assert_int_equal(stamp_read(at, &out), STAMP_WHOLE);
}

struct told {
	uint32_t whole, broken, plain, last;
};

static void tell(void *ctx, const struct stamp_piece *p)
{
	struct told *t = ctx;
	if (p->found == STAMP_WHOLE) {
		assert_int_equal(p->n, STAMP_BYTES);
		t->whole++;
		t->last = p->stamp.seq;
	} else if (p->found == STAMP_BROKEN) {
		t->broken++;
	} else {
		t->plain += p->n;
	}
}

/* Fifty frames in pieces of any size; with something before, and something cut out. */
static void a_stream_is_cut_as_it_was_put_together(void **state)
{
	static uint8_t at[50 * STAMP_BYTES + 100];
	(void)state;
	memset(at, 0xFF, 100);
	for (uint32_t i = 0; i < 50; i++) {
		struct stamp s = sample(i + 1);
		stamp_write(&s, at + 100 + i * STAMP_BYTES);
	}
	for (uint32_t piece = 1; piece < 900; piece += 13) {
		struct stamp_stream s = { 0 };
		struct told t = { 0 };
		for (size_t i = 0; i < sizeof at; i += piece) {
			size_t n = sizeof at - i < piece ? sizeof at - i : piece;
			stamp_feed(&s, str_n((const char *)at + i, n), tell, &t);
		}
		assert_int_equal(t.whole, 50);
		assert_int_equal(t.last, 50);
		assert_int_equal(t.plain, 100);
		assert_int_equal(t.broken, 0);
	}
}

static void what_was_cut_out_of_a_stream_is_one_broken_frame(void **state)
{
	static uint8_t at[10 * STAMP_BYTES];
	struct stamp_stream s = { 0 };
	struct told t = { 0 };
	(void)state;
	for (uint32_t i = 0; i < 10; i++) {
		struct stamp f = sample(i + 1);
		stamp_write(&f, at + i * STAMP_BYTES);
	}
	stamp_feed(&s, str_n((const char *)at, 4 * STAMP_BYTES + 60), tell, &t);
	stamp_feed(&s, str_n((const char *)at + 5 * STAMP_BYTES, 5 * STAMP_BYTES), tell, &t);
	stamp_feed_end(&s, tell, &t);
	assert_int_equal(t.whole, 9);
	assert_int_equal(t.broken, 1);
	assert_int_equal(t.last, 10);
}

/* ---- playback ------------------------------------------------------------------------------ */

static void audio_is_played_at_real_time(void **state)
{
	struct playback p;
	char name[PLAYBACK_NAME];
	(void)state;
	playback_init(&p);
	assert_int_equal(playback_mark(&p, 1000, str_of("at once")), OK);
	assert_true(playback_due(&p, 1000, name));
	assert_string_equal(name, "at once");
	playback_put(&p, 1000, 1600, 5, 0); /* 200 ms */
	assert_int_equal(playback_mark(&p, 1000, str_of("later")), OK);
	assert_false(playback_due(&p, 200999, name));
	assert_int_equal(playback_next_us(&p), 201000);
	assert_true(playback_due(&p, 201000, name));
	assert_false(playback_due(&p, 201000, name));
	assert_false(playback_is_playing(&p, 201000));
	playback_done(&p);
}

/* Two items wait one behind the other; what is heard at a clear is told of the one that plays. */
static void a_clear_knows_what_was_heard(void **state)
{
	struct playback p;
	char name[PLAYBACK_NAME];
	(void)state;
	playback_init(&p);
	for (uint32_t ms = 0; ms < 400; ms += 20)
		playback_put(&p, 1000 + ms, 160, 5, ms); /* faster than it plays */
	for (uint32_t ms = 0; ms < 400; ms += 20)
		playback_put(&p, 2000 + ms, 160, 6, ms);
	assert_int_equal(playback_mark(&p, 3000, str_of("end")), OK);
	struct playback_heard h = playback_clear(&p, 1000 + 530000);
	assert_true(h.known);
	assert_int_equal(h.item, 6);
	assert_int_equal(h.ms, 130);
	assert_true(playback_due(&p, 1000 + 530000, name)); /* all marks come back */
	assert_int_equal(p.played_us, 530000);
	assert_false(playback_is_playing(&p, 1000 + 530000));
	playback_put(&p, 1000000, 160, 7, 0);
	h = playback_clear(&p, 2000000); /* it had ended */
	assert_int_equal(h.item, 7);
	assert_int_equal(h.ms, 20);
	assert_false(playback_clear(&p, 2000001).known);
	playback_done(&p);
}

static void marks_have_a_bound(void **state)
{
	struct playback p;
	(void)state;
	playback_init(&p);
	playback_put(&p, 0, 160, 0, 0);
	for (int i = 0; i < PLAYBACK_MARKS; i++)
		assert_int_equal(playback_mark(&p, 0, str_of("m")), OK);
	assert_int_equal(playback_mark(&p, 0, str_of("m")), ERR_FULL);
	playback_done(&p);
}

/* ---- figures ------------------------------------------------------------------------------- */

static void percentiles_are_within_a_bucket(void **state)
{
	static struct spread s, more;
	(void)state;
	assert_int_equal(spread_at(&s, 0.99), 0);
	for (uint32_t i = 1; i <= 100000; i++)
		spread_add(i % 2 ? &s : &more, i);
	spread_join(&s, &more);
	assert_int_equal(s.n, 100000);
	assert_in_range(spread_at(&s, 0.5), 50000, 51600);
	assert_in_range(spread_at(&s, 0.99), 99000, 100000);
	assert_int_equal(spread_at(&s, 1), 100000);
	assert_int_equal(s.worst, 100000);
}

static void cost_is_counted_of_those_who_live(void **state)
{
	pid_t pids[] = { getpid(), -1 };
	(void)state;
	struct cost c = cost_of(pids, 2);
	assert_int_equal(c.there, 1);
	assert_true(c.bytes > 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures_are_those_of_npm_twilio),
		cmocka_unit_test(forms_are_encoded),
		cmocka_unit_test(sids_have_their_form),
		cmocka_unit_test(twiml_is_read),
		cmocka_unit_test(twiml_that_is_none_is_refused),
		cmocka_unit_test(a_parameter_has_500_characters_at_the_most),
		cmocka_unit_test(every_bit_of_a_stamp_counts),
		cmocka_unit_test(a_stream_is_cut_as_it_was_put_together),
		cmocka_unit_test(what_was_cut_out_of_a_stream_is_one_broken_frame),
		cmocka_unit_test(audio_is_played_at_real_time),
		cmocka_unit_test(a_clear_knows_what_was_heard),
		cmocka_unit_test(marks_have_a_bound),
		cmocka_unit_test(percentiles_are_within_a_bucket),
		cmocka_unit_test(cost_is_counted_of_those_who_live),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
