/*
 * owner.c — the actor that owns one child: starts it, moves bytes both ways within bounds, wants
 * signs of life, and breaks (so that its supervisor makes a new one) when the child ends or lies.
 *
 *     STARTING ── port.hello ──▶ READY ── end, silence, lie ──▶ fault ── restart ──▶ STARTING
 *
 * Loop callbacks only note that something came and wake the actor; reading, writing and judging
 * happen in its own turns. What is written to the child waits in one bounded queue; when that is
 * full, the asker is told ERR_BUSY. A child that floods us is read no faster than READ_MOST a turn.
 */
#include "actors/port/owner.h"
#include "bus/loop.h"
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	READ_MOST = 1 << 18, /* bytes read from the child in one turn */
	FRAMES_A_TURN = 64,
	LINES_A_SECOND = 50, /* of its output that reach the log */
	MISSED_MOST = 3,     /* signs of life */
};

/* ---- the descriptors ----------------------------------------------------------------------------
 */

/* Everything that has come, up to a bound. ret_more: the bound was met. */
static enum err read_some(struct owner *o, bool *ret_more)
{
	*ret_more = false;
	for (uint32_t got = 0; got < READ_MOST;) {
		char *at;
		uint32_t cap;
		enum err e = frames_room(&o->io, &at, &cap);
		if (e)
			return e;
		ssize_t n = recv(o->child.fd, at, cap, 0);
		if (n > 0) {
			frames_took(&o->io, (uint32_t)n);
			got += (uint32_t)n;
			continue;
		}
		o->over |= n == 0 || (errno != EAGAIN && errno != EINTR);
		return OK;
	}
	*ret_more = true;
	return OK;
}

static void write_some(struct owner *o)
{
	for (;;) {
		struct str w = frames_waiting(&o->io);
		ssize_t n = w.len ? send(o->child.fd, w.at, w.len, MSG_NOSIGNAL) : 0;
		if (n <= 0)
			break;
		frames_wrote(&o->io, (uint32_t)n);
	}
	loop_watch_set(o->sock, LOOP_READ | (frames_waiting(&o->io).len ? LOOP_WRITE : 0));
}

static enum err take_frames(struct actor *self, bool *ret_more)
{
	struct owner *o = actor_state(self);
	struct str frame;
	enum err e = OK;
	uint32_t n = 0;
	while (!e && n++ < FRAMES_A_TURN && frames_next(&o->io, &frame, &e)) {
		struct packet p;
		if (packet_next(&frame, &p))
			return actor_fault(self, "the child sent what is no packet");
		e = port_packet(self, &p);
	}
	*ret_more |= n > FRAMES_A_TURN;
	return e == ERR_TOO_LARGE
	               ? actor_fault(self, "the child sent a frame over %u bytes", FRAMES_MOST)
	               : e;
}

static enum err on_io(struct actor *self)
{
	struct owner *o = actor_state(self);
	bool more;
	enum err e = read_some(o, &more);
	if (!e)
		e = take_frames(self, &more);
	if (e)
		return e == ERR_FAULT ? e : actor_fault(self, "port: %s", err_info(e)->text);
	write_some(o);
	if (o->over)
		return actor_fault(self, "the child has ended");
	if (more)
		actor_wake(o->io_waker);
	return OK;
}

static void on_sock(void *ctx, int events)
{
	(void)events;
	struct owner *o = ctx;
	actor_wake(o->io_waker);
}

static void on_ended(void *ctx, int events)
{
	(void)events;
	struct owner *o = ctx;
	o->over = true;
	loop_watch_set(o->ended, 0);
	actor_wake(o->io_waker);
}

/* ---- what it prints -----------------------------------------------------------------------------
 */

static void log_line(struct actor *self, struct str line)
{
	struct owner *o = actor_state(self);
	if (actor_now_us(self) - o->second_us >= 1000000) {
		if (o->lines_held)
			actor_log(self, LOG_WARN, "printed_too_much lines_held=%u", o->lines_held);
		o->second_us = actor_now_us(self);
		o->lines = o->lines_held = 0;
	}
	if (o->lines++ < LINES_A_SECOND)
		actor_log(self, LOG_INFO, "printed text=\"%.*s\"", STR(line));
	else
		o->lines_held++;
}

static enum err on_printed(struct actor *self)
{
	struct owner *o = actor_state(self);
	char text[4096];
	ssize_t n = read(o->child.log_fd, text, sizeof text);
	for (char *at = text, *end = text + (n > 0 ? n : 0); at < end;) {
		char *nl = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((nl ? nl : end) - at);
		if (len)
			log_line(self, str_n(at, len < 500 ? len : 500));
		at += len + 1;
	}
	loop_watch_set(o->log, n == 0 ? 0 : LOOP_READ); /* 0: it closed its output */
	return OK;
}

/* Apart from the socket, and one piece a turn: a flood of lines must not delay messages. */
static void on_log_fd(void *ctx, int events)
{
	(void)events;
	struct owner *o = ctx;
	loop_watch_set(o->log, 0);
	actor_wake(o->log_waker);
}

/* ---- life ---------------------------------------------------------------------------------------
 */

static uint32_t ping_ms(const struct actor *self)
{
	return spec_of(self)->ping_ms ? spec_of(self)->ping_ms : 5000;
}

static enum err on_ping_due(struct actor *self)
{
	struct owner *o = actor_state(self);
	port_expire(self);
	if (!o->ready)
		return actor_fault(self, "the child did not say hello in time");
	if (o->missed++ == MISSED_MOST)
		return actor_fault(self, "the child is silent");
	actor_after(self, ping_ms(self), on_ping_due);
	enum err e = port_write(o, MSG(port_ping));
	return e == ERR_BUSY ? OK : e; /* a full queue is a missed sign already */
}

static enum err watch_child(struct actor *self)
{
	struct owner *o = actor_state(self);
	struct loop *loop = actor_loop(self);
	enum err e = actor_waker_new(self, on_io, &o->io_waker);
	if (!e)
		e = actor_waker_new(self, on_printed, &o->log_waker);
	if (!e)
		e = loop_watch(loop, o->child.fd, LOOP_READ, on_sock, o, &o->sock);
	if (!e)
		e = loop_watch(loop, o->child.pidfd, LOOP_READ, on_ended, o, &o->ended);
	if (!e)
		e = loop_watch(loop, o->child.log_fd, LOOP_READ, on_log_fd, o, &o->log);
	return e;
}

static enum err on_start(struct actor *self)
{
	struct owner *o = actor_state(self);
	const struct port_spec *s = spec_of(self);
	char why[128];
	o->child = (struct child){ .pidfd = -1, .fd = -1, .log_fd = -1 };
	if (!actor_loop(self))
		return ERR_UNSUPPORTED; /* the simulator has no programs */
	enum err e = child_start(&s->child, &o->child, why);
	if (e)
		return actor_fault(self, "%s: %s", s->child.argv[0], why);
	e = frames_init(&o->io, s->queue_bytes ? s->queue_bytes : FRAMES_MOST);
	if (!e)
		e = watch_child(self);
	actor_after(self, s->hello_ms ? s->hello_ms : 10000, on_ping_due);
	return e;
}

/* Its asks are answered by the runtime, since they are held. */
static enum err on_stop(struct actor *self)
{
	struct owner *o = actor_state(self);
	loop_watch_free(&o->sock);
	loop_watch_free(&o->ended);
	loop_watch_free(&o->log);
	actor_waker_free(&o->io_waker);
	actor_waker_free(&o->log_waker);
	child_end(&o->child, NULL);
	frames_done(&o->io);
	return OK;
}

static const struct actor_on takes[] = {
	{ &port_carry_desc, port_on_carry },
	{ 0 },
};

void port_owner_kind(struct port_kinds *k)
{
	k->owner = (struct actor_kind){
		.name = k->owner_name,
		.doc = "owns the program behind a port",
		.state = sizeof(struct owner),
		.start = on_start,
		.stop = on_stop,
		.takes = takes,
		.place = PLACE_HERE,
		.mailbox = { .depth = 512, .full = FULL_REFUSE },
		.restart = { RESTART_ALWAYS, .times = 10, .within_ms = 60000, .pause_ms = 100 },
		.asks = 128,
		.holds = ASKED_MOST,
		.at_start = true,
		.sets_tenant = true,
		.data = k,
	};
}
