/*
 * The record of calls on a real PostgreSQL: whichever of webhook, stream and callback comes first,
 * whatever is told twice, whoever dies, a call is one row with one end.
 */
#include "proto/call.h"
#include "tests/unit/wa_lab.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S(lit) str_of(lit)
#define NOW    1795460000000000u

static struct wa_lab *lab;
static struct msg *answer;

static enum err ask(uint64_t business, const struct proto_desc *type, const void *body)
{
	msg_unref(answer);
	answer = NULL;
	return wa_lab_call(lab, business, &answer, type, body);
}

static struct call_begun begin(const char *call, const char *stream, const char *desk)
{
	assert_int_equal(
		ask(1, MSG(call_begin, .call = str_of(call), .account = S("AC1"), .connector = 3,
	                   .from = S("+491510000001"), .to = S("+4930"), .stream = str_of(stream),
	                   .node = S("street#1"), .desk = str_of(desk), .start_us = NOW)),
		OK);
	return *call_begun_of(answer);
}

static enum err finish(const char *call, uint64_t epoch, enum call_cause cause)
{
	return ask(1, MSG(call_finish, .call = str_of(call), .epoch = epoch, .cause = cause,
	                  .end_us = NOW + 1000000, .frames_in = 50, .dropped_in = 2,
	                  .dropped_out = 3, .played_ms = 900, .barge_ins = 1));
}

static struct call_shown show(uint64_t id)
{
	assert_int_equal(ask(1, MSG(call_show, .id = id)), OK);
	return *call_shown_of(answer);
}

static void a_newer_stream_is_the_next_epoch(void **state)
{
	(void)state;
	struct call_begun first = begin("CA1", "MZ1", "");
	assert_int_equal(first.epoch, 1);
	assert_true(first.lead > 0);
	struct call_begun twin = begin("CA1", "MZ1", "");
	assert_int_equal(twin.epoch, 1);
	assert_int_equal(twin.id, first.id);
	struct call_begun second = begin("CA1", "MZ2", "");
	assert_int_equal(second.epoch, 2);
	assert_int_equal(second.lead, first.lead);

	/* The late end of the older stream must not end the newer. */
	assert_int_equal(finish("CA1", 1, CALL_CAUSE_REPLACED), OK);
	assert_int_equal(call_stands_of(answer)->rows, 0);
	assert_int_equal(show(first.id).state, CALL_STATE_LIVE);
	assert_int_equal(finish("CA1", 2, CALL_CAUSE_CALLER), OK);
	assert_int_equal(call_stands_of(answer)->rows, 1);
	assert_int_equal(finish("CA1", 2, CALL_CAUSE_OPERATOR),
	                 OK); /* told twice: the first counts */
	assert_int_equal(call_stands_of(answer)->rows, 0);
	struct call_shown shown = show(first.id);
	assert_int_equal(shown.state, CALL_STATE_ENDED);
	assert_int_equal(shown.cause, CALL_CAUSE_CALLER);
	assert_non_null(memmem(shown.counts.at, shown.counts.len, "\"dropped_out\": 3", 16));
	/* and a begin that was delayed does not make it live again */
	(void)begin("CA1", "MZ2", "");
	assert_int_equal(show(first.id).state, CALL_STATE_ENDED);
}

static void events_are_stored_once_and_in_order(void **state)
{
	(void)state;
	struct call_noted notes[] = {
		{ .seq = 2, .at_us = NOW + 2, .kind = CALL_HAPPENING_SAID, .text = S("hello") },
		{ .seq = 1, .at_us = NOW + 1, .kind = CALL_HAPPENING_TURN, .ms = 420 },
		{ .seq = 2, .at_us = NOW + 2, .kind = CALL_HAPPENING_SAID, .text = S("hello") },
	};
	struct call_begun c = begin("CA2", "MZ1", "");
	for (int twice = 0; twice < 2; twice++) {
		assert_int_equal(
			ask(1, MSG(call_note, .call = S("CA2"), .epoch = 1, .notes = { notes, 3 })),
			OK);
		assert_int_equal(call_kept_of(answer)->rows.n, 3);
	}
	assert_int_equal(ask(1, MSG(call_events, .id = c.id, .limit = 10)), OK);
	const struct call_timeline *t = call_timeline_of(answer);
	assert_int_equal(t->rows.n, 2);
	assert_int_equal(t->rows.at[0].ms, 420);
	assert_true(str_is(t->rows.at[1].text, "hello"));
	assert_int_equal(
		ask(1, MSG(call_events, .id = c.id, .after_epoch = 1, .after_seq = 1, .limit = 10)),
		OK);
	assert_int_equal(call_timeline_of(answer)->rows.n, 1);
	/* Another business sees neither the call nor its events. */
	assert_int_equal(ask(2, MSG(call_events, .id = c.id, .limit = 10)), OK);
	assert_int_equal(call_timeline_of(answer)->rows.n, 0);
	assert_int_equal(ask(2, MSG(call_show, .id = c.id)), ERR_NOT_FOUND);
}

static void callbacks_come_in_any_order(void **state)
{
	(void)state;
	assert_int_equal(
		ask(1, MSG(call_expected, .call = S("CA3"), .account = S("AC1"), .connector = 3,
	                   .direction = CALL_DIRECTION_OUTBOUND, .to = S("+49151"),
	                   .node = S("street#1"), .desk = S(""), .start_us = NOW)),
		OK);
	uint64_t id = call_known_of(answer)->id;
	struct {
		uint32_t seq;
		const char *status;
		bool over;
	} const told[] = { { 2, "busy", true },
		           { 0, "initiated", false },
		           { 1, "ringing", false },
		           { 2, "busy", true } };
	for (size_t i = 0; i < sizeof told / sizeof *told; i++)
		assert_int_equal(
			ask(1, MSG(call_status, .call = S("CA3"), .seq = told[i].seq,
		                   .status = str_of(told[i].status), .over = told[i].over)),
			OK);
	struct call_shown shown = show(id);
	assert_true(str_is(shown.carrier, "busy"));
	assert_int_equal(shown.state, CALL_STATE_ENDED);
	assert_int_equal(shown.cause, CALL_CAUSE_FAILED);
	assert_int_equal(ask(1, MSG(call_events, .id = id, .limit = 10)), OK);
	assert_int_equal(call_timeline_of(answer)->rows.n, 3);
	assert_int_equal(ask(1, MSG(call_status, .call = S("CA-none"), .status = S("x"))),
	                 ERR_NOT_FOUND);
}

static void calls_of_a_dead_desk_are_lost(void **state)
{
	(void)state;
	uint64_t dead = begin("CA4", "MZ1", "calls/dead").id;
	uint64_t alive = begin("CA5", "MZ1", "calls/alive").id;
	assert_int_equal(pg_query_script(lab->q,
	                                 "insert into switchboard.lease values "
	                                 "('calls/dead', 'x', 1, now() - interval '1 s'), "
	                                 "('calls/alive', 'y', 1, now() + interval '1 h')",
	                                 NULL),
	                 OK);
	assert_int_equal(ask(1, MSG(call_sweep)), OK);
	assert_int_equal(call_stands_of(answer)->rows, 1);
	assert_int_equal(show(dead).cause, CALL_CAUSE_LOST);
	assert_int_equal(show(alive).state, CALL_STATE_LIVE);
	/* It was alive after all, cut off for a while: its true end counts. */
	assert_int_equal(finish("CA4", 1, CALL_CAUSE_CALLER), OK);
	assert_int_equal(show(dead).cause, CALL_CAUSE_CALLER);
}

static void pages_and_settings(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		char call[16];
		snprintf(call, sizeof call, "CB%d", i);
		(void)begin(call, "MZ", "");
	}
	assert_int_equal(ask(1, MSG(call_list, .live = true, .limit = 3)), OK);
	const struct call_items *page = call_items_of(answer);
	assert_int_equal(page->rows.n, 3);
	assert_true(str_is(page->rows.at[0].call, "CB4"));
	struct call_item last = page->rows.at[2];
	assert_int_equal(ask(1, MSG(call_list, .live = true, .page_us = last.start_us,
	                            .page_id = last.id, .limit = 100)),
	                 OK);
	assert_true(str_is(call_items_of(answer)->rows.at[0].call, "CB1"));
	assert_int_equal(ask(2, MSG(call_list, .limit = 3)), OK);
	assert_int_equal(call_items_of(answer)->rows.n, 0);

	assert_int_equal(ask(1, MSG(call_settings, .connector = 77)), OK);
	assert_int_equal(call_configured_of(answer)->greeting.len, 0);
	assert_int_equal(ask(1, MSG(call_settle, .connector = 424242, .most = 1)), ERR_NOT_FOUND);
}

static void leads_remember(void **state)
{
	(void)state;
	uint64_t lead = begin("CA6", "MZ1", "").lead;
	for (int twice = 0; twice < 2; twice++)
		assert_int_equal(ask(1, MSG(call_lead_note, .lead = lead, .name = S("Ann"),
		                            .note = S("100 % sure_"))),
		                 OK);
	assert_int_equal(ask(1, MSG(call_lead_note, .lead = lead, .note = S("calls back"))), OK);
	assert_int_equal(ask(1, MSG(call_lead_look, .lead = lead)), OK);
	assert_true(str_is(call_lead_of(answer)->name, "Ann"));
	assert_true(str_is(call_lead_of(answer)->notes, "100 % sure_\ncalls back"));
	assert_int_equal(ask(2, MSG(call_lead_look, .lead = lead)), ERR_NOT_FOUND);
}

static int up(void **state)
{
	int rc = wa_lab_up(state);
	lab = *state;
	if (!rc)
		wa_lab_open(lab);
	return rc;
}

static int down(void **state)
{
	msg_unref(answer);
	wa_lab_close(lab);
	return wa_lab_down(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_newer_stream_is_the_next_epoch),
		cmocka_unit_test(events_are_stored_once_and_in_order),
		cmocka_unit_test(callbacks_come_in_any_order),
		cmocka_unit_test(calls_of_a_dead_desk_are_lost),
		cmocka_unit_test(pages_and_settings),
		cmocka_unit_test(leads_remember),
	};
	return cmocka_run_group_tests_name("persistence calls", tests, up, down);
}
