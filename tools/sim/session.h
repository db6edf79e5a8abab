/*
 * session.h — one session of the simulated AI: what it was asked, what it says, what it saw.
 *
 *     client events ─▶ session.c ─┬─▶ settings.c       may the session be so
 *                                 ├─▶ hearing.c        echo, speech begun and ended, stamps judged
 *                                 └─▶ speaking.c ─▶ events.c ─▶ the plug
 *                                     answers, delta after delta; cancelled; cut short
 */
#pragma once
#include "tools/load/spread.h"
#include "tools/load/stamp.h"
#include "tools/plug/plug.h"
#include "tools/sim/play.h"
#include "tools/sim/settings.h"

enum { SESSION_ITEMS = 64, SESSION_CALLS = 16 };

/* What a session saw; also summed over all. Each names a rule that the other side may break, or a
 * figure. */
struct session_sights {
	uint64_t frames, plain_bytes; /* stamped frames of the caller; audio without a stamp */
	uint64_t broken, missing, twice, of_others;
	uint64_t appends, early; /* early: before the format was set */
	uint64_t events, errors; /* of the client; those refused */
	uint64_t answers, interrupted, functions, outputs;
	uint64_t truncates, beyond; /* beyond: of more audio than the item has */
	uint64_t matched, worst_over_ms, worst_under_ms; /* audio_end_ms by what the caller heard */
	uint64_t speech;                                 /* times the caller was heard to begin */
	struct spread forth;                             /* caller's send to our ear, us */
	struct spread clear; /* speech_started to the carrier's clear, us */
};

struct item {
	uint32_t n; /* 0: none */
	bool assistant, gone, has_heard, has_cut;
	uint32_t ms; /* of audio made */
	uint32_t heard_ms, cut_ms;
};

struct realtime; /* the server, realtime.c */

struct session {
	struct realtime *server;
	struct plug plug;
	struct play play;
	uint32_t number;
	bool beta, faulty, stalled, unsaid;
	uint64_t began_us, expires_at; /* monotonic; s since the epoch */
	char *head;                    /* of a handshake that is answered late */
	struct plug_alarm drop, stall, expire, garbage, late, slow, think, voice, bury;
	struct buf said; /* the event that is being written */
	struct settings settings;
	struct session_sights sights;
	uint32_t events, items; /* numbers given */

	struct item item[SESSION_ITEMS];
	char calls[SESSION_CALLS][40]; /* functions that wait for their output */

	struct stamp_stream ear;
	char back[4 * STAMP_BYTES * 50]; /* an echo that is being joined */
	uint32_t n_back;
	uint32_t run, call, next_seq, clears;
	bool known; /* run and call are */
	uint64_t heard_ms;
	bool speaking;
	uint32_t quiet_ms;
	uint64_t started_us; /* speech_started was said */

	struct answer {
		bool active, echo, function;
		uint32_t n, item, made_ms, total_ms;
	} answer;
	uint32_t answers;
	uint64_t audio_out_ms;
	uint32_t tool, out_seq;
	struct session *next, **link;
};

/* session.c */
void session_init(struct session *s);
void session_said(struct session *s, struct str text);
void session_stop(struct session *s); /* its alarms */
/* hearing.c */
void session_hear(struct session *s, struct str audio);
void session_commit(struct session *s);
/* speaking.c */
void session_speaking_init(struct session *s);
void session_answer_soon(struct session *s);
void session_answer_now(struct session *s);
void session_cancel(struct session *s, const char *reason);
/* A whole piece of the echo is together. */
void session_echo(struct session *s);
void session_function_answered(struct session *s, struct str call_id, struct str event_id);
struct item *session_item(struct session *s, uint32_t n);
struct item *session_item_new(struct session *s, bool assistant);
/* The caller's stamps and the client's truncates tell of the same moment. */
void session_match(struct session *s, struct item *i);

/* events.c: write one, then say it. GA's and beta's names of the same event. */
enum event {
#define EVENT(name, ga, beta) EVENT_##name,
#include "tools/sim/events.def"
#undef EVENT
};
struct buf *event_begin(struct session *s, enum event e); /* {"type":…,"event_id":… */
void event_end(struct session *s);                        /* } */
/* `event_id`: of the client's event; may be empty. */
void event_error(struct session *s, const char *code, const char *param, struct str event_id,
                 const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void event_session(struct session *s, enum event e, uint64_t expires_at);
