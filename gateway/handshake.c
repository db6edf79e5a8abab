/*
 * handshake.c — handshake.h.
 */
#include "gateway/handshake.h"
#include "proto/base64.h"
#include "proto/digest.h"
#include <assert.h>

void handshake_accept(struct str key, char ret[HANDSHAKE_ACCEPT])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455, 1.3 */
	char joined[HANDSHAKE_KEY + sizeof guid];
	uint8_t sum[DIGEST_SHA1] = { 0 };
	uint32_t n = key.len < HANDSHAKE_KEY - 1 ? key.len : HANDSHAKE_KEY - 1;
	if (n)
		memcpy(joined, key.at, n);
	memcpy(joined + n, guid, sizeof guid - 1);
	enum err e = digest_sha1(str_n(joined, n + sizeof guid - 1), sum);
	assert(!e || e == ERR_MEMORY); /* then no client takes it */
	base64_write(str_n((const char *)sum, sizeof sum), ret);
	ret[HANDSHAKE_ACCEPT - 1] = '\0';
}

/* ---- lists ------------------------------------------------------------------------------------
 */

/* The next word of a list with spaces between. */
static bool word(const char **at, struct str *ret)
{
	while (**at == ' ')
		++*at;
	*ret = str_n(*at, strcspn(*at, " "));
	*at += ret->len;
	return ret->len > 0;
}

static bool among(const char *list, struct str what, struct str *ret)
{
	struct str one;
	while (word(&list, &one))
		if (str_eq(one, what)) {
			*ret = one;
			return true;
		}
	return false;
}

/* The next name of a header that is a list; false at its end. */
static bool item(struct str *list, struct str *ret)
{
	if (!list->len)
		return false;
	const char *comma = memchr(list->at, ',', list->len);
	struct str one = str_n(list->at, comma ? (size_t)(comma - list->at) : list->len);
	uint32_t taken = one.len + (comma != NULL);
	*list = str_n(list->at + taken, list->len - taken);
	while (one.len && (one.at[0] == ' ' || one.at[0] == '\t'))
		one = str_n(one.at + 1, one.len - 1);
	while (one.len && (one.at[one.len - 1] == ' ' || one.at[one.len - 1] == '\t'))
		one.len--;
	*ret = one;
	return true;
}

/* ---- the server's side ------------------------------------------------------------------------
 */

/* The client's order is its preference: its first one that we speak. */
static bool choose(const struct http_head *h, const char *protocols, struct str *ret)
{
	struct str offered, one;
	bool any = false, found = false;
	*ret = (struct str){ 0 };
	for (uint32_t i = 0; i < h->n_headers; i++) {
		if (!http_is(h->headers[i].name, "sec-websocket-protocol"))
			continue;
		any = true;
		offered = h->headers[i].value;
		while (!found && item(&offered, &one))
			found = one.len && !str_is(one, "-") && among(protocols, one, ret);
	}
	return found || (!any && (!*protocols || among(protocols, str_of("-"), &one)));
}

static bool good_key(struct str key)
{
	char bytes[32];
	size_t n;
	return key.len == HANDSHAKE_KEY - 1 && base64_read(key, bytes, &n) && n == 16;
}

int handshake_check(const struct http_head *h, const char *protocols, const char *origins,
                    struct handshake *ret, const char **ret_why)
{
	struct str key = http_header_of(h, "sec-websocket-key"), known;
	*ret_why = "not a WebSocket's handshake";
	if (!h->websocket) {
		*ret_why = "this is a WebSocket: ask for an upgrade";
		return 426;
	}
	if (h->method != HTTP_GET || h->old || h->length)
		return 400;
	if (!http_list_has(http_header_of(h, "connection"), "upgrade"))
		return 400;
	if (http_header_count(h, "sec-websocket-version") != 1 ||
	    !str_is(http_header_of(h, "sec-websocket-version"), "13")) {
		*ret_why = "version 13 is spoken here";
		return 426;
	}
	if (http_header_count(h, "sec-websocket-key") != 1 || !good_key(key)) {
		*ret_why = "Sec-WebSocket-Key is not 16 bytes in base64";
		return 400;
	}
	if (http_header_count(h, "origin") > 1 ||
	    (http_header_count(h, "origin") &&
	     !among(origins, http_header_of(h, "origin"), &known))) {
		*ret_why = "no page of that origin may come here";
		return 403;
	}
	if (!choose(h, protocols, &ret->protocol)) {
		*ret_why = "none of these subprotocols is spoken here";
		return 400;
	}
	handshake_accept(key, ret->accept);
	return 101;
}

/* ---- the client's side ------------------------------------------------------------------------
 */

static bool visible(struct str s)
{
	for (uint32_t i = 0; i < s.len; i++)
		if (s.at[i] <= ' ' || s.at[i] == 0x7f || s.at[i] == '#' || s.at[i] & (char)0x80)
			return false;
	return true;
}

/* host, host:port, [address]:port */
static bool authority(struct str s, struct handshake_url *ret)
{
	struct str port = { 0 };
	const char *end;
	ret->authority = ret->host = s;
	if (!s.len || memchr(s.at, '@', s.len))
		return false;
	if (s.at[0] == '[') {
		end = memchr(s.at, ']', s.len);
		if (!end)
			return false;
		ret->host = str_n(s.at + 1, (size_t)(end - s.at) - 1);
		s = str_n(end + 1, s.len - (size_t)(end - s.at) - 1);
		if (s.len && s.at[0] != ':')
			return false;
		port = s.len ? str_n(s.at + 1, s.len - 1u) : s;
		if (s.len && !port.len)
			return false;
	} else if ((end = memchr(s.at, ':', s.len))) {
		ret->host.len = (uint32_t)(end - s.at);
		port = str_n(end + 1, s.len - ret->host.len - 1);
		if (!port.len)
			return false;
	}
	uint32_t number = port.len ? 0 : ret->secure ? 443 : 80;
	for (uint32_t i = 0; i < port.len; i++) {
		if (port.at[i] < '0' || port.at[i] > '9' || i == 5)
			return false;
		number = number * 10 + (uint32_t)(port.at[i] - '0');
	}
	struct buf b;
	buf_over(&b, ret->port, sizeof ret->port - 1);
	buf_u64(&b, number);
	ret->port[b.len] = '\0';
	return ret->host.len && ret->host.len < 256 && number && number < 65536;
}

enum err handshake_url(struct str url, struct handshake_url *ret)
{
	*ret = (struct handshake_url){ .secure = str_starts(url, "wss://") };
	uint32_t scheme = ret->secure ? 6 : 5;
	if ((!ret->secure && !str_starts(url, "ws://")) || !visible(url))
		return ERR_INVALID;
	struct str rest = str_n(url.at + scheme, url.len - scheme);
	uint32_t n = 0;
	while (n < rest.len && rest.at[n] != '/' && rest.at[n] != '?')
		n++;
	ret->target = str_n(rest.at + n, rest.len - n);
	return authority(str_n(rest.at, n), ret) ? OK : ERR_INVALID;
}

enum err handshake_key(char ret[HANDSHAKE_KEY])
{
	char bytes[16];
	enum err e = digest_random(bytes, sizeof bytes);
	if (e)
		return e;
	base64_write(str_n(bytes, sizeof bytes), ret);
	ret[HANDSHAKE_KEY - 1] = '\0';
	return OK;
}

static bool own_line(struct str name)
{
	static const char *const own[] = { "host", "connection", "upgrade", "content-length",
		                           "transfer-encoding" };
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (http_is(name, own[i]))
			return true;
	return name.len >= 14 && http_is(str_n(name.at, 14), "sec-websocket-");
}

static bool good_line(const struct handshake_line *l)
{
	for (uint32_t i = 0; i < l->value.len; i++)
		if ((uint8_t)l->value.at[i] < ' ' || l->value.at[i] == 0x7f)
			return false;
	for (uint32_t i = 0; i < l->name.len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_",
		            l->name.at[i]) ||
		    !l->name.at[i])
			return false;
	return l->name.len && !own_line(l->name);
}

void handshake_ask(struct buf *b, const struct handshake_url *to, const char *key,
                   struct str protocol, const struct handshake_line *lines, uint32_t n)
{
	struct handshake_line offer = { str_of("Protocol"), protocol };
	buf_printf(b, "GET %s%.*s HTTP/1.1\r\nHost: %.*s\r\n",
	           to->target.len && to->target.at[0] == '/' ? "" : "/", STR(to->target),
	           STR(to->authority));
	buf_printf(b,
	           "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	           "Sec-WebSocket-Key: %s\r\n",
	           key);
	if (protocol.len && good_line(&offer))
		buf_printf(b, "Sec-WebSocket-Protocol: %.*s\r\n", STR(protocol));
	else if (protocol.len)
		buf_fail(b, ERR_INVALID);
	for (uint32_t i = 0; i < n; i++) {
		if (!good_line(&lines[i]))
			buf_fail(b, ERR_INVALID);
		buf_printf(b, "%.*s: %.*s\r\n", STR(lines[i].name), STR(lines[i].value));
	}
	buf_text(b, "\r\n");
}

/* ---- the answer's head ------------------------------------------------------------------------
 */

static uint32_t number(struct str s, uint32_t otherwise)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9' || i == 9)
			return otherwise;
		n = n * 10 + (uint32_t)(s.at[i] - '0');
	}
	return s.len ? n : otherwise;
}

/* The next line, without its end. */
static bool line(struct str *rest, struct str *ret)
{
	const char *end = rest->len ? memchr(rest->at, '\n', rest->len) : NULL;
	if (!end)
		return false;
	uint32_t n = (uint32_t)(end - rest->at);
	*ret = str_n(rest->at, n && end[-1] == '\r' ? n - 1 : n);
	*rest = str_n(end + 1, rest->len - n - 1);
	return true;
}

static bool split(struct str s, struct http_header *ret)
{
	const char *colon = s.len ? memchr(s.at, ':', s.len) : NULL;
	if (!colon || colon == s.at)
		return false;
	ret->name = str_n(s.at, (size_t)(colon - s.at));
	struct str value = str_n(colon + 1, s.len - ret->name.len - 1);
	ret->value = (struct str){ 0 };
	while (value.len && (value.at[0] == ' ' || value.at[0] == '\t'))
		value = str_n(value.at + 1, value.len - 1);
	while (value.len && (value.at[value.len - 1] == ' ' || value.at[value.len - 1] == '\t'))
		value.len--;
	ret->value = value;
	return true;
}

struct seen {
	struct str upgrade, connection, accept, protocol;
	bool extensions, twice;
};

static void see(const struct http_header *h, struct seen *s, struct handshake_answer *ret)
{
	struct {
		const char *name;
		struct str *to;
	} wanted[] = { { "upgrade", &s->upgrade },
		       { "connection", &s->connection },
		       { "sec-websocket-accept", &s->accept },
		       { "sec-websocket-protocol", &s->protocol } };
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		if (http_is(h->name, wanted[i].name)) {
			s->twice |= wanted[i].to->at != NULL && i >= 2;
			*wanted[i].to = h->value.at ? h->value : str_of("");
		}
	s->extensions |= http_is(h->name, "sec-websocket-extensions") && h->value.len;
	if (http_is(h->name, "content-length"))
		ret->length = number(h->value, UINT32_MAX);
	if (http_is(h->name, "retry-after"))
		ret->retry_s = number(h->value, 0);
}

/* RFC 6455, 4.1: what the client must fail by. */
static const char *why_bad(const struct seen *s, const char *key, struct str protocol)
{
	char accept[HANDSHAKE_ACCEPT];
	handshake_accept(str_of(key), accept);
	if (!http_list_has(s->upgrade, "websocket") || !http_list_has(s->connection, "upgrade"))
		return "the answer does not upgrade";
	if (s->twice || !str_is(s->accept, accept))
		return "Sec-WebSocket-Accept is wrong";
	if (s->extensions)
		return "an extension was chosen that was not offered";
	if (!str_eq(s->protocol, protocol))
		return "the subprotocol is not the one offered";
	return NULL;
}

/* "HTTP/1.1 101 …": 0 when it is not. */
static int status_of(struct str s)
{
	if (s.len < 12 || memcmp(s.at, "HTTP/1.", 7) || s.at[8] != ' ' ||
	    (s.len > 12 && s.at[12] != ' '))
		return 0;
	uint32_t n = number(str_n(s.at + 9, 3), 0);
	return n >= 100 && n <= 599 ? (int)n : 0;
}

bool handshake_answer(struct str in, const char *key, struct str protocol,
                      struct handshake_answer *ret)
{
	struct str rest = in, one;
	struct seen seen = { 0 };
	struct http_header h;
	*ret = (struct handshake_answer){ .length = UINT32_MAX, .why = "the answer is no HTTP" };
	bool first = true;
	while (line(&rest, &one)) {
		if (first) {
			ret->status = status_of(one);
			if (!ret->status)
				return true;
		} else if (!one.len) {
			ret->bytes = in.len - rest.len;
			ret->why = ret->status == 101 ? why_bad(&seen, key, protocol)
			                              : "the other side refused";
			return true;
		} else if (!split(one, &h)) {
			ret->status = 0;
			return true;
		} else {
			see(&h, &seen, ret);
		}
		first = false;
	}
	static const char start[] = "HTTP/";
	uint32_t n = in.len < 5 ? in.len : 5;
	if (in.len < HTTP_HEAD_MAX && (!n || !memcmp(in.at, start, n)))
		return false;
	ret->status = 0;
	return true;
}
