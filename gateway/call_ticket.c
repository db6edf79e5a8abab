#include "gateway/call_ticket.h"
#include "proto/digest.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char column[] = "call.ticket";

/* ---- writing ------------------------------------------------------------------------------ */

static bool is_word(const char *s)
{
	for (; *s; s++)
		if (*s <= ' ' || *s > '~')
			return false;
	return true;
}

static const char *or_dash(const char *s)
{
	return *s ? s : "-";
}

enum err ticket_write(const struct seal_keys *k, const struct call_ticket *t, uint64_t now_s,
                      char ret[TICKET_TEXT])
{
	char plain[SEAL_PLAIN_MAX + 1], sealed[SEAL_TEXT_MAX];
	if (!t->call[0] || !is_word(t->call) || !is_word(t->account) || !is_word(t->from) ||
	    !is_word(t->to))
		return ERR_INVALID;
	int n = snprintf(plain, sizeof plain, "%s %s %" PRIx64 " %x %s %s %" PRIx64, t->call,
	                 or_dash(t->account), t->connector, t->direction, or_dash(t->from),
	                 or_dash(t->to), now_s);
	if (n < 0 || (size_t)n >= sizeof plain)
		return ERR_TOO_LARGE;
	enum err e = seal(k, t->business, column, str_n(plain, (size_t)n), sealed);
	if (!e)
		snprintf(ret, TICKET_TEXT, "%" PRIu64 ".%s", t->business, sealed);
	return e;
}

/* ---- reading ------------------------------------------------------------------------------ */

static bool next_word(char **at, char *ret, size_t cap)
{
	size_t n = strcspn(*at, " ");
	if (!n || n >= cap)
		return false;
	str_keep(ret, cap, str_n(*at, n));
	*at += n + ((*at)[n] == ' ');
	if (!strcmp(ret, "-"))
		ret[0] = '\0';
	return true;
}

static bool next_hex(char **at, uint64_t *ret)
{
	char word[20];
	if (!next_word(at, word, sizeof word))
		return false;
	*ret = strtoull(word, NULL, 16);
	return true;
}

/* The plain text was sealed by us: what does not fit is a ticket of another version. */
static bool parse(char *plain, struct call_ticket *ret, uint64_t *ret_issued_s)
{
	uint64_t direction;
	if (!next_word(&plain, ret->call, sizeof ret->call) ||
	    !next_word(&plain, ret->account, sizeof ret->account) ||
	    !next_hex(&plain, &ret->connector) || !next_hex(&plain, &direction) ||
	    !next_word(&plain, ret->from, sizeof ret->from) ||
	    !next_word(&plain, ret->to, sizeof ret->to) || !next_hex(&plain, ret_issued_s))
		return false;
	ret->direction = (enum call_direction)direction;
	return !*plain && proto_enum_has(&call_direction_enum, (uint32_t)direction);
}

static bool read_business(struct str *text, uint64_t *ret)
{
	uint32_t n = 0;
	*ret = 0;
	while (n < text->len && n < 19 && text->at[n] >= '0' && text->at[n] <= '9')
		*ret = *ret * 10 + (uint64_t)(text->at[n++] - '0');
	if (!n || n == text->len || text->at[n] != '.')
		return false;
	*text = str_n(text->at + n + 1, text->len - n - 1);
	return true;
}

enum err ticket_read(const struct seal_keys *k, struct str text, uint64_t now_s,
                     struct call_ticket *ret)
{
	char plain[SEAL_PLAIN_MAX + 1];
	uint64_t issued_s;
	*ret = (struct call_ticket){ 0 };
	if (!read_business(&text, &ret->business) || !seal_is(text))
		return ERR_MALFORMED;
	if (seal_open(k, ret->business, column, text, plain))
		return ERR_DENIED;
	bool fits = parse(plain, ret, &issued_s);
	digest_forget(plain, sizeof plain);
	if (!fits)
		return ERR_MALFORMED;
	/* A minute's grace for a clock that is behind the one that wrote it. */
	return now_s > issued_s + TICKET_S || issued_s > now_s + 60 ? ERR_STALE : OK;
}
