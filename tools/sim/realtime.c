/*
 * realtime.c — the server of realtime.h: who may come in, how each session is played, and its end.
 */
#include "tools/sim/realtime.h"
#include "tools/sim/realtime_in.h"
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum { SESSION_S = 3600, ACCEPTS = 64 };

struct realtime {
	const struct realtime_config *config;
	struct realtime_result *ret;
	struct plug_loop *loop;
	struct plug_tls *tls;
	struct plug_watch door, signals;
	struct plug_alarm within;
	struct play plays[REALTIME_PLAYS];
	uint32_t n_plays, suffered[REALTIME_PLAYS], began;
	struct session *sessions;
};

struct plug_loop *realtime_loop(struct session *s)
{
	return s->server->loop;
}

void realtime_tell(const struct session *s, const char *code, const char *message)
{
	const struct realtime_config *c = s->server->config;
	if (c->told)
		c->told(c->ctx, s, code, message);
}

/* ---- the end of a session ------------------------------------------------------------------ */

static void add_sights(struct session_sights *to, const struct session_sights *of)
{
	const uint64_t *from = &of->frames;
	uint64_t *sum = &to->frames;
	size_t n = offsetof(struct session_sights, forth) / sizeof *sum;
	uint64_t over = to->worst_over_ms, under = to->worst_under_ms;
	for (size_t i = 0; i < n; i++)
		sum[i] += from[i];
	to->worst_over_ms = over > of->worst_over_ms ? over : of->worst_over_ms;
	to->worst_under_ms = under > of->worst_under_ms ? under : of->worst_under_ms;
	spread_join(&to->forth, &of->forth);
	spread_join(&to->clear, &of->clear);
}

static void bury(void *ctx)
{
	struct session *s = ctx;
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	plug_alarm_clear(&s->bury);
	session_stop(s);
	plug_done(&s->plug);
	buf_done(&s->said);
	free(s->head);
	free(s);
}

static void on_ended(struct plug *p)
{
	struct session *s = p->ctx;
	struct realtime *r = s->server;
	session_stop(s);
	plug_alarm_set(r->loop, &s->bury, 0);
	if (!s->number)
		return; /* never a session */
	add_sights(&r->ret->all, &s->sights);
	r->ret->sessions++;
	if (r->config->ended)
		r->config->ended(r->config->ctx, s, p->why,
		                 (double)(plug_now_us() - s->began_us) / 1e6);
	if (r->ret->sessions == r->config->sessions)
		plug_loop_stop(r->loop);
}

/* ---- faults -------------------------------------------------------------------------------- */

static void on_drop(void *ctx)
{
	struct session *s = ctx;
	plug_reset(&s->plug, "dropped, as asked");
}

static void on_stall(void *ctx)
{
	struct session *s = ctx;
	s->stalled = true;
	plug_deafen(&s->plug, true);
}

static void on_expire(void *ctx)
{
	struct session *s = ctx;
	struct buf *b = event_begin(s, EVENT_error);
	buf_text(b, ",\"error\":{\"type\":\"invalid_request_error\",\"code\":\"session_expired\","
	            "\"message\":\"Your session hit the maximum duration.\",\"param\":null,"
	            "\"event_id\":null}");
	event_end(s);
	plug_close(&s->plug, 1001);
}

static void on_garbage(void *ctx)
{
	static const char *const nonsense[] = {
		"{\"type\":",
		"[]",
		"{\"type\":\"response.output_audio.delta\"}",
		("{\"type\":\"response.output_audio.delta\",\"item_id\":\"x\",\"response_id\":"
		 "\"y\","
		 "\"output_index\":0,\"content_index\":0,\"delta\":\"***\"}"),
		"{\"type\":17}",
		"{\"type\":\"response.done\",\"response\":null}",
		"{\"type\":\"of.the.future\",\"with\":{\"more\":[1,2,3]}}",
	};
	struct session *s = ctx;
	for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++)
		plug_say(&s->plug, str_of(nonsense[i]));
	plug_say_binary(&s->plug, str_of("\x01\x02\xff"));
}

static void set_fault(struct session *s, struct plug_alarm *a, plug_alarm_fn *fn, uint32_t ms)
{
	*a = (struct plug_alarm){ .fn = fn, .ctx = s };
	if (ms)
		plug_alarm_set(s->server->loop, a, s->began_us + ms * 1000ull);
}

/* ---- the way in ---------------------------------------------------------------------------- */

static void begin_session(struct session *s)
{
	const struct play *p = &s->play;
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	s->began_us = plug_now_us();
	s->expires_at = (uint64_t)now.tv_sec + (p->expire ? (p->expire + 999) / 1000 : SESSION_S);
	set_fault(s, &s->drop, on_drop, p->drop);
	set_fault(s, &s->stall, on_stall, p->stall);
	set_fault(s, &s->expire, on_expire, p->expire);
	set_fault(s, &s->garbage, on_garbage, p->garbage);
	event_session(s, EVENT_session_created, s->expires_at);
	struct buf *b = event_begin(s, EVENT_conversation_created);
	buf_printf(b, ",\"conversation\":{\"id\":\"conv_%x\",\"object\":\"realtime.conversation\"}",
	           s->number);
	event_end(s);
}

static void refuse(struct session *s, int status, const char *code)
{
	char headers[96], body[256];
	(void)snprintf(headers, sizeof headers, "Content-Type: application/json\r\n");
	if (s->play.retry)
		(void)snprintf(headers, sizeof headers,
		               "Content-Type: application/json\r\nRetry-After: %u\r\n",
		               s->play.retry);
	int n = snprintf(
		body, sizeof body,
		"{\"error\":{\"message\":\"refused: %s\",\"type\":\"invalid_request_error\","
		"\"param\":null,\"code\":\"%s\"}}",
		code, code);
	s->server->ret->refused++;
	plug_answer(&s->plug, status, headers, str_n(body, (size_t)n));
}

/* The play of this session: of its model's name, else the next of the config's. */
static bool choose_play(struct session *s, const char *model)
{
	struct realtime *r = s->server;
	char why[96];
	uint32_t i = r->began % r->n_plays;
	s->play = r->plays[i];
	if (!strncmp(model, "sim,", 4)) {
		play_forget_faults(&s->play);
		return play_read(&s->play, str_of(model + 4), why) == OK;
	}
	if (s->play.faults && r->suffered[i]++ >= s->play.faults)
		play_forget_faults(&s->play);
	return true;
}

static bool may_enter(struct session *s, const struct plug_head *h)
{
	const struct realtime_config *c = s->server->config;
	struct str bearer = { 0 }, beta;
	char model[256];
	if (!str_starts(h->target, "/v1/realtime?") ||
	    !plug_query(h->target, "model", model, sizeof model) || !*model) {
		refuse(s, 404, "unknown_path_or_no_model");
		return false;
	}
	if (!plug_header(h, "Authorization", &bearer) || !str_starts(bearer, "Bearer ") ||
	    bearer.len < 8 ||
	    (c->bearer && !str_is(str_n(bearer.at + 7, bearer.len - 7), c->bearer))) {
		refuse(s, 401, "invalid_api_key");
		return false;
	}
	s->beta = plug_header(h, "OpenAI-Beta", &beta);
	if (s->beta && !str_is(beta, "realtime=v1")) {
		refuse(s, 400, "invalid_beta");
		return false;
	}
	if (!choose_play(s, model)) {
		refuse(s, 404, "model_not_found");
		return false;
	}
	s->server->began++;
	if (s->play.refuse >= 300) {
		refuse(s, (int)s->play.refuse,
		       s->play.refuse == 429 ? "rate_limit_exceeded" : "refused");
		return false;
	}
	return true;
}

static void enter(struct session *s, const struct plug_head *h)
{
	if (!plug_accept(&s->plug, h))
		return;
	s->number = s->server->began;
	begin_session(s);
}

static void on_late(void *ctx)
{
	struct session *s = ctx;
	struct plug_head h = { .method = str_of("GET"), .lines = str_of(s->head) };
	if (s->plug.state == PLUG_HEAD)
		enter(s, &h);
}

static void on_asked(struct plug *p, const struct plug_head *h)
{
	struct session *s = p->ctx;
	if (s->head || !may_enter(s, h))
		return;
	if (!s->play.delay) {
		enter(s, h);
		return;
	}
	s->head = malloc(h->lines.len + 1ul);
	if (s->head)
		str_keep(s->head, h->lines.len + 1ul, h->lines);
	s->late = (struct plug_alarm){ .fn = on_late, .ctx = s };
	if (s->head)
		plug_alarm_set(s->server->loop, &s->late, plug_now_us() + s->play.delay * 1000ull);
}

static void on_said(struct plug *p, bool binary, struct str what)
{
	struct session *s = p->ctx;
	if (binary)
		event_error(s, "invalid_request_error", NULL, (struct str){ 0 },
		            "Binary frames are not taken.");
	else
		session_said(s, what);
}

static void take(struct realtime *r, int fd)
{
	static const struct plug_ops ops = { .asked = on_asked,
		                             .said = on_said,
		                             .ended = on_ended };
	struct session *s = calloc(1, sizeof *s);
	if (!s) {
		(void)close(fd);
		return;
	}
	s->server = r;
	s->bury = (struct plug_alarm){ .fn = bury, .ctx = s };
	s->next = r->sessions;
	s->link = &r->sessions;
	if (s->next)
		s->next->link = &s->next;
	r->sessions = s;
	session_init(s);
	plug_init(&s->plug, r->loop, &ops, s);
	if (plug_take(&s->plug, fd, r->tls))
		plug_end(&s->plug, "no room");
}

static bool may_come(const struct realtime *r, const struct sockaddr_storage *from)
{
	struct plug_address a = { .to = *from };
	return r->config->far || plug_address_is_loopback(&a);
}

static void on_door(void *ctx, uint32_t events)
{
	struct realtime *r = ctx;
	(void)events;
	for (int i = 0; i < ACCEPTS; i++) {
		struct sockaddr_storage from;
		socklen_t len = sizeof from;
		int fd = accept4(r->door.fd, (struct sockaddr *)&from, &len,
		                 SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		if (may_come(r, &from))
			take(r, fd);
		else
			(void)close(fd);
	}
}

/* ---- its life ------------------------------------------------------------------------------ */

static void on_signal(void *ctx, uint32_t events)
{
	struct realtime *r = ctx;
	(void)events;
	plug_loop_stop(r->loop);
}

static void on_within(void *ctx)
{
	struct realtime *r = ctx;
	plug_loop_stop(r->loop);
}

static enum err watch_signals(struct realtime *r)
{
	sigset_t set;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	r->signals = (struct plug_watch){ .fn = on_signal, .ctx = r, .fd = fd };
	return fd < 0 ? ERR_LIMIT : plug_watch(r->loop, &r->signals, fd, EPOLLIN);
}

static enum err read_plays(struct realtime *r)
{
	const struct realtime_config *c = r->config;
	r->n_plays = c->n_plays ? c->n_plays : 1;
	for (uint32_t i = 0; i < r->n_plays; i++) {
		char why[96];
		play_init(&r->plays[i]);
		if (i >= c->n_plays || !play_read(&r->plays[i], c->plays[i], why))
			continue;
		str_keep(r->ret->why, sizeof r->ret->why, str_of(why));
		return ERR_INVALID;
	}
	return OK;
}

static enum err open_door(struct realtime *r)
{
	const struct realtime_config *c = r->config;
	struct plug_address at;
	char text[80];
	int fd = -1;
	if (plug_address_read(c->listen, &at)) {
		(void)snprintf(r->ret->why, sizeof r->ret->why,
		               "expected an address as 127.0.0.1:0");
		return ERR_INVALID;
	}
	if (!c->far && !plug_address_is_loopback(&at))
		return ERR_DENIED;
	enum err e = plug_listen(&at, &fd, text);
	r->door = (struct plug_watch){ .fn = on_door, .ctx = r, .fd = fd };
	if (!e)
		e = plug_watch(r->loop, &r->door, fd, EPOLLIN);
	if (!e && c->listening)
		c->listening(c->ctx, text);
	return e;
}

MUST enum err realtime_run(const struct realtime_config *c, struct realtime_result *ret)
{
	struct realtime r = { .config = c, .ret = ret };
	*ret = (struct realtime_result){ 0 };
	r.door.fd = r.signals.fd = -1;
	enum err e = read_plays(&r);
	if (!e && c->cert)
		e = plug_tls_server(c->cert, c->key, &r.tls);
	if (!e)
		e = plug_loop_new(&r.loop);
	if (!e)
		e = watch_signals(&r);
	if (!e)
		e = open_door(&r);
	if (!e) {
		r.within = (struct plug_alarm){ .fn = on_within, .ctx = &r };
		if (c->within_s)
			plug_alarm_set(r.loop, &r.within, plug_now_us() + c->within_s * 1000000ull);
		plug_loop_run(r.loop);
	}
	while (r.sessions) { /* NOLINT(clang-analyzer-unix.Malloc): bury unlinks it */
		plug_end(&r.sessions->plug, "we end");
		bury(r.sessions);
	}
	if (r.door.fd >= 0)
		(void)close(r.door.fd);
	if (r.signals.fd >= 0)
		(void)close(r.signals.fd);
	if (r.tls)
		plug_tls_free(&r.tls);
	plug_loop_free(&r.loop);
	return e;
}
