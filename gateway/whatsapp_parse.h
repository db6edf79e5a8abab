/*
 * whatsapp_parse.h — the body of a bridge's POST becomes wa rows. Pure: bytes and the time in.
 *
 *     {"messages":[ … ],"type":"notify"} ──▶ rows        to dedupe
 *                                        ├─▶ rejects     into quarantine, with the reason
 *                                        └─▶ ignored     status broadcasts, newsletters: a count
 *
 * Takes Baileys' messages in all four serialisations of its protobuf, updates ({key, update}),
 * receipts ({key, receipt}) and Meta's Cloud API body on the same core. What one message has wrong
 * rejects that message; only a body that is no JSON, or that has no messages, is refused as a
 * whole.
 */
#pragma once
#include "proto/json.h"
#include "proto/wa.h"

enum {
	WHATSAPP_ROWS = 1024, /* messages in one POST */
};

struct whatsapp_reject {
	struct str raw;
	const char *reason; /* one sentence, lower case */
};

struct whatsapp_parsed {
	struct wa_row *rows;
	struct whatsapp_reject *rejects;
	uint32_t n_rows, n_rejects, ignored;
};

/* How much room the arena must have, at the most, for a body of that length. */
size_t whatsapp_room(size_t body_len);

/* Rows and rejects live in the arena and point into body and arena. ERR_MALFORMED: no JSON;
 * ERR_INVALID: no messages in it; ERR_TOO_LARGE: more than WHATSAPP_ROWS, or the arena is full.
 * *ret_error (may be NULL) says where and what. */
MUST enum err whatsapp_parse(struct str body, int64_t now_us, struct arena *a,
                             struct whatsapp_parsed *ret, struct json_error *ret_error);

/* Put the phone's address in place of a LID, once somebody knows the pair: rows whose chat or
 * sender is `lid`. Returns how many changed. */
uint32_t whatsapp_resolve(struct whatsapp_parsed *p, struct str lid, struct str pn);
