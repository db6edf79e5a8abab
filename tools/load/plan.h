/*
 * plan.h — what a WhatsApp flood sends, drawn from a seed before the first byte goes out.
 *
 *     contents   0 1 2 3 …            each one text of one chat, once accepted
 *     items      0 1 1 2 0' 3 2 …     in the order of sending, cut into POSTs
 *                  exact ┘ └ the same text under another id
 *
 * So the counts that must come out are known exactly: each content is accepted once, in whatever
 * order its copies arrive, for no two contents have one text and a copy is within 9 s of its
 * content.
 */
#pragma once
#include "proto/buf.h"

struct plan_config {
	uint32_t n;     /* items */
	uint32_t batch; /* items of one POST */
	uint32_t chats;
	uint32_t exact, concurrent, newid; /* per cent of the items: the same message again, later;
	                                    * the same in the next POST, so at the same moment on
	                                    * another connection; the same text under another id */
	uint32_t reorder;                  /* per cent of the items that change places nearby */
	uint64_t seed;
	int64_t now_us;
};

struct plan_item {
	uint32_t content;
	uint32_t id; /* of the message: below n */
};

struct plan {
	struct plan_config config;
	struct plan_item *items;
	uint32_t *seconds;         /* event time of each id, before now_us */
	uint32_t contents, copies; /* distinct texts; ids beyond one of each */
	uint32_t posts;
};

/* ERR_INVALID: the shares leave no content. */
MUST enum err plan_new(const struct plan_config *c, struct plan **ret);
void plan_free(struct plan **p);

/* The body of a POST, Baileys form. */
void plan_write(const struct plan *p, uint32_t post, struct buf *b);
uint32_t plan_items(const struct plan *p, uint32_t post); /* in it */
/* The id of a message, as it is written; and back, false when it is none of this plan. */
void plan_id(const struct plan *p, uint32_t id, char ret[32]);
bool plan_id_read(const struct plan *p, struct str text, uint32_t *ret);
