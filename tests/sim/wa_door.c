/*
 * wa_door.c — see wa_door.h.
 */
#include "tests/sim/wa_door.h"
#include "proto/wa.h"

enum { DOOR_ASKS = 64, DOOR_MS = 20000 };

struct door {
	const struct msg *held[DOOR_ASKS];
};

const char *wa_door_to = "dedupe/1";

static enum err on_done(struct actor *self, const struct msg *m)
{
	struct door *d = actor_state(self);
	const struct msg *held = msg_take(&d->held[msg_tag(m)]);
	if (msg_err(m))
		return actor_refuse(self, held, msg_err(m));
	return actor_reply(self, held, &wa_done_desc, wa_done_of(m));
}

static enum err on_batch(struct actor *self, const struct msg *m)
{
	struct door *d = actor_state(self);
	uint32_t i = 0;
	while (i < DOOR_ASKS && d->held[i])
		i++;
	if (i == DOOR_ASKS)
		return ERR_BUSY;
	actor_act_for(self, wa_batch_of(m)->connector, 0, NULL);
	enum err e = actor_ask_tag(self, wa_door_to, DOOR_MS, on_done, i, &wa_batch_desc,
	                           wa_batch_of(m));
	if (!e)
		d->held[i] = msg_hold(self, m);
	return e;
}

static const struct actor_on takes[] = { { &wa_batch_desc, on_batch }, { 0 } };
static const struct proto_desc *const sends[] = { &wa_batch_desc, &wa_done_desc, NULL };

const struct actor_kind wa_door_actor = {
	.name = "door",
	.doc = "sets the business",
	.state = sizeof(struct door),
	.takes = takes,
	.sends = sends,
	.sets_tenant = true,
};
