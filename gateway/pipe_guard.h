/*
 * pipe_guard.h — keeps a descriptor that libwebsockets closes twice from being somebody else's by
 * then.
 *
 * libwebsockets 4.1.6 with libuv closes the eventfd of its own wake-up pipe in
 * lws_context_destroy(), and once more when the loop has closed its handle (source:
 * lws_destroy_event_pipe and lws_libuv_closewsi; seen: a gateway begun anew lost its pipe to it).
 * Whatever was opened in between may have got that number. So the number is taken at once, by a
 * descriptor that means nothing.
 *
 *     struct pipe_guard g;
 *     pipe_guard_look(&g);
 *     lws_context_destroy(context);
 *     pipe_guard_hold(&g);
 */
#pragma once

enum { PIPE_GUARD_MAX = 4096 };

struct pipe_guard {
	int eventfds[PIPE_GUARD_MAX]; /* all that are open: ZeroMQ has some, too */
	int n;
};

void pipe_guard_look(struct pipe_guard *g);
void pipe_guard_hold(const struct pipe_guard *g);
