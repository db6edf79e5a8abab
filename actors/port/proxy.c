/*
 * proxy.c — the actor that others see: relays each message to the owner of its child, and says on
 * the bus what the child says in its name. It keeps what it was asked until the child has answered.
 */
#include "actors/port/private.h"
#include "proto/codec.h"
#include <stdio.h>

enum { ASKED_MOST = 128, WITHIN_MS = 30000 };

struct proxy {
	const struct msg *asked[ASKED_MOST]; /* by the tag under which it was carried */
	bool watching;
};

static const struct port_kinds *kinds_of(const struct actor *self)
{
	return actor_kind_data(self);
}

/* ---- in: from the bus to the child --------------------------------------------------------------
 */

static uint32_t free_tag(const struct proxy *p)
{
	for (uint32_t i = 0; i < ASKED_MOST; i++)
		if (!p->asked[i])
			return i;
	return ASKED_MOST;
}

/* What the child answered, checked as any foreign bytes: it must be the reply that the schema
 * names. */
static enum err answer(struct actor *self, const struct msg *asked, const struct msg *m)
{
	if (msg_err(m))
		return actor_refuse(self, asked, msg_err(m) == ERR_FAULT ? ERR_GONE : msg_err(m));
	const struct port_carried *c = port_carried_of(m);
	const struct proto_desc *type = proto_by_number(c->type);
	if (!type || type != asked->type->reply)
		return actor_refuse(self, asked, ERR_TYPE);
	struct port_body body;
	enum err e = port_body_open(&body, type, c->body);
	if (e)
		return actor_refuse(self, asked, e);
	struct blob *blob = blob_ref(m->blob);
	e = actor_reply_move(self, asked, &blob, type, body.at);
	port_body_close(&body);
	return e;
}

static enum err on_carried(struct actor *self, const struct msg *m)
{
	struct proxy *p = actor_state(self);
	uint64_t tag = msg_tag(m);
	return tag < ASKED_MOST && p->asked[tag] ? answer(self, msg_take(&p->asked[tag]), m)
	                                         : msg_err(m); /* an event: nobody waits */
}

static enum err carry(struct actor *self, const struct msg *m, uint64_t tag, uint32_t within_ms)
{
	static char bytes[PORT_CARRY_BODY_MAX]; /* one thread; encoded again before this returns */
	size_t len;
	enum err e = proto_encode(m->type, msg_body(m), bytes, sizeof bytes, &len, NULL);
	if (e)
		return e == ERR_FULL ? ERR_TOO_LARGE : e;
	struct blob *blob = blob_ref(m->blob);
	return actor_ask_to(self, TO(kinds_of(self)->owner_name), &blob, within_ms, on_carried, tag,
	                    MSG(port_carry, .type = m->type->number, .ask = m->flags & MSG_ASK,
	                        .within_ms = within_ms, .body = str_n(bytes, len),
	                        .actor = actor_name(self)));
}

static enum err on_any(struct actor *self, const struct msg *m)
{
	struct proxy *p = actor_state(self);
	if (!(m->flags & MSG_ASK))
		return carry(self, m, ASKED_MOST, WITHIN_MS);
	uint32_t tag = free_tag(p);
	if (tag == ASKED_MOST)
		return ERR_BUSY;
	uint64_t now = actor_now_us(self);
	uint64_t left = m->deadline_us > now ? (m->deadline_us - now) / 1000 + 1 : 0;
	enum err e = carry(self, m, tag, m->deadline_us ? (uint32_t)left : WITHIN_MS);
	if (!e)
		p->asked[tag] = msg_hold(self, m);
	return e;
}

/* ---- out: from the child to the bus -------------------------------------------------------------
 */

static enum err tell(struct actor *self, const struct msg *say, const struct msg *m)
{
	if (msg_err(m))
		return actor_refuse(self, say, msg_err(m));
	static char bytes[PORT_SAID_BODY_MAX];
	size_t len;
	enum err e = proto_encode(m->type, msg_body(m), bytes, sizeof bytes, &len, NULL);
	if (e)
		return actor_refuse(self, say, e);
	struct blob *blob = blob_ref(m->blob);
	return actor_reply_move(self, say, &blob,
	                        MSG(port_said, .type = m->type->number, .body = str_n(bytes, len)));
}

/* The tag of an ask made for the child is the address of the held port.say: it is held exactly
 * once, and its answer comes exactly once. */
static enum err on_asked(struct actor *self, const struct msg *m)
{
	return tell(self, (const struct msg *)(uintptr_t)msg_tag(m), m);
}

static enum err ask_for_child(struct actor *self, const struct msg *m, const struct port_say *s,
                              const struct proto_desc *type, const void *body)
{
	const struct msg *held = msg_hold(self, m);
	struct blob *blob = blob_ref(m->blob);
	enum err e = actor_ask_to(self, TO(s->to), &blob, s->within_ms ? s->within_ms : WITHIN_MS,
	                          on_asked, (uint64_t)(uintptr_t)held, type, body);
	return e ? actor_refuse(self, held, e) : OK;
}

static enum err on_say(struct actor *self, const struct msg *m)
{
	const struct port_say *s = port_say_of(m);
	if (s->end) {
		actor_exit(self);
		return actor_reply(self, m, MSG(port_said));
	}
	const struct proto_desc *type = proto_by_number(s->type);
	if (!type)
		return ERR_TYPE;
	struct port_body body;
	enum err e = port_body_open(&body, type, s->body);
	if (e)
		return e;
	struct blob *blob = s->ask ? NULL : blob_ref(m->blob);
	if (!s->to.len)
		e = actor_publish(self, type, body.at);
	else if (s->ask)
		e = ask_for_child(self, m, s, type, body.at);
	else
		e = actor_send_to(self, TO(s->to), &blob, type, body.at);
	blob_unref(blob);
	port_body_close(&body);
	return e || s->ask ? e : actor_reply(self, m, MSG(port_said));
}

/* ---- life ---------------------------------------------------------------------------------------
 */

/* The child has ended, and with it all that this actor knew: whoever comes next begins anew. */
static enum err on_owner_gone(struct actor *self, const struct msg *m)
{
	(void)m;
	actor_exit(self);
	return OK;
}

static enum err on_start(struct actor *self)
{
	return actor_watch(self, kinds_of(self)->owner_name, on_owner_gone);
}

static const struct actor_on takes[] = {
	{ &port_say_desc, on_say },
	{ 0 },
};

void port_proxy_kind(struct port_kinds *k)
{
	k->proxy = (struct actor_kind){
		.name = k->spec->kind,
		.doc = "an actor played by a program behind a port",
		.state = sizeof(struct proxy),
		.start = on_start,
		.takes = takes,
		.any = on_any,
		.place = k->spec->place,
		.mailbox = { .depth = 256, .full = FULL_REFUSE },
		.restart = { RESTART_NEVER },
		.asks = 2 * ASKED_MOST,
		.holds = 2 * ASKED_MOST,
		.data = k,
	};
}
