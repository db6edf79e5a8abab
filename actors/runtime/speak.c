/*
 * speak.c — send, ask, forward, publish: from a struct on the sender's stack to a message in a
 * mailbox, here or on the way to another node.
 */
#include "actors/runtime/runtime.h"

static inline bool declared(const struct hosted *h, const struct proto_desc *type)
{
	return h->sends_any || rows_find(&h->sends, type);
}

enum err may_send(struct actor *self, const struct proto_desc *type)
{
	if (!declared(self->hosted, type))
		return actor_fault(self, "sends_undeclared type=%s", type->full);
	/* What a broken actor says is not to be believed; its stop handler may say goodbye. */
	return self->end == END_FAULT && self->life != LIFE_ENDS ? ERR_FAULT : OK;
}

static inline const struct context *about_of(const struct node *n, const struct actor *self)
{
	return likely(n->hand.self == self) ? n->hand.about : &context_none;
}

/* Whose message, on whose behalf, in which trace: each hop is a span of its own. */
static inline void address(struct msg *m, struct node *n, const struct actor *self, uint8_t flags)
{
	m->flags = flags;
	m->id = ++n->last_id;
	if (!self)
		return;
	const struct context *about = about_of(n, self);
	m->from = self->ref;
	m->business = about->business;
	m->principal = about->principal;
	if (about->trace.span) {
		m->trace = about->trace;
		m->trace.span = rng_next(&n->rng);
	}
}

enum err speak_new(struct node *n, struct actor *self, const struct proto_desc *type,
                   const void *body, struct blob *blob, uint8_t flags, struct msg **ret)
{
	const struct proto_field *field;
	struct msg *m;
	if (blob && blob->len > type->blob)
		return ERR_TOO_LARGE;
	enum err e = msg_new(type, body, &m, &field);
	if (e)
		return e;
	m->blob = blob;
	address(m, n, self, flags);
	*ret = m;
	return OK;
}

/* ---- one way ------------------------------------------------------------------------------------
 */

/* Takes m. */
static enum err carry(struct node *n, struct actor *self, struct msg *m, const struct to *to,
                      const struct route *r)
{
	if (r->actor) {
		m->to = r->actor->ref;
		return mailbox_put(r->actor, m);
	}
	m->to = to->name.len ? (struct ref){ .node = r->peer } : to->ref;
	enum err e = far_send(n, r->peer, m, self ? name_of(self) : (struct str){ 0 }, to->name);
	msg_unref(m);
	return e;
}

/* A full mailbox that refuses is known before anything is copied. */
static enum err check_room(const struct route *r, bool ask)
{
	struct actor *a = r->actor;
	if (!a || !a->most || !mailbox_full(a) || a->hosted->kind->mailbox.full != FULL_REFUSE)
		return OK;
	a->node->stats.rejected++;
	a->hosted->stats.rejected++;
	return ask ? ERR_BUSY : ERR_FULL;
}

static struct blob *blob_of(struct blob **b)
{
	struct blob *blob = b ? *b : NULL;
	if (b)
		*b = NULL;
	return blob;
}

/* What msg_begin() leaves, all but where to: each field once, as clearing a header and then filling
 * it in is a third of a send. */
static inline void envelope(struct msg *m, struct node *n, const struct actor *self)
{
	const struct context *about = about_of(n, self);
	m->from = self->ref;
	m->id = ++n->last_id;
	memcpy(&m->business, about, offsetof(struct context, deadline_us)); /* and principal */
	if (about->trace.span) { /* by its parts, as it was written: read whole it would stall */
		memcpy(m->trace.id, about->trace.id, sizeof m->trace.id);
		m->trace.span = rng_next(&n->rng);
		m->trace.sampled = about->trace.sampled;
	}
}

/* To another node a body is encoded where it stands; ERR_TOO_LARGE: it needs a block. */
static enum err send_far(struct node *n, const struct actor *self, const struct to *to,
                         uint32_t peer, const struct proto_desc *type, const void *body)
{
	struct msg head;
	msg_begin(&head, &(struct msg_stamp){ .type = type, .refs = 1, .class = MSG_POOL_NONE },
	          sizeof head);
	envelope(&head, n, self);
	head.to.node = peer;
	head.to.slot = to->ref.slot;
	head.to.gen = to->ref.gen;
	head.from_name = name_of(self);
	head.to_name = to->name;
	return far_send_body(n, peer, &head, body);
}

static enum err send_to(struct node *n, struct actor *self, const struct to *to, struct blob *blob,
                        const struct proto_desc *type, const void *body)
{
	struct route r;
	struct msg *m;
	enum err e = route(n, to, true, &r);
	if (!e)
		e = check_room(&r, false);
	if (!e && r.peer && self && !blob) {
		e = send_far(n, self, to, r.peer, type, body);
		if (e != ERR_TOO_LARGE)
			return e;
		e = OK;
	}
	if (!e)
		e = speak_new(n, self, type, body, blob, 0, &m);
	if (e) {
		blob_unref(blob);
		return e;
	}
	return carry(n, self, m, to, &r);
}

enum err actor_send_to(struct actor *self, const struct to *to, struct blob **b,
                       const struct proto_desc *type, const void *body)
{
	struct blob *blob = blob_of(b);
	enum err e = may_send(self, type);
	if (e) {
		blob_unref(blob);
		return e;
	}
	return send_to(self->node, self, to, blob, type, body);
}

static __attribute__((noinline)) enum err send_slow(struct actor *self, uint32_t node,
                                                    uint32_t slot, uint32_t gen,
                                                    const struct proto_desc *type, const void *body)
{
	struct ref to = { .node = node, .slot = slot, .gen = gen };
	return actor_send_to(self, TO(to), NULL, type, body);
}

/* A body with texts, to somebody here who has room. */
static __attribute__((noinline)) enum err send_views(struct node *n, struct actor *self,
                                                     struct actor *a, const struct msg_stamp *s,
                                                     const void *body)
{
	uint32_t class = s->class, size = s->size;
	struct msg *m = NULL;
	if (s->n_views != MSG_STAMP_NOT && msg_plan_views(s, body, &class, &size))
		m = msg_pool_waiting(class);
	if (unlikely(!m))
		return send_slow(self, a->ref.node, a->ref.slot, a->ref.gen, s->type, body);
	msg_begin(m, s, size);
	m->class = (uint8_t) class;
	envelope(m, n, self);
	m->to = a->ref;
	msg_fill(m, s, body);
	return mailbox_push(n, a, m);
}

/* Nearly always: a message of up to a kilobyte, of a type that the kind lists, by ref, to somebody
 * here who has room, and a block waits. Everything else takes the long way, and this one does
 * nothing that that one does not. It calls nobody but to end with it, so that values stay in
 * registers: with calls in its midst it was 150 instructions, without them 130, and without the
 * bodies that hold texts, which send_views() has to itself, 103. */
enum err actor_send_parts(struct actor *self, uint32_t node, uint32_t slot, uint32_t gen,
                          const struct proto_desc *type, const void *body)
{
	struct node *n = self->node;
	struct actor *a = node ? NULL : slot_actor(n, slot, gen);
	const struct row *row = row_at_home(&self->hosted->sends, type);
	if (unlikely(!a || mailbox_full(a) || self->end || row->stamp.type != type))
		return send_slow(self, node, slot, gen, type, body);
	const struct msg_stamp *s = &row->stamp;
	if (s->n_views)
		return send_views(n, self, a, s, body);
	struct msg *m = msg_pool_waiting(s->class);
	if (unlikely(!m))
		return send_slow(self, node, slot, gen, type, body);
	msg_begin(m, s, s->size);
	envelope(m, n, self);
	m->to = a->ref;
	msg_fill_plain(m, s, body);
	return mailbox_push(n, a, m);
}

enum err node_send_to(struct node *n, const struct to *to, const struct proto_desc *type,
                      const void *body)
{
	return send_to(n, NULL, to, NULL, type, body);
}

enum err actor_publish(struct actor *self, const struct proto_desc *type, const void *body)
{
	struct node *n = self->node;
	struct msg *m;
	enum err e = may_send(self, type);
	if (!e)
		e = speak_new(n, self, type, body, NULL, MSG_EVENT, &m);
	if (e)
		return e;
	topic_deliver(n, m);
	if (n->bus && bus_wanted(n->bus, type)) {
		m->from_name = name_of(self);
		if (bus_publish(n->bus, m) != OK) /* no hub, or it does not keep up: at most once */
			n->stats.lost++;
		m->from_name = (struct str){ 0 };
	}
	msg_unref(m);
	return OK;
}

/* ---- asking
 * --------------------------------------------------------------------------------------- */

/* Now, or the deadline of what is being handled if that is sooner. */
static enum err deadline(const struct node *n, const struct hand *hand, uint32_t within_ms,
                         uint64_t *ret_us)
{
	uint64_t due = n->now_us + within_ms * 1000ull;
	if (hand && hand->about->deadline_us && hand->about->deadline_us < due)
		due = hand->about->deadline_us;
	if (due <= n->now_us)
		return ERR_TIMEOUT;
	*ret_us = due;
	return OK;
}

/* Takes the blob. `a` is filled in but for route and message, and undone on failure. */
static enum err ask_send(struct node *n, struct actor *self, struct ask *a, const struct to *to,
                         struct blob *blob, uint64_t due_us, const void *body)
{
	struct route r;
	struct msg *m;
	enum err e = route(n, to, true, &r);
	if (!e)
		e = check_room(&r, true);
	if (!e)
		e = speak_new(n, self, a->type, body, blob, MSG_ASK, &m);
	if (e) {
		blob_unref(blob);
	} else {
		m->id = a->id;
		m->deadline_us = due_us;
		a->peer = r.peer;
		e = carry(n, self, m, to, &r);
	}
	if (e)
		ask_undo(n, a);
	else
		ask_deadline(n, a, due_us);
	return e;
}

enum err actor_ask_to(struct actor *self, const struct to *to, struct blob **b, uint32_t within_ms,
                      actor_fn *answer, uint64_t tag, const struct proto_desc *type,
                      const void *body)
{
	struct node *n = self->node;
	struct hand *hand = hand_of(self);
	struct blob *blob = blob_of(b);
	struct ask *a;
	uint64_t due;
	enum err e = may_send(self, type);
	if (!e && self->life == LIFE_ENDS)
		e = ERR_STOPPING;
	if (!e)
		e = deadline(n, hand, within_ms, &due);
	if (!e)
		e = ask_new(n, self, ASK_ACTOR, &a);
	if (e) {
		blob_unref(blob);
		return e;
	}
	a->fn = answer;
	a->tag = tag;
	a->type = type;
	if (hand)
		a->about = *hand->about;
	return ask_send(n, self, a, to, blob, due, body);
}

enum err node_ask_to(struct node *n, const struct to *to, uint32_t within_ms,
                     node_answer_fn *answer, void *ctx, const struct proto_desc *type,
                     const void *body)
{
	struct ask *a;
	enum err e = n->stopping ? ERR_STOPPING : ask_new(n, NULL, ASK_HOST, &a);
	if (e)
		return e;
	a->type = type;
	a->host = answer;
	a->host_ctx = ctx;
	return ask_send(n, NULL, a, to, NULL, n->now_us + within_ms * 1000ull, body);
}

/* ---- forwarding
 * ------------------------------------------------------------------------------------ */

/* Another node's ask goes to a third: that one cannot answer the asker, whom it numbers otherwise
 * or does not know. So we ask in our name, and hand the answer back. */
static enum err relay(struct node *n, struct actor *self, const struct msg *m, const struct to *to,
                      uint32_t peer)
{
	struct ask *a;
	struct msg *copy;
	uint64_t due = m->deadline_us ? m->deadline_us : n->now_us + 60000000;
	enum err e = ask_new(n, NULL, ASK_RELAY, &a);
	if (e)
		return e;
	a->type = m->type;
	a->peer = peer;
	e = speak_new(n, self, m->type, msg_body(m), NULL, MSG_ASK, &copy);
	if (!e) {
		copy->id = a->id;
		copy->deadline_us = due;
		copy->business = m->business;
		copy->principal = m->principal;
		copy->blob = blob_ref(m->blob);
		e = carry(n, self, copy, to, &(struct route){ .peer = peer });
	}
	if (e) {
		ask_undo(n, a);
		return e;
	}
	a->relayed = msg_ref(m);
	ask_deadline(n, a, due);
	return OK;
}

static enum err hand_on(struct node *n, struct actor *self, const struct msg *m,
                        const struct to *to)
{
	struct route r;
	enum err e = route(n, to, true, &r);
	if (e)
		return e;
	if (r.peer && (m->flags & MSG_ASK) && m->from.node)
		return relay(n, self, m, to, r.peer);
	struct msg *own = msg_ref(m);
	if (r.actor) {
		own->to = ref_of(r.actor);
		return mailbox_put(r.actor, own);
	}
	struct ask *a = m->flags & MSG_ASK ? index_get(&n->asks, m->id) : NULL;
	struct actor *from = m->from.node ? NULL : slot_find(n, m->from);
	own->to = to->name.len ? (struct ref){ .node = r.peer } : to->ref;
	e = far_send(n, r.peer, own, from ? name_of(from) : m->from_name, to->name);
	if (!e && a)
		a->peer = r.peer;
	msg_unref(own);
	return e;
}

enum err actor_forward_to(struct actor *self, const struct to *to, const struct msg *m)
{
	struct node *n = self->node;
	struct debt *d = NULL;
	bool no_effect = false;
	enum err e = may_send(self, m->type);
	if (!e && (m->flags & MSG_ASK))
		e = debt_settle(self, m, &d, &no_effect);
	if (e)
		return e;
	if (!no_effect)
		e = hand_on(n, self, m, to);
	if (e && d) /* a held one is let go by this call, whatever comes of it */
		answer_err(n, self, m, e);
	else if (e && (m->flags & MSG_ASK))
		hand_of(self)->answered = false; /* still in hand */
	if (d)
		debt_free(n, d);
	return e;
}
