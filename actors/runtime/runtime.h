/*
 * runtime.h — the data of a node. To understand the runtime, read this; each part's functions are
 * below it, one file each.
 *
 *     node ─┬─ slots ──▶ actor ─┬─ mailbox ──▶ page ──▶ msg   bounded by its kind
 *           │                   ├─ control ──▶ event          answers and ticks: never dropped,
 *           │                   │                             bounded by what this actor asked for
 *           │                   ├─ asked ────▶ ask            what it waits for
 *           │                   ├─ owes ─────▶ debt           asks it holds, and who watches it
 *           │                   └─ ticks ────▶ tick           timers and wakers
 *           ├─ asks: id ──▶ ask
 *           ├─ owed: block ──▶ debt
 *           ├─ names: text ──▶ slot
 *           └─ ready: actors with something to do, in turn
 *
 * Nothing in the control lane allocates when it is sent: an ask brings the event of its answer
 * along, a tick is its own event. So an answer cannot fail for want of memory or room.
 */
#pragma once
#include "actors/actor.h"
#include "actors/node.h"
#include "actors/runtime/index.h"
#include "actors/runtime/log.h"
#include "actors/runtime/random.h"
#include "actors/runtime/slab.h"
#include "actors/runtime/wheel.h"
#include "bus/bus.h"
#include "proto/msg_pool.h"
#include <assert.h>

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

enum {
	TURN_MESSAGES = 1024,   /* handled per turn: then the loop has its say. Ours */
	VISIT_MESSAGES = 32,    /* handled of one actor before the next one. Ours */
	TREE_DEPTH = 32,        /* generations of children: ending one is recursive */
	DEPTH_DEFAULT = 256,    /* of a mailbox */
	ASKS_DEFAULT = 64,      /* pending, per actor */
	HOLDS_DEFAULT = 1024,   /* per actor */
	WATCHES_MOST = 1 << 16, /* per actor; and of other nodes' actors, per node */
	RELAYS_MOST = 1 << 16,  /* asks handed on between two other nodes, and asks of the host */
	SUBS_MOST = 64,         /* topics per actor */
	RESTARTS_MOST = 32,     /* remembered per actor: the greatest `times` */
	PAUSE_MOST_MS = 30000,  /* to which the pause between restarts grows */
	OUTBOX_MOST = 1 << 16,  /* answers that wait for a peer's window, per peer */
	US_PER_TICK = 1000,
};

/* What a message inherits from the one being handled. It lies in a message as it lies here, so that
 * a handler's context is its message's own, and nothing is copied to have it. */
struct context {
	uint64_t business, principal;
	uint64_t deadline_us; /* of asks only: for an event nobody waits */
	struct trace trace;
};
static inline const struct context *context_of(const struct msg *m)
{
	_Static_assert(offsetof(struct msg, principal) - offsetof(struct msg, business) ==
	                       offsetof(struct context, principal),
	               "business, principal");
	_Static_assert(offsetof(struct msg, deadline_us) - offsetof(struct msg, business) ==
	                       offsetof(struct context, deadline_us),
	               "deadline");
	_Static_assert(offsetof(struct msg, trace) - offsetof(struct msg, business) ==
	                       offsetof(struct context, trace),
	               "trace");
	return (const struct context *)&m->business;
}

/* ---- things that wait --------------------------------------------------------------------- */

struct letter {
	struct letter *next;
	struct msg *m;
};

/* The oldest message stands in the mailbox itself, as most mailboxes hold one or none; the others
 * lie in pages, filled at the tail and emptied at the head, each from its end down, so that 0 is
 * the end of both ways. */
enum { PAGE_HOLDS = 15 };
struct page {
	struct page *next;
	struct msg *at[PAGE_HOLDS];
};
struct mailbox {
	struct msg *first; /* NULL when empty */
	struct page *head; /* these two mean something while depth > 1 */
	struct page *tail;
	uint32_t depth, high;
	uint8_t left; /* in head, to be emptied */
	uint8_t room; /* in tail, to be filled; 0 when there is no page */
};

enum event_is { EVENT_ANSWER, EVENT_TICK, EVENT_WAKE };

struct event {
	struct event *next;
	uint8_t is; /* enum event_is */
	bool queued;
};

enum timer_is { TIMER_ASK, TIMER_TICK, TIMER_IDLE, TIMER_RESTART };

/* A timer of an actor. */
struct tick {
	struct event event;
	struct wheel_timer timer;
	struct tick *next; /* of the actor's ticks */
	struct actor *actor;
	actor_tick_fn *fn;
	bool due; /* false in the queue: it was moved or disarmed after it came due */
};

/* How the loop reaches an actor. It outlives the actor, whose end leaves it deaf. */
struct actor_waker {
	struct event event;
	struct actor_waker *next;
	struct actor *actor; /* NULL: ended, or freed while queued */
	struct node *node;
	actor_tick_fn *fn;
};

enum ask_is {
	ASK_ACTOR, /* an actor's, answered by one call of fn */
	ASK_WATCH, /* the same; the answer is the other's end */
	ASK_RELAY, /* another node's ask that we handed on: its answer goes back as ours */
	ASK_HOST,  /* the host program's */
};

struct ask {
	struct event event; /* of the answer */
	struct wheel_timer timer;
	uint64_t id;
	struct ask *next, *prev; /* of the owner's; NULL owner: of nobody's */
	struct actor *owner;
	actor_fn *fn;
	uint64_t tag;
	const struct proto_desc *type;
	struct msg *answer;   /* once it is there */
	struct context about; /* the asker's, as it asked */
	uint32_t peer;        /* who shall answer: 0, or a node that may go */
	uint8_t is;           /* enum ask_is */
	uint8_t why;         /* the error that could not be delivered for want of memory; retried */
	struct ref whom;     /* a watch: for unwatching */
	uint64_t whom_name;  /*   the same, a hash of the name it was set on */
	struct debt *debt;   /* a watch in this node: the other end */
	struct msg *relayed; /* a relay: the ask to be answered */
	node_answer_fn *host;
	void *host_ctx;
};

/* What an actor owes: an answer to an ask that it holds, or word of its end to one who watches. */
struct debt {
	struct debt *next, *prev; /* of the actor's */
	struct actor *actor;
	struct msg *m;     /* the ask; NULL for a watch from this node */
	struct ask *watch; /* a watch from this node */
	bool watched;      /* a watch at all */
	bool answered;     /* refused by the handler that held it: only the block is still owed */
};

struct sub {
	struct sub *next_of_actor, *next, *prev;
	struct actor *actor;
	struct topic *topic;
};

struct topic {
	const struct proto_desc *type;
	struct sub *subs;
};

/* ---- an actor ------------------------------------------------------------------------------- */

enum actor_life {
	LIFE_BORN, /* start has not run */
	LIFE_RUNS,
	LIFE_ENDS,   /* being taken down */
	LIFE_PAUSED, /* waits for its restart; its mailbox is open */
	LIFE_BARRED, /* failed too often: refuses until its restart window is over */
	LIFE_DEAD,   /* no slot, no name; freed when it leaves the ready queue */
};

/* Why an actor ends; the first to be set stays. */
enum actor_end { END_NOT, END_EXIT, END_IDLE, END_FAULT, END_STOPPED };

/* What only actors have that are or have children, or that were restarted. */
struct family {
	struct actor *parent, *first, *last, *next, *prev;
	struct wheel_timer restart; /* TIMER_RESTART */
	struct actor *self;
	uint64_t *restarts_us; /* the latest, oldest first; as many as `times` */
	uint32_t n_restarts;
	uint8_t depth; /* generations above */
};

/* One block: this, the state, the name. At most 300 bytes for 24 of state and a key of 16 with all
 * tables counted (tests/unit/runtime_memory.c). */
struct actor {
	/* two cache lines: what each send and each visit touch */
	struct node *node;
	struct hosted *hosted;
	struct actor *ready_next;
	struct mailbox mailbox;
	struct event *control; /* a ring seen from its tail */
	uint64_t handled;
	uint64_t last_us; /* of the last thing handled */
	struct ref ref;   /* itself */
	uint32_t most; /* messages its mailbox takes: its kind's depth, and 0 when it takes none */
	uint8_t life, end;
	bool ready; /* in node->ready */
	bool began; /* start has run in this incarnation: stop will */

	uint32_t hash; /* of the name */
	uint16_t name_len, key_at;
	uint16_t subs_n, restarts;
	uint32_t asks, holds, watches;
	struct ask *asked;
	struct debt *owes;
	struct tick *ticks;
	struct sub *subs;
	struct actor_waker *wakers;
	struct family *family; /* NULL for most */
	struct tick *idle;     /* NULL when its kind stays */
	_Alignas(16) char state[];
};

/* A type that a kind takes or sends. The stamp is the first thing of a message it sends. */
struct row {
	struct msg_stamp stamp;
	actor_fn *run;
};

/* Types by where they lie, power of two, at most a quarter full. */
struct rows {
	struct row *at;
	uint32_t mask; /* in bytes of rows */
};

/* A kind that this node hosts. */
struct hosted {
	const struct actor_kind *kind;
	struct rows takes, sends;
	uint32_t depth, asks, holds; /* the kind's bounds, defaults filled in */
	uint32_t name_at;            /* offset of the name in an actor: behind its state */
	uint32_t times, within_ms;
	uint16_t name_len;
	bool needs_tenant;
	bool sends_any; /* of a kind that lists none; then the table is empty */
	struct node_kind_stats stats;
};

struct slot {
	struct actor *actor; /* NULL: free */
	uint32_t gen;
	uint32_t next_free;
};

struct name_row {
	uint32_t hash, slot; /* slot + 1; 0: empty */
};

/* Messages of the never-dropped lane that wait for a peer's window. */
struct outbox {
	struct outbox *next;
	uint32_t peer, n;
	struct letter *waits; /* a ring seen from its tail */
};

/* What is being handled right now. It lies in the node, where a send finds it without asking the
 * way; a stop handler that runs within another's handler puts that one's aside (hand_begin). */
struct hand {
	struct actor *self; /* NULL: nothing is */
	bool answered, held;
	const struct msg *m;         /* NULL for a tick */
	struct context own;          /* of who sets a tenant; undefined until then */
	const struct context *about; /* the message's, the ask's, or own */
};

extern const struct context context_none;

enum { DEAD_RING = 128, REASONS = 64 };

struct node {
	uint64_t now_us, wall_us, started_us;
	struct actor *ready, *ready_last;
	struct slot *slots;
	uint32_t n_slots, free_slot; /* free_slot + 1; 0: none */
	struct node_stats stats;
	node_tap_fn *tap;
	uint32_t tap_pass; /* messages to pass before it looks again */
	void *tap_ctx;
	uint64_t last_id;
	struct hand hand;
	struct rng rng;
	struct slab slab;
	uint32_t watches; /* of those in asks: they wait for an end that may never come */
	struct index asks, owed, watched, topics;
	struct event *host_answers; /* a ring seen from its tail: answers for the host program */
	struct name_row *names;
	uint32_t names_mask, names_n;
	uint64_t names_seed;
	struct hosted *hosted;
	uint32_t n_hosted;
	const struct actor_kind *const *known;
	struct bus *bus;
	struct outbox *outboxes;
	struct wheel wheel;
	uint32_t ownerless; /* asks of no actor: relays and the host's */
	bool draining, stopping;
	struct node_config config;
	char name[64];
	struct log log;
	char trouble[200]; /* the last fault, "actor: reason" */
	uint64_t dead_by[REASONS];
	struct node_dead dead[DEAD_RING];
	uint64_t dead_n;
};

static inline void hand_take(struct node *n, struct actor *self, const struct msg *m,
                             const struct context *about)
{
	n->hand.self = self;
	n->hand.m = m;
	n->hand.about = about;
	n->hand.answered = n->hand.held = false;
}
static inline void hand_drop(struct node *n)
{
	n->hand.self = NULL;
}

/* The same where another handler may be running. */
static inline void hand_begin(struct hand *outer, struct node *n, struct actor *self)
{
	*outer = n->hand;
	hand_take(n, self, NULL, &context_none);
}
static inline void hand_end(const struct hand *outer, struct node *n)
{
	n->hand = *outer;
}

static inline struct str name_of(const struct actor *a)
{
	return str_n((const char *)a + a->hosted->name_at, a->name_len);
}

static inline struct ref ref_of(const struct actor *a)
{
	return a->ref;
}

static inline bool answers_here(const struct msg *m)
{
	return (m->flags & MSG_ASK) && m->from.node == 0;
}

/* kinds.c: what this node hosts, checked and indexed. */
MUST enum err hosted_new(struct node *n, const struct actor_kind *const *kinds);
void hosted_free(struct node *n);
struct hosted *hosted_of(const struct node *n, struct str kind);
const struct row *rows_seek(const struct rows *r, const struct proto_desc *type);
/* The address of a type is its hash: descriptors are longer than a row, so those that lie side by
 * side have different homes, and to find one nothing is read but the row. (By its number: five
 * instructions more, twice a message, and a wait for the descriptor's own line.) */
static inline struct row *row_at_home(const struct rows *r, const struct proto_desc *type)
{
	_Static_assert(sizeof(struct row) == 32 && sizeof *type > sizeof(struct row), "apart");
	return (struct row *)((char *)r->at + ((uintptr_t)type & r->mask));
}
/* NULL: not there. Nearly every type is at home: the tables have room. */
static inline const struct row *rows_find(const struct rows *r, const struct proto_desc *type)
{
	const struct row *home = row_at_home(r, type);
	return likely(home->stamp.type == type) ? home : rows_seek(r, type);
}

extern const struct actor_kind node_actor; /* desk.c: the kind that every node hosts */

/* slots.c: handles with a generation. */
MUST enum err slot_take(struct node *n, struct actor *a); /* sets slot and gen */
void slot_give(struct node *n, struct actor *a);
static inline struct actor *slot_actor(const struct node *n, uint32_t slot, uint32_t gen)
{
	if (slot >= n->n_slots || n->slots[slot].gen != gen)
		return NULL;
	return n->slots[slot].actor;
}
static inline struct actor *slot_find(const struct node *n, struct ref r)
{
	return slot_actor(n, r.slot, r.gen);
}

/* names.c */
uint64_t name_hash(const struct node *n, struct str name);
MUST enum err name_put(struct node *n, struct actor *a);
struct actor *name_find(const struct node *n, struct str name, uint64_t hash);
void name_take(struct node *n, struct actor *a);
MUST enum err name_check(struct str name, struct str *ret_kind, struct str *ret_key);

/* turn.c: who has something to do */
static inline void ready_in(struct node *n, struct actor *a)
{
	if (a->ready)
		return;
	a->ready = true;
	a->ready_next = NULL;
	if (n->ready)
		n->ready_last->ready_next = a;
	else
		n->ready = a;
	n->ready_last = a;
}
static inline void ready(struct actor *a)
{
	ready_in(a->node, a);
}

/* Rings of letters. */
static inline bool letter_put(struct slab *s, struct letter **tail, struct msg *m)
{
	struct letter *l = slab_take(s, sizeof *l);
	if (unlikely(!l))
		return false;
	l->m = m;
	l->next = l;
	if (*tail) {
		l->next = (*tail)->next;
		(*tail)->next = l;
	}
	*tail = l;
	return true;
}
static inline struct msg *letter_take(struct slab *s, struct letter **tail)
{
	struct letter *l = (*tail)->next;
	struct msg *m = l->m;
	if (l == *tail)
		*tail = NULL;
	else
		(*tail)->next = l->next;
	slab_give(s, l, sizeof *l);
	return m;
}

/* mailbox.c */
/* No room, or it takes none at all. */
static inline bool mailbox_full(const struct actor *a)
{
	return a->mailbox.depth >= a->most;
}
static inline void mailbox_count(struct node *n, struct actor *a)
{
	struct mailbox *box = &a->mailbox;
	a->hosted->stats.accepted++;
	if (unlikely(++box->depth > box->high)) {
		box->high = box->depth;
		if (box->high > a->hosted->stats.high)
			a->hosted->stats.high = box->high;
	}
	ready_in(n, a);
}
MUST enum err mailbox_push_page(struct node *n, struct actor *a, struct msg *m);
/* Where there is room. ERR_MEMORY; takes the reference, whatever is returned. */
MUST static inline enum err mailbox_push(struct node *n, struct actor *a, struct msg *m)
{
	struct mailbox *box = &a->mailbox;
	if (!box->first)
		box->first = m;
	else if (likely(box->room))
		box->tail->at[--box->room] = m;
	else
		return mailbox_push_page(n, a, m);
	mailbox_count(n, a);
	__builtin_prefetch(a->state);
	return OK;
}
void mailbox_page_done(struct node *n, struct mailbox *box);
static inline struct msg *mailbox_take(struct node *n, struct actor *a) /* NULL: empty */
{
	struct mailbox *box = &a->mailbox;
	struct msg *m = box->first;
	if (unlikely(!m))
		return NULL;
	uint32_t others = --box->depth;
	if (!others) {
		box->first = NULL;
		return m;
	}
	box->first = box->head->at[--box->left];
	__builtin_prefetch(box->first); /* is handled next */
	if (unlikely(!box->left || others == 1))
		mailbox_page_done(n, box);
	return m;
}
/* Takes the reference, whatever is returned. OK also when a policy dropped m, counted. */
MUST enum err mailbox_put(struct actor *a, struct msg *m);
void control_put(struct actor *a, struct event *e);
struct event *control_take(struct actor *a);

/* turn.c */
void run_tick(struct actor *a, actor_tick_fn *fn, const char *what);
static inline struct hand *hand_of(const struct actor *self) /* NULL: no handler of self runs */
{
	struct hand *h = &self->node->hand;
	return h->self == self ? h : NULL;
}

/* birth.c, ending.c, supervise.c */
/* hash: of the whole name. */
MUST enum err actor_new(struct node *n, struct hosted *h, struct str key, uint64_t hash,
                        struct actor *parent, struct actor **ret);
void actor_begin(struct actor *a); /* first thing in its first turn */
void actor_end(struct actor *a);   /* at once: a->end says why; then supervise() */
void actor_halt(struct actor *a);  /* the same without supervision: it is ended, and not buried */
void actor_strip(struct actor *a); /* answers all, forgets all; the struct stays */
void actor_bury(struct actor *a);  /* out of name, slot and family; frees it */
void end_request(struct actor *a, enum actor_end why);
void restart_due(struct actor *a);
void supervise(struct actor *a, bool failed); /* an ended one: restart it, its family, or bury it */
MUST enum err family_of(struct actor *a, struct family **ret);
MUST enum err family_join(struct actor *parent, struct actor *child);
void family_leave(struct actor *child);

/* asks.c: the asker's side. */
MUST enum err ask_new(struct node *n, struct actor *owner, enum ask_is is, struct ask **ret);
void ask_deadline(struct node *n, struct ask *a, uint64_t due_us);
void ask_free(struct node *n, struct ask *a); /* pending or answered; says nothing to anybody */
void ask_undo(struct node *n, struct ask *a); /* it was not sent after all */
/* The answer m (its reference is taken) to ask `id` has come. Too late: counted, dropped. */
void ask_answer(struct node *n, uint64_t id, struct msg *m);
/* The same with an error; `count` says which of the node's counters it is. */
void ask_fail(struct node *n, uint64_t id, enum err why, const struct actor *by, uint64_t *count);
void ask_run(struct actor *self, struct ask *a); /* the answer's handler, and the end of the ask */
void ask_timer(struct node *n, struct ask *a);
void host_answers(struct node *n);
void asks_of_peer_fail(struct node *n, uint32_t peer);
void asks_drop(struct actor *owner);

/* answer.c: the asked one's side. */
MUST enum err answer_new(struct node *n, struct actor *from, const struct msg *asked,
                         const struct proto_desc *type, const void *body, struct msg **ret);
void answer_give(struct node *n, const struct msg *asked,
                 struct msg *answer); /* takes the answer */
void answer_err(struct node *n, struct actor *from, const struct msg *asked, enum err why);
void debts_pay(struct actor *a, enum err why);
void debt_free(struct node *n, struct debt *d);
MUST enum err debt_new(struct actor *a, struct debt **ret);
/* May self answer `asked` now? From here on it has. A debt is to be freed by the caller afterwards;
 * void: it was refused before, so nothing is to be sent. Faults self when it may not. */
MUST enum err debt_settle(struct actor *self, const struct msg *asked, struct debt **ret_debt,
                          bool *ret_void);

/* route.c */
struct route {
	struct actor *actor; /* here */
	uint32_t peer;       /* or there */
};
MUST enum err route_arrived(struct node *n, const struct msg *m, struct actor **ret);
/* make: let a first message make the actor. */
MUST enum err route(struct node *n, const struct to *to, bool make, struct route *ret);

/* speak.c */
MUST enum err may_send(struct actor *self, const struct proto_desc *type);
/* A message from `self` (NULL: the host) with its envelope filled in; takes the blob on success. */
MUST enum err speak_new(struct node *n, struct actor *self, const struct proto_desc *type,
                        const void *body, struct blob *blob, uint8_t flags, struct msg **ret);

/* far.c: between this node and the bus. */
MUST enum err far_send(struct node *n, uint32_t peer, struct msg *m, struct str from,
                       struct str to);
/* ERR_TOO_LARGE: to be sent as a message. */
MUST enum err far_send_body(struct node *n, uint32_t peer, const struct msg *head,
                            const void *body);
void far_answer(struct node *n, uint32_t peer, struct msg *m, struct str from); /* takes m */
bool far_flush(struct node *n); /* outboxes; true: some still wait */
bool far_waits(const struct node *n, uint32_t peer);
void far_done(struct node *n);

/* watch.c */
static inline uint64_t watch_key(const struct msg *asked) /* a watch by another node */
{
	return (uint64_t)asked->from.node << 44 | asked->id;
}
void watch_asked(struct node *n, struct actor *target,
                 struct msg *m); /* by another node; takes m */
void watch_forget(struct node *n, uint32_t peer, uint64_t id);
void watch_forget_peer(struct node *n, uint32_t peer);
void watch_withdraw(struct node *n, struct ask *watch); /* tells the other node, if there is one */
void watch_pay(struct actor *ended, struct debt *d, enum err why);
struct msg *watch_gone_msg(struct node *n, struct ref who, struct str name, enum err why);

/* timer.c */
void tick_due(struct tick *t);
void ticks_drop(struct actor *a);
void wakers_leave(struct actor *a); /* they stay their owner's, deaf */
uint64_t tick_at(const struct node *n, uint64_t at_us);
MUST enum err idle_new(struct actor *a);
void idle_due(struct actor *a);

/* topics.c */
void topics_join(struct node *n);
void topic_deliver(struct node *n, struct msg *m); /* borrowed */
void subs_drop(struct actor *a);

/* deadletter.c */
void dead(struct node *n, const struct msg *m, const struct actor *to, enum err why);

/* log.c: lines of the runtime itself */
void log_turn(struct node *n);
void node_log(struct node *n, const struct actor *about, enum actor_level level, const char *fmt,
              ...) __attribute__((format(printf, 4, 5)));
