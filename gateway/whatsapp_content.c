/*
 * whatsapp_content.c — what a WhatsApp message holds, found through its wrappers.
 *
 * The names and numbers are those of Baileys' WAProto/WAProto.proto.
 */
#include "gateway/whatsapp_content.h"

#include <stdio.h>

#include "proto/json_js.h"

enum { WRAPS_MAX = 8, TEXTS = 4, LINES = 256 };

/* A kind of content: where its text is. Arrays on the way are looked through. */
static const struct shape {
	const char *name;
	enum wa_kind kind;
	bool media;
	bool join; /* all of the texts, a line each; else the first that is not empty */
	const char *texts[TEXTS];
} shapes[] = {
	{ "extendedTextMessage", WA_KIND_TEXT, .texts = { "text" } },
	{ "imageMessage", WA_KIND_IMAGE, .media = true, .texts = { "caption" } },
	{ "videoMessage", WA_KIND_VIDEO, .media = true, .texts = { "caption" } },
	{ "ptvMessage", WA_KIND_PTV, .media = true, .texts = { "caption" } },
	{ "audioMessage", WA_KIND_AUDIO, .media = true },
	{ "documentMessage", WA_KIND_DOCUMENT, .media = true,
	  .texts = { "caption", "fileName", "title" } },
	{ "stickerMessage", WA_KIND_STICKER, .media = true },
	{ "locationMessage", WA_KIND_LOCATION, .join = true,
	  .texts = { "degreesLatitude", "degreesLongitude", "name", "address" } },
	{ "contactMessage", WA_KIND_CONTACT, .join = true, .texts = { "displayName", "vcard" } },
	{ "contactsArrayMessage", WA_KIND_CONTACT, .join = true,
	  .texts = { "displayName", "contacts.displayName", "contacts.vcard" } },
	{ "pollCreationMessage", WA_KIND_POLL, .join = true,
	  .texts = { "name", "options.optionName" } },
	{ "pollCreationMessageV2", WA_KIND_POLL, .join = true,
	  .texts = { "name", "options.optionName" } },
	{ "pollCreationMessageV3", WA_KIND_POLL, .join = true,
	  .texts = { "name", "options.optionName" } },
	{ "buttonsMessage", WA_KIND_INTERACTIVE, .join = true,
	  .texts = { "text", "contentText", "footerText" } },
	{ "listMessage", WA_KIND_INTERACTIVE, .join = true,
	  .texts = { "title", "description", "footerText" } },
	{ "templateMessage", WA_KIND_INTERACTIVE, .join = true,
	  .texts = { "hydratedTemplate.hydratedTitleText", "hydratedTemplate.hydratedContentText",
	             "hydratedFourRowTemplate.hydratedContentText" } },
	{ "interactiveMessage", WA_KIND_INTERACTIVE, .join = true,
	  .texts = { "header.title", "body.text", "footer.text" } },
	{ "buttonsResponseMessage", WA_KIND_ANSWER, .join = true,
	  .texts = { "selectedDisplayText", "selectedButtonId" } },
	{ "listResponseMessage", WA_KIND_ANSWER, .join = true,
	  .texts = { "title", "singleSelectReply.selectedRowId" } },
	{ "templateButtonReplyMessage", WA_KIND_ANSWER, .join = true,
	  .texts = { "selectedDisplayText", "selectedId" } },
	{ "interactiveResponseMessage", WA_KIND_ANSWER, .join = true,
	  .texts = { "body.text", "nativeFlowResponseMessage.paramsJson" } },
	{ "groupInviteMessage", WA_KIND_INVITE, .join = true,
	  .texts = { "groupName", "caption", "inviteCode" } },
	{ "eventMessage", WA_KIND_CALENDAR, .join = true,
	  .texts = { "name", "description", "startTime" } },
	{ "productMessage", WA_KIND_ORDER, .join = true,
	  .texts = { "product.title", "product.productId", "body" } },
	{ "orderMessage", WA_KIND_ORDER, .join = true, .texts = { "message", "orderId" } },
};

/* Acts on another message, or on the chat. */
static const struct act {
	const char *name;
	enum wa_kind kind;
	const char *key;  /* member with the key of the message acted on */
	const char *text; /* member that says how */
} acts[] = {
	{ "reactionMessage", WA_KIND_REACTION, "key", "text" },
	{ "encReactionMessage", WA_KIND_REACTION, "targetMessageKey", NULL },
	{ "pollUpdateMessage", WA_KIND_VOTE, "pollCreationMessageKey", NULL },
	{ "encEventResponseMessage", WA_KIND_VOTE, "eventCreationMessageKey", NULL },
	{ "liveLocationMessage", WA_KIND_LIVE, NULL, "caption" },
	{ "pinInChatMessage", WA_KIND_SETTING, "key", NULL },
	{ "keepInChatMessage", WA_KIND_SETTING, "key", NULL },
	{ "requestPhoneNumberMessage", WA_KIND_SETTING, NULL, NULL },
	{ "call", WA_KIND_CALL, NULL, NULL },
	{ "bcallMessage", WA_KIND_CALL, NULL, NULL },
	{ "callLogMesssage", WA_KIND_CALL, NULL, NULL }, /* so written in WAProto.proto */
	{ "scheduledCallCreationMessage", WA_KIND_CALL, NULL, "title" },
	{ "scheduledCallEditMessage", WA_KIND_CALL, "key", NULL },
};

/* FutureProofMessage and its like: the content is in their `message`. */
static const char *const wrappers[] = {
	"ephemeralMessage",           "viewOnceMessage",
	"viewOnceMessageV2",          "viewOnceMessageV2Extension",
	"documentWithCaptionMessage", "editedMessage",
	"associatedChildMessage",     "groupStatusMessage",
	"groupStatusMessageV2",       "groupMentionedMessage",
	"botInvokeMessage",           "deviceSentMessage",
	"lottieStickerMessage",       "eventCoverImage",
	"pollCreationMessageV4",      "pollCreationMessageV5",
};

/* Travel beside the content and are none. */
static const char *const siblings[] = {
	"messageContextInfo",
	"senderKeyDistributionMessage",
	"fastRatchetKeySenderKeyDistributionMessage",
	"stickerSyncRmrMessage",
};

static bool one_of(struct str name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_is(name, list[i]))
			return true;
	return false;
}
#define ONE_OF(name, list) one_of(name, list, sizeof list / sizeof *list)

/* ---- single values, in whatever form they come
 * --------------------------------------------------- */

/* Text is ours when it had escapes, and only then can it hold U+0000, which PostgreSQL cannot. */
static struct str without_nul(struct str s)
{
	if (!s.len || !memchr(s.at, 0, s.len))
		return s;
	char *at = (char *)(uintptr_t)s.at;
	uint32_t n = 0;
	for (uint32_t i = 0; i < s.len; i++)
		if (at[i])
			at[n++] = at[i];
	return str_n(at, n);
}

struct str whatsapp_text(struct json *j, struct arena *a)
{
	struct str s = { 0 };
	if (json_peek(j) != JSON_STRING)
		json_skip(j);
	else if (json_string(j, a, &s))
		s = without_nul(s);
	return s;
}

bool whatsapp_i64(struct json *j, int64_t *ret)
{
	struct json look = *j;
	double real;
	bool good = json_js_i64(&look, ret);
	if (!good && json_peek(j) == JSON_NUMBER) { /* seconds with a fraction */
		look = *j;
		good = json_f64(&look, &real) && real > -9e15 && real < 9e15;
		if (good)
			*ret = (int64_t)real;
	}
	json_skip(j);
	return good;
}

static struct str bytes(struct json *j, struct arena *a)
{
	struct json look = *j;
	struct str s = { 0 };
	if (!json_js_bytes(&look, a, &s))
		s = (struct str){ 0 };
	json_skip(j);
	return s;
}

int whatsapp_enum(struct json *j, const struct whatsapp_name *names)
{
	int64_t number;
	struct str name;
	switch (json_peek(j)) {
	case JSON_NUMBER:
		return whatsapp_i64(j, &number) && number >= 0 && number < 10000 ? (int)number : -1;
	case JSON_STRING:
		if (!json_string(j, NULL, &name))
			return -1;
		for (; names->name; names++)
			if (str_is(name, names->name))
				return names->number;
		return -1;
	default:
		json_skip(j);
		return -1;
	}
}

struct str whatsapp_key_id(struct json *j, struct arena *a)
{
	struct str key, id = { 0 };
	if (json_peek(j) != JSON_OBJECT) {
		json_skip(j);
		return id;
	}
	json_object(j);
	while (json_key(j, &key))
		if (str_is(key, "id"))
			id = whatsapp_text(j, a);
		else
			json_skip(j);
	return id;
}

/* ---- text of a shape
 * ------------------------------------------------------------------------------- */

/* What was found, to be joined once: a crafted list must not make us copy in squares. */
struct lines {
	uint32_t n;
	struct {
		struct str text;
		int slot; /* the path it was found by */
	} at[LINES];
};

struct texts {
	const char *rest[TEXTS]; /* what is left of each path; NULL: not on this one */
	struct lines *lines;
	struct arena *a;
};

static void add_line(struct lines *l, int slot, struct str text)
{
	if (!text.len || l->n == LINES)
		return;
	l->at[l->n].text = text;
	l->at[l->n++].slot = slot;
}

/* By path, then as found: all of them a line each, or those of the first path that has any. */
static struct str join_lines(const struct lines *l, bool all, struct arena *a)
{
	const struct str *order[LINES];
	uint32_t n = 0;
	size_t len = 0;
	for (int slot = 0; slot < TEXTS && (all || !n); slot++)
		for (uint32_t i = 0; i < l->n; i++)
			if (l->at[i].slot == slot)
				order[n++] = &l->at[i].text;
	if (n < 2)
		return n ? *order[0] : (struct str){ 0 };
	for (uint32_t i = 0; i < n; i++)
		len += order[i]->len + 1;
	char *at = arena_take(a, len, 1), *out = at;
	for (uint32_t i = 0; at && i < n; i++) {
		memcpy(out, order[i]->at, order[i]->len);
		out += order[i]->len;
		*out++ = '\n';
	}
	return at ? str_n(at, len - 1) : (struct str){ 0 };
}

/* A coordinate: six digits are a decimetre, and all serialisers agree on them. */
static struct str number(struct json *j, struct arena *a)
{
	double d;
	char text[64];
	struct str s = { 0 };
	if (!json_f64(j, &d))
		return s;
	int n = snprintf(text, sizeof text, "%.6f", d);
	if (n > 0 && (size_t)n < sizeof text)
		(void)arena_keep(a, str_n(text, (size_t)n), &s);
	return s;
}

static void texts_value(struct json *j, const struct texts *t, int depth);

static void texts_member(struct json *j, struct str key, const struct texts *t, int depth)
{
	struct texts in = { .lines = t->lines, .a = t->a };
	bool any = false;
	for (int i = 0; i < TEXTS; i++) {
		const char *path = t->rest[i];
		if (!path || !*path || strlen(path) < key.len || !key.len ||
		    memcmp(path, key.at, key.len) != 0 ||
		    (path[key.len] != '\0' && path[key.len] != '.'))
			continue;
		in.rest[i] = path + key.len + (path[key.len] == '.');
		any = true;
	}
	if (any)
		texts_value(j, &in, depth + 1);
	else
		json_skip(j);
}

static void texts_value(struct json *j, const struct texts *t, int depth)
{
	struct str key, s;
	enum json_type type = json_peek(j);
	if (type == JSON_ARRAY && depth < WRAPS_MAX) {
		json_array(j);
		while (json_item(j))
			texts_value(j, t, depth + 1);
		return;
	}
	if (type == JSON_OBJECT && depth < WRAPS_MAX) {
		json_object(j);
		while (json_key(j, &key))
			texts_member(j, key, t, depth);
		return;
	}
	if (type == JSON_STRING) {
		s = whatsapp_text(j, t->a);
	} else if (type == JSON_NUMBER) {
		s = number(j, t->a);
	} else {
		json_skip(j);
		return;
	}
	for (int i = 0; i < TEXTS; i++)
		if (t->rest[i] && !*t->rest[i])
			add_line(t->lines, i, s);
}

/* ---- content, acts, protocol
 * ------------------------------------------------------------------------- */

static struct str reply_target(struct json *j, struct arena *a)
{
	struct str key, id = { 0 };
	if (json_peek(j) != JSON_OBJECT) {
		json_skip(j);
		return id;
	}
	json_object(j);
	while (json_key(j, &key))
		if (str_is(key, "stanzaId"))
			id = whatsapp_text(j, a);
		else
			json_skip(j);
	return id;
}

static void read_shape(struct json *j, const struct shape *shape, struct arena *a,
                       struct whatsapp_content *c)
{
	struct str key;
	struct lines lines = { .n = 0 };
	struct texts t = { .lines = &lines, .a = a };
	memcpy(t.rest, shape->texts, sizeof t.rest);
	c->kind = shape->kind;
	c->is_media = shape->media;
	json_object(j);
	while (json_key(j, &key)) {
		if (str_is(key, "contextInfo"))
			c->reply_to = reply_target(j, a);
		else if (shape->media && str_is(key, "fileSha256"))
			c->media_sha = bytes(j, a);
		else
			texts_member(j, key, &t, 0);
	}
	c->body = join_lines(&lines, shape->join, a);
}

static void read_act(struct json *j, const struct act *act, struct arena *a,
                     struct whatsapp_content *c)
{
	struct str key;
	c->kind = act->kind;
	c->class = WA_CLASS_EVENT;
	if (json_peek(j) != JSON_OBJECT) {
		json_skip(j);
		return;
	}
	json_object(j);
	while (json_key(j, &key)) {
		if (act->key && str_is(key, act->key))
			c->target = whatsapp_key_id(j, a);
		else if (act->text && str_is(key, act->text))
			c->body = whatsapp_text(j, a);
		else if (str_is(key, "senderTimestampMs"))
			(void)whatsapp_i64(j, &c->acted_ms);
		else
			json_skip(j);
	}
}

static void read_protocol(struct json *j, struct arena *a, struct whatsapp_content *c)
{
	static const struct whatsapp_name types[] = {
		{ "REVOKE", 0 },
		{ "EPHEMERAL_SETTING", 3 },
		{ "MESSAGE_EDIT", 14 },
		{ NULL, 0 },
	};
	struct whatsapp_content edited = { 0 };
	int type = 0; /* absent is the first value: revoke */
	struct str key;
	c->class = WA_CLASS_EVENT;
	json_object(j);
	while (json_key(j, &key)) {
		if (str_is(key, "type") && json_peek(j) != JSON_NULL)
			type = whatsapp_enum(j, types);
		else if (str_is(key, "key"))
			c->target = whatsapp_key_id(j, a);
		else if (str_is(key, "editedMessage"))
			whatsapp_content(j, a, &edited);
		else if (str_is(key, "timestampMs"))
			(void)whatsapp_i64(j, &c->acted_ms);
		else
			json_skip(j);
	}
	c->kind = type == 0 && c->target.len ? WA_KIND_REVOKE
	          : type == 14               ? WA_KIND_EDIT
	                                     : WA_KIND_SETTING;
	if (c->kind == WA_KIND_EDIT)
		c->body = edited.body;
}

static void read_message(struct json *j, struct arena *a, int wraps, struct whatsapp_content *c);

static void read_wrapper(struct json *j, struct arena *a, int wraps, struct whatsapp_content *c)
{
	struct str key;
	json_object(j);
	while (json_key(j, &key))
		if (str_is(key, "message"))
			read_message(j, a, wraps + 1, c);
		else
			json_skip(j);
}

/* A member of a message that may be its content. */
static void read_member(struct json *j, struct str name, struct arena *a, int wraps,
                        struct whatsapp_content *c)
{
	enum json_type type = json_peek(j);
	bool filled = c->found && c->kind != WA_KIND_UNKNOWN;
	if (filled || type == JSON_NULL || ONE_OF(name, siblings)) {
		json_skip(j);
		return;
	}
	if (str_is(name, "conversation")) {
		struct whatsapp_content text = { .found = true, .kind = WA_KIND_TEXT };
		text.body = whatsapp_text(j, a);
		if (text.body.len)
			*c = text;
		else
			c->empty_text =
				true; /* a serialiser's default, unless nothing else is there */
		return;
	}
	if (type != JSON_OBJECT) { /* empty arrays and the like, added by a serialiser */
		json_skip(j);
		return;
	}
	if (ONE_OF(name, wrappers)) {
		read_wrapper(j, a, wraps, c);
		return;
	}
	struct whatsapp_content found = { .found = true, .empty_text = c->empty_text };
	const struct shape *shape = shapes, *shapes_end = shapes + sizeof shapes / sizeof *shapes;
	const struct act *act = acts, *acts_end = acts + sizeof acts / sizeof *acts;
	while (shape < shapes_end && !str_is(name, shape->name))
		shape++;
	while (act < acts_end && !str_is(name, act->name))
		act++;
	if (str_is(name, "protocolMessage"))
		read_protocol(j, a, &found);
	else if (shape < shapes_end)
		read_shape(j, shape, a, &found);
	else if (act < acts_end)
		read_act(j, act, a, &found);
	else
		json_skip(j);
	*c = found;
}

static void read_message(struct json *j, struct arena *a, int wraps, struct whatsapp_content *c)
{
	struct str key;
	if (json_peek(j) != JSON_OBJECT || wraps > WRAPS_MAX) {
		json_skip(j);
		return;
	}
	json_object(j);
	while (json_key(j, &key))
		read_member(j, key, a, wraps, c);
}

void whatsapp_content(struct json *j, struct arena *a, struct whatsapp_content *ret)
{
	*ret = (struct whatsapp_content){ 0 };
	read_message(j, a, 0, ret);
	if (!ret->found && ret->empty_text) {
		ret->found = true;
		ret->kind = WA_KIND_TEXT;
	}
}
