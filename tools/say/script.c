/*
 * script.c — reads a .say file; compares answers with their wildcards.
 */
#include "tools/say/script.h"
#include "proto/field.h"
#include <stdio.h>

static const char any[] = "…";

static bool begins(struct str s, uint32_t at, const char *with)
{
	return at < s.len && str_starts(str_n(s.at + at, s.len - at), with);
}

/* Past one value, or one message: quotes and brackets are kept together. */
static uint32_t past_value(struct str s, uint32_t at)
{
	int depth = 0;
	bool quoted = false;
	for (; at < s.len; at++) {
		char c = s.at[at];
		if (quoted && c == '\\')
			at++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '['))
			depth++;
		else if (!quoted && !depth && (c == ' ' || c == ',' || c == '}' || c == ']'))
			return at;
		else if (!quoted && (c == '}' || c == ']'))
			depth--;
	}
	return at < s.len ? at : s.len;
}

bool script_fits(struct str printed, struct str expected)
{
	uint32_t i = 0, j = 0, back_i = 0, back_j = 0;
	bool can_back = false;
	while (i < printed.len || j < expected.len) {
		char before = j ? expected.at[j - 1] : ' ';
		if (begins(expected, j, any)) { /* the shortest text first, longer ones later */
			j += sizeof any - 1;
			back_i = i;
			back_j = j;
			can_back = true;
		} else if (begins(expected, j, "*") && strchr("=[ ", before) &&
		           past_value(printed, i) > i) {
			i = past_value(printed, i);
			j++;
		} else if (i < printed.len && j < expected.len && printed.at[i] == expected.at[j]) {
			i++;
			j++;
		} else if (can_back && back_i < printed.len) {
			i = ++back_i;
			j = back_j;
		} else {
			return false;
		}
	}
	return true;
}

/* ---- lines ----------------------------------------------------------------------------------- */

struct answer {
	struct str message; /* what stands between the names and the tail */
	uint64_t re;        /* 0: it is no answer */
	enum err err;
	bool misnamed; /* err= and no name of an error */
};

static enum err err_named(struct str name)
{
	for (int e = 1; e < 256; e++)
		if (str_is(name, err_info((enum err)e)->name))
			return (enum err)e;
	return OK;
}

static struct str word_at(struct str line, uint32_t at)
{
	uint32_t end = at;
	while (end < line.len && line.at[end] != ' ')
		end++;
	return str_n(line.at + at, end - at);
}

/* Where the message begins: behind "> NAME  ". 0: nowhere. */
static uint32_t message_at(struct str line)
{
	uint32_t at = 0;
	while (at < line.len && !begins(line, at, " > "))
		at++;
	if (at == line.len)
		return 0;
	at = past_value(line, at + 3);
	while (at < line.len && line.at[at] == ' ')
		at++;
	return at < line.len ? at : 0;
}

static struct answer answer_of(struct str line)
{
	struct answer a = { 0 };
	uint32_t at = message_at(line), end = at ? past_value(line, at) : line.len;
	a.message = str_n(line.at + at, end - at);
	for (; end < line.len; end++) {
		if (begins(line, end, " re "))
			(void)field_read_u64(word_at(line, end + 4), &a.re);
		if (!begins(line, end, " err="))
			continue;
		a.err = err_named(word_at(line, end + 5));
		a.misnamed = !a.err;
	}
	return a;
}

static enum err fault(struct script_fault *f, enum err e, const char *expected)
{
	f->error = (struct text_error){ .column = 1, .err = e };
	(void)snprintf(f->error.expected, sizeof f->error.expected, "%s", expected);
	return e;
}

static enum err add_answer(struct script *s, const struct answer *a, struct script_fault *f)
{
	if (a->misnamed)
		return fault(f, ERR_RANGE, "the name of an error behind err=");
	for (uint32_t i = 0; i < s->n_steps; i++) {
		struct script_step *step = &s->steps[i];
		if (step->said.id != a->re || step->answer_line)
			continue;
		step->answer_line = f->line;
		step->expected = a->message;
		step->expected_err = a->err;
		return OK;
	}
	return fault(f, ERR_INVALID, "an answer to a line above it");
}

static enum err add_line(struct script *s, struct arena *arena, struct script_fault *f)
{
	struct answer a = answer_of(f->text);
	if (a.re)
		return add_answer(s, &a, f);
	if (s->n_steps == SCRIPT_STEPS)
		return fault(f, ERR_TOO_LARGE, "at most 512 messages");
	struct script_step *step = &s->steps[s->n_steps];
	*step = (struct script_step){ .line = f->line };
	enum err e = text_read_line(f->text, arena, &step->said, &f->error);
	if (!e && (!step->said.body || step->said.blob))
		e = fault(f, ERR_UNSUPPORTED, "a message with a body, and without a blob");
	s->n_steps += !e;
	return e;
}

enum err script_read(struct str text, struct arena *arena, struct script *ret,
                     struct script_fault *ret_fault)
{
	enum err e = OK;
	*ret_fault = (struct script_fault){ 0 };
	ret->n_steps = 0;
	for (uint32_t at = 0; !e && at < text.len;) {
		const char *end = memchr(text.at + at, '\n', text.len - at);
		uint32_t len = end ? (uint32_t)(end - text.at) - at : text.len - at;
		ret_fault->text = str_n(text.at + at, len);
		ret_fault->line++;
		at += len + 1;
		if (len && ret_fault->text.at[0] != '#')
			e = add_line(ret, arena, ret_fault);
	}
	return e;
}
