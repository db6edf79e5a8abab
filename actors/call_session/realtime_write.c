/*
 * realtime_write.c — what is said to the AI; see realtime.h.
 */
#include "actors/call_session/realtime.h"
#include "proto/json.h"

static void put(struct buf *b, const struct proto_desc *type, const void *event)
{
	enum err e = json_write(b, type, event, 0);
	if (e)
		buf_fail(b, e);
}

/* By hand, since 50 of them a second and call leave here, and the payload is not copied twice. */
void realtime_append_open(struct buf *b)
{
	buf_text(b, "{\"type\":\"input_audio_buffer.append\",\"audio\":\"");
}

void realtime_append_close(struct buf *b)
{
	buf_text(b, "\"}");
}

static void update_beta(struct buf *b, const struct realtime_wishes *w,
                        const struct realtime_turns *turns)
{
	static const struct str both[] = { STR_LIT("audio"), STR_LIT("text") };
	put(b, &realtime_update_beta_desc,
	    &(struct realtime_update_beta){
		    .type = str_of("session.update"),
		    .session = { .modalities = { both, 2 },
	                         .instructions = w->instructions,
	                         .voice = w->voice,
	                         .input_audio_format = str_of("g711_ulaw"),
	                         .output_audio_format = str_of("g711_ulaw"),
	                         .input_audio_transcription.model = w->transcriber,
	                         .turn_detection = *turns,
	                         .tools = w->tools,
	                         .tool_choice = str_of(w->tools.len ? "auto" : "") },
	    });
}

void realtime_update(struct buf *b, const struct realtime *r, const struct realtime_wishes *w)
{
	static const struct str audio[] = { STR_LIT("audio") };
	struct realtime_turns turns = { .type = str_of(w->semantic ? "semantic_vad" : "server_vad"),
		                        .create_response = true,
		                        .interrupt_response = r->interrupts };
	if (r->beta) {
		update_beta(b, w, &turns);
		return;
	}
	put(b, &realtime_update_desc,
	    &(struct realtime_update){
		    .type = str_of("session.update"),
		    .session = { .type = str_of("realtime"),
	                         .output_modalities = { audio, 1 },
	                         .instructions = w->instructions,
	                         .audio = { .input = { .format.type = str_of("audio/pcmu"),
	                                               .turn_detection = turns,
	                                               .transcription.model = w->transcriber },
	                                    .output = { .format.type = str_of("audio/pcmu"),
	                                                .voice = w->voice } },
	                         .tools = w->tools,
	                         .tool_choice = str_of(w->tools.len ? "auto" : "") },
	    });
}

void realtime_truncate(struct buf *b, const char *item, uint32_t heard_ms)
{
	put(b, &realtime_truncate_desc,
	    &(struct realtime_truncate){ .type = str_of("conversation.item.truncate"),
	                                 .item_id = str_of(item),
	                                 .audio_end_ms = heard_ms });
}

void realtime_cancel(struct buf *b, const struct realtime *r)
{
	put(b, &realtime_cancel_desc,
	    &(struct realtime_cancel){ .type = str_of("response.cancel"),
	                               .response_id = str_of(r->response) });
}

void realtime_respond(struct buf *b, struct str instructions)
{
	put(b, &realtime_respond_desc,
	    &(struct realtime_respond){ .type = str_of("response.create"),
	                                .response.instructions = instructions });
}

/* A message of the past, as text: audio of the assistant cannot be put into a session. */
void realtime_words(struct buf *b, const struct realtime *r, bool caller, struct str text)
{
	struct realtime_content content = { .type = str_of(caller    ? "input_text"
		                                           : r->beta ? "text"
		                                                     : "output_text"),
		                            .text = text };
	put(b, &realtime_create_desc,
	    &(struct realtime_create){ .type = str_of("conversation.item.create"),
	                               .item = { .type = str_of("message"),
	                                         .role = str_of(caller ? "user" : "assistant"),
	                                         .content = { &content, 1 } } });
}

void realtime_answer(struct buf *b, struct str call_id, struct str output)
{
	put(b, &realtime_create_desc,
	    &(struct realtime_create){ .type = str_of("conversation.item.create"),
	                               .item = { .type = str_of("function_call_output"),
	                                         .call_id = call_id,
	                                         .output = output } });
}
