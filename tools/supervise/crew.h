/*
 * crew.h — all that one supervisor keeps alive: started from the lowest layer up, stopped from the
 * highest down, each member by its own state machine (child.h).
 *
 *     layer 0  database ─▶ 1  migrate ─▶ 2  hubs ─▶ 3  store nodes ─▶ 4  other nodes ─▶ 5  gateways
 *              start ────────────────────────────────────────────────────────────────────▶
 *              ◀──────────────────────────────────────────────────────────────────── stop
 *
 * A member is first started once every member below it has been ready; later its death and theirs
 * have nothing to do with each other. What a member is (a process, the database) its ops know.
 */
#pragma once
#include "bus/loop.h"
#include "proto/str.h"
#include "tools/supervise/child.h"

enum { CREW_MOST = 256, CREW_NAME = 64, CREW_HOW = 200 };

struct crew;
struct member;

struct member_ops {
	/* Start it: crew_ready() follows, or crew_died(). On an error it has died at once. */
	enum err (*spawn)(void *owner);
	void (*term)(void *owner);    /* finish your work and end */
	void (*kill)(void *owner);    /* end */
	uint32_t (*pid)(void *owner); /* 0: none */
};

struct member {
	struct crew *crew;
	const struct member_ops *ops;
	void *owner;
	char name[CREW_NAME], group[CREW_NAME];
	uint32_t layer;
	struct child_rule rule; /* the crew's, unless altered before crew_run() */
	struct child child;
	bool once;    /* has work to do and then ends with crew_done() */
	bool vital;   /* if it is given up, nothing can go on */
	bool patient; /* never given up once it has been ready: what stops it then is outside of it
	               */
	bool been_ready;
	bool wished;            /* wanted as soon as its turn comes */
	bool renew;             /* waits for its turn in a rolling restart */
	bool settles;           /* … and is given time before it: crew_calls.settle */
	bool settling;          /* has that time now, until crew_settled() */
	char how[CREW_HOW];     /* it last ended */
	int64_t how_us;         /* when, wall clock; 0: never */
	int64_t since_us;       /* in its state since, wall clock */
	enum child_state shown; /* the state that `since_us` is of */
};

struct crew_calls {
	void (*changed)(void *ctx, const struct member *m); /* it is in another state */
	void (*ready)(void *ctx); /* all that is wished is up: each time anew */
	void (*gave_up)(void *ctx, const struct member *m);
	void (*down)(void *ctx); /* after crew_stop(): all have ended */
	/* Its turn to be restarted has come, and it may finish what it has under way:
	 * crew_settled() when it has. */
	void (*settle)(void *ctx, struct member *m);
};

MUST enum err crew_new(struct loop *l, const struct child_rule *rule,
                       const struct crew_calls *calls, void *ctx, struct crew **ret);
void crew_free(
	struct crew **c); /* its members' processes must have ended, or be ended by their owners */

/* NULL when there are CREW_MOST. It is wished for, and started by the next crew_run() or
 * crew_wish().
 */
struct member *crew_add(struct crew *c, const char *name, const char *group, uint32_t layer,
                        const struct member_ops *ops, void *owner);
void crew_run(struct crew *c);
void crew_stop(struct crew *c); /* in order; a second call hurries */
bool crew_stopping(const struct crew *c);
bool crew_is_ready(const struct crew *c);

void crew_wish(struct member *m, bool wished);
/* Restart, one after the other, all whose name or group matches the glob; their number. Those that
 * are up are given time first if `settle`. A member's number may stand behind "#", too. */
uint32_t crew_restart(struct crew *c, struct str pattern, bool settle);
/* It is as good as idle: restart it now. */
void crew_settled(struct member *m);
/* It is to be restarted, and is not up again yet. */
bool crew_awaited(const struct member *m);

/* From the owners. */
void crew_ready(struct member *m);
void crew_done(struct member *m); /* a `once` has finished well, its process is gone */
void crew_died(struct member *m, const char *how);

uint32_t crew_count(const struct crew *c);
struct member *crew_at(const struct crew *c, uint32_t i);
