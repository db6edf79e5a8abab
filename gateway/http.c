/*
 * http.c — a head is read in three steps: is it whole, its lines one by one, what they mean
 * together.
 */
#include "gateway/http.h"

enum { MORE = 0, WHOLE = 200 };

/* A cursor over the head; `why` names the first thing that was wrong. */
struct reader {
	const char *at, *end;
	struct http_head *head;
	const char *why;
};

static int refuse(struct reader *r, int status, const char *why)
{
	r->why = why;
	return status;
}

static bool is_tchar(char c) /* RFC 9110, 5.6.2 */
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

bool http_is(struct str a, const char *b)
{
	for (uint32_t i = 0; i < a.len; i++)
		if (!b[i] || lower(a.at[i]) != b[i])
			return false;
	return !b[a.len];
}

static struct str trim(struct str s)
{
	while (s.len && (*s.at == ' ' || *s.at == '\t'))
		s = str_n(s.at + 1, s.len - 1);
	while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

bool http_list_has(struct str list, const char *token)
{
	while (list.len) {
		const char *comma = memchr(list.at, ',', list.len);
		uint32_t n = comma ? (uint32_t)(comma - list.at) : list.len;
		if (http_is(trim(str_n(list.at, n)), token))
			return true;
		n += comma != NULL;
		list = str_n(list.at + n, list.len - n);
	}
	return false;
}

struct str http_header_of(const struct http_head *h, const char *name)
{
	for (uint32_t i = 0; i < h->n_headers; i++)
		if (http_is(h->headers[i].name, name))
			return h->headers[i].value;
	return (struct str){ 0 };
}

uint32_t http_header_count(const struct http_head *h, const char *name)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < h->n_headers; i++)
		n += http_is(h->headers[i].name, name);
	return n;
}

/* ---- the request line ---------------------------------------------------------------------- */

static enum http_method method_of(struct str name)
{
	static const char *const names[] = { "GET",   "HEAD",   "POST",   "PUT",
		                             "PATCH", "DELETE", "OPTIONS" };
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (str_is(name, names[i]))
			return (enum http_method)(1u << i);
	return 0;
}

static int read_method(struct reader *r)
{
	struct http_head *h = r->head;
	const char *start = r->at;
	while (r->at < r->end && is_tchar(*r->at))
		r->at++;
	h->method_name = str_n(start, (size_t)(r->at - start));
	if (r->at == start || r->at == r->end || *r->at++ != ' ')
		return refuse(r, 400, "the request line has no method");
	h->method = method_of(h->method_name);
	if (h->method)
		return 0;
	if (str_is(h->method_name, "CONNECT") || str_is(h->method_name, "TRACE"))
		return refuse(r, 405, "this method is not served here");
	return refuse(r, 501, "this method is not known here");
}

/* No "." or ".." segment, plain or escaped: what a path names must not depend on who resolves it.
 */
static bool has_dot_segment(struct str path)
{
	for (uint32_t i = 0; i < path.len;) {
		uint32_t dots = 0;
		i++; /* the slash */
		while (i < path.len && path.at[i] != '/') {
			bool dot = path.at[i] == '.';
			if (path.len - i >= 3 && path.at[i] == '%' && path.at[i + 1] == '2' &&
			    lower(path.at[i + 2]) == 'e') {
				dot = true;
				i += 2;
			}
			dots = dot && dots < 3 ? dots + 1 : 3;
			i++;
		}
		if (dots == 1 || dots == 2)
			return true;
	}
	return false;
}

/* RFC 9112, 3.2.2: an origin server takes the absolute form too, and its authority as the Host. */
static bool cut_authority(struct str *target, struct str *ret_host)
{
	static const char *const schemes[] = { "http://", "https://" };
	for (unsigned i = 0; i < 2; i++) {
		uint32_t n = (uint32_t)strlen(schemes[i]);
		if (target->len <= n || !http_is(str_n(target->at, n), schemes[i]))
			continue;
		const char *slash = memchr(target->at + n, '/', target->len - n);
		if (!slash)
			return false;
		*ret_host = str_n(target->at + n, (size_t)(slash - target->at) - n);
		*target = str_n(slash, target->len - (size_t)(slash - target->at));
		return ret_host->len;
	}
	return true;
}

static int read_target(struct reader *r)
{
	struct http_head *h = r->head;
	const char *start = r->at;
	for (; r->at < r->end && *r->at != ' '; r->at++) {
		char c = *r->at;
		if (c <= ' ' || c > '~' || c == '#' || c == '\\')
			return refuse(r, 400, "the request target has a character it may not have");
		if (c == '%' && (r->end - r->at < 3 || !is_hex(r->at[1]) || !is_hex(r->at[2])))
			return refuse(r, 400, "the request target has a broken escape");
		if (c == '%' && r->at[1] == '0' && r->at[2] == '0')
			return refuse(r, 400, "the request target has an escaped NUL");
	}
	struct str target = str_n(start, (size_t)(r->at - start));
	bool all = str_is(target, "*") && h->method == HTTP_OPTIONS;
	if (r->at == r->end || (!all && (!cut_authority(&target, &h->host) || *target.at != '/')))
		return refuse(r, 400, "the request target is no path");
	const char *mark = memchr(target.at, '?', target.len);
	h->path = mark ? str_n(target.at, (size_t)(mark - target.at)) : target;
	h->query = mark ? str_n(mark + 1, target.len - h->path.len - 1) : (struct str){ 0 };
	if (has_dot_segment(h->path))
		return refuse(r, 400, "the path has a dot segment");
	r->at++;
	return 0;
}

static int read_request_line(struct reader *r)
{
	int status = read_method(r);
	if (!status)
		status = read_target(r);
	if (status)
		return status;
	if (r->end - r->at < 10 || memcmp(r->at, "HTTP/", 5) != 0)
		return refuse(r, 400, "the request line does not end in a version");
	if (memcmp(r->at, "HTTP/1.1\r\n", 10) != 0 && memcmp(r->at, "HTTP/1.0\r\n", 10) != 0)
		return r->at[8] == '\r' && r->at[9] == '\n'
		               ? refuse(r, 505, "only HTTP/1.1 is spoken here")
		               : refuse(r, 400, "the version is malformed");
	r->head->old = r->at[7] == '0';
	r->at += 10;
	return 0;
}

/* ---- the header lines ---------------------------------------------------------------------- */

static int read_header(struct reader *r)
{
	struct http_head *h = r->head;
	const char *start = r->at;
	if (*start == ' ' || *start == '\t')
		return refuse(r, 400, "a header line is folded");
	while (r->at < r->end && is_tchar(*r->at))
		r->at++;
	struct str name = str_n(start, (size_t)(r->at - start));
	if (!name.len || r->at == r->end || *r->at != ':')
		return refuse(r, 400, "a header has no name, or a space before its colon");
	start = ++r->at;
	while (r->at < r->end && *r->at != '\r') {
		unsigned char c = (unsigned char)*r->at++;
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return refuse(r, 400, "a header has a control character");
	}
	struct str value = trim(str_n(start, (size_t)(r->at - start)));
	if (r->end - r->at < 2 || r->at[1] != '\n')
		return refuse(r, 400, "a header line ends in a bare CR");
	r->at += 2;
	if (h->n_headers == HTTP_HEADERS_MAX)
		return refuse(r, 431, "too many headers");
	h->headers[h->n_headers++] = (struct http_header){ name, value };
	return 0;
}

static int read_lines(struct reader *r)
{
	int status = read_request_line(r);
	while (!status && r->end - r->at > 2)
		status = read_header(r);
	return status;
}

/* ---- what they mean together --------------------------------------------------------------- */

static int mean_host(struct reader *r)
{
	struct http_head *h = r->head;
	uint32_t n = http_header_count(h, "host");
	if (n > 1 || (n == 0 && !h->old))
		return refuse(r, 400, "there must be one Host");
	struct str host = http_header_of(h, "host");
	for (uint32_t i = 0; i < host.len; i++)
		if (!is_tchar(host.at[i]) && !strchr(":[]", host.at[i]))
			return refuse(r, 400, "the Host is malformed");
	if (!h->host.len)
		h->host = host;
	return 0;
}

/* Where the body ends must be beyond doubt (RFC 9112, 6.3). */
static int mean_length(struct reader *r)
{
	struct http_head *h = r->head;
	uint32_t lengths = http_header_count(h, "content-length");
	if (http_header_count(h, "transfer-encoding"))
		return lengths || h->old
		               ? refuse(r, 400, "Content-Length beside Transfer-Encoding")
		               : refuse(r, 411,
		                        "no Transfer-Encoding is taken: send a Content-Length");
	if (lengths > 1)
		return refuse(r, 400, "more than one Content-Length");
	if (!lengths)
		return h->method & (HTTP_POST | HTTP_PUT | HTTP_PATCH)
		               ? refuse(r, 411, "send a Content-Length")
		               : 0;
	struct str text = http_header_of(h, "content-length");
	for (uint32_t i = 0; i < text.len; i++)
		if (text.at[i] < '0' || text.at[i] > '9')
			return refuse(r, 400, "the Content-Length is not a number");
	if (!text.len || text.len > 19)
		return refuse(r, 400, "the Content-Length is not a number");
	if (text.len > 9)
		return refuse(r, 413, "the body is too large");
	for (uint32_t i = 0; i < text.len; i++)
		h->length = h->length * 10 + (uint32_t)(text.at[i] - '0');
	h->has_length = true;
	return 0;
}

static int mean_connection(struct reader *r)
{
	struct http_head *h = r->head;
	h->keep = !h->old;
	for (uint32_t i = 0; i < h->n_headers; i++) {
		if (!http_is(h->headers[i].name, "connection"))
			continue;
		if (http_list_has(h->headers[i].value, "close"))
			h->keep = false;
	}
	struct str upgrade = http_header_of(h, "upgrade");
	if (upgrade.len && !http_is(upgrade, "websocket"))
		return refuse(r, 400, "no upgrade but to websocket is taken");
	h->websocket = upgrade.len;
	struct str expect = http_header_of(h, "expect");
	if (expect.len && !http_is(expect, "100-continue"))
		return refuse(r, 417, "no expectation but 100-continue can be met");
	h->expects = expect.len && !h->old;
	return 0;
}

/* ---- is it whole --------------------------------------------------------------------------- */

/* Finds the empty line; a bare LF on the way is refused at once, not when the rest has come. */
static int find_end(struct reader *r, struct str in, uint32_t seen)
{
	uint32_t limit = in.len < HTTP_HEAD_MAX ? in.len : HTTP_HEAD_MAX;
	uint32_t line = 0;
	for (uint32_t i = seen > 3 ? seen - 3 : 0; i < limit; i++) {
		if (in.at[i] != '\n')
			continue;
		if (!i || in.at[i - 1] != '\r')
			return refuse(r, 400, "a line ends in a bare LF");
		if (i >= 3 && in.at[i - 2] == '\n') {
			r->end = in.at + i + 1;
			break;
		}
	}
	const char *lf = memchr(in.at, '\n', limit);
	line = lf ? (uint32_t)(lf - in.at) : limit;
	if (line > HTTP_LINE_MAX)
		return refuse(r, 414, "the request line is too long");
	if (!r->end && in.len >= HTTP_HEAD_MAX)
		return refuse(r, 431, "the headers are too large");
	return r->end ? WHOLE : MORE;
}

int http_head_read(struct str in, uint32_t seen, struct http_head *ret, const char **ret_why)
{
	struct http_head head = { 0 };
	struct reader r = { .head = &head };
	uint32_t blank = 0;
	while (blank < 4 && in.len - blank >= 2 && !memcmp(in.at + blank, "\r\n", 2))
		blank += 2; /* RFC 9112, 2.2: an empty line before a request is passed over */
	struct str rest = str_n(in.at + blank, in.len - blank);
	int status = rest.len ? find_end(&r, rest, seen > blank ? seen - blank : 0) : MORE;
	if (status == WHOLE) {
		r.at = rest.at;
		status = read_lines(&r);
		status = status ? status : mean_host(&r);
		status = status ? status : mean_length(&r);
		status = status ? status : mean_connection(&r);
		status = status ? status : WHOLE;
	}
	if (status == WHOLE) {
		head.bytes = (uint32_t)(r.end - in.at);
		*ret = head;
	} else if (status != MORE) {
		*ret_why = r.why;
	}
	return status;
}

/* ---- the rest ------------------------------------------------------------------------------ */

const char *http_status_name(int status)
{
	static const struct {
		int status;
		const char *name;
	} names[] = {
		{ 200, "OK" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 411, "Length Required" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 417, "Expectation Failed" },
		{ 422, "Unprocessable Content" },
		{ 426, "Upgrade Required" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
		{ 507, "Insufficient Storage" },
	};
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].status == status)
			return names[i].name;
	return "Unknown";
}
