/*
 * tools.h — what the AI may do beside talking, as it is declared to it, and what it asked for.
 *
 *     response.output_item.done (function_call) ─▶ run ─▶ answer … response.done ─▶ response.create
 *
 * Several in one response: each is answered, then the AI is asked once to go on.
 */
#pragma once
#include "actors/call_session/realtime.h"
#include "proto/json.h"

enum tool {
	TOOL_END_CALL,
	TOOL_TRANSFER,
	TOOL_NOTE_LEAD,
	TOOL_LOOK_UP_LEAD,
	TOOL_SEND_DTMF,
	TOOL_OWN,     /* of the business: an address to be asked */
	TOOL_UNKNOWN, /* of nobody */
};

enum { TOOLS_AT_ONCE = 8, TOOLS_DECLARED = 32 << 10 };

struct tools {
	struct {
		char id[REALTIME_ID]; /* the AI's name for this call of it; empty: free */
		uint32_t leg; /* serial of the AI leg that asked: another one does not know it */
		bool waits;   /* its answer is still to come */
	} calls[TOOLS_AT_ONCE];
	bool owed; /* answers were given that the AI was not yet asked to go on from */
};

/* All that can be called, as the session's `tools`: ours, and the business's own out of its JSON.
 * What is no tool there (no name, ours, doubled) is left out. */
void tools_declare(struct buf *b, struct str own, bool can_transfer);
enum tool tools_find(struct str own, struct str name, bool can_transfer, struct arena *a,
                     struct str *ret_url);
/* A member of a call's arguments; false when it is not there or no text. */
bool tools_text(struct str arguments, const char *member, struct arena *a, struct str *ret);

/* A place for a call that was asked for; TOOLS_AT_ONCE when there are too many. */
uint32_t tools_begin(struct tools *t, struct str id, uint32_t leg);
void tools_end(struct tools *t, uint32_t i);
bool tools_wait(const struct tools *t);
