/*
 * plan.h — may a request be made again, and when. Pure.
 *
 *     once ─▶ trouble, or a status that passes ─▶ pause ─▶ again …     while time and budget last
 *
 * Repeating what failed is how a small failure of a server becomes a large one. So a host's repeats
 * are paid from a budget that its requests fill: ten requests buy one repeat, and a host that was
 * left alone for long has ten in hand.
 */
#pragma once
#include "proto/fetch.h"

enum { PLAN_TRIES = 3, PLAN_PAUSE_MS = 200, PLAN_PAUSE_MOST_MS = 8000 };
enum { BUDGET_PRICE = 10, BUDGET_MOST = 10 * BUDGET_PRICE };

struct plan_try {
	enum fetch_method method;
	bool repeatable; /* the asker says so */
	enum fetch_trouble trouble;
	uint32_t status;
	bool reached;     /* the request may have been heard */
	bool retry_after; /* the answer says for how long to wait: */
	uint32_t retry_after_s;
	uint32_t tries; /* made, this one counted */
	uint32_t tries_most;
	uint64_t left_us; /* until the deadline */
};

bool plan_is_repeatable(enum fetch_method method, bool repeatable);
/* True: again in *ret_pause_ms (full jitter from `random`, never below Retry-After). */
bool plan_again(const struct plan_try *t, uint64_t random, uint32_t *ret_pause_ms);

/* A redirect of that status: the method it goes on with. False: it is no redirect. */
bool plan_redirect(uint32_t status, enum fetch_method method, enum fetch_method *ret);

/* In tenths of a repeat. A new one is full. */
struct plan_budget {
	uint64_t host; /* hash of its name */
	uint32_t spent;
};
void plan_earn(struct plan_budget *b, uint64_t host);  /* a request */
bool plan_spend(struct plan_budget *b, uint64_t host); /* a repeat; false: none is left */
