/*
 * wires_lab — a gateway with WebSockets, and an actor for each of them that says back what it
 * hears, or does what it is told. For wires.py, which starts it with settings of the gateway:
 *
 *     wires_lab NAME=VALUE …        prints "port N", ends with SIGTERM after a drain
 *
 * What the actor is told, in text: bye, fault, exit, flood N BYTES, look, dial {"url":…}, to BYTES
 * (say that to the dialled wire), hang up. Everything else is said back.
 */
#include "actors/host.h"
#include "gateway/lws.h"
#include "gateway/wire_route.h"
#include "proto/http.h"
#include "proto/json.h"
#include "proto/wire.h"
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

extern const struct actor_kind gateway_actor;

/* ---- one actor for each wire --------------------------------------------------------------------
 */

struct echo {
	struct ref gateway;
	uint64_t wire, other; /* the stranger's; one that was dialled */
	uint64_t frames, shed, audio_ms, rooms;
};

static enum err say(struct actor *self, uint64_t wire, struct str text, bool binary,
                    uint32_t audio_ms)
{
	struct echo *e = actor_state(self);
	struct blob *b = blob_copy(text.at, text.len);
	return actor_send_move(
		self, e->gateway, &b,
		MSG(wire_send, .wire = wire, .binary = binary, .audio_ms = audio_ms));
}

static enum err say_text(struct actor *self, const char *text)
{
	struct echo *e = actor_state(self);
	return say(self, e->wire, str_of(text), false, 0);
}

static enum err on_opened(struct actor *self, const struct msg *m)
{
	struct echo *e = actor_state(self);
	e->gateway = msg_from(m);
	e->wire = wire_opened_of(m)->wire;
	return OK;
}

static enum err on_dialled(struct actor *self, const struct msg *m)
{
	struct echo *e = actor_state(self);
	char text[4096];
	if (msg_err(m)) {
		(void)snprintf(text, sizeof text, "refused %s", err_info(msg_err(m))->name);
		return say_text(self, text);
	}
	const struct wire_dialled *d = wire_dialled_of(m);
	e->other = d->wire;
	(void)snprintf(text, sizeof text, "dialled %d %u retry=%u why=%.*s body=%.*s", d->wire != 0,
	               d->status, d->retry_after_s, STR(d->why), STR(d->body));
	return say_text(self, text);
}

static enum err dial(struct actor *self, struct str json)
{
	struct echo *e = actor_state(self);
	char room[8192];
	struct arena a = ARENA_OVER(room);
	struct wire_dial ask = { 0 };
	struct json_error error;
	enum err err = json_decode(&wire_dial_desc, json, JSON_REQUEST, &a, &ask, &error);
	if (!err)
		err = actor_ask_to(self, TO(e->gateway), NULL, 70000, on_dialled, 0,
		                   &wire_dial_desc, &ask);
	return err ? say_text(self, err_info(err)->name) : OK;
}

static enum err on_level(struct actor *self, const struct msg *m)
{
	struct echo *e = actor_state(self);
	const struct wire_level *l = msg_err(m) ? NULL : wire_level_of(m);
	char text[128];
	(void)snprintf(text, sizeof text, "level %u %u shed=%llu audio=%llu rooms=%llu",
	               l ? l->queued : 0, l ? l->unsent : 0, (unsigned long long)e->shed,
	               (unsigned long long)e->audio_ms, (unsigned long long)e->rooms);
	return say_text(self, text);
}

static enum err flood(struct actor *self, struct str how)
{
	struct echo *e = actor_state(self);
	static char bytes[65536];
	char text[64];
	unsigned n = 0, size = 0;
	(void)str_keep(text, sizeof text, how);
	if (sscanf(text, "flood %u %u", &n, &size) != 2 || size > sizeof bytes)
		return ERR_INVALID;
	memset(bytes, 'f', sizeof bytes);
	for (unsigned i = 0; i < n; i++) {
		enum err err = say(self, e->wire, str_n(bytes, size), true, 20);
		if (err)
			return err;
	}
	return OK;
}

static enum err order(struct actor *self, struct str s)
{
	struct echo *e = actor_state(self);
	if (str_is(s, "bye"))
		return actor_send(self, e->gateway,
		                  MSG(wire_close, .wire = e->wire, .code = 4001,
		                      .reason = str_of("as you wish")));
	if (str_is(s, "fault"))
		return actor_fault(self, "told_to");
	if (str_is(s, "exit")) {
		actor_exit(self);
		return OK;
	}
	if (str_starts(s, "flood "))
		return flood(self, s);
	if (str_starts(s, "dial "))
		return dial(self, str_n(s.at + 5, s.len - 5u));
	if (str_starts(s, "to "))
		return say(self, e->other, str_n(s.at + 3, s.len - 3u), false, 0);
	if (str_is(s, "hang up"))
		return actor_send(self, e->gateway,
		                  MSG(wire_close, .wire = e->other, .code = 1000));
	if (str_is(s, "look"))
		return actor_ask(self, e->gateway, 5000, on_level, MSG(wire_look, .wire = e->wire));
	return say(self, e->wire, s, false, 0);
}

static enum err on_frame(struct actor *self, const struct msg *m)
{
	struct echo *e = actor_state(self);
	const struct wire_frame *f = wire_frame_of(m);
	e->frames++;
	if (f->wire != e->wire)
		return say(self, e->wire, msg_blob(m), f->binary, 0);
	if (f->binary) {
		struct blob *b = blob_ref(m->blob);
		return actor_send_move(self, e->gateway, &b,
		                       MSG(wire_send, .wire = f->wire, .binary = true));
	}
	return order(self, msg_blob(m));
}

static enum err on_shed(struct actor *self, const struct msg *m)
{
	struct echo *e = actor_state(self);
	e->shed += wire_shed_of(m)->frames;
	e->audio_ms += wire_shed_of(m)->audio_ms;
	return OK;
}

static enum err on_room(struct actor *self, const struct msg *m)
{
	struct echo *e = actor_state(self);
	(void)m;
	e->rooms++;
	return OK;
}

/* The last word on each wire goes to stdout: wires.py counts them. */
static enum err on_closed(struct actor *self, const struct msg *m)
{
	struct echo *e = actor_state(self);
	const struct wire_closed *c = wire_closed_of(m);
	char text[256];
	(void)printf("closed wire=%llu code=%u ours=%d received=%llu sent=%llu shed=%llu unsent=%d "
	             "other=%d reason=%.*s\n",
	             (unsigned long long)c->wire, c->code, c->ours, (unsigned long long)c->received,
	             (unsigned long long)c->sent, (unsigned long long)c->shed, c->unsent != 0,
	             c->wire != e->wire, STR(c->reason));
	(void)fflush(stdout);
	if (c->wire == e->wire) {
		actor_exit(self);
		return OK;
	}
	(void)snprintf(text, sizeof text, "other closed %u %.*s", c->code, STR(c->reason));
	return say_text(self, text);
}

static const struct actor_kind echo_actor = {
	.name = "echo",
	.doc = "says back what it hears",
	.state = sizeof(struct echo),
	.takes = (const struct actor_on[]){ { &wire_opened_desc, on_opened },
	                                    { &wire_frame_desc, on_frame },
	                                    { &wire_shed_desc, on_shed },
	                                    { &wire_room_desc, on_room },
	                                    { &wire_closed_desc, on_closed },
	                                    { 0 } },
	.sends = (const struct proto_desc *const[]){ &wire_send_desc, &wire_close_desc,
	                                             &wire_dial_desc, &wire_look_desc, NULL },
	.mailbox = { .depth = 16,
	             .full = FULL_REFUSE }, /* small: it is full often, and nothing is lost */
	.restart = { RESTART_NEVER },
};

/* ---- routes
 * --------------------------------------------------------------------------------------- */

static void on_guest(struct wire *w, enum wire_moment now, struct str said, bool binary)
{
	char name[32];
	(void)binary;
	if (now == WIRE_LEFT) {
		(void)printf("ghost\n");
		(void)fflush(stdout);
	}
	if (now != WIRE_SAID || str_is(said, "hold")) /* kept, until something else comes */
		return;
	if (str_is(said, "end")) {
		wire_end(w, 4002, "you said so");
		return;
	}
	(void)snprintf(name, sizeof name, "echo/%llu", (unsigned long long)wire_number(w));
	if (wire_give(w, (const char *)name,
	              MSG(wire_opened, .wire = wire_number(w), .path = wire_path(w),
	                  .peer = wire_peer(w), .protocol = wire_protocol(w))))
		wire_end(w, 1013, "");
}

exchange_fn lab_route, lab_ask_route; /* wires_lab.def */

enum err lab_route(struct exchange *x)
{
	return wire_accept(x, &(struct wire_guest){ on_guest, 700, 4 }, NULL);
}

static enum err on_asked(struct actor *self, const struct msg *m)
{
	struct exchange *x = exchange_of(self, m);
	enum err e = x ? lab_route(x) : OK;
	return e ? exchange_refuse(x, e, NULL) : OK;
}

enum err lab_ask_route(struct exchange *x)
{
	return exchange_ask(x, "nobody", on_asked, 0, MSG(wire_look, .wire = 0));
}

static enum err on_anything(struct actor *self, const struct msg *m)
{
	(void)self;
	(void)m;
	return ERR_NOT_FOUND;
}

static const struct actor_kind nobody_actor = {
	.name = "nobody",
	.doc = "refuses",
	.takes = (const struct actor_on[]){ { &wire_look_desc, on_anything }, { 0 } },
};

/* ---- the process
 * ---------------------------------------------------------------------------------- */

static char **settings;
static char fd_text[16];
static struct loop *loop;
static struct node *node;

static const char *setting(void *ctx, const char *kind, const char *name)
{
	size_t n = strlen(name);
	(void)ctx;
	if (strcmp(kind, "gateway") != 0)
		return NULL;
	if (!strcmp(name, "fd"))
		return fd_text;
	for (char **at = settings; *at; at++)
		if (!strncmp(*at, name, n) && (*at)[n] == '=')
			return *at + n + 1;
	return NULL;
}

static void on_log(void *ctx, enum actor_level level, struct str line)
{
	(void)ctx;
	if (level <= LOG_WARN || getenv("LAB_PRINT"))
		(void)fprintf(stderr, "%.*s\n", STR(line));
}

static void on_drained(void *ctx, const struct msg *m)
{
	(void)ctx;
	if (!msg_err(m))
		(void)printf("drained cut=%u\n", http_drained_of(m)->cut);
	(void)fflush(stdout);
	loop_stop(loop);
}

static void on_term(void *ctx)
{
	(void)ctx;
	if (node_ask(node, "gateway", 20000, on_drained, NULL, MSG(http_drain)))
		loop_stop(loop);
}

static void on_int(void *ctx) /* now */
{
	(void)ctx;
	loop_stop(loop);
}

int main(int argc, char **argv)
{
	static const struct actor_kind *const kinds[] = { &gateway_actor, &echo_actor,
		                                          &nobody_actor, NULL };
	struct host *host = NULL;
	struct loop_signal *term, *intr;
	struct sockaddr_in a = { 0 };
	socklen_t len = sizeof a;
	int fd;
	settings = argv + (argc > 0);
	(void)signal(SIGPIPE, SIG_IGN);
	if (http_listen("127.0.0.1:0", &fd) || getsockname(fd, (struct sockaddr *)&a, &len) ||
	    loop_new(&loop))
		return 2;
	(void)snprintf(fd_text, sizeof fd_text, "%d", fd);
	struct node_config config = { .name = "street.1",
		                      .epoch = 1,
		                      .seed = 1,
		                      .kinds = kinds,
		                      .now_us = loop_now_us(loop),
		                      .wall_us = loop_wall_us(loop),
		                      .loop = loop,
		                      .setting = setting,
		                      .log = on_log };
	if (node_new(&config, &node) || host_new(loop, node, NULL, &host) ||
	    loop_on_signal(loop, SIGTERM, on_term, NULL, &term) ||
	    loop_on_signal(loop, SIGINT, on_int, NULL, &intr))
		return 3;
	(void)printf("port %u\n", ntohs(a.sin_port));
	(void)fflush(stdout);
	loop_run(loop);
	struct loop_stats s = loop_stats(loop);
	host_free(&host);
	node_free(&node);
	(void)printf("longest_us %llu\n", (unsigned long long)s.longest_us);
	close(fd);
	loop_free(&loop);
	return 0;
}
