/*
 * whatsapp.c — any bytes as a bridge's POST. What comes out must fit the schema (its own copy says
 * so), be text that PostgreSQL can keep, and be all of it: each message is a row, a reject or
 * ignored.
 */
#include "gateway/whatsapp_parse.h"
#include "proto/msg.h"
#include "proto/utf8.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void must(bool held)
{
	if (!held)
		abort();
}

/* Half an emoji is kept as it came: JavaScript writes such, and the column is text. */
static bool is_json(struct str s)
{
	struct json j;
	json_init(&j, s, JSON_FOREIGN);
	return json_skip(&j) && !json_end(&j);
}

static void text(struct str s)
{
	must(utf8_valid(s) && !(s.len && memchr(s.at, 0, s.len)));
}

static void row(const struct wa_row *r)
{
	text(r->provider_id);
	text(r->chat);
	text(r->sender);
	text(r->remote_jid);
	text(r->body);
	text(r->reply_to);
	text(r->target);
	text(r->push_name);
	text(r->raw);
	must(r->chat.len && r->sender.len && r->raw.len && r->t_us > 0);
	must(!r->fingerprint.len || (r->fingerprint.len == 32 && r->class == WA_CLASS_CONTENT));
	must(!r->body_print.len || r->body_print.len == 16);
	must(!r->media_sha.len || r->media_sha.len == 32);
	must(r->class != WA_CLASS_UPDATE || !r->provider_id.len);
	must(r->from_me == str_is(r->sender, "me"));
	must(is_json(r->raw));
}

/* How many messages a plain walk finds; the parser must account for each. */
static uint32_t messages_in(struct str doc)
{
	struct json j;
	struct str key;
	uint32_t n = 0;
	bool found = false;
	json_init(&j, doc, JSON_FOREIGN);
	json_object(&j);
	while (json_key(&j, &key)) {
		bool list = str_is(key, "messages") && json_peek(&j) == JSON_ARRAY && !found;
		if (str_is(key, "data") && !found)
			return UINT32_MAX; /* one level deeper: not counted here */
		if (list)
			json_array(&j);
		else
			json_skip(&j);
		found |= list;
		while (list && json_item(&j)) {
			json_skip(&j);
			n++;
		}
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	static char memory[4 << 20] __attribute__((aligned(8)));
	size_t room = whatsapp_room(len);
	if (room > sizeof memory)
		return 0;
	/* Seldom with too little memory: the first byte of a body is never 0. */
	bool poor = len && !at[0];
	struct str doc = str_n((const char *)at + poor, len - poor);
	struct arena a = { .at = memory, .len = (uint32_t)(poor ? room / 4 : room) };
	struct whatsapp_parsed p = { 0 };
	struct json_error error;
	if (whatsapp_parse(doc, 1700000000000000, &a, &p, &error)) {
		must(error.err && p.n_rows == 0);
		return 0;
	}
	uint32_t n = messages_in(doc);
	must(n == UINT32_MAX || p.n_rows + p.n_rejects + p.ignored == n);
	for (uint32_t i = 0; i < p.n_rows; i++)
		row(&p.rows[i]);
	for (uint32_t i = 0; i < p.n_rejects; i++)
		must(p.rejects[i].reason && p.rejects[i].raw.len);
	struct msg *m;
	const struct proto_field *field;
	if (p.n_rows) { /* all bounds, as the sender of a batch meets them */
		must(!msg_new(&wa_batch_desc, &(struct wa_batch){ .rows = { p.rows, p.n_rows } },
		              &m, &field));
		msg_unref(m);
	}
	return 0;
}
