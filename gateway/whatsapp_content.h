/*
 * whatsapp_content.h — what a WhatsApp message holds, found through its wrappers.
 *
 *     ephemeralMessage ▸ viewOnceMessageV2 ▸ documentWithCaptionMessage ▸ … ▸ documentMessage
 *
 * One walk over the JSON of Baileys' proto.Message, whichever of its serialisations it is in.
 */
#pragma once
#include "proto/json.h"
#include "proto/wa.h"

struct whatsapp_content {
	bool found;      /* anything that is content, an event or unknown; false: only envelopes */
	bool empty_text; /* an empty `conversation` was there */
	enum wa_kind kind;
	enum wa_class class;
	struct str body, reply_to, media_sha;
	bool is_media;     /* without media_sha it has no fingerprint */
	struct str target; /* events: id of the message acted on */
	int64_t acted_ms;  /* events: the sender's own clock; 0: not told */
};

/* The message object that comes next (null is allowed). Errors stay in the reader. */
void whatsapp_content(struct json *j, struct arena *a, struct whatsapp_content *ret);

/* Pieces shared with whatsapp_parse.c: what comes next, if it has the right form; passed anyway. */
struct str whatsapp_text(struct json *j, struct arena *a);
bool whatsapp_i64(struct json *j, int64_t *ret);
/* An enum as its number or its name; -1 when it is neither. */
struct whatsapp_name {
	const char *name;
	int number;
};
int whatsapp_enum(struct json *j, const struct whatsapp_name *names);
/* The `id` of the message key that comes next. */
struct str whatsapp_key_id(struct json *j, struct arena *a);
