/*
 * message_route.c — the way of a ROUTE() line: path, query and body fill the message, its actor is
 * asked, the reply is the answer. No code for each route.
 */
#include "gateway/inside.h"
#include "proto/fill.h"
#include <stdalign.h>

/* Lists of a JSON body take more room as structs than as text: "[{},{}]". Measured by nothing: an
 * arena that is full is ERR_TOO_LARGE, so this only has to be generous. */
enum { GROWTH = 16, SPARE = 4096 };

static enum err on_reply(struct actor *self, const struct msg *m)
{
	struct exchange *x = exchange_of(self, m);
	if (!x)
		return OK;
	if (msg_err(m))
		return exchange_refuse(x, msg_err(m), NULL);
	return exchange_reply(x, 200, m->type, msg_body(m));
}

static enum err fill_all(struct exchange *x, struct fill *f, struct json_error *ret_error)
{
	enum err e = OK;
	for (uint32_t i = 0; i < x->match.n_params && !e; i++) {
		char name[64];
		str_keep(name, sizeof name, x->match.params[i].name);
		e = fill_param(f, name, x->match.params[i].value, ret_error);
	}
	if (!e)
		e = fill_query(f, x->visit.request->head.query, ret_error);
	if (!e && exchange_body(x).len)
		e = fill_json(f, exchange_body(x), ret_error);
	return e ? e : fill_end(f, ret_error);
}

enum err message_route(struct exchange *x)
{
	const struct route *route = x->match.route;
	const struct http_request *r = x->visit.request;
	size_t size = (route->takes->size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	size_t room = SPARE + r->head.path.len + r->head.query.len + (size_t)GROWTH * r->body.len;
	char *body = exchange_state(x, size + room);
	if (!body)
		return ERR_MEMORY;
	struct arena arena = { .at = body + size, .len = (uint32_t)room };
	struct json_error error = { 0 };
	struct fill f;
	fill_init(&f, route->takes, JSON_REQUEST, &arena, body);
	enum err e = fill_all(x, &f, &error);
	if (e)
		return exchange_problem(x, &(struct problem){ .err = e, .field = &error });
	return exchange_ask_to(x, TO(route->to), on_reply, 0, route->takes, body);
}
