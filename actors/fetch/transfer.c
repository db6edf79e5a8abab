/*
 * transfer.c — one HTTP request by libcurl: set up, watched over while it runs, told at its end.
 *
 *     set up ─▶ (socket: may it?) ─▶ TLS ─▶ (may it, still?) ─▶ sent ─▶ headers ─▶ body ─▶ finish
 *
 * The guard is asked twice. Of the address of each socket that is made; and of each connection that
 * is about to be used, since one that stands was perhaps opened for somebody who may more.
 */
#include "actors/fetch/transfer_inside.h"
#include "bus/loop.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>

/* ---- the guard ---------------------------------------------------------------------------- */

static bool may(struct transfer *t, const struct guard_addr *a, uint16_t port)
{
	if (t->all->config.proxy) /* then it is the proxy that is reached */
		return true;
	const char *why = t->may(t->ctx, a, port);
	if (why)
		t->refused = why;
	return !why;
}

static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)&to->addr;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&to->addr;
	struct guard_addr a = { .six = to->family == AF_INET6 };
	(void)purpose;
	if (to->family != AF_INET && to->family != AF_INET6)
		return CURL_SOCKET_BAD;
	if (a.six)
		memcpy(a.at, &six->sin6_addr, 16);
	else
		memcpy(a.at, &four->sin_addr, 4);
	if (!may(ctx, &a, ntohs(a.six ? six->sin6_port : four->sin_port)))
		return CURL_SOCKET_BAD;
	return socket(to->family, to->socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, to->protocol);
}

/* About to be sent. The library repeats by itself what it sent on a kept connection that turned out
 * to be dead, whatever the method: what must be sent once is not sent again. */
static int on_ready(void *ctx, char *peer, char *own, int peer_port, int own_port)
{
	struct transfer *t = ctx;
	struct guard_addr a;
	(void)own;
	(void)own_port;
	if (t->reached && t->once) {
		t->twice = true;
		return CURL_PREREQFUNC_ABORT;
	}
	if (!t->all->config.proxy && !guard_addr_read(str_of(peer), &a)) {
		t->refused = "its address cannot be read";
		return CURL_PREREQFUNC_ABORT;
	}
	if (!may(t, &a, (uint16_t)peer_port))
		return CURL_PREREQFUNC_ABORT;
	t->reached = true;
	return CURL_PREREQFUNC_OK;
}

/* ---- what comes --------------------------------------------------------------------------- */

static struct str trimmed(struct str s)
{
	while (s.len && strchr(" \t\r\n", *s.at))
		s = str_n(s.at + 1, s.len - 1);
	while (s.len && strchr(" \t\r\n", s.at[s.len - 1]))
		s.len--;
	return s;
}

static void keep_header(struct transfer *t, struct str name, struct str value)
{
	char *at = t->heads + t->heads_len;
	if (t->n_headers == sizeof t->headers_in / sizeof *t->headers_in || !name.len ||
	    name.len > 128 || value.len > 8192)
		return;
	for (uint32_t i = 0; i < name.len; i++)
		at[i] = (char)(name.at[i] >= 'A' && name.at[i] <= 'Z' ? name.at[i] | 32
		                                                      : name.at[i]);
	memcpy(at + name.len, value.at, value.len);
	t->headers_in[t->n_headers++] =
		(struct fetch_header){ .name = str_n(at, name.len),
		                       .value = str_n(at + name.len, value.len) };
	t->heads_len += name.len + value.len;
	t->moved = t->moved || str_is(str_n(at, name.len), "location");
}

/* A status line begins anew: what came before belonged to a 100 or 103. */
static size_t on_header(char *at, size_t one, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	struct str line = str_n(at, n * one);
	t->heads_total += line.len;
	if (t->heads_total > TRANSFER_HEADS) {
		t->large = true;
		return 0;
	}
	const char *colon = memchr(line.at, ':', line.len);
	if (str_starts(line, "HTTP/")) {
		t->n_headers = t->heads_len = 0;
		t->moved = false;
	} else if (colon) {
		keep_header(t, trimmed(str_n(line.at, colon - line.at)),
		            trimmed(str_n(colon + 1, line.at + line.len - colon - 1)));
	}
	return n * one;
}

static void body_free(struct blob *b)
{
	struct transfer_body *body = (struct transfer_body *)b;
	free(body->at);
	free(body);
}

static bool grow(struct transfer *t, size_t len)
{
	struct transfer_body *b = t->body;
	size_t cap = b->cap ? b->cap : 4096;
	while (cap < len)
		cap *= 2;
	cap = cap > t->most && len <= t->most ? t->most : cap;
	if (cap <= b->cap)
		return true;
	t->full = t->all->held + (cap - b->cap) > t->all->config.held_most;
	char *at = t->full ? NULL : realloc(b->at, cap);
	if (!at)
		return false;
	t->all->held += cap - b->cap;
	b->at = at;
	b->cap = cap;
	return true;
}

static bool is_redirect(struct transfer *t)
{
	long status = 0;
	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	return t->moved && status / 100 == 3;
}

static size_t on_body(char *at, size_t one, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	struct transfer_body *b = t->body;
	curl_off_t told = -1;
	n *= one;
	if (is_redirect(t)) /* nobody reads what it says */
		return n;
	(void)curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &told);
	t->large = n > t->most - b->len || told > (curl_off_t)t->most;
	if (t->large || !grow(t, b->len + n))
		return CURL_WRITEFUNC_ERROR;
	memcpy(b->at + b->len, at, n);
	b->len += n;
	return n;
}

/* ---- setting up --------------------------------------------------------------------------- */

static bool add_header(struct transfer *t, struct str name, struct str value)
{
	struct buf b;
	buf_init(&b, 16384);
	buf_str(&b, name);
	buf_text(&b, value.len ? ": " : ";"); /* so the library writes an empty one */
	buf_str(&b, value);
	buf_char(&b, '\0');
	struct curl_slist *s = buf_err(&b) ? NULL : curl_slist_append(t->headers, b.at);
	buf_done(&b);
	if (s)
		t->headers = s;
	return s != NULL;
}

static bool add_headers(struct transfer *t, const struct transfer_order *o)
{
	bool typed = false;
	for (uint32_t i = 0; i < o->n_headers; i++) {
		const struct fetch_header *h = &o->headers[i];
		typed = typed ||
		        (h->name.len == 12 && !strncasecmp(h->name.at, "content-type", 12));
		if (!add_header(t, h->name, h->value))
			return false;
	}
	/* What the library would add: a pause for 100 Continue, and a type nobody gave. */
	struct curl_slist *s = curl_slist_append(t->headers, "Expect:");
	if (!s)
		return false;
	t->headers = s;
	s = typed ? s : curl_slist_append(t->headers, "Content-Type:");
	if (!s)
		return false;
	t->headers = s;
	return true;
}

/* NAME=ADDRESS, of the setting: as the library takes it, HOST:PORT:ADDRESS,ADDRESS. */
static bool pin(struct transfer *t, const struct guard_url *u)
{
	const char *p = t->all->config.pinned;
	size_t n = strlen(u->host);
	struct buf b;
	bool any = false;
	buf_init(&b, 4096);
	buf_printf(&b, "%s:%u:", u->host, u->port);
	while (p && *(p += strspn(p, ", "))) {
		size_t len = strcspn(p, ", ");
		if (len > n && p[n] == '=' && !strncasecmp(p, u->host, n)) {
			buf_text(&b, any ? "," : "");
			buf_put(&b, p + n + 1, len - n - 1);
			any = true;
		}
		p += len;
	}
	buf_char(&b, '\0');
	if (any && !buf_err(&b))
		t->pinned = curl_slist_append(NULL, b.at);
	buf_done(&b);
	return !any || t->pinned;
}

#define SET(option, value) (!curl_easy_setopt(t->easy, CURLOPT_##option, value))

static bool set_way(struct transfer *t, const struct transfer_order *o)
{
	const struct transfers_config *c = &t->all->config;
	long ms = o->within_us / 1000 < 1 ? 1 : (long)(o->within_us / 1000);
	bool wait = o->url->secure && !o->once; /* for a stream of a connection that may come */
	return SET(PROTOCOLS_STR, "http,https") && SET(PATH_AS_IS, 1L) && SET(NOSIGNAL, 1L) &&
	       SET(QUICK_EXIT, 1L) /* else a stop waits for a slow look-up, with the loop */ &&
	       SET(PROXY, c->proxy ? c->proxy : "") && SET(HTTPPROXYTUNNEL, c->proxy ? 1L : 0L) &&
	       (!c->ca_file || SET(CAINFO, c->ca_file)) &&
	       SET(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
	       SET(HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS) && SET(PIPEWAIT, wait ? 1L : 0L) &&
	       SET(FRESH_CONNECT, o->once ? 1L : 0L) && SET(TIMEOUT_MS, ms) &&
	       SET(CONNECTTIMEOUT_MS, c->connect_ms < ms ? (long)c->connect_ms : ms) &&
	       SET(RESOLVE, t->pinned) && SET(OPENSOCKETFUNCTION, on_open) &&
	       SET(OPENSOCKETDATA, t) && SET(PREREQFUNCTION, on_ready) && SET(PREREQDATA, t) &&
	       SET(CLOSESOCKETFUNCTION, transfers_close) && SET(CLOSESOCKETDATA, t->all);
}

static bool set_method(struct transfer *t, const struct transfer_order *o)
{
	static const char *const names[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" };
	if (o->method == FETCH_METHOD_GET || o->method == FETCH_METHOD_HEAD)
		return o->method == FETCH_METHOD_GET ? SET(HTTPGET, 1L) : SET(NOBODY, 1L);
	if (o->method == FETCH_METHOD_DELETE && !o->body)
		return SET(CUSTOMREQUEST, names[o->method]);
	return SET(POST, 1L) &&
	       SET(POSTFIELDSIZE_LARGE, (curl_off_t)(o->body ? o->body->len : 0)) &&
	       SET(POSTFIELDS, o->body ? o->body->at : "") && SET(CUSTOMREQUEST, names[o->method]);
}

static bool set_up(struct transfer *t, const struct transfer_order *o)
{
	struct buf url;
	buf_init(&url, GUARD_URL_MAX + 256);
	guard_url_write(&url, o->url);
	buf_char(&url, '\0');
	bool ok = !buf_err(&url) && SET(URL, url.at);
	buf_done(&url);
	return ok && add_headers(t, o) && pin(t, o->url) && set_way(t, o) && set_method(t, o) &&
	       SET(HTTPHEADER, t->headers) && SET(USERAGENT, "switchboard (gzip)") &&
	       SET(ACCEPT_ENCODING, "") && SET(HEADERFUNCTION, on_header) && SET(HEADERDATA, t) &&
	       SET(WRITEFUNCTION, on_body) && SET(WRITEDATA, t) && SET(ERRORBUFFER, t->error) &&
	       SET(PRIVATE, t);
}

enum err transfer_begin(struct transfers *all, const struct transfer_order *o,
                        transfer_done_fn *done, struct transfer **ret)
{
	struct transfer *t = malloc(sizeof *t); /* not calloc: its room for headers is large */
	if (!t)
		return ERR_MEMORY;
	memset(t, 0, offsetof(struct transfer, heads));
	t->heads_len = t->heads_total = t->n_headers = 0;
	t->all = all;
	t->link = &all->first;
	t->next = all->first;
	if (t->next)
		t->next->link = &t->next;
	all->first = t;
	t->done = done;
	t->may = o->may;
	t->ctx = o->ctx;
	t->most = o->most;
	t->once = o->once;
	t->begin_us = loop_now_us(all->loop);
	t->sent = blob_ref(o->body);
	t->easy = curl_easy_init();
	t->body = calloc(1, sizeof *t->body);
	if (!t->easy || !t->body || !set_up(t, o) || curl_multi_add_handle(all->multi, t->easy)) {
		transfer_free(t);
		return ERR_MEMORY;
	}
	*ret = t;
	return OK;
}

/* ---- the end ------------------------------------------------------------------------------ */

void transfer_free(struct transfer *t)
{
	*t->link = t->next;
	if (t->next)
		t->next->link = t->link;
	if (t->easy) {
		(void)curl_multi_remove_handle(t->all->multi, t->easy);
		curl_easy_cleanup(t->easy);
	}
	if (t->body) {
		t->all->held -= t->body->cap;
		body_free(&t->body->blob);
	}
	curl_slist_free_all(t->headers);
	curl_slist_free_all(t->pinned);
	blob_unref(t->sent);
	free(t);
}

void transfer_stop(struct transfer **t)
{
	if (*t)
		transfer_free(*t);
	*t = NULL;
}

static enum fetch_trouble trouble_of(const struct transfer *t, CURLcode code)
{
	if (t->large)
		return FETCH_TROUBLE_TOO_LARGE;
	if (t->full)
		return FETCH_TROUBLE_FULL;
	if (t->refused && code && !t->reached)
		return FETCH_TROUBLE_REFUSED;
	switch (code) {
	case CURLE_OK:
		return FETCH_TROUBLE_NONE;
	case CURLE_URL_MALFORMAT:
		return FETCH_TROUBLE_URL;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return FETCH_TROUBLE_RESOLVE;
	case CURLE_COULDNT_CONNECT:
	case CURLE_PROXY:
		return FETCH_TROUBLE_CONNECT;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
		return FETCH_TROUBLE_TLS;
	case CURLE_OPERATION_TIMEDOUT:
		return FETCH_TROUBLE_TIMEOUT;
	case CURLE_FILESIZE_EXCEEDED:
		return FETCH_TROUBLE_TOO_LARGE;
	default:
		return FETCH_TROUBLE_BROKEN;
	}
}

static const char *why_of(const struct transfer *t, CURLcode code)
{
	if (t->large)
		return "the answer is larger than its bound";
	if (t->full)
		return "too many bytes of answers are held already";
	if (t->refused && !t->reached)
		return t->refused;
	if (t->twice)
		return "the connection broke before an answer, and it may not be sent twice";
	return *t->error ? t->error : curl_easy_strerror(code);
}

static uint64_t spent(CURL *easy, CURLINFO what)
{
	curl_off_t us = 0;
	(void)curl_easy_getinfo(easy, what, &us);
	return us > 0 ? (uint64_t)us : 0;
}

static void tell_times(struct transfer *t, struct transfer_result *r)
{
	uint64_t name = spent(t->easy, CURLINFO_NAMELOOKUP_TIME_T);
	uint64_t connect = spent(t->easy, CURLINFO_CONNECT_TIME_T);
	uint64_t tls = spent(t->easy, CURLINFO_APPCONNECT_TIME_T);
	r->name_us = name;
	r->connect_us = connect > name ? connect - name : 0;
	r->tls_us = tls > connect ? tls - connect : 0;
	r->first_us = spent(t->easy, CURLINFO_STARTTRANSFER_TIME_T);
	r->total_us = spent(t->easy, CURLINFO_TOTAL_TIME_T);
}

static void tell_answer(struct transfer *t, struct transfer_result *r)
{
	long status = 0, connects = 0, version = 0;
	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connects);
	(void)curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version);
	(void)curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &r->redirect);
	r->status = (uint32_t)status;
	r->reused = t->reached && !connects;
	r->version = version == CURL_HTTP_VERSION_2_0   ? 20
	             : version == CURL_HTTP_VERSION_1_1 ? 11
	             : version == CURL_HTTP_VERSION_1_0 ? 10
	                                                : 0;
	r->n_headers = t->n_headers;
	memcpy(r->headers, t->headers_in, t->n_headers * sizeof *r->headers);
	for (uint32_t i = 0; i < t->n_headers; i++)
		r->retry_after = r->retry_after || str_is(t->headers_in[i].name, "retry-after");
	r->retry_after_s = (uint32_t)spent(t->easy, CURLINFO_RETRY_AFTER);
}

static struct blob *take_body(struct transfer *t)
{
	struct transfer_body *b = t->body;
	if (!b->len)
		return NULL;
	char *fit = realloc(b->at, b->len);
	b->at = fit ? fit : b->at;
	b->blob =
		(struct blob){ .at = b->at, .len = (uint32_t)b->len, .refs = 1, .free = body_free };
	t->all->held -= b->cap;
	t->body = NULL;
	return &b->blob;
}

void transfer_finish(struct transfer *t, CURLcode code)
{
	struct transfer_result r = { .trouble = trouble_of(t, code), .reached = t->reached };
	tell_times(t, &r);
	if (t->reached)
		tell_answer(t, &r);
	if (r.trouble)
		(void)str_keep(r.why, sizeof r.why, str_of(why_of(t, code)));
	else
		r.body = take_body(t);
	t->done(t->ctx, &r);
	transfer_free(t);
}
