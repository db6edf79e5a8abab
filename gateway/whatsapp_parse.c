/*
 * whatsapp_parse.c — the body of a bridge's POST becomes wa rows.
 */
#include "gateway/whatsapp_parse.h"

#include "gateway/whatsapp_content.h"
#include "gateway/whatsapp_jid.h"
#include "gateway/whatsapp_print.h"
#include "proto/utf8.h"

/* Above it a number of seconds would lie past the year 2286: it counts milliseconds. */
static const int64_t MS_ABOVE = 10000000000LL;
static const int64_t MS_MOST = 100000000000000LL; /* year 5138: no time at all */

/* WebMessageInfo.Status and StubType, by WAProto.proto. */
static const struct whatsapp_name statuses[] = {
	{ "ERROR", 0 }, { "PENDING", 1 }, { "SERVER_ACK", 2 }, { "DELIVERY_ACK", 3 },
	{ "READ", 4 },  { "PLAYED", 5 },  { NULL, 0 },
};
enum stub { STUB_NONE = 0, STUB_REVOKE = 1, STUB_CIPHERTEXT = 2, STUB_OTHER = 9999 };
static const struct whatsapp_name stubs[] = {
	{ "UNKNOWN", 0 },
	{ "REVOKE", 1 },
	{ "CIPHERTEXT", 2 },
	{ "CALL_MISSED_VOICE", 40 },
	{ "CALL_MISSED_VIDEO", 41 },
	{ "CALL_MISSED_GROUP_VOICE", 45 },
	{ "CALL_MISSED_GROUP_VIDEO", 46 },
	{ NULL, 0 },
};

/* One message as read: every member that matters, whatever its order. */
struct seen {
	bool has_key, from_me, view_once, is_update;
	struct str id, remote_jid, participant;
	/* The other address, as 7.x (…Alt) and 6.x (senderPn …) name it. */
	struct str remote_alt, participant_alt, sender_pn, sender_lid;
	struct str push_name;
	int64_t time; /* 0: none */
	int stub, status;
	struct whatsapp_content content;
};

struct walk {
	struct arena *a;
	int64_t now_us;
	enum wa_source source;
	struct whatsapp_parsed *out;
};

/* ---- reading
 * --------------------------------------------------------------------------------------- */

static void read_key(struct json *j, struct arena *a, struct seen *m)
{
	struct str key;
	if (json_peek(j) != JSON_OBJECT) {
		json_skip(j);
		return;
	}
	m->has_key = true;
	json_object(j);
	while (json_key(j, &key)) {
		struct str *to = str_is(key, "id")               ? &m->id
		                 : str_is(key, "remoteJid")      ? &m->remote_jid
		                 : str_is(key, "participant")    ? &m->participant
		                 : str_is(key, "remoteJidAlt")   ? &m->remote_alt
		                 : str_is(key, "participantAlt") ? &m->participant_alt
		                 : str_is(key, "participantPn")  ? &m->participant_alt
		                 : str_is(key, "participantLid") ? &m->participant_alt
		                 : str_is(key, "senderPn")       ? &m->sender_pn
		                 : str_is(key, "senderLid")      ? &m->sender_lid
		                                                 : NULL;
		if (to)
			*to = whatsapp_text(j, a);
		else if (str_is(key, "fromMe") && json_peek(j) == JSON_BOOL)
			json_bool(j, &m->from_me);
		else if (str_is(key, "isViewOnce") && json_peek(j) == JSON_BOOL)
			json_bool(j, &m->view_once);
		else
			json_skip(j);
	}
}

/* message-receipt.update: {userJid, receiptTimestamp, readTimestamp, playedTimestamp} */
static void read_receipt(struct json *j, struct seen *m)
{
	struct str key;
	m->is_update = true;
	if (json_peek(j) != JSON_OBJECT) {
		json_skip(j);
		return;
	}
	json_object(j);
	while (json_key(j, &key)) {
		int status = str_is(key, "receiptTimestamp")  ? 3
		             : str_is(key, "readTimestamp")   ? 4
		             : str_is(key, "playedTimestamp") ? 5
		                                              : 0;
		int64_t t = 0;
		if (!status)
			json_skip(j);
		else if (whatsapp_i64(j, &t) && t > 0 && status > m->status) {
			m->status = status;
			m->time = t;
		}
	}
}

static void read_info(struct json *j, struct arena *a, struct seen *m, bool top);

/* `top`: of the message itself, not of its update, which may repeat the key or name its event's. */
static void read_member(struct json *j, struct str key, struct arena *a, struct seen *m, bool top)
{
	if (str_is(key, "key") && top) {
		read_key(j, a, m);
	} else if (str_is(key, "message")) {
		whatsapp_content(j, a, &m->content);
	} else if (str_is(key, "messageTimestamp")) {
		(void)whatsapp_i64(j, &m->time);
	} else if (str_is(key, "messageStubType")) {
		m->stub = whatsapp_enum(j, stubs);
		if (m->stub < 0)
			m->stub = STUB_OTHER;
	} else if (str_is(key, "status")) {
		m->status = whatsapp_enum(j, statuses);
	} else if (str_is(key, "pushName")) {
		m->push_name = whatsapp_text(j, a);
	} else if (str_is(key, "participant") && !m->participant.len) {
		m->participant = whatsapp_text(j, a);
	} else if (str_is(key, "update") && top && json_peek(j) == JSON_OBJECT) {
		m->is_update = true;
		read_info(j, a, m, false);
	} else if (str_is(key, "receipt") && top) {
		read_receipt(j, m);
	} else {
		json_skip(j);
	}
}

static void read_info(struct json *j, struct arena *a, struct seen *m, bool top)
{
	struct str key;
	json_object(j);
	while (json_key(j, &key))
		read_member(j, key, a, m, top);
}

/* ---- from what was read to a row
 * -------------------------------------------------------------------- */

/* One person's two addresses: the phone's stands, the LID is remembered beside it. */
static enum whatsapp_place unite(struct arena *a, struct str jid, struct str alt, struct str *ret,
                                 struct str *ret_lid)
{
	struct str one, two;
	enum whatsapp_place p = whatsapp_jid(jid, a, &one), q = whatsapp_jid(alt, a, &two);
	*ret = one;
	if (p == WHATSAPP_LID && q == WHATSAPP_PHONE) {
		*ret = two;
		*ret_lid = one;
		return q;
	}
	if (p == WHATSAPP_PHONE && q == WHATSAPP_LID)
		*ret_lid = two;
	return p;
}

static int64_t time_us(int64_t t, int64_t now_us, bool *ret_guessed)
{
	*ret_guessed = t <= 0 || t > MS_MOST;
	if (*ret_guessed)
		return now_us;
	return t > MS_ABOVE ? t * 1000 : t * 1000000;
}

/* Chat and sender; NULL, or why the message is rejected. */
static const char *addresses(const struct seen *m, struct arena *a, struct wa_row *r,
                             enum whatsapp_place *ret_place)
{
	struct str alt = m->remote_alt;
	if (!alt.len && !m->from_me) { /* 6.x: in a private chat the sender is the chat */
		enum whatsapp_place raw = whatsapp_jid(m->remote_jid, a, &r->chat);
		alt = raw == WHATSAPP_LID     ? m->sender_pn
		      : raw == WHATSAPP_PHONE ? m->sender_lid
		                              : (struct str){ 0 };
	}
	*ret_place = unite(a, m->remote_jid, alt, &r->chat, &r->chat_lid);
	if (!m->has_key || !m->remote_jid.len)
		return "no chat address";
	if (*ret_place == WHATSAPP_NOWHERE)
		return "the chat address is malformed";
	r->remote_jid = m->remote_jid;
	r->from_me = m->from_me;
	r->sender = r->chat;
	r->sender_lid = r->chat_lid;
	if (m->from_me) {
		r->sender = (struct str)STR_LIT("me");
		r->sender_lid = (struct str){ 0 };
	} else if (m->participant.len) {
		r->sender_lid = (struct str){ 0 };
		if (unite(a, m->participant, m->participant_alt, &r->sender, &r->sender_lid) ==
		    WHATSAPP_NOWHERE)
			return "the sender's address is malformed";
		if (r->chat_lid.len && str_eq(r->sender, r->chat_lid)) {
			r->sender =
				r->chat; /* a private chat that shows one address here, one there */
			r->sender_lid = r->chat_lid;
		}
	}
	return NULL;
}

static void classify(const struct seen *m, struct wa_row *r)
{
	const struct whatsapp_content *c = &m->content;
	r->kind = c->kind;
	r->class = c->class;
	r->body = c->body;
	r->reply_to = c->reply_to;
	r->media_sha = c->media_sha.len == WA_ROW_MEDIA_SHA_MAX ? c->media_sha : (struct str){ 0 };
	r->target = c->target;
	r->acted_us = c->acted_ms > 0 && c->acted_ms < MS_MOST ? c->acted_ms * 1000 : 0;
	r->status = m->from_me && m->status > 0 && m->status < 6 ? (uint32_t)m->status : 0;
	if (c->found)
		return;
	bool call = m->stub == 40 || m->stub == 41 || m->stub == 45 || m->stub == 46;
	r->class = WA_CLASS_EVENT;
	if (call) {
		r->kind = WA_KIND_CALL;
	} else if (m->stub > STUB_CIPHERTEXT) {
		r->kind = WA_KIND_NOTICE;
	} else if (m->stub == STUB_REVOKE) {
		r->kind = WA_KIND_REVOKE;
		r->class = WA_CLASS_UPDATE;
		r->target = m->id;
	} else {
		r->kind = WA_KIND_PLACEHOLDER;
		r->class = WA_CLASS_PLACEHOLDER;
	}
}

/* An update names the message it changes by its key, and has no id of its own. */
static void classify_update(const struct seen *m, struct wa_row *r)
{
	r->class = WA_CLASS_UPDATE;
	r->target = m->id;
	r->provider_id = (struct str){ 0 };
	if (m->stub == STUB_REVOKE || m->content.kind == WA_KIND_REVOKE)
		r->kind = WA_KIND_REVOKE;
	else if (m->content.found && m->content.class == WA_CLASS_CONTENT)
		r->kind = WA_KIND_EDIT;
	else if (m->content.found)
		r->kind = m->content.kind;
	else
		r->kind = m->status > 0 ? WA_KIND_STATUS : WA_KIND_SETTING;
	r->status = m->status > 0 && m->status < 6 ? (uint32_t)m->status : 0;
}

static struct str cut(struct str s, uint32_t max)
{
	return s.len <= max ? s : str_n(s.at, utf8_cut(s, max));
}

/* Without room for it the row has no fingerprint: it is kept, and matches nothing. */
static void print(struct wa_row *r, bool media, struct arena *a)
{
	struct whatsapp_prints p;
	if (r->class != WA_CLASS_CONTENT ||
	    whatsapp_prints(r->kind, r->reply_to, r->body, r->media_sha, a, &p))
		return;
	bool whole = r->kind != WA_KIND_UNKNOWN && (media ? r->media_sha.len > 0 : p.has_body);
	if (whole)
		(void)arena_keep(a, str_n((char *)p.all, sizeof p.all), &r->fingerprint);
	if (p.has_body)
		(void)arena_keep(a, str_n((char *)p.body, WA_ROW_BODY_PRINT_MAX), &r->body_print);
}

static void finish(struct walk *w, const struct seen *m, struct wa_row *r)
{
	r->provider_id = m->id;
	r->push_name = cut(m->push_name, WA_ROW_PUSH_NAME_MAX);
	r->t_us = time_us(m->time, w->now_us, &r->t_guessed);
	classify(m, r);
	if (m->is_update)
		classify_update(m, r);
	else if (r->class == WA_CLASS_UPDATE)
		r->provider_id = (struct str){ 0 };
	if (r->reply_to.len > WA_ROW_REPLY_TO_MAX)
		r->reply_to = (struct str){ 0 };
	if (r->target.len > WA_ROW_TARGET_MAX)
		r->target = (struct str){ 0 };
	print(r, m->content.is_media, w->a);
	r->body = cut(r->body, WA_ROW_BODY_MAX);
}

static void reject(struct walk *w, struct str raw, const char *reason)
{
	w->out->rejects[w->out->n_rejects++] = (struct whatsapp_reject){ raw, reason };
}

static void one(struct walk *w, struct str raw)
{
	struct seen m = { 0 };
	struct json j;
	struct wa_row row = { .raw = raw };
	enum whatsapp_place place = WHATSAPP_NOWHERE;
	const char *why = NULL;
	json_init(&j, raw, JSON_FOREIGN);
	if (json_peek(&j) != JSON_OBJECT)
		why = "a message is no object";
	else if (raw.len > WA_ROW_RAW_MAX)
		why = "the message is longer than 1 MiB";
	else
		read_info(&j, w->a, &m, true);
	if (!why && json_end(&j)) /* it was JSON once already: the arena is full */
		why = "the message does not fit into memory";
	if (!why)
		why = addresses(&m, w->a, &row, &place);
	if (!why && m.id.len > WA_ROW_PROVIDER_ID_MAX)
		why = "the message id is longer than 255 bytes";
	if (!why && (place == WHATSAPP_STATUS || place == WHATSAPP_CHANNEL)) {
		w->out->ignored++;
		return;
	}
	if (why) {
		reject(w, raw, why);
		return;
	}
	finish(w, &m, &row);
	w->out->rows[w->out->n_rows++] = row;
}

/* ---- the body
 * ------------------------------------------------------------------------------------------ */

struct body {
	struct json messages; /* at the array; valid when found */
	bool found, history;
	uint32_t n;
	struct str type;
};

/* {"messages":[…]}, or the same below "data"; in whatever order. */
static void read_body(struct json *j, struct body *b, int depth)
{
	struct str key;
	if (json_peek(j) != JSON_OBJECT) {
		json_skip(j);
		return;
	}
	json_object(j);
	while (json_key(j, &key)) {
		if (str_is(key, "messages") && json_peek(j) == JSON_ARRAY) {
			if (b->found) { /* which of them is meant? None may be lost. */
				json_fail(j, ERR_MALFORMED, "one list \"messages\"");
				return;
			}
			b->messages = *j;
			b->found = true;
			json_array(j);
			while (json_item(j)) {
				json_skip(j);
				b->n++;
			}
		} else if (str_is(key, "type") && json_peek(j) == JSON_STRING) {
			struct json look = *j;
			(void)json_string(&look, NULL, &b->type);
			json_skip(j);
		} else if (str_is(key, "data") && depth == 0) {
			read_body(j, b, depth + 1);
		} else {
			b->history |= str_is(key, "syncType") || str_is(key, "isLatest");
			json_skip(j);
		}
	}
}

size_t whatsapp_room(size_t body_len)
{
	/* Unescaped text is never longer than it was; a body is normalised twice over at the most.
	 */
	return 4 * body_len + WHATSAPP_ROWS * (sizeof(struct wa_row) + 1024) + 65536;
}

static enum err fail(const struct json *j, enum err e, const char *expected,
                     struct json_error *ret_error)
{
	struct json at = *j;
	if (!at.err)
		json_fail(&at, e, expected);
	if (ret_error)
		json_error_of(&at, ret_error);
	return e;
}

MUST enum err whatsapp_parse(struct str doc, int64_t now_us, struct arena *a,
                             struct whatsapp_parsed *ret, struct json_error *ret_error)
{
	struct json j;
	struct body b = { 0 };
	json_init(&j, doc, JSON_FOREIGN);
	read_body(&j, &b, 0);
	enum err e = json_end(&j);
	if (e)
		return fail(&j, e, NULL, ret_error);
	if (!b.found)
		return fail(&j, ERR_INVALID, "an object with a list \"messages\"", ret_error);
	uint32_t n = b.n;
	if (n > WHATSAPP_ROWS)
		return fail(&b.messages, ERR_TOO_LARGE, "at most 1024 messages", ret_error);
	struct whatsapp_parsed out = {
		.rows = arena_take(a, n * sizeof *out.rows + 1, _Alignof(struct wa_row)),
		.rejects = arena_take(a, n * sizeof *out.rejects + 1,
		                      _Alignof(struct whatsapp_reject)),
	};
	if (!out.rows || !out.rejects)
		return fail(&b.messages, ERR_TOO_LARGE, "fewer messages", ret_error);
	struct walk w = { a, now_us, WA_SOURCE_NOTIFY, &out };
	w.source = b.history || str_is(b.type, "history") ? WA_SOURCE_HISTORY
	           : str_is(b.type, "append")             ? WA_SOURCE_APPEND
	                                                  : WA_SOURCE_NOTIFY;
	struct json at = b.messages;
	struct str raw;
	json_array(&at);
	while (json_item(&at) && json_raw(&at, &raw))
		one(&w, raw);
	for (uint32_t i = 0; i < out.n_rows; i++)
		out.rows[i].source = w.source;
	*ret = out;
	return OK;
}

uint32_t whatsapp_resolve(struct whatsapp_parsed *p, struct str lid, struct str pn)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < p->n_rows; i++) {
		struct wa_row *r = &p->rows[i];
		bool chat = str_eq(r->chat, lid), sender = str_eq(r->sender, lid);
		if (chat) {
			r->chat_lid = r->chat;
			r->chat = pn;
		}
		if (sender) {
			r->sender_lid = r->sender;
			r->sender = pn;
		}
		n += chat || sender;
	}
	return n;
}
