/*
 * dial_answer.c — what the other end says to the request, or the proxy to CONNECT: see dial.h.
 */
#include "gateway/dial.h"
#include <stdio.h>

enum { BODY_MS = 500 /* a refusal's body may take so long */ };

static bool body_whole(const struct dial *d)
{
	size_t here = d->answer.len - d->head.bytes;
	return here >= DIAL_BODY_MAX || (d->head.length != UINT32_MAX && here >= d->head.length);
}

static void refused(struct wire *w)
{
	struct dial *d = w->dial;
	uint64_t soon = w->all->now_us + BODY_MS * UINT64_C(1000);
	d->step = DIAL_REFUSED;
	w->due_us = soon < w->due_us ? soon : w->due_us;
	if (body_whole(d))
		dial_fail_with(w, d->head.status, str_of(d->head.why));
}

/* The proxy's answer to CONNECT; behind it nothing can have come: the other end waits for us. */
static void proxy_answered(struct wire *w)
{
	struct dial *d = w->dial;
	char why[64];
	if (d->head.status / 100 == 2 && d->answer.len == d->head.bytes) {
		buf_clear(&d->answer);
		dial_secure(w);
		return;
	}
	(void)snprintf(why, sizeof why, "the proxy refused: %d", d->head.status);
	dial_fail(w, why);
}

static void look_at_answer(struct wire *w)
{
	struct dial *d = w->dial;
	if (d->step == DIAL_REFUSED) {
		if (body_whole(d))
			dial_fail_with(w, d->head.status, str_of(d->head.why));
		return;
	}
	if (!handshake_answer(buf_view(&d->answer), d->key, str_of(d->protocol), &d->head))
		return;
	if (!d->head.status)
		dial_fail(w, d->head.why);
	else if (d->step == DIAL_PROXY)
		proxy_answered(w);
	else if (!d->head.why)
		dial_opened(w);
	else if (d->head.status == 101)
		dial_fail_with(w, 101, str_of(d->head.why));
	else
		refused(w);
}

void dial_hear(struct wire *w)
{
	struct dial *d = w->dial;
	size_t n;
	enum wire_read_is is = wire_recv(w, &n);
	if (is == WIRE_NOTHING)
		return;
	if (is == WIRE_GOT) {
		buf_put(&d->answer, w->all->room, n);
		if (buf_err(&d->answer))
			dial_fail(w, "the answer is too long");
		else
			look_at_answer(w);
	} else if (d->step == DIAL_REFUSED) {
		dial_fail_with(w, d->head.status, str_of(d->head.why));
	} else {
		dial_fail(w, is == WIRE_END ? "the other end closed without an answer"
		                            : "the connection broke");
	}
}
