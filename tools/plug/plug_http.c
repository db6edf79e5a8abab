/*
 * plug_http.c — a plug's heads: requests and answers of HTTP/1.1, and the handshake of RFC 6455.
 */
#include "proto/base64.h"
#include "tools/plug/plug_in.h"
#include <stdio.h>
#include <strings.h>

enum { READ_EACH = 4096 };

bool plug_header(const struct plug_head *h, const char *name, struct str *ret)
{
	size_t n = strlen(name);
	const char *at = h->lines.at, *end = at + h->lines.len;
	while (at < end) {
		const char *eol = memmem(at, (size_t)(end - at), "\r\n", 2);
		size_t len = (size_t)((eol ? eol : end) - at);
		if (len > n && at[n] == ':' && !strncasecmp(at, name, n)) {
			const char *from = at + n + 1, *to = at + len;
			while (from < to && (*from == ' ' || *from == '\t'))
				from++;
			while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
				to--;
			*ret = str_n(from, (size_t)(to - from));
			return true;
		}
		at += len + 2;
	}
	return false;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	                              : -1;
}

bool plug_query(struct str target, const char *name, char *ret, size_t cap)
{
	size_t n = strlen(name), out = 0;
	const char *end = target.at + target.len, *at = memchr(target.at, '?', target.len);
	for (; at && at < end; at = memchr(at, '&', (size_t)(end - at))) {
		at++;
		if ((size_t)(end - at) > n && !memcmp(at, name, n) && at[n] == '=')
			break;
	}
	if (!at || at >= end)
		return false;
	for (at += n + 1; at < end && *at != '&'; at++) {
		char c = *at == '+' ? ' ' : *at;
		if (c == '%' && end - at > 2 && hex_digit(at[1]) >= 0 && hex_digit(at[2]) >= 0) {
			c = (char)(hex_digit(at[1]) * 16 + hex_digit(at[2]));
			at += 2;
		}
		if (out + 1 >= cap)
			return false;
		ret[out++] = c;
	}
	ret[out] = '\0';
	return true;
}

static bool has_token(const struct plug_head *h, const char *name, const char *token)
{
	struct str v;
	size_t n = strlen(token);
	if (!plug_header(h, name, &v))
		return false;
	for (uint32_t i = 0; i + n <= v.len; i++)
		if (!strncasecmp(v.at + i, token, n) &&
		    (i == 0 || v.at[i - 1] == ' ' || v.at[i - 1] == ',') &&
		    (i + n == v.len || v.at[i + n] == ',' || v.at[i + n] == ' '))
			return true;
	return false;
}

/* ---- out ----------------------------------------------------------------------------------- */

void plug_ask(struct plug *p, const char *method, const char *target, const char *host,
              const char *headers, struct str body)
{
	buf_printf(&p->out, "%s %s HTTP/1.1\r\nHost: %s\r\n%s", method, target, host, headers);
	if (body.len)
		buf_printf(&p->out, "Content-Length: %u\r\n", body.len);
	buf_text(&p->out, "\r\n");
	buf_str(&p->out, body);
	plug_loop_dirty(p->loop, p);
}

void plug_upgrade(struct plug *p, const char *target, const char *host, const char *headers)
{
	uint64_t nonce[2];
	char key[32];
	for (int i = 0; i < 2; i++) { /* unlike any other, which is what it is for */
		p->seed = p->seed * 1664525 + 1013904223;
		nonce[i] = (uint64_t)p->seed << 32 ^ plug_now_us() * 0x9E3779B97F4A7C15u;
	}
	base64_write(str_n((const char *)nonce, sizeof nonce), key);
	key[24] = '\0';
	plug_accept_of(str_of(key), p->accept);
	buf_printf(&p->out,
	           "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n%s\r\n",
	           target, host, key, headers);
	plug_loop_dirty(p->loop, p);
}

void plug_answer(struct plug *p, int status, const char *headers, struct str body)
{
	buf_printf(&p->out, "HTTP/1.1 %d %s\r\n%sContent-Length: %u\r\n\r\n", status,
	           status < 400 ? "OK" : "Refused", headers, body.len);
	buf_str(&p->out, body);
	plug_loop_dirty(p->loop, p);
}

static enum err opened(struct plug *p)
{
	enum err e = plug_frames_begin(p);
	if (!e)
		p->state = PLUG_OPEN;
	plug_alarm_clear(&p->deadline);
	return e;
}

bool plug_accept(struct plug *p, const struct plug_head *h)
{
	struct str key = { 0 }, version = { 0 };
	char accept[32], nonce[32];
	size_t n = 0;
	bool good = str_is(h->method, "GET") && has_token(h, "Upgrade", "websocket") &&
	            has_token(h, "Connection", "Upgrade") &&
	            plug_header(h, "Sec-WebSocket-Version", &version) && str_is(version, "13") &&
	            plug_header(h, "Sec-WebSocket-Key", &key) && key.len == 24 &&
	            base64_read(key, nonce, &n) && n == 16;
	if (!good) {
		plug_answer(p, 400, "Connection: close\r\n", str_of("not a WebSocket handshake"));
		return false;
	}
	plug_accept_of(key, accept);
	buf_printf(&p->out,
	           "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
	           "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
	           accept);
	plug_loop_dirty(p->loop, p);
	return opened(p) == OK;
}

/* ---- in ------------------------------------------------------------------------------------ */

static void on_upgraded(struct plug *p, const struct plug_head *h)
{
	struct str accept = { 0 }, none;
	if (!p->accept[0] || !has_token(h, "Upgrade", "websocket") ||
	    !has_token(h, "Connection", "Upgrade") ||
	    !plug_header(h, "Sec-WebSocket-Accept", &accept) || !str_is(accept, p->accept))
		plug_end(p, "a 101 that is no answer to our key");
	else if (plug_header(h, "Sec-WebSocket-Protocol", &none) ||
	         plug_header(h, "Sec-WebSocket-Extensions", &none))
		plug_end(p, "a 101 with what was not offered");
	else if (opened(p))
		plug_end(p, "out of memory");
	else if (p->ops->opened)
		p->ops->opened(p);
}

static void on_head(struct plug *p, const struct plug_head *h)
{
	if (p->client && h->status == 101) {
		on_upgraded(p, h);
	} else if (p->client) {
		plug_alarm_clear(&p->deadline);
		if (p->ops->answered)
			p->ops->answered(p, h);
	} else if (p->ops->asked) {
		p->ops->asked(p, h);
	}
}

/* "HTTP/1.1 101 Switching Protocols" or "GET /path HTTP/1.1" */
static bool read_first_line(const struct plug *p, struct str line, struct plug_head *h)
{
	if (p->client) {
		if (line.len < 12 || memcmp(line.at, "HTTP/1.1 ", 9) != 0)
			return false;
		h->status =
			(line.at[9] - '0') * 100 + (line.at[10] - '0') * 10 + (line.at[11] - '0');
		return h->status >= 100 && h->status <= 599;
	}
	const char *first = memchr(line.at, ' ', line.len);
	if (!first || line.len < 14 || memcmp(line.at + line.len - 9, " HTTP/1.1", 9) != 0)
		return false;
	h->method = str_n(line.at, (size_t)(first - line.at));
	h->target = str_n(first + 1, (size_t)(line.at + line.len - 9 - first - 1));
	return line.at + line.len - 9 > first;
}

/* One head with its body is dealt with, and stays behind in_at. */
static bool next_head(struct plug *p)
{
	struct plug_head h = { 0 };
	struct str in = str_n(p->in.at + p->in_at, p->in.len - p->in_at), length;
	const char *end = in.len ? memmem(in.at, in.len, "\r\n\r\n", 4) : NULL;
	if (!end)
		return false;
	const char *eol = memmem(in.at, in.len, "\r\n", 2);
	size_t head = (size_t)(end - in.at) + 4, body = 0;
	h.lines = str_n(eol + 2, eol < end ? (size_t)(end - eol - 2) : 0);
	if (!read_first_line(p, str_n(in.at, (size_t)(eol - in.at)), &h)) {
		plug_end(p, "bytes that are not HTTP/1.1");
		return false;
	}
	if (h.status != 101 && plug_header(&h, "Content-Length", &length))
		for (uint32_t i = 0; i < length.len && body < PLUG_HEAD_MAX; i++)
			body = body * 10 + (size_t)(length.at[i] - '0');
	if (in.len < head + body)
		return false;
	h.body = str_n(in.at + head, body);
	p->in_at += head + body;
	on_head(p, &h);
	return p->state == PLUG_HEAD;
}

void plug_read_heads(struct plug *p)
{
	while (p->state == PLUG_HEAD) {
		struct buf *in = &p->in;
		size_t had = in->len, at = p->in_at;
		char *to = buf_room(in, READ_EACH);
		if (!to) {
			plug_end(p, "a head above 64 KiB");
			return;
		}
		p->in_at = had; /* read from the connection, not from here */
		ssize_t n = plug_read(p, to, READ_EACH);
		p->in_at = at;
		if (n <= 0)
			return;
		buf_took(in, (size_t)n);
		while (next_head(p))
			;
		if (p->in_at == in->len && p->state == PLUG_HEAD) {
			buf_clear(in);
			p->in_at = 0;
		}
	}
}
