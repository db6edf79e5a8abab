/*
 * http.h — the grammar of HTTP/1.1 heads (RFC 9112), read strictly; pure, no socket.
 *
 * Strict, because two readers that disagree about where a request ends are how one is smuggled past
 * the other. libwebsockets' own parser takes bare LF, several Hosts and any Transfer-Encoding, and
 * hangs on a folded line (its parsers.c; shared facts), with no hook before it: so lws.c takes only
 * bytes from the library, and this file reads them.
 */
#pragma once
#include "proto/err.h"
#include "proto/str.h"

enum {
	HTTP_HEADERS_MAX = 64,
	HTTP_HEAD_MAX = 16 * 1024, /* bytes; more: 431 */
	HTTP_LINE_MAX = 8 * 1024,  /* bytes of the request line; more: 414 */
};

enum http_method {
	HTTP_GET = 1,
	HTTP_HEAD = 2,
	HTTP_POST = 4,
	HTTP_PUT = 8,
	HTTP_PATCH = 16,
	HTTP_DELETE = 32,
	HTTP_OPTIONS = 64,
};

struct http_header {
	struct str name, value; /* the name as sent; the value without the white space around it */
};

struct http_head {
	enum http_method method;
	struct str method_name;
	struct str path;  /* begins with '/', escapes whole but not decoded, no dot segments */
	struct str query; /* after the '?', raw; may be empty */
	struct str host;
	struct http_header headers[HTTP_HEADERS_MAX];
	uint32_t n_headers;
	uint32_t bytes;  /* of the head, its empty line included */
	uint32_t length; /* of the body */
	bool has_length;
	bool keep;      /* the connection may serve another request */
	bool expects;   /* Expect: 100-continue */
	bool websocket; /* Upgrade: websocket */
	bool old;       /* HTTP/1.0 */
};

/* Reads the head at the start of `in`. 0: not whole yet; 200: whole, *ret is set, its views point
 * into `in`; else the status to refuse it with (after which the connection must close: where the
 * next request would begin is unknown), and *ret_why is one sentence for the caller.
 * `seen` is how much of `in` an earlier call has looked at already. */
int http_head_read(struct str in, uint32_t seen, struct http_head *ret, const char **ret_why);

/* The first header of that name (lower case); empty when there is none. */
struct str http_header_of(const struct http_head *h, const char *name);
uint32_t http_header_count(const struct http_head *h, const char *name);

/* Equal but for the case of ASCII letters; b is in lower case. */
bool http_is(struct str a, const char *b);
/* Is there such a token in a comma-separated list? */
bool http_list_has(struct str list, const char *token);

/* "OK", "Not Found"; "Unknown" for a status without a name. */
const char *http_status_name(int status);
