/*
 * call_check.c — call_check.h.
 */
#include "proto/call_check.h"
#include "proto/json.h"
#include <stdio.h>

enum { ROOM = 4096, NAME = 64 };

/* '+', then 7 to 15 digits, the first of them not 0 (E.164). */
static bool is_number(struct str s)
{
	if (s.len < 8 || s.len > 16 || s.at[0] != '+' || s.at[1] == '0')
		return false;
	for (uint32_t i = 1; i < s.len; i++)
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
	return true;
}

static enum err number(const char *what, struct str s, char why[CALL_CHECK_WHY])
{
	if (!s.len || is_number(s))
		return OK;
	(void)snprintf(why, CALL_CHECK_WHY, "Invalid %s: '%.*s'. Use E.164, such as +4930123456",
	               what, (int)(s.len < 40 ? s.len : 40), s.at);
	return ERR_INVALID;
}

/* As the AI takes them: letters, digits, '_' and '-'. */
static bool is_name(struct str s)
{
	for (uint32_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '_' || c == '-'))
			return false;
	}
	return s.len && s.len <= NAME;
}

static enum err word(const char *what, struct str s, char why[CALL_CHECK_WHY])
{
	for (uint32_t i = 0; i < s.len; i++) {
		if (s.at[i] > ' ' && s.at[i] < 127)
			continue;
		(void)snprintf(why, CALL_CHECK_WHY, "Invalid %s: printable ASCII without spaces",
		               what);
		return ERR_INVALID;
	}
	return OK;
}

static bool begins(struct str s, const char *with)
{
	size_t n = strlen(with);
	return s.len > n && memcmp(s.at, with, n) == 0;
}

/* This machine may be spoken to without TLS; whether it may at all, the door out decides. */
static bool is_url(struct str s)
{
	return begins(s, "https://") || begins(s, "http://127.0.0.1:");
}

/* ---- tools --------------------------------------------------------------------------------------
 */

struct tool {
	struct str name, url;
	bool parameters; /* an object, as it must be */
	bool other;      /* parameters of another kind */
};

static bool read_tool(struct json *j, struct arena *a, struct tool *ret)
{
	struct str key, raw;
	if (json_peek(j) != JSON_OBJECT || !json_object(j))
		return false;
	while (json_key(j, &key)) {
		enum json_type type = json_peek(j);
		if (str_is(key, "name") && type == JSON_STRING)
			json_string(j, a, &ret->name);
		else if (str_is(key, "url") && type == JSON_STRING)
			json_string(j, a, &ret->url);
		else if (str_is(key, "parameters") && type == JSON_OBJECT)
			ret->parameters = json_raw(j, &raw);
		else if (str_is(key, "parameters"))
			ret->other = json_skip(j);
		else
			json_skip(j);
	}
	return true;
}

static enum err wrong(char why[CALL_CHECK_WHY], uint32_t i, const char *what)
{
	(void)snprintf(why, CALL_CHECK_WHY, "Invalid tools: the %u. one %s", i + 1, what);
	return ERR_INVALID;
}

static enum err tools(struct str doc, char why[CALL_CHECK_WHY])
{
	char room[ROOM];
	struct str names[CALL_CHECK_TOOLS];
	struct arena a = ARENA_OVER(room);
	struct json j;
	uint32_t n = 0;
	json_init(&j, doc, 0);
	if (json_peek(&j) != JSON_ARRAY || !json_array(&j)) {
		(void)snprintf(why, CALL_CHECK_WHY,
		               "Invalid tools: a list of {name, description, parameters, url}");
		return ERR_INVALID;
	}
	while (json_item(&j)) {
		struct tool t = { 0 };
		if (n == CALL_CHECK_TOOLS)
			return wrong(why, n, "is one too many");
		if (!read_tool(&j, &a, &t))
			return wrong(why, n, "is no object");
		if (!is_name(t.name))
			return wrong(
				why, n,
				"needs a name: letters, digits, _ and -, 64 of them at the most");
		if (t.other)
			return wrong(why, n, "has parameters that are no JSON Schema object");
		if (!is_url(t.url))
			return wrong(why, n, "needs a url that begins with https://");
		for (uint32_t i = 0; i < n; i++)
			if (str_eq(names[i], t.name))
				return wrong(why, n, "has the name of another");
		names[n++] = t.name;
	}
	if (json_end(&j) == OK)
		return OK;
	(void)snprintf(why, CALL_CHECK_WHY,
	               "Invalid tools: they are no JSON, or have too many escapes");
	return ERR_MALFORMED;
}

enum err call_check(const struct call_settle *s, char why[CALL_CHECK_WHY])
{
	enum err e = number("transfer_to", s->transfer_to, why);
	e = e ? e : number("overflow_to", s->overflow_to, why);
	e = e ? e : word("voice", s->voice, why);
	e = e ? e : word("model", s->model, why);
	return e || !s->tools.len ? e : tools(s->tools, why);
}
