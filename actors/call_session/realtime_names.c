/*
 * realtime_names.c — the AI's event names, GA and beta, and which of its errors are for good.
 */
#include "actors/call_session/realtime.h"

/* The most frequent first. */
static const struct {
	struct str name;
	enum realtime_word word;
} names[] = {
#define NAME(text, word)                                                                           \
	{                                                                                          \
		STR_LIT(text), REALTIME_##word                                                     \
	}
	NAME("response.output_audio.delta", AUDIO),
	NAME("response.audio.delta", AUDIO),
	NAME("response.output_audio_transcript.delta", SAID),
	NAME("response.audio_transcript.delta", SAID),
	NAME("response.output_audio.done", AUDIO_DONE),
	NAME("response.audio.done", AUDIO_DONE),
	NAME("input_audio_buffer.speech_started", SPEECH_STARTED),
	NAME("input_audio_buffer.speech_stopped", SPEECH_STOPPED),
	NAME("input_audio_buffer.committed", TURN_ENDED),
	NAME("conversation.item.input_audio_transcription.completed", CALLER_SAID),
	NAME("response.created", RESPONSE),
	NAME("response.done", RESPONSE_DONE),
	NAME("response.output_item.added", ITEM),
	NAME("response.output_item.done", ITEM_DONE),
	NAME("rate_limits.updated", LIMITS),
	NAME("session.created", CREATED),
	NAME("session.updated", UPDATED),
	NAME("error", ERROR),
#undef NAME
};

enum realtime_word realtime_word_of(struct str type)
{
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (str_eq(type, names[i].name))
			return names[i].word;
	return REALTIME_NOTHING;
}

/* LiveKit's agents keep such a list, too, so as not to dial for ever. */
static const char *const for_good[] = {
	"invalid_api_key",
	"invalid_organization",
	"insufficient_quota",
	"model_not_found",
	"invalid_model",
	"account_deactivated",
	"access_terminated",
	"billing_hard_limit_reached",
	"unsupported_country_region_territory",
	"permission_denied",
	"billing_not_active",
};

enum realtime_trouble realtime_trouble_of(const struct realtime_error *e)
{
	if (str_is(e->code, "session_expired") || str_is(e->type, "session_expired"))
		return REALTIME_ENDED;
	for (size_t i = 0; i < sizeof for_good / sizeof for_good[0]; i++)
		if (str_is(e->code, for_good[i]) || str_is(e->type, for_good[i]))
			return REALTIME_FINAL;
	return REALTIME_HARMLESS;
}

enum realtime_trouble realtime_trouble_status(uint32_t status)
{
	bool later = status == 408 || status == 425 || status == 429 || status < 400;
	return later || status >= 500 ? REALTIME_ENDED : REALTIME_FINAL;
}
