/*
 * route.c — route.h.
 */
#include "gateway/route.h"
#include "proto/http.h"
#include "proto/query.h"
#include "proto/wa.h"
#include <stdio.h>

#define none_desc (*(const struct proto_desc *)NULL)
#define PERMIT_OPEN                                                                                \
	{                                                                                          \
		PERMIT_KIND_OPEN, NULL                                                             \
	}
#define PERMIT_SIGNED                                                                              \
	{                                                                                          \
		PERMIT_KIND_SIGNED, NULL                                                           \
	}
#define PERMIT_LOOPBACK_OR(to)                                                                     \
	{                                                                                          \
		PERMIT_KIND_LOOPBACK_OR, to                                                        \
	}
#define PERMIT_KEY(to)                                                                             \
	{                                                                                          \
		PERMIT_KIND_KEY, to                                                                \
	}

const struct route routes[] = {
#define ROUTE(method_, path_, message_, to_, permit_, doc_)                                        \
	{ .method = HTTP_##method_,                                                                \
	  .method_name = #method_,                                                                 \
	  .path = path_,                                                                           \
	  .takes = &message_##_desc,                                                               \
	  .to = to_,                                                                               \
	  .permit = permit_,                                                                       \
	  .body_max = ROUTE_BODY,                                                                  \
	  .within_ms = ROUTE_ANSWER_MS,                                                            \
	  .doc = doc_ },
#define ROUTE_FN(method_, path_, takes_, gives_, function_, permit_, kb_, ms_, doc_)               \
	{ .method = HTTP_##method_,                                                                \
	  .method_name = #method_,                                                                 \
	  .path = path_,                                                                           \
	  .takes = &takes_##_desc,                                                                 \
	  .gives = &gives_##_desc,                                                                 \
	  .run = function_,                                                                        \
	  .permit = permit_,                                                                       \
	  .body_max = (kb_)*1024,                                                                  \
	  .within_ms = ms_,                                                                        \
	  .doc = doc_ },
#define ROUTE_WS(path_, function_, permit_, protocols_, kb_, doc_)                                 \
	{ .method = HTTP_GET,                                                                      \
	  .method_name = "GET",                                                                    \
	  .path = path_,                                                                           \
	  .run = function_,                                                                        \
	  .permit = permit_,                                                                       \
	  .protocols = protocols_,                                                                 \
	  .body_max = (kb_)*1024,                                                                  \
	  .within_ms = ROUTE_ANSWER_MS,                                                            \
	  .doc = doc_ },
#include "gateway/routes.def"
};
const uint32_t routes_n = sizeof routes / sizeof *routes;

/* Cuts the next segment off, without its slash; false at the end. */
static bool segment(struct str *path, struct str *ret)
{
	if (!path->len)
		return false;
	const char *at = path->at + 1;
	uint32_t left = path->len - 1;
	const char *slash = left ? memchr(at, '/', left) : NULL;
	uint32_t n = slash ? (uint32_t)(slash - at) : left;
	*ret = str_n(at, n);
	*path = str_n(at + n, left - n);
	return true;
}

/* Does the path fit? Its parameters go to `m`, their bytes to the arena. */
static bool fits(const struct route *r, struct str path, struct arena *a, struct route_match *m)
{
	struct str pattern = str_of(r->path), want, got, value;
	m->n_params = 0;
	while (segment(&pattern, &want)) {
		if (!segment(&path, &got) || query_decode_path(got, a, &value))
			return false;
		if (!want.len || want.at[0] != '{') {
			if (!str_eq(want, value))
				return false;
		} else if (!value.len || m->n_params == ROUTE_PARAMS) {
			return false;
		} else {
			m->params[m->n_params++] =
				(struct route_param){ str_n(want.at + 1, want.len - 2), value };
		}
	}
	return !path.len;
}

void route_find(enum http_method method, struct str path, struct arena *a, struct route_match *ret)
{
	unsigned methods = 0;
	if (method == HTTP_HEAD)
		method = HTTP_GET;
	for (uint32_t i = 0; i < routes_n; i++) {
		struct route_match m = { .route = &routes[i] };
		uint32_t used = a->used;
		bool here = fits(&routes[i], path, a, &m);
		if (here)
			methods |=
				routes[i].method | (routes[i].method == HTTP_GET ? HTTP_HEAD : 0u);
		if (here && routes[i].method == method) {
			m.methods = methods;
			*ret = m;
			return;
		}
		a->used = used;
	}
	*ret = (struct route_match){ .methods = methods };
}

void route_allow(unsigned methods, char *to, size_t cap)
{
	static const char *const names[] = { "GET",   "HEAD",   "POST",   "PUT",
		                             "PATCH", "DELETE", "OPTIONS" };
	size_t n = 0;
	*to = '\0';
	methods |= HTTP_OPTIONS;
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (methods & 1u << i && n < cap)
			n += (size_t)snprintf(to + n, cap - n, "%s%s", n ? ", " : "", names[i]);
}
