/*
 * whatsapp_jid.h — addresses of WhatsApp in their canonical form.
 *
 *     972501234567:17@s.whatsapp.net ─┐                 device off
 *     972501234567_1@c.us ────────────┼▶ 972501234567@s.whatsapp.net     agent off, old server
 *     972501234567@hosted ────────────┘
 *     8723645:4@hosted.lid ─────────────▶ 8723645@lid
 *
 * A LID and a phone number can name one person; which belong together only messages can tell.
 */
#pragma once
#include "proto/arena.h"
#include "proto/err.h"

enum whatsapp_place {
	WHATSAPP_NOWHERE, /* no address at all */
	WHATSAPP_PHONE,   /* @s.whatsapp.net */
	WHATSAPP_LID,     /* @lid */
	WHATSAPP_GROUP,   /* @g.us */
	WHATSAPP_LIST,    /* NUMBER@broadcast: a list that reaches us as a message */
	WHATSAPP_STATUS,  /* status@broadcast */
	WHATSAPP_CHANNEL, /* @newsletter */
	WHATSAPP_OTHER,   /* @bot and what is still to come */
};

enum { WHATSAPP_JID_MAX = 128 };

/* The canonical form, in the arena or a view of `jid`. WHATSAPP_NOWHERE, and *ret empty, for what
 * is no address: nothing before or after the @, longer than WHATSAPP_JID_MAX, no room in the arena.
 */
enum whatsapp_place whatsapp_jid(struct str jid, struct arena *a, struct str *ret);
