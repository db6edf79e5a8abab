/*
 * tools.c — see tools.h.
 */
#include "actors/call_session/tools.h"

#define TEXT_MEMBER(name, doc) "\"" name "\":{\"type\":\"string\",\"description\":\"" doc "\"}"
#define OBJECT(members, required)                                                                  \
	"{\"type\":\"object\",\"properties\":{" members "},\"required\":[" required "]}"

/* In the order of enum tool. */
static const struct {
	const char *name, *doc, *parameters;
} ours[] = {
	{ "end_call",
	  "End the phone call. Say good-bye first; the call ends when the caller has heard it.",
	  OBJECT(TEXT_MEMBER("reason", "why, in a few words"), "") },
	{ "transfer", "Hand the caller over to a person. Say so first.",
	  OBJECT(TEXT_MEMBER("reason", "why, in a few words"), "") },
	{ "note_lead", "Note what the caller has told about himself. Leave out what is not known.",
	  OBJECT(TEXT_MEMBER("name", "full name") "," TEXT_MEMBER(
			 "email",
			 "e-mail address") "," TEXT_MEMBER("note",
	                                                   "anything worth knowing next time"),
	         "") },
	{ "look_up_lead", "What is known of the caller from earlier.", OBJECT("", "") },
	{ "send_dtmf", "Press keys of the phone.",
	  OBJECT(TEXT_MEMBER("digits", "up to 32 of 0-9 * # A-D"), "\"digits\"") },
};
enum { OURS = sizeof ours / sizeof ours[0] };

static enum tool our(struct str name)
{
	for (uint32_t i = 0; i < OURS; i++)
		if (str_is(name, ours[i].name))
			return (enum tool)i;
	return TOOL_UNKNOWN;
}

/* One of the business's own, as its settings have it. */
struct own_tool {
	struct str name, description, parameters, url;
};

static bool read_own(struct json *j, struct arena *a, struct own_tool *ret)
{
	struct str key;
	*ret = (struct own_tool){ 0 };
	if (json_peek(j) != JSON_OBJECT)
		return json_skip(j) && false;
	json_object(j);
	while (json_key(j, &key)) {
		struct str *to = str_is(key, "name")          ? &ret->name
		                 : str_is(key, "description") ? &ret->description
		                 : str_is(key, "url")         ? &ret->url
		                                              : NULL;
		if (to && json_peek(j) == JSON_STRING)
			json_string(j, a, to);
		else if (str_is(key, "parameters") && json_peek(j) == JSON_OBJECT)
			json_raw(j, &ret->parameters);
		else
			json_skip(j);
	}
	return !j->err && ret->name.len && ret->name.len <= REALTIME_ITEM_NAME_MAX &&
	       our(ret->name) == TOOL_UNKNOWN;
}

static void put_tool(struct buf *b, struct str name, struct str doc, struct str parameters)
{
	json_put_open(b, '{');
	json_put_key(b, "type");
	json_put_text(b, "function");
	json_put_key(b, "name");
	json_put_str(b, name);
	json_put_key(b, "description");
	json_put_str(b, doc);
	json_put_key(b, "parameters");
	json_put_raw(b, parameters.len ? parameters : str_of(OBJECT("", "")));
	json_put_close(b, '}');
}

void tools_declare(struct buf *b, struct str own, bool can_transfer)
{
	char room[4096];
	struct json j;
	json_put_open(b, '[');
	for (uint32_t i = 0; i < OURS; i++)
		if (i != TOOL_TRANSFER || can_transfer)
			put_tool(b, str_of(ours[i].name), str_of(ours[i].doc),
			         str_of(ours[i].parameters));
	json_init(&j, own, JSON_FOREIGN);
	if (own.len && json_peek(&j) == JSON_ARRAY) {
		json_array(&j);
		while (json_item(&j)) {
			struct arena a = ARENA_OVER(room);
			struct own_tool t;
			if (read_own(&j, &a, &t))
				put_tool(b, t.name, t.description, t.parameters);
		}
	}
	json_put_close(b, ']');
}

enum tool tools_find(struct str own, struct str name, bool can_transfer, struct arena *a,
                     struct str *ret_url)
{
	struct json j;
	enum tool tool = our(name);
	if (tool == TOOL_TRANSFER && !can_transfer)
		return TOOL_UNKNOWN;
	json_init(&j, own, JSON_FOREIGN);
	if (tool != TOOL_UNKNOWN || !own.len || json_peek(&j) != JSON_ARRAY)
		return tool;
	json_array(&j);
	while (json_item(&j)) {
		uint32_t used = a->used;
		struct own_tool t;
		if (read_own(&j, a, &t) && str_eq(t.name, name) && t.url.len) {
			*ret_url = t.url;
			return TOOL_OWN;
		}
		a->used = used;
	}
	return TOOL_UNKNOWN;
}

bool tools_text(struct str arguments, const char *member, struct arena *a, struct str *ret)
{
	struct json j;
	json_init(&j, arguments, JSON_FOREIGN);
	return json_peek(&j) == JSON_OBJECT && json_find(&j, member) &&
	       json_peek(&j) == JSON_STRING && json_string(&j, a, ret);
}

/* ---- calls of them
 * ------------------------------------------------------------------------------- */

uint32_t tools_begin(struct tools *t, struct str id, uint32_t leg)
{
	for (uint32_t i = 0; i < TOOLS_AT_ONCE; i++) {
		if (t->calls[i].waits)
			continue;
		str_keep(t->calls[i].id, sizeof t->calls[i].id, id);
		t->calls[i].leg = leg;
		t->calls[i].waits = true;
		return i;
	}
	return TOOLS_AT_ONCE;
}

void tools_end(struct tools *t, uint32_t i)
{
	t->calls[i].waits = false;
}

bool tools_wait(const struct tools *t)
{
	for (uint32_t i = 0; i < TOOLS_AT_ONCE; i++)
		if (t->calls[i].waits)
			return true;
	return false;
}
