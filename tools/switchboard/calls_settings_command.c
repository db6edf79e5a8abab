/*
 * calls_settings_command.c — calls settings: how calls of a line are held, shown and changed.
 *
 *     --business ─▶ call.lines_of: which line ─▶ call.settings ─┬─▶ shown
 *                                     key value … onto them ─────┴─▶ call.settle
 */
#include "proto/call_check.h"
#include "proto/fill.h"
#include "proto/json.h"
#include "tools/nearest.h"
#include "tools/switchboard/commands.h"
#include "tools/switchboard/each.h"
#include <inttypes.h>

enum { ROOM = 128 * 1024 };

struct settings {
	const struct cli *cli;
	enum { LINES, READ, WRITE, DONE } step;
	uint64_t connector;
	struct call_settings ask;
	struct call_settle settle;
	enum exit_code code;
	struct arena arena;
	char room[ROOM];
};

static const struct proto_field *field_of(struct str name)
{
	const struct proto_desc *d = &call_settle_desc;
	for (uint32_t i = 0; i < d->n_fields; i++)
		if (str_is(name, d->fields[i].name) && !str_is(name, "connector"))
			return &d->fields[i];
	return NULL;
}

static bool next_step(void *ctx, const struct each_business *b, struct client_turn *ret)
{
	struct settings *s = ctx;
	static const struct call_lines_of lines;
	(void)b;
	if (s->step == DONE)
		return false;
	s->ask.connector = s->connector;
	ret->ask = true;
	ret->type = s->step == LINES  ? &call_lines_of_desc
	            : s->step == READ ? &call_settings_desc
	                              : &call_settle_desc;
	ret->body = s->step == LINES  ? (const void *)&lines
	            : s->step == READ ? (const void *)&s->ask
	                              : (const void *)&s->settle;
	return true;
}

static enum exit_code pick(struct settings *s, const char *business, const struct call_its_lines *l)
{
	if (!l->rows.n)
		return cli_fail(s->cli, EXIT_UNKNOWN, "%s has no telephone line", business);
	if (!s->connector && l->rows.n > 1)
		return cli_fail(s->cli, EXIT_USAGE,
		                "%s has %u lines: name one by --connector (connector list)",
		                business, l->rows.n);
	if (!s->connector)
		s->connector = l->rows.at[0].id;
	for (uint32_t i = 0; i < l->rows.n; i++)
		if (l->rows.at[i].id == s->connector)
			return EXIT_DONE;
	return cli_fail(s->cli, EXIT_UNKNOWN, "%s has no line %" PRIu64, business, s->connector);
}

static bool text(struct settings *s, struct str from, struct str *to)
{
	return arena_keep(&s->arena, from, to);
}

/* What stands becomes what will be set, its texts in our own room. */
static bool take(struct settings *s, const struct call_configured *c)
{
	struct call_settle *t = &s->settle;
	*t = (struct call_settle){ .connector = s->connector,
		                   .turn_ends = c->turn_ends,
		                   .longest_s = c->longest_s,
		                   .idle_s = c->idle_s,
		                   .most = c->most,
		                   .record = c->record };
	return text(s, c->instructions, &t->instructions) && text(s, c->greeting, &t->greeting) &&
	       text(s, c->voice, &t->voice) && text(s, c->model, &t->model) &&
	       text(s, c->tools, &t->tools) && text(s, c->transfer_to, &t->transfer_to) &&
	       text(s, c->overflow_to, &t->overflow_to) && text(s, c->apology, &t->apology);
}

static enum exit_code unknown(const struct settings *s, const char *key)
{
	struct nearest near = nearest_of(str_of(key));
	for (uint32_t i = 0; i < call_settle_desc.n_fields; i++)
		(void)nearest_try(&near, call_settle_desc.fields[i].name);
	return cli_fail(s->cli, EXIT_USAGE, "there is no setting \"%s\"%s%s", key,
	                near.best ? "; did you mean " : "", near.best ? near.best : "");
}

/* What a setting can be: text, a number of 32 bits or an enum, yes or no. */
static size_t size_of(const struct proto_field *f)
{
	return f->kind == PROTO_STR || f->kind == PROTO_JSON ? sizeof(struct str)
	       : f->kind == PROTO_BOOL                       ? sizeof(bool)
	                                                     : sizeof(uint32_t);
}

/* key value, key value …; an empty value goes back to the default. */
static enum exit_code change(struct settings *s)
{
	const struct cli *c = s->cli;
	struct json_error error;
	char why[CALL_CHECK_WHY];
	for (uint32_t i = 0; i + 1 < c->n_args; i += 2) {
		const struct proto_field *f = field_of(str_of(c->args[i]));
		struct fill fill;
		if (!f)
			return unknown(s, c->args[i]);
		struct call_settle one = { 0 };
		if (*c->args[i + 1]) {
			fill_init(&fill, &call_settle_desc, JSON_REQUEST, &s->arena, &one);
			if (fill_param(&fill, f->name, str_of(c->args[i + 1]), &error))
				return cli_fail(c, EXIT_USAGE, "%s: expected %s, not %s", f->name,
				                error.expected, error.received);
		}
		memcpy((char *)&s->settle + f->offset, (const char *)&one + f->offset, size_of(f));
	}
	return call_check(&s->settle, why) ? cli_fail(c, EXIT_USAGE, "%s", why) : EXIT_DONE;
}

static void show(const struct settings *s)
{
	if (s->cli->json) {
		cli_print_json(&call_settle_desc, &s->settle);
		return;
	}
	struct buf b;
	struct json j;
	struct str key, value;
	buf_init(&b, ROOM * 2);
	(void)!json_write(&b, &call_settle_desc, &s->settle, 0);
	json_init(&j, buf_view(&b), 0);
	for (bool more = json_object(&j); more && json_key(&j, &key) && json_raw(&j, &value);)
		(void)printf("%-14.*s %.*s\n", STR(key), STR(value));
	buf_done(&b);
}

static bool on_step(void *ctx, const struct each_business *b, const struct msg *m)
{
	struct settings *s = ctx;
	if (s->step == LINES) {
		s->code = pick(s, b->name, call_its_lines_of(m));
		s->step = READ;
	} else if (s->step == READ) {
		if (!take(s, call_configured_of(m)))
			s->code = cli_fail(s->cli, EXIT_PROBLEM, "the settings are too large");
		else if (s->cli->n_args)
			s->code = change(s);
		s->step = s->cli->n_args ? WRITE : DONE;
	} else {
		s->step = DONE;
	}
	if (!s->code && s->step == DONE)
		show(s);
	return s->code || s->step == DONE;
}

enum exit_code cmd_calls_settings(struct cli *c)
{
	static struct settings s;
	if (!cli_text(c, "business"))
		return cli_fail(c, EXIT_USAGE, "calls settings needs --business NAME");
	if (c->n_args % 2)
		return cli_fail(c, EXIT_USAGE, "settings come as key value: \"%s\" has no value",
		                c->args[c->n_args - 1]);
	s.cli = c;
	s.connector = (uint64_t)cli_number(c, "connector");
	s.arena = (struct arena)ARENA_OVER(s.room);
	struct each each = { c, next_step, on_step, &s };
	enum exit_code code = each_run(&each);
	code = code ? code : s.code;
	return code || s.step == DONE ? code
	                              : cli_fail(c, EXIT_UNKNOWN, "the line was closed meanwhile");
}
