/*
 * script_command.c — switchboard say: a .say file against the running system.
 */
#include "tools/say/script.h"
#include "tools/switchboard/client.h"
#include "tools/switchboard/commands.h"
#include <stdlib.h>

enum { FILE_MOST = 1 << 20, ROOM = 4 << 20 };

struct playing {
	const struct cli *cli;
	const char *file;
	struct script script;
	uint32_t next, answered;
	uint32_t within_ms;
	struct buf printed; /* the answer that came last */
	enum exit_code code;
};

static bool next_step(void *ctx, struct client_turn *ret)
{
	struct playing *p = ctx;
	if (p->next == p->script.n_steps || p->code != EXIT_DONE)
		return false;
	const struct script_step *s = &p->script.steps[p->next++];
	*ret = (struct client_turn){ .to = s->said.to,
		                     .type = s->said.type,
		                     .body = s->said.body,
		                     .ask = s->answer_line,
		                     .within_ms = p->within_ms,
		                     .business = s->said.business };
	return true;
}

static void differs(struct playing *p, const struct script_step *s)
{
	const struct err_info *err = err_info(s->expected_err);
	p->code = cli_fail(p->cli, EXIT_PROBLEM, "%s:%u: differs\nexpected %.*s%s%s\nreceived %.*s",
	                   p->file, s->answer_line ? s->answer_line : s->line, STR(s->expected),
	                   s->expected_err ? " err=" : "", s->expected_err ? err->name : "",
	                   STR(buf_view(&p->printed)));
}

static void on_ended(void *ctx, enum err e, const struct msg *m)
{
	struct playing *p = ctx;
	const struct script_step *s = &p->script.steps[p->next - 1];
	e = e ? e : m ? msg_err(m) : OK;
	buf_clear(&p->printed);
	if (e)
		buf_printf(&p->printed, "err=%s", err_info(e)->name);
	else if (m)
		text_put(&p->printed, m->type, msg_body(m), TEXT_REVEAL);
	bool fits = e == s->expected_err &&
	            (e || !m || script_fits(buf_view(&p->printed), s->expected));
	p->answered += s->answer_line && fits;
	if (!fits)
		differs(p, s);
}

static enum exit_code play(struct playing *p)
{
	struct client_talk talk = { .next = next_step, .ended = on_ended, .ctx = p };
	enum exit_code code = client_run(p->cli, &talk);
	code = code != EXIT_DONE ? code : p->code;
	if (code == EXIT_DONE && !p->cli->json)
		(void)printf("%s: %u said, %u answered as written\n", p->file, p->script.n_steps,
		             p->answered);
	return code;
}

static enum exit_code misread(const struct playing *p, const struct script_fault *f)
{
	return cli_fail(p->cli, EXIT_USAGE, "%s:%u:%u: expected %s\n%.*s", p->file, f->line,
	                f->error.column, f->error.expected, STR(f->text));
}

static enum exit_code read_and_play(struct playing *p, char *text, struct arena *a)
{
	struct script_fault fault;
	FILE *f = fopen(p->file, "re");
	size_t n = f ? fread(text, 1, FILE_MOST, f) : 0;
	if (f)
		(void)fclose(f);
	if (!f || n == FILE_MOST)
		return cli_fail(p->cli, EXIT_USAGE, "%s: cannot be read, or is above 1 MiB",
		                p->file);
	if (script_read(str_n(text, n), a, &p->script, &fault))
		return misread(p, &fault);
	return play(p);
}

enum exit_code cmd_say(struct cli *c)
{
	struct playing *p = calloc(1, sizeof *p);
	char *text = malloc(FILE_MOST);
	struct arena a = { .at = malloc(ROOM), .len = ROOM };
	enum exit_code code = EXIT_TRY_LATER;
	if (p && text && a.at) {
		p->cli = c;
		p->file = c->args[0];
		p->within_ms = (uint32_t)cli_number(c, "timeout") * 1000;
		buf_init(&p->printed, 1 << 20);
		code = read_and_play(p, text, &a);
		buf_done(&p->printed);
	}
	free(p);
	free(text);
	free(a.at);
	return code;
}
