/*
 * say_commands.c — switchboard send and call: one message, written as the tap prints it.
 */
#include "proto/text.h"
#include "tools/config/value.h"
#include "tools/switchboard/client.h"
#include "tools/switchboard/commands.h"
#include <stdlib.h>

enum { ROOM = 1 << 20, WITHIN_MOST_MS = 3600 * 1000 };

struct saying {
	const struct cli *cli;
	struct client_turn turn;
	bool said;
	enum exit_code code;
};

/* The line, and a caret under the byte that is wrong. */
static enum exit_code misread(const struct cli *c, const char *text, const struct text_error *e)
{
	char pad[512];
	uint32_t n = 0;
	for (uint32_t i = 0; i + 1 < e->column && text[i] && n + 1 < sizeof pad; i++)
		if ((text[i] & 0xc0) != 0x80) /* one column for each character of UTF-8 */
			pad[n++] = text[i] == '\t' ? '\t' : ' ';
	pad[n] = '\0';
	if (!c->json)
		(void)fprintf(stderr, "%s\n%s^\n", text, pad);
	const char *found = *e->received               ? e->received
	                    : e->column > strlen(text) ? "the end"
	                                               : NULL;
	return cli_fail(c, EXIT_USAGE, "column %u: expected %s%s%s", e->column, e->expected,
	                found ? ", received " : "", found ? found : "");
}

static enum exit_code read_message(const struct cli *c, struct arena *a, struct client_turn *turn)
{
	const char *text = c->args[1];
	struct text_error error = { 0 };
	turn->to = str_of(c->args[0]);
	if (str_is(turn->to, "*"))
		turn->to = (struct str){ 0 };
	enum err e = text_read(str_of(text), a, &turn->type, &turn->body, &error);
	if (e && error.column)
		return misread(c, text, &error);
	if (e)
		return cli_fail(c, EXIT_USAGE, "%s: %s", text, err_info(e)->text);
	turn->business = (uint64_t)cli_number(c, "business");
	return EXIT_DONE;
}

static bool next_saying(void *ctx, struct client_turn *ret)
{
	struct saying *s = ctx;
	bool first = !s->said;
	s->said = true;
	*ret = s->turn;
	return first;
}

static void print(const struct cli *c, const struct msg *m)
{
	struct buf b;
	if (c->json) {
		cli_print_json(m->type, msg_body(m));
		return;
	}
	buf_init(&b, 16 << 20);
	text_put(&b, m->type, msg_body(m), cli_flag(c, "reveal") ? TEXT_REVEAL : 0);
	if (msg_blob(m).len)
		buf_printf(&b, " blob=%u", msg_blob(m).len);
	(void)printf("%.*s\n", STR(buf_view(&b)));
	buf_done(&b);
}

static void on_ended(void *ctx, enum err e, const struct msg *m)
{
	struct saying *s = ctx;
	if (!e && m)
		e = msg_err(m);
	if (e)
		s->code = client_refused(s->cli, s->turn.to, s->turn.within_ms, e);
	else if (m)
		print(s->cli, m);
}

static enum exit_code say_it(struct saying *s)
{
	struct client_talk talk = { .next = next_saying, .ended = on_ended, .ctx = s };
	enum exit_code code = client_run(s->cli, &talk);
	return code != EXIT_DONE ? code : s->code;
}

static enum exit_code with_message(struct saying *s)
{
	struct arena a = { .at = malloc(ROOM), .len = ROOM };
	if (!a.at)
		return cli_fail(s->cli, EXIT_TRY_LATER, "out of memory");
	enum exit_code code = read_message(s->cli, &a, &s->turn);
	if (code == EXIT_DONE && s->turn.ask && !s->turn.type->reply)
		code = cli_fail(s->cli, EXIT_USAGE, "%s has no answer: switchboard send, not call",
		                s->turn.type->full);
	if (code == EXIT_DONE)
		code = say_it(s);
	free(a.at);
	return code;
}

enum exit_code cmd_send(struct cli *c)
{
	struct saying s = { .cli = c };
	return with_message(&s);
}

enum exit_code cmd_call(struct cli *c)
{
	static const struct value_rule rule = { .type = VALUE_DURATION,
		                                .least = 1,
		                                .most = WITHIN_MOST_MS };
	char buf[128];
	int64_t ms;
	const char *expected =
		value_check(&rule, str_of(cli_text(c, "timeout")), &ms, buf, sizeof buf);
	if (expected)
		return cli_fail(c, EXIT_USAGE, "--timeout %s: not %s", cli_text(c, "timeout"),
		                expected);
	struct saying s = { .cli = c, .turn = { .ask = true, .within_ms = (uint32_t)ms } };
	return with_message(&s);
}
