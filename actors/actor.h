/*
 * actor.h — everything an actor may do.
 *
 * One actor is one state struct and a table of handlers. Its handlers run one at a time and must
 * return soon; they never block, lock, or touch another actor's state. Time, randomness, messages
 * and logs come from here alone: so a simulated clock and bus can run any actor unchanged.
 *
 * Units: durations in ms, points in time in us. Ownership: a message and every view inside it are
 * lent until the handler returns; what is passed to a send is copied before it returns; only blobs
 * move (the function says _move).
 */
#pragma once
#include "proto/msg.h"

struct actor; /* one running actor */

/* A handler deals with one message.
 *   OK            it is dealt with.
 *   any ERR_*     it is refused: an ask is answered with that error, an event is counted. The actor
 *                 lives on, with its state as the handler left it.
 *   actor_fault() this actor is broken: it stops, its supervisor restarts it. */
typedef enum err actor_fn(struct actor *self, const struct msg *m);
typedef enum err actor_tick_fn(struct actor *self); /* start, stop, a timer, a wake-up */
/* ERR_… from start is a fault: it did not start. In stop one may still send and answer, not ask. */

struct actor_on {
	const struct proto_desc *type;
	actor_fn *run;
};

enum actor_restart { RESTART_NEVER, RESTART_ON_FAULT, RESTART_ALWAYS };
enum actor_full { FULL_REFUSE, FULL_DROP_OLDEST, FULL_DROP_NEWEST };
enum actor_place { PLACE_HERE, PLACE_HASHED, PLACE_SINGLE, PLACE_EVERY }; /* design.md 5 */
enum actor_family { ONE_FOR_ONE, ONE_FOR_ALL, REST_FOR_ONE };

/* One value an operator may set for a kind; the config loader's checks are derived from these. */
struct actor_setting {
	const char *name, *doc; /* doc with units and meaning */
	const char *value;      /* default, as text; NULL: must be set when the kind is hosted */
	int64_t least, most;    /* both 0: text */
};

/* A kind of actor: read-only, one per folder, named <kind>_actor. */
struct actor_kind {
	const char *name, *doc;
	size_t state;                 /* bytes; zeroed before start */
	actor_tick_fn *start, *stop;  /* either may be NULL; stop also runs after a fault */
	const struct actor_on *takes; /* ends with { 0 } */
	actor_fn *any;                /* takes every type not in `takes`: relays only */
	const struct proto_desc *const *sends; /* asks, events, answers; ends with NULL. A relay's
	                                          is NULL: it may send any type */
	const struct proto_desc *const *hears; /* topics, subscribed at start; NULL for none */
	const struct actor_setting *settings;  /* ends with { 0 }; NULL for none */
	enum actor_place place;
	enum actor_family family; /* how its children are restarted together */
	struct {
		uint32_t depth; /* messages; 0: 256 */
		enum actor_full full;
	} mailbox;
	struct {
		enum actor_restart when;
		/* 0: 3 times in 60,000 ms; the pause before a restart doubles within that time.
		 * More often: the parent faults in its place; without a parent the node is told. */
		uint32_t times, within_ms, pause_ms;
	} restart;
	uint32_t idle_ms;  /* leaves after this silence; 0: stays */
	uint32_t asks;     /* pending asks at once; 0: 64 */
	uint32_t holds;    /* asks held at once; 0: 1024. Further asks are refused: ERR_BUSY */
	bool at_start;     /* made when the node starts, not by its first message */
	bool needs_tenant; /* a message that names no business is refused: ERR_NO_TENANT */
	bool sets_tenant;  /* may name another business than the message it handles: the doors only
	                    */
	const void *data;  /* what one maker of kinds keeps about this one, for actor_kind_data() */
};

/* MSG(call_open, .call = id, ...) — a typed message, written where it is sent. */
#define MSG(type, ...)                                                                             \
	&type##_desc, &(struct type)                                                               \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

/* To whom: a name ("store", "call_session/CA12"), or where somebody is. */
struct to {
	struct str name;
	struct ref ref;
};

static inline struct to to_text(const char *name)
{
	return (struct to){ .name = str_of(name) };
}
static inline struct to to_str(struct str name)
{
	return (struct to){ .name = name };
}
static inline struct to to_ref(struct ref ref)
{
	return (struct to){ .ref = ref };
}
/* A pointer to one that lives as long as the block it stands in. By pointer: a struct of 28 bytes,
 * written in parts and copied whole, cost a send as much as all the rest of it. */
#define TO(x)                                                                                      \
	((const struct to[]){ _Generic((x),                                                        \
		              char *: to_text,                                                     \
		              const char *: to_text,                                               \
		              struct str: to_str,                                                  \
		              struct ref: to_ref)(x) })

/* ---- itself ------------------------------------------------------------------------------- */

enum { ACTOR_STATE_AT = 192 }; /* the runtime's own comes first */
static inline void *actor_state(struct actor *self)
{
	return (char *)self + ACTOR_STATE_AT;
}
struct ref actor_ref(const struct actor *self);
struct str actor_name(const struct actor *self);  /* "call_session/CA12" */
struct str actor_key(const struct actor *self);   /* "CA12"; empty for a kind without keys */
const char *actor_node(const struct actor *self); /* the node's name */
const void *actor_kind_data(const struct actor *self);

uint64_t actor_now_us(const struct actor *self);  /* monotonic; starts at any value; one per turn */
uint64_t actor_wall_us(const struct actor *self); /* since the epoch */
uint64_t actor_random(struct actor *self);        /* from the node's seed */

const char *actor_setting(const struct actor *self, const char *name); /* a declared one */
int64_t actor_setting_i64(const struct actor *self, const char *name);

/* ---- speaking ------------------------------------------------------------------------------ */

/* A message inherits business, principal and trace of the one being handled, an ask its deadline
 * too (for an event nobody waits); in an answer's handler they are those under which was asked.
 * Sending a type that the kind does not list in `sends` is a fault. ERR_FULL, ERR_NO_ROUTE,
 * ERR_GONE, ERR_TOO_LARGE: not sent. What was accepted and later lost is a dead letter, counted
 * with its reason. */
#define actor_send(self, to, ...)                                                                  \
	_Generic((to),                                                                             \
	         char *: actor_send_text,                                                          \
	         const char *: actor_send_text,                                                    \
	         struct str: actor_send_str,                                                       \
	         struct ref: actor_send_ref)(self, to, __VA_ARGS__)
/* A ref in its parts: three words in registers, where the struct of them would go through memory.
 */
MUST enum err actor_send_parts(struct actor *self, uint32_t node, uint32_t slot, uint32_t gen,
                               const struct proto_desc *type, const void *body);
MUST static inline enum err actor_send_ref(struct actor *self, struct ref to,
                                           const struct proto_desc *type, const void *body)
{
	return actor_send_parts(self, to.node, to.slot, to.gen, type, body);
}
/* The same with a blob, which is the runtime's from here on, whatever is returned; *b becomes NULL.
 */
#define actor_send_move(self, to, b, ...) actor_send_to(self, TO(to), b, __VA_ARGS__)
MUST enum err actor_send_to(struct actor *self, const struct to *to, struct blob **b,
                            const struct proto_desc *type, const void *body);

MUST static inline enum err actor_send_str(struct actor *self, struct str to,
                                           const struct proto_desc *type, const void *body)
{
	return actor_send_to(self, TO(to), NULL, type, body);
}
MUST static inline enum err actor_send_text(struct actor *self, const char *to,
                                            const struct proto_desc *type, const void *body)
{
	return actor_send_to(self, TO(to), NULL, type, body);
}

/* Hand a message on unchanged, blob and all: an ask stays the asker's ask and is answered to it. */
#define actor_forward(self, to, m) actor_forward_to(self, TO(to), m)
MUST enum err actor_forward_to(struct actor *self, const struct to *to, const struct msg *m);

/* By type, to all who hear it, on every node; at most once, nobody answers. What no hub can take
 * just now is lost for other nodes, and counted (bus_stats): no error, since an event has no claim.
 */
MUST enum err actor_publish(struct actor *self, const struct proto_desc *type, const void *body);
MUST enum err actor_subscribe(struct actor *self, const struct proto_desc *type);
void actor_unsubscribe(struct actor *self, const struct proto_desc *type);

/* Ask, and have exactly one call of `answer`: with the reply, or with msg_err() set (the other
 * side's refusal, ERR_TIMEOUT, ERR_GONE, ERR_FAULT …; msg_body() is then absent). If this returns
 * an error there will be no call: ERR_BUSY its mailbox is full, or too many asks are pending here;
 * ERR_TIMEOUT the deadline has passed; and those of a send. */
#define actor_ask(self, to, within_ms, answer, ...)                                                \
	actor_ask_to(self, TO(to), NULL, within_ms, answer, 0, __VA_ARGS__)
/* The same, with a number that msg_tag() gives back in the answer. */
#define actor_ask_tag(self, to, within_ms, answer, tag, ...)                                       \
	actor_ask_to(self, TO(to), NULL, within_ms, answer, tag, __VA_ARGS__)
MUST enum err actor_ask_to(struct actor *self, const struct to *to, struct blob **b,
                           uint32_t within_ms, actor_fn *answer, uint64_t tag,
                           const struct proto_desc *type, const void *body);

/* Answer an ask, once: a second answer is a fault, and so is a type that is not the declared reply.
 * A message from msg_hold() is released by this. An answer that cannot be made (ERR_TOO_LARGE,
 * ERR_MEMORY) is answered with that error instead. */
MUST enum err actor_reply(struct actor *self, const struct msg *asked,
                          const struct proto_desc *type, const void *body);
MUST enum err actor_reply_move(struct actor *self, const struct msg *asked, struct blob **b,
                               const struct proto_desc *type, const void *body);
MUST enum err actor_refuse(struct actor *self, const struct msg *asked, enum err why);

/* Speak for a business and a caller until this handler returns: for kinds that set sets_tenant, as
 * the gateway is the one place where a tenant enters (design.md 2.7). A fault for any other. */
void actor_act_for(struct actor *self, uint64_t business, uint64_t principal,
                   const struct trace *trace);

/* ---- time ---------------------------------------------------------------------------------- */

/* One timer per function: arming it again moves it, 0 ms disarms it. */
void actor_after(struct actor *self, uint32_t ms, actor_tick_fn *tick);

/* ---- others -------------------------------------------------------------------------------- */

/* A child, under this actor's supervision by its kind's `family`; it starts in a turn of its own.
 * ERR_CONFLICT when the name lives; ERR_NO_ROUTE when this node does not host the kind. Who begins
 * anew after a fault has the same name and another ref. Children end before their parent does. */
MUST enum err actor_spawn(struct actor *self, const struct actor_kind *kind, struct str key,
                          struct ref *ret);
MUST enum err actor_stop_child(struct actor *self, struct ref child);

/* Hear once of somebody's end, by a sys.gone message; at once if nobody is there. A restart is an
 * end, too. Watching the same one again replaces `gone`. ERR_FULL: the way to its node is
 * full, try again; ERR_BUSY: too many watches. */
#define actor_watch(self, who, gone) actor_watch_to(self, TO(who), gone)
MUST enum err actor_watch_to(struct actor *self, const struct to *who, actor_fn *gone);
/* The same, with a number that msg_tag() gives back in the sys.gone. */
#define actor_watch_tag(self, who, gone, tag) actor_watch_tag_to(self, TO(who), gone, tag)
MUST enum err actor_watch_tag_to(struct actor *self, const struct to *who, actor_fn *gone,
                                 uint64_t tag);
#define actor_unwatch(self, who) actor_unwatch_to(self, TO(who))
void actor_unwatch_to(struct actor *self, const struct to *who);

void actor_exit(struct actor *self); /* a good end; stop runs next */
enum err actor_fault(struct actor *self, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- logs: event word first, then key=value; the runtime adds time, node, actor, trace ------- */

enum actor_level { LOG_ERROR = 3, LOG_WARN = 4, LOG_INFO = 6, LOG_DEBUG = 7 }; /* RFC 5424 */
void actor_log(struct actor *self, enum actor_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- the world outside: kinds that own descriptors (gateway, store, ports) --------------------
 */

struct loop;
struct loop *actor_loop(const struct actor *self); /* NULL in the simulator */

/* How a loop callback reaches its actor: wake it, and `tick` runs as one of its turns, once however
 * often it was woken. Free it in stop; waking after that is impossible, before it always safe. */
struct actor_waker;
MUST enum err actor_waker_new(struct actor *self, actor_tick_fn *tick, struct actor_waker **ret);
void actor_wake(struct actor_waker *w);
void actor_waker_free(struct actor_waker **w);

/* ---- a message in hand ----------------------------------------------------------------------- */

static inline enum err msg_err(const struct msg *m)
{
	return (enum err)m->err;
}
/* Who sent it, "ACTOR@NODE" ("NODE" when no actor did): for records of who did what, the node's
 * name as the bus knows it. */
void actor_sender(const struct actor *self, const struct msg *m, char *ret, size_t cap);

static inline struct ref msg_from(const struct msg *m)
{
	return m->from;
}
uint64_t msg_tag(const struct msg *answer);

static inline struct str msg_blob(const struct msg *m) /* empty when none */
{
	return m->blob ? str_n(m->blob->at, m->blob->len) : (struct str){ 0 };
}

/* Keep an ask past its handler, to answer it later. The actor owns it from then on: actor_reply(),
 * actor_refuse() or actor_forward() with msg_take() ends it; an exit answers it with ERR_GONE, a
 * fault with ERR_FAULT. Should the handler that holds it return ERR_… all the same, that is the
 * answer, and what is done with it later has no effect. NULL when out of memory. */
const struct msg *msg_hold(struct actor *self, const struct msg *m);
static inline const struct msg *msg_take(const struct msg **m)
{
	const struct msg *was = *m;
	*m = NULL;
	return was;
}
