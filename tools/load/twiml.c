/*
 * twiml.c — the TwiML half of twilio.h: a small strict reader of XML without namespaces, DTD or
 * processing instructions.
 */
#include "proto/utf8.h"
#include "tools/load/twilio.h"
#include <stdio.h>
#include <stdlib.h>

enum { DEPTH = 5, NAME = 32, VALUE = 1024 };

struct xml {
	const char *at, *end;
	struct twiml *t;
	char *why;
	char open[DEPTH][NAME];
	int depth;
	bool connected, done;
};

/* Which verb stands in which, with what attributes. */
static const struct {
	const char *name, *parent, *attributes;
} elements[] = {
	{ "Response", "", "" },
	{ "Connect", "Response", "|action|method|" },
	{ "Stream", "Connect",
	  "|url|name|track|statusCallback|statusCallbackMethod|connectorName|audioFormat|"
	  "sampleRate|" },
	{ "Parameter", "Stream", "|name|value|" },
	{ "Say", "Response", "|voice|language|loop|" },
	{ "Pause", "Response", "|length|" },
	{ "Hangup", "Response", "" },
	{ "Reject", "Response", "|reason|" },
	{ "Dial", "Response",
	  "|action|method|timeout|callerId|timeLimit|answerOnBridge|record|hangupOnStar|" },
	{ "Number", "Dial", "|statusCallback|statusCallbackMethod|statusCallbackEvent|" },
};

static bool fail(struct xml *x, const char *what, struct str where)
{
	if (!*x->why)
		(void)snprintf(x->why, 96, "%s: %.*s", what, (int)(where.len > 40 ? 40 : where.len),
		               where.len ? where.at : "");
	return false;
}

static struct str rest(const struct xml *x)
{
	return str_n(x->at, (size_t)(x->end - x->at));
}

static void skip_space(struct xml *x)
{
	while (x->at < x->end && strchr(" \t\r\n", *x->at))
		x->at++;
}

static bool take(struct xml *x, const char *text)
{
	if (!str_starts(rest(x), text))
		return false;
	x->at += strlen(text);
	return true;
}

static bool take_name(struct xml *x, char ret[NAME])
{
	size_t n = 0;
	while (x->at < x->end &&
	       ((*x->at >= 'A' && *x->at <= 'Z') || (*x->at >= 'a' && *x->at <= 'z')))
		if (n + 1 < NAME)
			ret[n++] = *x->at++;
		else
			break;
	ret[n] = '\0';
	return n || fail(x, "expected a name", rest(x));
}

/* &amp; and the others XML knows, and numbers. */
static bool take_entity(struct xml *x, char *ret, size_t *n)
{
	static const struct {
		const char *name;
		char c;
	} known[] = { { "&amp;", '&' },
		      { "&lt;", '<' },
		      { "&gt;", '>' },
		      { "&quot;", '"' },
		      { "&apos;", '\'' } };
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (take(x, known[i].name)) {
			ret[(*n)++] = known[i].c;
			return true;
		}
	bool hex = str_starts(rest(x), "&#x");
	char *end = NULL;
	unsigned long code = 0;
	if (str_starts(rest(x), "&#"))
		code = strtoul(x->at + 2 + hex, &end, hex ? 16 : 10);
	if (!end || end >= x->end || *end != ';' || !code || code > 0x10FFFF ||
	    (code >= 0xD800 && code < 0xE000))
		return fail(x, "not an entity", rest(x));
	*n += utf8_put(ret + *n, (uint32_t)code);
	x->at = end + 1;
	return true;
}

/* Up to `stop`, which is left standing. */
static bool take_text(struct xml *x, char stop, char ret[VALUE])
{
	size_t n = 0;
	while (x->at < x->end && *x->at != stop) {
		if (*x->at == '<' || n + 5 >= VALUE)
			return fail(x, "text too long, or < in it", rest(x));
		if (*x->at != '&')
			ret[n++] = *x->at++;
		else if (!take_entity(x, ret, &n))
			return false;
	}
	ret[n] = '\0';
	return true;
}

/* ---- elements ------------------------------------------------------------------------------ */

static bool keep_url(struct xml *x, const char *url)
{
	if (strncmp(url, "wss://", 6) != 0 && strncmp(url, "ws://127.", 9) != 0)
		return fail(x, "a stream's url must be wss", str_of(url));
	if (strchr(url, '?'))
		return fail(x, "a stream's url takes no query", str_of(url));
	return str_keep(x->t->url, sizeof x->t->url, str_of(url)) ||
	       fail(x, "a url too long", str_of(url));
}

static bool keep(struct xml *x, const char *element, const char *name, const char *value)
{
	struct twiml *t = x->t;
	uint32_t i = t->n_parameters;
	if (!strcmp(element, "Stream") && !strcmp(name, "url"))
		return keep_url(x, value);
	if (strcmp(element, "Parameter") != 0)
		return true;
	if (i == TWIML_PARAMETERS)
		return fail(x, "too many parameters", str_of(name));
	bool is_name = !strcmp(name, "name");
	char *to = is_name ? t->parameters[i].name : t->parameters[i].value;
	return str_keep(to, is_name ? sizeof t->parameters[i].name : sizeof t->parameters[i].value,
	                str_of(value)) ||
	       fail(x, "a parameter too long", str_of(name));
}

static bool read_attributes(struct xml *x, const char *element, const char *allowed)
{
	char seen[128] = "|";
	for (;;) {
		char name[NAME], value[VALUE], word[NAME + 2];
		const char *before = x->at;
		skip_space(x);
		if (x->at < x->end && (*x->at == '>' || *x->at == '/'))
			return true;
		if (x->at == before)
			return fail(x, "expected a space", rest(x));
		if (!take_name(x, name) || !take(x, "="))
			return fail(x, "expected name=", rest(x));
		(void)snprintf(word, sizeof word, "|%s|", name);
		if (!strstr(allowed, word) || strstr(seen, word))
			return fail(x, "an attribute unknown or twice", str_of(name));
		(void)snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s|", name);
		char quote = x->at < x->end ? *x->at : 0;
		if (quote != '"' && quote != '\'')
			return fail(x, "expected a quote", rest(x));
		x->at++;
		if (!take_text(x, quote, value) || x->at == x->end)
			return fail(x, "a value without end", rest(x));
		x->at++;
		if (!keep(x, element, name, value))
			return false;
	}
}

static bool begins(struct xml *x, const char *name)
{
	struct twiml *t = x->t;
	if (x->connected && x->depth == 1)
		t->then_some = true;
	if (!strcmp(name, "Stream")) {
		if (t->stream)
			return fail(x, "two streams", str_of(name));
		t->stream = true;
	}
	t->say |= !strcmp(name, "Say");
	t->hangup |= !strcmp(name, "Hangup");
	t->reject |= !strcmp(name, "Reject");
	return true;
}

static bool ends(struct xml *x, const char *name)
{
	struct twiml *t = x->t;
	uint32_t i = t->n_parameters;
	if (!strcmp(name, "Connect"))
		x->connected = true;
	if (!strcmp(name, "Stream") && !*t->url)
		return fail(x, "a stream without url", str_of(name));
	if (!strcmp(name, "Parameter")) {
		if (!*t->parameters[i].name ||
		    strlen(t->parameters[i].name) + strlen(t->parameters[i].value) > 500)
			return fail(x, "a parameter of no name or above 500", str_of(name));
		t->n_parameters++;
	}
	return true;
}

static bool open_element(struct xml *x)
{
	char name[NAME];
	if (!take_name(x, name))
		return false;
	const char *parent = x->depth ? x->open[x->depth - 1] : "", *allowed = NULL;
	for (size_t i = 0; i < sizeof elements / sizeof *elements; i++)
		if (!strcmp(elements[i].name, name) && !strcmp(elements[i].parent, parent))
			allowed = elements[i].attributes;
	if (!allowed || x->depth == DEPTH || x->done)
		return fail(x, "no verb of this place", str_of(name));
	if (!begins(x, name) || !read_attributes(x, name, allowed))
		return false;
	if (take(x, "/>")) {
		x->done |= !x->depth;
		return ends(x, name);
	}
	if (!take(x, ">"))
		return fail(x, "expected >", rest(x));
	memcpy(x->open[x->depth++], name, NAME);
	return true;
}

static bool close_element(struct xml *x)
{
	char name[NAME];
	if (!take_name(x, name) || !take(x, ">"))
		return fail(x, "expected >", rest(x));
	if (!x->depth || strcmp(x->open[x->depth - 1], name) != 0)
		return fail(x, "closes what is not open", str_of(name));
	x->depth--;
	x->done = !x->depth;
	return ends(x, name);
}

static bool content(struct xml *x)
{
	char text[VALUE];
	const char *in = x->depth ? x->open[x->depth - 1] : "";
	if (!take_text(x, '<', text))
		return false;
	if (!strcmp(in, "Dial") || !strcmp(in, "Number")) {
		if (*text && strspn(text, " \t\r\n") != strlen(text))
			str_keep(x->t->dial, sizeof x->t->dial, str_of(text));
	} else if (strcmp(in, "Say") != 0 && strspn(text, " \t\r\n") != strlen(text)) {
		return fail(x, "text where none belongs", str_of(text));
	}
	return true;
}

MUST enum err twiml_read(struct str text, struct twiml *ret, char ret_why[96])
{
	struct xml x = { .at = text.at, .end = text.at + text.len, .t = ret, .why = ret_why };
	bool good = true;
	*ret = (struct twiml){ 0 };
	*ret_why = '\0';
	if (text.len > TWIML_MAX || !text.len || !utf8_valid(text) || memchr(text.at, 0, text.len))
		good = fail(&x, "not a text of at most 64 KiB", (struct str){ 0 });
	if (good && take(&x, "<?xml ")) {
		const char *end = memmem(x.at, (size_t)(x.end - x.at), "?>", 2);
		x.at = end ? end + 2 : x.end;
	}
	while (good && x.at < x.end) {
		if (take(&x, "</"))
			good = close_element(&x);
		else if (take(&x, "<"))
			good = open_element(&x);
		else
			good = content(&x);
	}
	if (good && !x.done)
		good = fail(&x, "no <Response>, or not to its end", (struct str){ 0 });
	return good ? OK : ERR_MALFORMED;
}
