/*
 * fetch.c — any bytes as the address of a request: what is taken has one spelling, which says the
 * same when it is read again, and libcurl reads the host, port and scheme out of it that we did.
 */
#include "actors/fetch/guard.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void must(bool held)
{
	if (!held)
		abort();
}

static void same(CURLU *u, CURLUPart part, const char *ours)
{
	char *theirs = NULL;
	must(curl_url_get(u, part, &theirs, CURLU_DEFAULT_PORT) == CURLUE_OK);
	must(!strcmp(theirs, ours));
	curl_free(theirs);
}

static void read_by_them(const char *text, const struct guard_url *ours)
{
	char host[GUARD_HOST_MAX + 3], port[8];
	bool brackets = ours->literal && ours->addr.six;
	CURLU *u = curl_url();
	must(u && curl_url_set(u, CURLUPART_URL, text, CURLU_PATH_AS_IS) == CURLUE_OK);
	(void)snprintf(host, sizeof host, brackets ? "[%s]" : "%s", ours->host);
	(void)snprintf(port, sizeof port, "%u", ours->port);
	same(u, CURLUPART_SCHEME, ours->secure ? "https" : "http");
	same(u, CURLUPART_HOST, host);
	same(u, CURLUPART_PORT, port);
	curl_url_cleanup(u);
}

static void as_url(struct str text)
{
	struct guard_url u, again;
	const char *why = NULL;
	struct buf b, c;
	if (guard_url(text, &u, &why)) {
		must(why != NULL);
		return;
	}
	buf_init(&b, 8192);
	buf_init(&c, 8192);
	guard_url_write(&b, &u);
	if (b.len <= GUARD_URL_MAX) {
		must(guard_url(buf_view(&b), &again, &why) == OK && guard_same_origin(&u, &again));
		guard_url_write(&c, &again);
		must(str_eq(buf_view(&b), buf_view(&c)));
	}
	buf_char(&b, '\0');
	read_by_them(b.at, &u);
	buf_done(&b);
	buf_done(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct guard g;
	struct str text = str_n((const char *)at, len);
	char word[256];
	as_url(text);
	(void)str_keep(word, sizeof word, text);
	if (!guard_read(str_of(word), str_of(word), len & 1, &g))
		must(g.n_allowed <= GUARD_ALLOWED && g.n_ports <= GUARD_PORTS);
	if (!guard_read(str_of(word), str_of(""), false, &g))
		for (uint32_t i = 0; i < g.n_allowed; i++)
			must(!guard_why(&g, false, &g.allowed[i].addr,
			                g.allowed[i].port ? g.allowed[i].port : 1));
	return 0;
}
