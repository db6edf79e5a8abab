/*
 * dialogue.c — what the owner of a port says to its child and hears from it.
 *
 * A child is a stranger: it may answer what was not asked (borne a few times), speak as another
 * kind or for a business it has nothing to do with (its end), ask more than is good (ERR_BUSY), or
 * send a body that is none (found by the proxy that decodes it, which refuses it).
 */
#include "actors/port/owner.h"
#include "proto/codec.h"

enum {
	SAYS_MOST = 64,    /* asks of the child under way to the bus */
	STRIKES_MOST = 16, /* harmless nonsense that is borne in one child's life */
	VERSION = 1,
	WITHIN_MS = 30000,
};

/* ---- to the child -------------------------------------------------------------------------------
 */

/* One packet: [u32][envelope][body][blob]. */
static enum err write_packet(struct owner *o, const struct packet_envelope *envelope,
                             struct str body, struct str blob)
{
	char head[1024], *at;
	size_t len;
	struct packet_envelope e = *envelope;
	e.blob_len = blob.len;
	enum err err = proto_encode(&packet_envelope_desc, &e, head, sizeof head, &len, NULL);
	if (err)
		return err;
	uint64_t all = 4 + len + body.len + (uint64_t)blob.len;
	err = all > FRAMES_MOST ? ERR_TOO_LARGE : frames_put(&o->io, (uint32_t)all, &at);
	if (err)
		return err == ERR_FULL ? ERR_BUSY : err;
	memcpy(at + 4, head, len);
	if (body.len)
		memcpy(at + 4 + len, body.at, body.len);
	if (blob.len)
		memcpy(at + 4 + len + body.len, blob.at, blob.len);
	actor_wake(o->io_waker);
	return OK;
}

enum err port_write(struct owner *o, const struct proto_desc *type, const void *struct_body)
{
	char body[512];
	size_t len;
	enum err e = proto_encode(type, struct_body, body, sizeof body, &len, NULL);
	return e ? e
	         : write_packet(o, &(struct packet_envelope){ .type = type->number },
	                        str_n(body, len), (struct str){ 0 });
}

static uint64_t id_of(const struct owner *o, const struct carried *c)
{
	return (uint64_t)c->gen << 16 | (uint64_t)(c - o->asked + 1);
}

static enum err write_carried(struct actor *self, struct carried *slot)
{
	struct owner *o = actor_state(self);
	const struct msg *m = slot->asked;
	const struct port_carry *c = port_carry_of(m);
	struct packet_envelope e = {
		.type = c->type,
		.flags = c->ask ? MSG_ASK : 0,
		.id = id_of(o, slot),
		.to_name = c->actor,
		.business = m->business,
		.principal = m->principal,
		.deadline_ms = c->within_ms,
		.span = m->trace.span,
		.sampled = m->trace.sampled,
		.trace_id =
			m->trace.span ? str_n((const char *)m->trace.id, 16) : (struct str){ 0 },
	};
	enum err err = write_packet(o, &e, c->body, msg_blob(m));
	if (err)
		return err;
	slot->sent = true;
	return OK;
}

static void release(struct owner *o, struct carried *slot)
{
	slot->gen++;
	slot->sent = false;
	o->waiting--;
}

/* An event is done once it is queued; an ask stays until the child answers. */
static enum err pass_on(struct actor *self, struct carried *slot)
{
	struct owner *o = actor_state(self);
	enum err e = write_carried(self, slot);
	if (!e && port_carry_of(slot->asked)->ask)
		return OK;
	release(o, slot);
	const struct msg *m = msg_take(&slot->asked);
	return e ? actor_refuse(self, m, e) : actor_reply(self, m, MSG(port_carried));
}

enum err port_on_carry(struct actor *self, const struct msg *m)
{
	struct owner *o = actor_state(self);
	if (o->waiting == ASKED_MOST)
		return ERR_BUSY;
	struct carried *slot = o->asked;
	while (slot->asked)
		slot++;
	slot->asked = msg_hold(self, m);
	o->waiting++;
	return o->ready ? pass_on(self, slot) : OK; /* not yet ready: it goes with the welcome */
}

void port_expire(struct actor *self)
{
	struct owner *o = actor_state(self);
	for (uint32_t i = 0; i < ASKED_MOST; i++) {
		struct carried *slot = &o->asked[i];
		if (!slot->asked || !slot->asked->deadline_us ||
		    slot->asked->deadline_us > actor_now_us(self))
			continue;
		release(o, slot);
		const struct msg *m = msg_take(&slot->asked);
		if (actor_refuse(self, m, ERR_TIMEOUT))
			actor_log(self, LOG_DEBUG, "expired slot=%u", i);
	}
}

/* ---- from the child -----------------------------------------------------------------------------
 */

static enum err strike(struct actor *self, const char *what)
{
	struct owner *o = actor_state(self);
	actor_log(self, LOG_WARN, "nonsense what=\"%s\" strikes=%u", what, ++o->strikes);
	return o->strikes > STRIKES_MOST
	               ? actor_fault(self, "the child keeps sending nonsense: %s", what)
	               : OK;
}

static enum err on_hello(struct actor *self, const struct packet *p)
{
	struct owner *o = actor_state(self);
	struct port_body body;
	if (o->ready)
		return actor_fault(self, "the child said hello twice");
	if (p->type != &port_hello_desc || port_body_open(&body, p->type, p->body))
		return actor_fault(self, "the child did not say hello first");
	const struct port_hello *h = body.at;
	bool plays = false;
	for (uint32_t i = 0; i < h->kinds.n; i++)
		plays |= str_is(h->kinds.at[i], spec_of(self)->kind);
	uint32_t version = h->version;
	actor_log(self, LOG_INFO, "hello program=%.*s version=%u layers=%u", STR(h->name), version,
	          o->child.layers);
	port_body_close(&body);
	if (version != VERSION)
		return actor_fault(self, "the child speaks version %u, not %u", version, VERSION);
	if (!plays)
		return actor_fault(self, "the child does not play %s", spec_of(self)->kind);
	enum err e = port_write(o, MSG(port_welcome, .node = str_of(actor_node(self)),
	                               .kind = str_of(spec_of(self)->kind), .most = FRAMES_MOST));
	if (e)
		return e;
	o->ready = true;
	for (uint32_t i = 0; i < ASKED_MOST && !e; i++)
		if (o->asked[i].asked)
			e = pass_on(self, &o->asked[i]);
	return e;
}

static enum err on_answer(struct actor *self, const struct packet *p)
{
	struct owner *o = actor_state(self);
	uint64_t re = p->envelope.re, index = re & 0xffff;
	struct carried *slot = index && index <= ASKED_MOST ? &o->asked[index - 1] : NULL;
	if (!slot || !slot->asked || !slot->sent || id_of(o, slot) != re)
		return strike(self, "an answer to what was not asked");
	release(o, slot);
	const struct msg *m = msg_take(&slot->asked);
	if (p->envelope.err)
		return actor_refuse(self, m, (enum err)p->envelope.err);
	if (p->body.len > PORT_CARRIED_BODY_MAX)
		return actor_refuse(self, m, ERR_TOO_LARGE);
	struct blob *blob = p->blob.len ? blob_copy(p->blob.at, p->blob.len) : NULL;
	return actor_reply_move(self, m, &blob,
	                        MSG(port_carried, .type = p->envelope.type, .body = p->body));
}

/* What came of something the child said: back to it under its own number. Nothing to tell beyond
 * "taken" is a pong. */
static enum err answer_child(struct owner *o, uint64_t re, enum err err, uint32_t type,
                             struct str body, struct str blob)
{
	static const char empty_map = (char)0x80; /* the body of a message without fields */
	struct packet_envelope e = { .flags = MSG_ANSWER, .re = re, .err = err, .type = type };
	if (!err && !type) {
		e.type = port_pong_desc.number;
		body = str_n(&empty_map, 1);
	}
	return write_packet(o, &e, body, blob);
}

static enum err on_said(struct actor *self, const struct msg *m)
{
	struct owner *o = actor_state(self);
	const struct str none = { 0 };
	o->says--;
	if (msg_err(m))
		return answer_child(o, msg_tag(m), msg_err(m), 0, none, none);
	const struct port_said *s = port_said_of(m);
	return answer_child(o, msg_tag(m), OK, s->type, s->body, msg_blob(m));
}

static enum err refuse_child(struct owner *o, const struct packet *p, enum err why)
{
	const struct str none = { 0 };
	return answer_child(o, p->envelope.id, why, 0, none, none);
}

/* A tenant enters the system at its doors only: a child speaks for those it is being asked for. */
static bool may_speak_for(struct actor *self, uint64_t business)
{
	const struct owner *o = actor_state(self);
	bool may = !business || spec_of(self)->any_tenant;
	for (uint32_t i = 0; i < ASKED_MOST && !may; i++)
		may = o->asked[i].asked && o->asked[i].asked->business == business;
	return may;
}

/* The proxy it speaks as: KIND or KIND/key, nobody else. */
static bool may_speak_as(struct actor *self, struct str name)
{
	const char *kind = spec_of(self)->kind;
	size_t n = strlen(kind);
	return str_starts(name, kind) && (name.len == n || name.at[n] == '/');
}

static enum err on_say(struct actor *self, const struct packet *p)
{
	struct owner *o = actor_state(self);
	const struct packet_envelope *e = &p->envelope;
	if (!may_speak_as(self, e->from_name))
		return actor_fault(self, "the child spoke as %.*s", STR(e->from_name));
	if (!may_speak_for(self, e->business))
		return actor_fault(self, "the child spoke for business %llu",
		                   (unsigned long long)e->business);
	if (o->says == SAYS_MOST)
		return refuse_child(o, p, ERR_BUSY);
	if (p->body.len > PORT_SAY_BODY_MAX)
		return refuse_child(o, p, ERR_TOO_LARGE);
	uint32_t within_ms = e->deadline_ms ? e->deadline_ms : WITHIN_MS;
	actor_act_for(self, e->business, e->principal, NULL);
	struct blob *blob = p->blob.len ? blob_copy(p->blob.at, p->blob.len) : NULL;
	enum err err = actor_ask_to(self, TO(e->from_name), &blob, within_ms, on_said, e->id,
	                            MSG(port_say, .to = e->to_name, .type = e->type,
	                                .ask = e->flags & MSG_ASK, .end = e->flags & MSG_CONTROL,
	                                .within_ms = within_ms, .body = p->body));
	if (err)
		return refuse_child(o, p, err);
	o->says++;
	return OK;
}

/* A line for the log, in the child's own words. */
static enum err on_log(struct actor *self, const struct packet *p)
{
	struct port_body body;
	if (port_body_open(&body, p->type, p->body))
		return strike(self, "a log line that is none");
	const struct port_log *l = body.at;
	actor_log(self, (enum actor_level)l->level, "%.*s", STR(l->text));
	port_body_close(&body);
	return OK;
}

enum err port_packet(struct actor *self, const struct packet *p)
{
	struct owner *o = actor_state(self);
	o->missed = 0;
	if (!o->ready || p->type == &port_hello_desc)
		return on_hello(self, p);
	if (p->envelope.flags & MSG_ANSWER)
		return on_answer(self, p);
	if (p->envelope.from_name.len) /* an actor of its speaks, not the child itself */
		return p->type ? on_say(self, p) : refuse_child(o, p, ERR_TYPE);
	if (p->type == &port_pong_desc)
		return OK;
	if (p->type == &port_ping_desc)
		return port_write(o, MSG(port_pong));
	if (p->type == &port_log_desc)
		return on_log(self, p);
	return strike(self, "a message in nobody's name");
}
