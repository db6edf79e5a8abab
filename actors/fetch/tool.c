/*
 * tool.c — a business's own tool: what the AI asked for, as a POST to the address in its settings,
 * and what came of it in words that the AI can go on from.
 *
 *     call_session ── call.tool ──▶ fetch ── fetch.request ──▶ itself ══▶ the business's server
 *                  ◀── call.tool_done ──  ◀── fetch.answer ──
 *
 * Guarded as any stranger's address; sent once; redirects are not followed.
 */
#include "actors/fetch/work.h"
#include "proto/call.h"
#include "proto/json.h"
#include "proto/utf8.h"

enum { TOOL_MS = 9000, TOOL_SAID = 2048 };

static const char *words_of(enum fetch_trouble trouble)
{
	switch (trouble) {
	case FETCH_TROUBLE_URL:
	case FETCH_TROUBLE_REFUSED:
		return "the address of this tool may not be called";
	case FETCH_TROUBLE_TIMEOUT:
		return "the service did not answer in time";
	case FETCH_TROUBLE_TOO_LARGE:
		return "the service's answer is too long";
	case FETCH_TROUBLE_BROKEN:
		return "the connection broke: whether it was done is not known";
	case FETCH_TROUBLE_REDIRECTS:
	case FETCH_TROUBLE_RESOLVE:
	case FETCH_TROUBLE_CONNECT:
	case FETCH_TROUBLE_TLS:
	case FETCH_TROUBLE_FULL:
	case FETCH_TROUBLE_NONE:
		break;
	}
	return "the service cannot be reached now";
}

static void put_error(struct buf *b, const struct fetch_answer *a, struct str said)
{
	json_put_open(b, '{');
	json_put_key(b, "error");
	json_put_text(b, a->trouble ? words_of(a->trouble) : "the service refused");
	if (!a->trouble) {
		json_put_key(b, "status");
		json_put_u64(b, a->status);
		json_put_key(b, "said");
		json_put_str(b, str_n(said.at, utf8_cut(said, TOOL_SAID)));
	}
	json_put_close(b, '}');
}

static enum err on_answer(struct actor *self, const struct msg *m)
{
	const struct msg *asked = (const struct msg *)(uintptr_t)msg_tag(m);
	if (msg_err(m))
		return actor_refuse(self, asked, msg_err(m));
	const struct fetch_answer *a = fetch_answer_of(m);
	struct str said = msg_blob(m);
	char room[CALL_TOOL_DONE_OUTPUT_MAX];
	struct buf b;
	buf_over(&b, room, sizeof room);
	if (said.len && !utf8_valid(said))
		said = (struct str){ 0 };
	if (a->trouble || a->status / 100 != 2)
		put_error(&b, a, said);
	else
		buf_str(&b, said.len ? said : str_of("{\"ok\":true}"));
	return actor_reply(self, asked, MSG(call_tool_done, .output = buf_view(&b)));
}

enum err work_tool(struct actor *self, const struct msg *m)
{
	const struct call_tool *t = call_tool_of(m);
	struct fetch_header headers[] = {
		{ .name = STR_LIT("Content-Type"), .value = STR_LIT("application/json") },
		{ .name = STR_LIT("Accept"), .value = STR_LIT("application/json, text/plain") },
	};
	struct blob *body = blob_copy(t->arguments.at, t->arguments.len);
	const struct msg *held = body ? msg_hold(self, m) : NULL;
	if (!held) {
		blob_unref(body);
		return ERR_MEMORY;
	}
	/* ERR_…: the answer, though it is held */
	return actor_ask_to(self, TO(actor_ref(self)), &body, TOOL_MS + 500, on_answer,
	                    (uint64_t)(uintptr_t)held,
	                    MSG(fetch_request, .url = t->url, .method = FETCH_METHOD_POST,
	                        .headers = { headers, 2 }, .within_ms = TOOL_MS,
	                        .most = CALL_TOOL_DONE_OUTPUT_MAX));
}
