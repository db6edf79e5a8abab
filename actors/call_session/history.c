/*
 * history.c — see history.h.
 */
#include "actors/call_session/history.h"
#include "proto/utf8.h"
#include <stdlib.h>

static struct history_entry *at(const struct history *h, uint32_t i)
{
	return &h->at[(h->first + i) % HISTORY_ENTRIES];
}

const struct history_entry *history_entry(const struct history *h, uint32_t i)
{
	return at(h, i);
}

static void drop_oldest(struct history *h)
{
	struct history_entry *e = at(h, 0);
	h->bytes -= e->len;
	free(e->text);
	*e = (struct history_entry){ 0 };
	h->first = (h->first + 1) % HISTORY_ENTRIES;
	h->n--;
}

void history_done(struct history *h)
{
	while (h->n)
		drop_oldest(h);
	free(h->at);
	*h = (struct history){ 0 };
}

static struct history_entry *find(const struct history *h, struct str item)
{
	for (uint32_t i = h->n; item.len && i--;)
		if (str_is(item, at(h, i)->item))
			return at(h, i);
	return NULL;
}

static struct history_entry *make(struct history *h, bool caller, struct str item)
{
	if (!h->at && !(h->at = calloc(HISTORY_ENTRIES, sizeof *h->at)))
		return NULL;
	if (h->n == HISTORY_ENTRIES)
		drop_oldest(h);
	struct history_entry *e = at(h, h->n++);
	*e = (struct history_entry){ .caller = caller };
	str_keep(e->item, sizeof e->item, item);
	return e;
}

static void append(struct history *h, struct history_entry *e, struct str text)
{
	uint32_t n = utf8_cut(text, HISTORY_TEXT - e->len);
	if (e->len + n > e->cap) {
		uint32_t cap = (e->len + n + 63) & ~63u;
		char *more = realloc(e->text, cap);
		if (!more)
			return;
		e->text = more;
		e->cap = cap;
	}
	for (uint32_t i = 0; i < n; i++) /* PostgreSQL keeps no NUL in a text */
		e->text[e->len + i] = text.at[i] ? text.at[i] : ' ';
	e->len += n;
	h->bytes += n;
}

void history_add(struct history *h, bool caller, struct str item, struct str text)
{
	struct history_entry *e = find(h, item);
	if (!text.len || (!e && !(e = make(h, caller, item))))
		return;
	append(h, e, text);
	while (h->bytes > HISTORY_BYTES && h->n > 1)
		drop_oldest(h);
}

void history_heard(struct history *h, const char *item, uint32_t heard_ms, uint32_t of_ms)
{
	struct history_entry *e = find(h, str_of(item));
	if (!e || !of_ms || heard_ms >= of_ms)
		return;
	uint32_t len =
		utf8_cut(str_n(e->text, e->len), (uint32_t)((uint64_t)e->len * heard_ms / of_ms));
	h->bytes -= e->len - len;
	e->len = len;
}

struct str history_words(const struct history *h, struct str item)
{
	const struct history_entry *e = find(h, item);
	return e ? str_n(e->text, e->len) : (struct str){ 0 };
}
