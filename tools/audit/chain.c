/*
 * chain.c — chain.h.
 */
#include "tools/audit/chain.h"
#include "proto/buf.h"
#include "proto/digest.h"

enum { ROW_MOST = 64 << 10 };

static void put_text(struct buf *b, struct str s)
{
	buf_u64(b, s.len);
	buf_char(b, ':');
	buf_str(b, s);
	buf_char(b, ',');
}

static void put_number(struct buf *b, uint64_t n)
{
	char text[24];
	struct buf digits;
	buf_over(&digits, text, sizeof text);
	buf_u64(&digits, n);
	put_text(b, buf_view(&digits));
}

static enum err hash_of(const char *before, const struct tenant_audit_row *r,
                        char ret[CHAIN_HEX + 1])
{
	uint8_t hash[DIGEST_BYTES];
	struct buf b;
	buf_init(&b, ROW_MOST);
	put_text(&b, str_of(before));
	put_number(&b, r->business);
	put_number(&b, r->seq);
	put_number(&b, r->id);
	put_number(&b, r->at_us);
	put_number(&b, r->principal);
	put_text(&b, r->asker);
	put_text(&b, r->trace);
	put_text(&b, r->action);
	put_text(&b, r->subject);
	put_text(&b, r->detail);
	enum err e = buf_err(&b);
	if (!e)
		e = digest_sha256(buf_view(&b), hash);
	if (!e)
		digest_hex(hash, sizeof hash, ret);
	buf_done(&b);
	return e;
}

static bool broken(struct chain *c, uint64_t seq, uint64_t id, const char *why)
{
	if (!c->why) {
		c->why = why;
		c->wrong = seq;
		c->row_id = id;
	}
	return false;
}

bool chain_row(struct chain *c, uint64_t business, const struct tenant_audit_row *row)
{
	char hash[CHAIN_HEX + 1];
	if (c->why)
		return false;
	if (row->business != business || row->seq != c->seq + 1)
		return broken(c, c->seq + 1, 0, "is missing");
	if (hash_of(c->hash, row, hash))
		return broken(c, row->seq, row->id, "cannot be computed");
	if (!str_is(row->hash, hash))
		return broken(c, row->seq, row->id, "is not as it was written");
	c->seq = row->seq;
	str_keep(c->hash, sizeof c->hash, row->hash);
	return true;
}

bool chain_end(struct chain *c, const struct tenant_audit_head *end)
{
	if (c->why)
		return false;
	if (!end->hash.len)
		return broken(c, 1, 0, "has no trail that it belongs to");
	if (c->seq != end->seq)
		return broken(c, c->seq + 1, 0, "is missing");
	if (end->rows != end->seq)
		return broken(c, end->seq + 1, 0,
		              "was never written: the table has more rows than the trail");
	if (!str_is(end->hash, c->hash))
		return broken(c, c->seq, 0, "is not the one that was written last");
	return true;
}
