/*
 * realtime_read.c — what the AI says; see realtime.h.
 */
#include "actors/call_session/realtime.h"
#include "proto/json.h"

static bool is_cut(const struct realtime *r, struct str response)
{
	for (uint32_t i = 0; response.len && i < REALTIME_CUTS; i++)
		if (str_is(response, r->cut[i]))
			return true;
	return false;
}

void realtime_forget(struct realtime *r)
{
	if (!r->response[0] || is_cut(r, str_of(r->response)))
		return;
	str_keep(r->cut[r->cuts++ % REALTIME_CUTS], REALTIME_ID, str_of(r->response));
}

static enum realtime_word on_session(struct realtime *r, const struct realtime_heard *h,
                                     enum realtime_word word)
{
	if (h->session.expires_at)
		r->expires_at_s = h->session.expires_at;
	if (word == REALTIME_CREATED && r->state == REALTIME_OPEN)
		return word;
	if (word == REALTIME_UPDATED && r->state == REALTIME_UPDATING) {
		r->state = REALTIME_READY;
		return word;
	}
	return REALTIME_NOTHING; /* said again, or before its time */
}

static enum realtime_word on_response(struct realtime *r, const struct realtime_heard *h,
                                      enum realtime_word word)
{
	if (word == REALTIME_RESPONSE) {
		r->responding = true;
		str_keep(r->response, sizeof r->response, h->response.id);
		return word;
	}
	r->tokens_in += h->response.usage.input_tokens;
	r->tokens_out += h->response.usage.output_tokens;
	if (r->responding && str_is(h->response.id, r->response))
		r->responding = false;
	return word;
}

static enum realtime_word forget(struct realtime *r)
{
	r->forgotten++;
	return REALTIME_NOTHING;
}

enum realtime_word realtime_read(struct realtime *r, struct str text, struct arena *a,
                                 struct realtime_heard *ret)
{
	if (json_decode(&realtime_heard_desc, text, JSON_FOREIGN, a, ret, NULL)) {
		r->malformed++;
		return REALTIME_NOTHING;
	}
	enum realtime_word word = realtime_word_of(ret->type);
	switch (word) {
	case REALTIME_NOTHING:
		r->unknown++;
		return word;
	case REALTIME_CREATED:
	case REALTIME_UPDATED:
		return on_session(r, ret, word);
	case REALTIME_RESPONSE:
	case REALTIME_RESPONSE_DONE:
		return on_response(r, ret, word);
	case REALTIME_AUDIO:
	case REALTIME_AUDIO_DONE:
	case REALTIME_SAID:
		return is_cut(r, ret->response_id) ? forget(r) : word;
	default:
		return word;
	}
}
