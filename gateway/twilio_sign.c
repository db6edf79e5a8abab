#include "gateway/twilio_sign.h"
#include "proto/base64.h"
#include "proto/digest.h"
#include "proto/query.h"
#include <stdlib.h>

enum { SIGNATURE_TEXT = 28 };

struct field {
	struct str name, value;
};

/* ---- a form, as it is signed -------------------------------------------------------------- */

static int str_order(struct str a, struct str b)
{
	uint32_t n = a.len < b.len ? a.len : b.len;
	int c = n ? memcmp(a.at, b.at, n) : 0;
	return c ? c : (a.len > b.len) - (a.len < b.len);
}

static int field_order(const void *a, const void *b)
{
	const struct field *x = a, *y = b;
	int c = str_order(x->name, y->name);
	return c ? c : str_order(x->value, y->value);
}

static enum err read_fields(struct str body, struct arena *a, struct field *ret, uint32_t *ret_n)
{
	struct query q = query_of(body);
	struct str name, value;
	*ret_n = 0;
	while (query_next(&q, &name, &value)) {
		if (*ret_n == TWILIO_FIELDS)
			return ERR_MALFORMED;
		struct field *f = &ret[(*ret_n)++];
		enum err e = query_decode(name, a, &f->name);
		if (!e)
			e = query_decode(value, a, &f->value);
		if (e)
			return e;
	}
	qsort(ret, *ret_n, sizeof *ret, field_order);
	return OK;
}

static void append(char **to, struct str s)
{
	if (s.len)
		memcpy(*to, s.at, s.len);
	*to += s.len;
}

/* Fields run together, ready to stand behind any spelling of the address. */
static enum err join_fields(struct str body, struct arena *a, struct str *ret)
{
	struct field fields[TWILIO_FIELDS];
	uint32_t n;
	enum err e = read_fields(body, a, fields, &n);
	if (e)
		return e;
	char *room = arena_take(a, body.len + 1, 1), *at = room;
	if (!room)
		return ERR_TOO_LARGE;
	for (uint32_t i = 0; i < n; i++) {
		if (i && !field_order(&fields[i - 1], &fields[i]))
			continue;
		append(&at, fields[i].name);
		append(&at, fields[i].value);
	}
	*ret = str_n(room, (size_t)(at - room));
	return OK;
}

/* ---- spellings of an address -------------------------------------------------------------- */

enum port { PORT_AS_IT_IS, PORT_WITH, PORT_WITHOUT };

static struct str url_of(struct str url, enum port port, char room[TWILIO_URL_MAX + 8])
{
	const char *end = url.at + url.len;
	const char *host = memmem(url.at, url.len, "://", 3);
	if (port == PORT_AS_IT_IS || !host)
		return url;
	host += 3;
	const char *path = host;
	while (path < end && *path != '/' && *path != '?' && *path != '#')
		path++;
	const char *colon = path;
	while (colon > host && colon[-1] >= '0' && colon[-1] <= '9')
		colon--;
	bool has = colon > host && colon[-1] == ':';
	const char *host_end = has ? colon - 1 : path;
	bool safe = str_starts(url, "https:") || str_starts(url, "wss:");
	char *at = room;
	append(&at, str_n(url.at, (size_t)((port == PORT_WITH ? path : host_end) - url.at)));
	if (port == PORT_WITH && !has)
		append(&at, str_of(safe ? ":443" : ":80"));
	append(&at, str_n(path, (size_t)(end - path)));
	return str_n(room, (size_t)(at - room));
}

/* ---- signing ------------------------------------------------------------------------------ */

static enum err sign(struct str url, struct str fields, struct str token, struct arena *a,
                     char ret[SIGNATURE_TEXT + 1])
{
	uint8_t mac[DIGEST_SHA1];
	char *room = arena_take(a, url.len + fields.len + 1, 1), *at = room;
	if (!room)
		return ERR_TOO_LARGE;
	append(&at, url);
	append(&at, fields);
	enum err e = digest_hmac_sha1(token, str_n(room, (size_t)(at - room)), mac);
	base64_write(str_n((const char *)mac, sizeof mac), ret);
	ret[SIGNATURE_TEXT] = '\0';
	arena_trim(a, url.len + fields.len + 1); /* the next spelling takes it again */
	return e;
}

static enum err signed_text(const struct twilio_request *r, struct arena *a, struct str *ret)
{
	*ret = (struct str){ 0 };
	if (r->url.len > TWILIO_URL_MAX)
		return ERR_TOO_LARGE;
	return r->form ? join_fields(r->body, a, ret) : OK;
}

enum err twilio_signature(const struct twilio_request *r, struct str token, struct arena *a,
                          char ret[29])
{
	struct str fields;
	enum err e = signed_text(r, a, &fields);
	return e ? e : sign(r->url, fields, token, a, ret);
}

/* A body that is no form is covered by its digest in the address. No digest: no such body. */
static bool body_fits(const struct twilio_request *r)
{
	static const char name[] = "bodySHA256=";
	uint8_t want[DIGEST_BYTES], got[DIGEST_BYTES];
	if (r->form || !r->body.len)
		return true;
	const char *q = memchr(r->url.at, '?', r->url.len);
	struct query query = query_of(q ? str_n(q + 1, (size_t)(r->url.at + r->url.len - q - 1))
	                                : (struct str){ 0 });
	struct str key, value;
	while (query_next(&query, &key, &value))
		if (str_eq(key, str_n(name, sizeof name - 2)))
			return !digest_unhex(value, got, sizeof got) &&
			       !digest_sha256(r->body, want) && digest_eq(want, got, sizeof want);
	return false;
}

enum err twilio_verify(const struct twilio_request *r, struct str signature,
                       const struct str *tokens, uint32_t n_tokens, struct arena *a)
{
	char spelled[TWILIO_URL_MAX + 8], want[SIGNATURE_TEXT + 1];
	struct str fields;
	if (!signature.len)
		return ERR_MISSING;
	enum err e = signed_text(r, a, &fields);
	bool fits = false, body = !e && body_fits(r);
	for (uint32_t i = 0; !e && i < n_tokens; i++) {
		for (enum port p = PORT_AS_IT_IS; !e && tokens[i].len && p <= PORT_WITHOUT; p++) {
			e = sign(url_of(r->url, p, spelled), fields, tokens[i], a, want);
			fits |= !e && signature.len == SIGNATURE_TEXT &&
			        digest_eq(want, signature.at, SIGNATURE_TEXT);
		}
	}
	digest_forget(want, sizeof want);
	if (e)
		return e;
	return fits && body ? OK : ERR_UNAUTHENTICATED;
}
