/*
 * actors_call.c — the pure files of call_session: both legs, the queues, the clock, tools, record.
 */
#include "actors/call_session/history.h"
#include "actors/call_session/intake.h"
#include "actors/call_session/playout.h"
#include "actors/call_session/record.h"
#include "actors/call_session/tools.h"
#include "actors/call_session/twilio.h"
#include "proto/base64.h"
#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants those first */
#include <cmocka.h>
#include <stdio.h>

static const uint64_t MS = 1000; /* us */

/* ---- the carrier --------------------------------------------------------------------------------
 */

static enum twilio_word hear(struct twilio *t, const char *text, struct twilio_heard *h)
{
	static char room[4096];
	struct arena a = ARENA_OVER(room);
	return twilio_read(t, str_of(text), &a, h);
}

#define START                                                                                      \
	"{\"event\":\"start\",\"sequenceNumber\":\"1\",\"streamSid\":\"MZ1\",\"start\":{"          \
	"\"callSid\":\"CA1\"}}"
#define MEDIA(sid, chunk, payload)                                                                 \
	"{\"event\":\"media\",\"streamSid\":\"" sid                                                \
	"\",\"media\":{\"track\":\"inbound\",\"chunk\":\"" chunk                                   \
	"\",\"timestamp\":\"20\",\"payload\":\"" payload "\"},\"more\":[1,{\"a\":null}]}"

static void the_carrier_is_heard_in_order(void **state)
{
	(void)state;
	struct twilio t = { .call = "CA1" };
	struct twilio_heard h;
	assert_int_equal(hear(&t, MEDIA("MZ1", "1", "AAAA"), &h), TWILIO_NOTHING);
	assert_int_equal(t.misplaced, 1);
	assert_int_equal(hear(&t, "{\"event\":\"connected\",\"protocol\":\"Call\"}", &h),
	                 TWILIO_NOTHING);
	assert_int_equal(hear(&t, START, &h), TWILIO_START);
	assert_string_equal(t.stream, "MZ1");
	assert_int_equal(hear(&t, START, &h), TWILIO_NOTHING); /* a second one */
	assert_int_equal(t.misplaced, 2);
	assert_int_equal(hear(&t, MEDIA("MZ1", "1", "AA\\/A"), &h), TWILIO_AUDIO);
	assert_true(str_is(h.media.payload, "AA/A"));
	assert_int_equal(hear(&t, MEDIA("MZ2", "2", "AAAA"), &h), TWILIO_NOTHING);
	assert_int_equal(t.strange, 1);
	assert_int_equal(hear(&t, MEDIA("MZ1", "4", "AAAA"), &h), TWILIO_AUDIO);
	assert_int_equal(t.missing, 2);
	assert_int_equal(hear(&t, MEDIA("MZ1", "3", "AAAA"), &h), TWILIO_NOTHING);
	assert_int_equal(t.late, 1);
	assert_int_equal(hear(&t, "{\"event\":\"other\"}", &h), TWILIO_NOTHING);
	assert_int_equal(hear(&t, "{\"event\":", &h), TWILIO_NOTHING);
	assert_int_equal(t.unknown + t.malformed, 2);
	assert_int_equal(hear(&t, "{\"event\":\"stop\",\"streamSid\":\"MZ1\"}", &h), TWILIO_STOP);
	assert_int_equal(hear(&t, MEDIA("MZ1", "5", "AAAA"), &h), TWILIO_NOTHING);
	assert_int_equal(t.frames, 2);
}

static void a_start_of_another_call_is_none(void **state)
{
	(void)state;
	struct twilio t = { .call = "CA2" };
	struct twilio_heard h;
	assert_int_equal(hear(&t, START, &h), TWILIO_NOTHING);
	assert_int_equal(t.strange, 1);
	assert_false(t.started);
}

/* ---- the AI
 * ---------------------------------------------------------------------------------------- */

static enum realtime_word told(struct realtime *r, const char *text, struct realtime_heard *h)
{
	static char room[4096];
	struct arena a = ARENA_OVER(room);
	return realtime_read(r, str_of(text), &a, h);
}

static void both_generations_are_understood(void **state)
{
	(void)state;
	struct realtime r = { .state = REALTIME_OPEN };
	struct realtime_heard h;
	assert_int_equal(told(&r, "{\"type\":\"session.updated\"}", &h), REALTIME_NOTHING);
	assert_int_equal(
		told(&r, "{\"type\":\"session.created\",\"session\":{\"expires_at\":99}}", &h),
		REALTIME_CREATED);
	assert_int_equal(r.expires_at_s, 99);
	r.state = REALTIME_UPDATING;
	assert_int_equal(told(&r, "{\"type\":\"session.updated\",\"session\":{}}", &h),
	                 REALTIME_UPDATED);
	assert_int_equal(
		told(&r, "{\"type\":\"response.created\",\"response\":{\"id\":\"r1\"}}", &h),
		REALTIME_RESPONSE);
	assert_int_equal(
		told(&r,
	             "{\"type\":\"response.audio.delta\",\"response_id\":\"r1\",\"delta\":\"AA\"}",
	             &h),
		REALTIME_AUDIO);
	assert_int_equal(told(&r,
	                      "{\"delta\":\"AA\",\"response_id\":\"r1\",\"type\":\"response.output_"
	                      "audio.delta\"}",
	                      &h),
	                 REALTIME_AUDIO);
	realtime_forget(&r); /* cut: no more of it is heard */
	assert_int_equal(told(&r,
	                      "{\"delta\":\"AA\",\"response_id\":\"r1\",\"type\":\"response.output_"
	                      "audio.delta\"}",
	                      &h),
	                 REALTIME_NOTHING);
	assert_int_equal(told(&r,
	                      "{\"type\":\"response.done\",\"response\":{\"id\":\"r1\",\"status\":"
	                      "\"cancelled\",\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}}",
	                      &h),
	                 REALTIME_RESPONSE_DONE);
	assert_false(r.responding);
	assert_int_equal(r.tokens_in * 10 + r.tokens_out, 34);
}

static void errors_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(
		realtime_trouble_of(&(struct realtime_error){ .code = str_of("session_expired") }),
		REALTIME_ENDED);
	assert_int_equal(realtime_trouble_of(
				 &(struct realtime_error){ .code = str_of("insufficient_quota") }),
	                 REALTIME_FINAL);
	assert_int_equal(realtime_trouble_of(&(struct realtime_error){ .code = str_of("odd") }),
	                 REALTIME_HARMLESS);
	assert_int_equal(realtime_trouble_status(401), REALTIME_FINAL);
	assert_int_equal(realtime_trouble_status(429), REALTIME_ENDED);
	assert_int_equal(realtime_trouble_status(503), REALTIME_ENDED);
	assert_int_equal(realtime_trouble_status(0), REALTIME_ENDED);
}

/* ---- queues and clock
 * ---------------------------------------------------------------------------------- */

static struct str frame(uint8_t which)
{
	static char bytes[SOUND_FRAME], text[256];
	memset(bytes, which, sizeof bytes);
	base64_write(str_n(bytes, sizeof bytes), text);
	return str_n(text, base64_text_len(sizeof bytes));
}

static void ten_seconds_are_held_and_the_oldest_go(void **state)
{
	(void)state;
	struct intake in = { .least = 1 };
	char out[INTAKE_REPLAY * SOUND_FRAME];
	for (uint32_t i = 0; i < INTAKE_FRAMES + 7; i++) {
		assert_false(intake_passes(&in, i * 20 * MS + MS, i * 20));
		assert_int_equal(intake_hold(&in, frame((uint8_t)i)), OK);
	}
	assert_int_equal(in.dropped, 7);
	assert_int_equal(in.held.cap, INTAKE_FRAMES * SOUND_FRAME); /* and no more memory */
	assert_int_equal(intake_due(&in), 0);
	in.open = true;
	assert_int_equal(intake_due(&in), sizeof out);
	intake_take(&in, sizeof out, out);
	assert_int_equal((uint8_t)out[0], 7);
	assert_int_equal(intake_hold(&in, str_of("no base64!")), ERR_MALFORMED);
	while (intake_due(&in))
		intake_take(&in, intake_due(&in), out);
	assert_true(intake_passes(&in, 507 * 20 * MS + MS, 507 * 20)); /* in time: nothing waits */
	assert_false(intake_passes(&in, 508 * 20 * MS + 25 * MS, 508 * 20)); /* late: two in one */
	assert_int_equal(intake_hold(&in, frame(1)), OK);
	assert_int_equal(intake_due(&in), 0);
	assert_int_equal(intake_hold(&in, frame(2)), OK);
	assert_int_equal(intake_due(&in), 2 * SOUND_FRAME);
	intake_done(&in);
}

static void what_was_heard_is_known_by_marks_and_time(void **state)
{
	(void)state;
	struct playout p;
	struct playout_cut cut;
	char start[PLAYOUT_MARK_NAME], behind[PLAYOUT_MARK_NAME];
	uint64_t t = 1000000;
	playout_init(&p, t);
	assert_int_equal(playout_take(&p, str_of("a"), 8000, t), OK); /* one second */
	assert_true(playout_mark_before(&p, t, start));
	playout_said(&p, 8000, 10000);
	assert_true(playout_mark_behind(&p, false, behind));
	assert_int_equal(playout_take(&p, str_of("b"), 4000, t), OK);
	playout_said(&p, 4000, 5000);
	assert_int_equal(playout_played(&p, t + 500 * MS),
	                 0); /* it has not begun, as far as we know */
	assert_true(playout_echo(&p, str_of(start), t + 100 * MS));
	assert_int_equal(playout_played(&p, t + 400 * MS), 300 * 8);
	assert_int_equal(playout_played(&p, t + 5000 * MS), 8000); /* never beyond the next mark */
	assert_true(playout_echo(&p, str_of(behind), t + 1100 * MS));
	assert_int_equal(playout_left_ms(&p, t + 1200 * MS), 400);
	playout_cut(&p, t + 1200 * MS, &cut);
	assert_int_equal(cut.n, 1);
	assert_string_equal(cut.items[0].id, "b");
	assert_int_equal(cut.items[0].heard_ms, 100);
	assert_int_equal(cut.items[0].of_ms, 500);
	assert_false(playout_echo(&p, str_of(behind), t)); /* of an older generation */
	assert_true(playout_idle(&p));
	assert_int_equal(playout_heard_ms(&p, t + 9000 * MS), 1100);
	playout_done(&p);
}

static void a_socket_that_takes_nothing_keeps_twelve_seconds(void **state)
{
	(void)state;
	struct playout p;
	uint64_t t = 1000000;
	playout_init(&p, t);
	playout_level(&p, 1 << 20, t); /* it holds everything back */
	assert_false(playout_passes(&p));
	uint32_t i = 0;
	while (!playout_take(&p, str_of("a"), SOUND_FRAME, t + 2000 * MS) && ++i < 10000)
		assert_int_equal(playout_hold(&p, frame(1)), OK);
	assert_int_equal(i, PLAYOUT_STALLED_MS / 20);
	assert_int_equal(p.dropped, SOUND_FRAME);
	playout_room(&p, t + 3000 * MS);
	char out[SOUND_FRAME];
	assert_int_equal(playout_next(&p, out, sizeof out), SOUND_FRAME);
	playout_done(&p);
}

/* ---- the rest
 * -------------------------------------------------------------------------------------------- */

static void tools_of_a_business_stand_beside_ours(void **state)
{
	(void)state;
	static const char own[] =
		"[{\"name\":\"weather\",\"description\":\"d\",\"parameters\":{\"type\":"
		"\"object\"},\"url\":\"https://x\"},{\"name\":\"end_call\"},7,{\"no\":1}]";
	char room[2048];
	struct arena a = ARENA_OVER(room);
	struct str url;
	struct buf b;
	buf_init(&b, 1 << 16);
	tools_declare(&b, str_of(own), false);
	assert_int_equal(buf_err(&b), OK);
	assert_int_equal(json_check(buf_view(&b)), OK);
	buf_char(&b, '\0');
	assert_non_null(strstr(b.at, "\"weather\""));
	assert_null(strstr(b.at, "transfer"));
	buf_done(&b);
	assert_int_equal(tools_find(str_of(own), str_of("weather"), true, &a, &url), TOOL_OWN);
	assert_true(str_is(url, "https://x"));
	assert_int_equal(tools_find(str_of(own), str_of("transfer"), false, &a, &url),
	                 TOOL_UNKNOWN);
	assert_int_equal(tools_find(str_of(own), str_of("end_call"), false, &a, &url),
	                 TOOL_END_CALL);
}

static void a_record_is_bounded_and_words_go_first(void **state)
{
	(void)state;
	struct record r = { 0 };
	struct call_noted sent[RECORD_SEND];
	record_note(&r, 1, CALL_HAPPENING_WIRE_UP, 0, str_of("carrier"));
	for (uint32_t i = 0; i < 2 * RECORD_NOTES; i++)
		record_note(&r, i, CALL_HAPPENING_SAID, 0, str_of("words"));
	assert_int_equal(r.n, RECORD_NOTES);
	assert_int_equal(r.lost, RECORD_NOTES + 1);
	assert_int_equal(record_send(&r, sent), RECORD_SEND);
	assert_int_equal(sent[0].kind, CALL_HAPPENING_WIRE_UP); /* the words went */
	record_stored(&r);
	assert_int_equal(r.n, RECORD_NOTES - RECORD_SEND);
	record_turn(&r, 300);
	record_turn(&r, 100);
	record_turn(&r, 200);
	assert_int_equal(record_median(&r), 200);
	record_done(&r);
}

static void history_keeps_what_was_heard(void **state)
{
	(void)state;
	struct history h = { 0 };
	history_add(&h, false, str_of("i1"), str_of("0123456789"));
	history_heard(&h, "i1", 300, 1000);
	assert_true(str_is(history_words(&h, str_of("i1")), "012"));
	for (int i = 0; i < 200; i++)
		history_add(&h, true, (struct str){ 0 }, frame(1));
	assert_true(h.n <= HISTORY_ENTRIES && h.bytes <= HISTORY_BYTES);
	history_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_carrier_is_heard_in_order),
		cmocka_unit_test(a_start_of_another_call_is_none),
		cmocka_unit_test(both_generations_are_understood),
		cmocka_unit_test(errors_are_told_apart),
		cmocka_unit_test(ten_seconds_are_held_and_the_oldest_go),
		cmocka_unit_test(what_was_heard_is_known_by_marks_and_time),
		cmocka_unit_test(a_socket_that_takes_nothing_keeps_twelve_seconds),
		cmocka_unit_test(tools_of_a_business_stand_beside_ours),
		cmocka_unit_test(a_record_is_bounded_and_words_go_first),
		cmocka_unit_test(history_keeps_what_was_heard),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
