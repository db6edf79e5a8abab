/*
 * session.h — one live call, inside this folder: its state, and which file does what.
 *
 *                     ┌──────────────────────── struct call ─────────────────────────┐
 *   carrier's wire ══▶│ carrier.c: twilio ─▶ intake ─────────────────▶ leg.c ═══════│══▶ AI's wire
 *                  ◀══│ carrier.c ◀─ playout ◀───── speech.c ◀─ realtime ◀── leg.c ═│◀══
 *                     │      beat.c: what time brings     ending.c: how it ends       │
 *                     │      toolwork.c: what the AI does  books.c: what is kept ────│──▶ store
 *                     └───────────────────────────────────────────────────────────────┘
 */
#pragma once
#include "actors/actor.h"
#include "actors/call_session/blobs.h"
#include "actors/call_session/history.h"
#include "actors/call_session/intake.h"
#include "actors/call_session/playout.h"
#include "actors/call_session/realtime.h"
#include "actors/call_session/record.h"
#include "actors/call_session/tools.h"
#include "actors/call_session/twilio.h"
#include "proto/call.h"
#include "proto/wire.h"

enum {
	BEAT_MS = 100,           /* how often time is looked at */
	DIAL_MS = 5000,          /* for connect, TLS and handshake of an AI leg */
	SETTLE_US = 5000000,     /* from the open wire to session.updated */
	REDIAL_LEAST_MS = 20,    /* pauses between dials double from the one to the other: a peer */
	REDIAL_MOST_MS = 240,    /*   that can be reached again is noticed within 300 ms */
	WAIT_US = 3000000,       /* without an AI, or an answer: the caller is told to wait */
	WAIT_AGAIN_US = 4000000, /* and is told again */
	OVERDUE_MS = 10,         /* a frame that waits for the next one waits no longer */
	FRAME_MAX_AI = 256 << 10, /* the largest event taken from the AI, bytes */
	QUEUE_MAX_AI = 64 << 10,  /* towards it: six seconds of appends */
	ARENA_AI = FRAME_MAX_AI + 4096,
	ARENA_CARRIER = 80 << 10,
};

enum phase {
	PHASE_NEW,
	PHASE_EXPECTED, /* the carrier was told to open a stream */
	PHASE_LIVE,     /* it is open */
	PHASE_OVER,     /* ended; its record is still on the way to the store */
};

/* One AI leg. A call has one, and another beside it while it rolls over. */
struct leg {
	struct realtime ai;
	struct ref gateway;
	uint64_t wire;
	uint32_t serial;   /* rises with each dial of the call; 0: none */
	uint64_t since_us; /* in this state */
	uint64_t heard_us; /* when it last said anything */
	bool full;         /* it does not read */
};

struct call {
	enum phase phase;
	uint64_t business, principal, connector;
	char id[CALL_STREAM_CALL_MAX + 1], account[CALL_STREAM_ACCOUNT_MAX + 1];
	char from[CALL_STREAM_FROM_MAX + 1], to[CALL_STREAM_TO_MAX + 1];
	enum call_direction direction;
	const struct msg *settings; /* call.configured, kept; NULL: defaults */
	bool settled;               /* asked for, and answered or not */

	/* the carrier's leg: carrier.c */
	struct ref gateway;
	uint64_t wire; /* 0: none */
	struct twilio carrier;
	struct intake intake;
	struct playout playout;
	struct blobs *blobs;
	uint64_t expected_us, start_us, start_wall_us, frame_us; /* now; frame_us: the last one */
	uint64_t frames_out;
	uint32_t carrier_no; /* streams of this call so far */
	char digits[33];     /* pressed and not yet told to the AI */
	uint64_t digit_us;

	/* the AI's: leg.c */
	struct leg leg, next;
	uint32_t dials, legs, redial_ms; /* tried; that opened */
	uint64_t down_us;                /* since when there is no AI to talk to; 0: there is */
	uint64_t retry_us;               /* not before; asked for by the other side */
	bool hopeless;                   /* it cannot be reached for good */

	/* the conversation: speech.c */
	bool greeted, speaking; /* speaking: the caller */
	bool said;              /* there was audio in this response */
	bool missed;            /* the caller's words went with the session that heard them */
	bool owes;              /* the caller waits for an answer */
	uint64_t owes_us, turn_us, told_us; /* since when; last word; last told to wait */
	uint64_t speech_us;                 /* when anybody last spoke */
	uint32_t stalls, failures, prompts;
	struct history history;
	struct tools tools;

	/* the end: ending.c */
	enum call_cause ending; /* it ends so, once what is being said was heard */
	const char *last_words; /* what the AI is to be told for it; NULL: nothing */
	bool farewell;          /* it was told, or need not be */
	bool updating;          /* the carrier is asked to take it from here */
	uint64_t end_by_us;     /* then at the latest */
	enum call_cause cause;
	uint64_t over_us, over_wall_us, drain_us, played_ms;

	/* the record: books.c */
	struct record record;
	uint64_t retired; /* a newer stream's epoch; 0: none known */
	uint64_t epoch, lead, tokens_in, tokens_out;
	char desk[CALL_BEGIN_DESK_MAX + 1];
	bool arrived, begun, asking, finished;
	uint64_t flush_us; /* not before */
	uint32_t store_pause_ms;
	uint64_t stray; /* frames of wires that are not ours */
};

/* Settings of the connector's calls; all empty while the store has not said them. */
const struct call_configured *settings_of(const struct call *c);
void speak_for(struct actor *self,
               const struct call *c); /* store and desk are asked for its business */
void note(struct actor *self, enum call_happening kind, int64_t ms, const char *text);
void note_str(struct actor *self, enum call_happening kind, int64_t ms, struct str text);

/* carrier.c */
void carrier_heard(struct actor *self, const struct msg *m);
void carrier_closed(struct actor *self, const struct wire_closed *w);
void carrier_play(struct actor *self, struct str item, struct str base64);
void carrier_sound(struct actor *self, void (*make)(struct buf *b));
void carrier_clip(struct actor *self, const struct sound_clip *clip);
bool carrier_digits(struct actor *self, struct str digits);
/* No more of an item will come: a mark behind it. Empty: of whatever came last. */
void carrier_ended(struct actor *self, struct str item);
void carrier_pump(struct actor *self);
void carrier_clear(struct actor *self);
void carrier_look(struct actor *self);
void intake_flush(struct actor *self);
actor_tick_fn on_overdue;

/* leg.c */
void leg_dial(struct actor *self, struct leg *leg);
void leg_closed(struct actor *self, struct leg *leg, const char *why);
void leg_lost(struct actor *self, const char *why, enum realtime_trouble trouble);
void leg_heard(struct actor *self, struct leg *leg, const struct msg *m);
void leg_rollover(struct actor *self);
void leg_take_over(struct actor *self);
void leg_hang_up(struct actor *self, struct leg *leg);
/* An event for an AI leg, written by one of realtime.h's writers into the buf. */
void leg_say(struct actor *self, const struct leg *leg, struct buf *b);
actor_tick_fn on_redial;

/* speech.c */
void speech_heard(struct actor *self, enum realtime_word word, const struct realtime_heard *h);
void speech_ready(struct actor *self); /* a session took our settings */
void speech_greet(struct actor *self);
void speech_truncate(struct actor *self, const struct playout_cut *cut);
void speech_ask(struct actor *self, const char *instructions); /* the AI is to answer now */

/* toolwork.c */
void toolwork_run(struct actor *self, const struct realtime_item *item);
void toolwork_go_on(struct actor *self);

/* ending.c */
void ending_begin(struct actor *self, enum call_cause cause, const char *instructions);
void ending_unreachable(struct actor *self);
void ending_look(struct actor *self); /* is what was to be heard heard? */
void call_end(struct actor *self, enum call_cause cause);

/* books.c */
void books_settings(struct actor *self);
void books_arrive(struct actor *self);
void books_look(struct actor *self);
void books_last_word(struct actor *self); /* the actor stops now */

/* pulse.c */
actor_fn on_watch;

/* beat.c */
actor_tick_fn on_beat;
