/*
 * frame.c — frames and their header.
 */
#include "bus/frame.h"
#include <stdlib.h>

struct frame *frame_new(uint32_t cap)
{
	struct frame *f = malloc(sizeof *f + cap);
	if (!f)
		return NULL;
	atomic_init(&f->refs, 1);
	f->cap = cap;
	f->len = FRAME_HEAD_BYTES;
	return f;
}

void frame_unref(struct frame *f)
{
	/* release: what this thread read of it is done; acquire: before the last one frees it */
	if (f && atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) == 1)
		free(f);
}

void frame_stamp(struct frame *f, const struct frame_head *h)
{
	f->at[0] = 's';
	f->at[1] = 'b';
	f->at[2] = FRAME_VERSION;
	f->at[3] = (char)h->kind;
	le_put(f->at + 4, h->flags, 4);
	le_put(f->at + 8, h->from, 8);
	le_put(f->at + 16, h->to, 8);
	le_put(f->at + 24, h->seq, 8);
	le_put(f->at + 32, h->ack, 8);
}

enum err frame_take(struct str b, struct frame_head *ret_head, struct str *ret_payload)
{
	if (b.len < FRAME_HEAD_BYTES || b.at[0] != 's' || b.at[1] != 'b')
		return ERR_MALFORMED;
	if (b.at[2] != FRAME_VERSION)
		return ERR_VERSION;
	uint8_t kind = (uint8_t)b.at[3];
	if (kind < FRAME_HELLO || kind > FRAME_TAKEN)
		return ERR_MALFORMED;
	*ret_head = (struct frame_head){
		.kind = kind,
		.flags = (uint32_t)le_get(b.at + 4, 4),
		.from = le_get(b.at + 8, 8),
		.to = le_get(b.at + 16, 8),
		.seq = le_get(b.at + 24, 8),
		.ack = le_get(b.at + 32, 8),
	};
	*ret_payload = str_n(b.at + FRAME_HEAD_BYTES, b.len - FRAME_HEAD_BYTES);
	return OK;
}
