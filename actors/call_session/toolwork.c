/*
 * toolwork.c — what the AI asked to be done: done, answered, and then it is asked to go on.
 */
#include "actors/call_session/session.h"
#include <stdio.h>

enum { OWN_MS = 10000, LEAD_MS = 3000, ARGUMENTS = 8192 };

/* An answer comes to the session that asked, or to nobody. */
static void answer(struct actor *self, uint32_t i, struct str output)
{
	struct call *c = actor_state(self);
	struct buf b;
	buf_init(&b, 128 << 10);
	realtime_answer(&b, str_of(c->tools.calls[i].id), output);
	leg_say(self, &c->leg, &b);
	buf_done(&b);
	note_str(self, CALL_HAPPENING_TOOL, 0, output);
	tools_end(&c->tools, i);
	c->tools.owed = true;
	toolwork_go_on(self);
}

static void answer_error(struct actor *self, uint32_t i, const char *why)
{
	char text[256];
	(void)snprintf(text, sizeof text, "{\"error\":\"%s\"}", why);
	answer(self, i, str_of(text));
}

static uint64_t tag_of(const struct call *c, uint32_t i)
{
	return (uint64_t)c->leg.serial << 8 | i;
}

/* The place an answer belongs to; TOOLS_AT_ONCE when its session is gone. */
static uint32_t place_of(const struct call *c, const struct msg *m)
{
	uint32_t i = msg_tag(m) & 0xff;
	bool same = msg_tag(m) >> 8 == c->leg.serial && c->phase == PHASE_LIVE;
	return same && i < TOOLS_AT_ONCE && c->tools.calls[i].waits ? i : TOOLS_AT_ONCE;
}

static enum err on_lead(struct actor *self, const struct msg *m)
{
	struct call *c = actor_state(self);
	uint32_t i = place_of(c, m);
	struct buf b;
	if (i == TOOLS_AT_ONCE)
		return OK;
	if (msg_err(m)) {
		answer_error(self, i, "the customer file cannot be reached now");
		return OK;
	}
	buf_init(&b, 64 << 10);
	const struct call_lead *l = call_lead_of(m);
	if (json_write(&b, &call_lead_desc, l, 0))
		answer_error(self, i, "the customer file cannot be read");
	else
		answer(self, i, buf_view(&b));
	buf_done(&b);
	return OK;
}

static enum err on_own(struct actor *self, const struct msg *m)
{
	struct call *c = actor_state(self);
	uint32_t i = place_of(c, m);
	if (i == TOOLS_AT_ONCE)
		return OK;
	if (msg_err(m) == ERR_NO_ROUTE)
		answer_error(self, i,
		             "tools of the business cannot be used here: no fetch is hosted");
	else if (msg_err(m))
		answer_error(self, i, err_info(msg_err(m))->text);
	else
		answer(self, i, call_tool_done_of(m)->output);
	return OK;
}

static void note_lead(struct actor *self, uint32_t i, struct str arguments)
{
	struct call *c = actor_state(self);
	char room[ARGUMENTS];
	struct arena a = ARENA_OVER(room);
	struct call_lead_note n = { .lead = c->lead };
	tools_text(arguments, "name", &a, &n.name);
	tools_text(arguments, "email", &a, &n.email);
	tools_text(arguments, "note", &a, &n.note);
	speak_for(self, c);
	if (!c->lead ||
	    actor_ask_tag(self, "store", LEAD_MS, on_lead, tag_of(c, i), &call_lead_note_desc, &n))
		answer_error(self, i, "the customer file cannot be reached now");
}

static void look_up_lead(struct actor *self, uint32_t i)
{
	struct call *c = actor_state(self);
	speak_for(self, c);
	if (!c->lead || actor_ask_tag(self, "store", LEAD_MS, on_lead, tag_of(c, i),
	                              MSG(call_lead_look, .lead = c->lead)))
		answer_error(self, i, "the customer file cannot be reached now");
}

static void run_own(struct actor *self, uint32_t i, const struct realtime_item *item,
                    struct str url)
{
	struct call *c = actor_state(self);
	struct str arguments = item->arguments.len && !json_check(item->arguments) ? item->arguments
	                                                                           : str_of("{}");
	speak_for(self, c);
	enum err e = actor_ask_tag(self, "fetch", OWN_MS, on_own, tag_of(c, i),
	                           MSG(call_tool, .call = str_of(c->id), .name = item->name,
	                               .url = url, .arguments = arguments));
	if (e)
		answer_error(
			self, i,
			e == ERR_NO_ROUTE
				? "tools of the business cannot be used here: no fetch is hosted"
				: err_info(e)->text);
}

static void end_with(struct actor *self, uint32_t i, enum call_cause cause, const char *words)
{
	struct call *c = actor_state(self);
	ending_begin(self, cause, c->said ? NULL : words);
	answer(self, i, str_of("{\"ok\":true}"));
}

static void send_digits(struct actor *self, uint32_t i, struct str arguments)
{
	char room[ARGUMENTS];
	struct arena a = ARENA_OVER(room);
	struct str digits = { 0 };
	if (tools_text(arguments, "digits", &a, &digits) && carrier_digits(self, digits))
		answer(self, i, str_of("{\"ok\":true}"));
	else
		answer_error(self, i, "digits must be 1 to 32 of 0-9 * # A-D");
}

void toolwork_run(struct actor *self, const struct realtime_item *item)
{
	struct call *c = actor_state(self);
	const struct call_configured *s = settings_of(c);
	char room[ARGUMENTS];
	struct arena a = ARENA_OVER(room);
	struct str url;
	uint32_t i = tools_begin(&c->tools, item->call_id, c->leg.serial);
	note_str(self, CALL_HAPPENING_TOOL, 0, item->name);
	if (i == TOOLS_AT_ONCE) /* the AI goes on without it */
		return;
	c->record.tools++;
	switch (tools_find(s->tools, item->name, s->transfer_to.len > 0, &a, &url)) {
	case TOOL_END_CALL:
		end_with(self, i, CALL_CAUSE_AGENT, "Say good-bye in one short sentence.");
		break;
	case TOOL_TRANSFER:
		end_with(self, i, CALL_CAUSE_TRANSFER,
		         "Say in one short sentence that you hand over to a colleague.");
		break;
	case TOOL_NOTE_LEAD:
		note_lead(self, i, item->arguments);
		break;
	case TOOL_LOOK_UP_LEAD:
		look_up_lead(self, i);
		break;
	case TOOL_SEND_DTMF:
		send_digits(self, i, item->arguments);
		break;
	case TOOL_OWN:
		run_own(self, i, item, url);
		break;
	case TOOL_UNKNOWN:
		answer_error(self, i, "there is no such tool");
		break;
	}
}

/* Once for all answers, and not while a response is under way: that would be an error. */
void toolwork_go_on(struct actor *self)
{
	struct call *c = actor_state(self);
	if (!c->tools.owed || c->leg.ai.responding || tools_wait(&c->tools) ||
	    c->leg.ai.state != REALTIME_READY)
		return;
	c->tools.owed = false;
	if (c->ending == CALL_CAUSE_NONE)
		speech_ask(self, NULL);
	else
		ending_look(self);
}
