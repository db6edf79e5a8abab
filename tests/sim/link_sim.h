/*
 * link_sim.h — the link of many nodes in one process, under a clock that is a variable. What is
 * lost, repeated, late, overtaken and cut comes from one seed; one seed gives one trace.
 *
 *     link a ─ line ─▶ [ the net: a heap of things due ] ─▶ inbox of b
 *
 * Endpoints are "sim://NAME-EPOCH", and "sim://NAME" besides for one that is dialled by name. It is
 * harsher than ZeroMQ, which within one connection loses, repeats and reorders nothing.
 */
#pragma once
#include "bus/link.h"

struct sim_net;

/* Chances in parts of a million, for each frame. */
struct sim_weather {
	uint32_t loss, twin, late,
		breaks; /* late: overtaken by others; breaks: the connection goes */
	uint32_t delay_least_us, delay_most_us;
};

struct sim_net *sim_net_new(uint64_t seed);
void sim_net_free(struct sim_net **n);
void sim_net_weather(struct sim_net *n, const struct sim_weather *w);

uint64_t sim_random(struct sim_net *n); /* the one source of chance */
uint64_t sim_below(struct sim_net *n, uint64_t bound);
bool sim_chance(struct sim_net *n, uint32_t ppm);

uint64_t sim_now_us(const struct sim_net *n);
/* When something is next due in the net; UINT64_MAX for never. */
uint64_t sim_next_us(const struct sim_net *n);
/* Let the time come, and all that is due by then arrive. */
void sim_advance(struct sim_net *n, uint64_t to_us);

/* What came to pass so far, as one number. */
uint64_t sim_trace(const struct sim_net *n);
void sim_trace_add(struct sim_net *n, uint64_t what);

/* by_name: others may dial it without knowing its epoch. Freed by link_free(): connections to it
 * break at once, as when a process ends. host: for sim_cut(). */
struct link *sim_link_new(struct sim_net *n, const char *name, uint64_t epoch, uint32_t host,
                          bool by_name);
/* kill -9: nothing leaves it any more, whatever its owner still says. link_free() next. */
void sim_link_kill(struct link *l);
/* Does something wait for this link's owner? */
bool sim_link_ready(const struct link *l);

/* No frame passes between these two hosts, either way, and nobody is told. */
void sim_cut(struct sim_net *n, uint32_t a, uint32_t b, bool cut);
