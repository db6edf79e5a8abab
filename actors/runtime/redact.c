/*
 * redact.c — masks secrets in text, in one pass:
 *
 *     token=abc123   password: "x y"   Authorization: Bearer eyJ…   +15551230100   anna@example.com
 *     token=***      password: "***"   Authorization: ***           +155***0100    a***@example.com
 */
#include "actors/runtime/redact.h"
#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* A key is secret when it ends in one of these. */
static const char *const secret_keys[] = { "authorization", "cookie", "encryption_key", "key_hash",
	                                   "api_key",       "apikey", "passwd",         "password",
	                                   "private_key",   "secret", "signature",      "token" };

struct pass {
	const char *in, *end;
	char *out;
	const char *word; /* where the present word began, in the output */
};

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

static bool is_secret(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof secret_keys / sizeof *secret_keys; i++) {
		size_t n = strlen(secret_keys[i]);
		if (len >= n && !strncasecmp(word + len - n, secret_keys[i], n))
			return true;
	}
	return false;
}

static void put(struct pass *p, const char *s)
{
	while (*s)
		*p->out++ = *s++;
}

/* Behind "key=" or "key: ". Never writes more than it skips but for a value under three bytes. */
static void mask_value(struct pass *p)
{
	while (p->in < p->end && *p->in == ' ')
		*p->out++ = *p->in++;
	char quote = p->in < p->end && (*p->in == '"' || *p->in == '\'') ? *p->in : '\0';
	const char *from = p->in;
	if (quote) {
		*p->out++ = *p->in++;
		while (p->in < p->end && *p->in != quote)
			p->in++;
		from++;
	} else {
		if (p->end - p->in > 7 && !strncasecmp(p->in, "bearer ", 7))
			p->in += 7;
		while (p->in < p->end && !strchr(" ,;)}]", *p->in))
			p->in++;
	}
	for (size_t i = 0; i < 3 && from + i < p->in; i++)
		*p->out++ = '*';
}

/* "+" and at least nine digits: the first three and the last four stay. */
static bool mask_phone(struct pass *p)
{
	const char *at = p->in + 1;
	while (at < p->end && isdigit((unsigned char)*at))
		at++;
	size_t digits = (size_t)(at - p->in) - 1;
	if (digits < 10 || digits > 15)
		return false;
	memmove(p->out, p->in, 4);
	p->out += 4;
	put(p, "***");
	memmove(p->out, at - 4, 4);
	p->out += 4;
	p->in = at;
	return true;
}

/* At the "@": of the local part, which is out already, its first letter stays. */
static void mask_mail(struct pass *p)
{
	bool domain = p->in + 1 < p->end && isalnum((unsigned char)p->in[1]);
	if (domain && p->out - p->word > 4) {
		p->out = (char *)p->word + 1;
		put(p, "***");
	}
	*p->out++ = *p->in++;
}

size_t redact(char *text, size_t len)
{
	struct pass p = { .in = text, .end = text + len, .out = text, .word = text };
	while (p.in < p.end) {
		char c = *p.in;
		if ((c == '=' || c == ':') && is_secret(p.word, (size_t)(p.out - p.word))) {
			*p.out++ = *p.in++;
			mask_value(&p);
			p.word = p.out;
		} else if (c == '+' && mask_phone(&p)) {
			p.word = p.out;
		} else if (c == '@') {
			mask_mail(&p);
		} else {
			*p.out++ = *p.in++;
			if (!is_word(c) && c != '.')
				p.word = p.out;
		}
	}
	return (size_t)(p.out - text);
}
