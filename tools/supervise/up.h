/*
 * up.h — the supervisor process: everything that one configuration wants, kept alive.
 *
 *     up ─┬─ crew ─┬─ database      a private PostgreSQL, unless DATABASE_URL names another
 *         │        ├─ migrate       once, before anything reads it
 *         │        ├─ hub, hub#2 …
 *         │        └─ GROUP.N …     nodes, as `switchboard node` starts them
 *         ├─ door                   the listening socket, handed to each node that hosts gateway
 *         └─ seat                   a node of its own on the bus: the actor `supervisor`
 */
#pragma once
#include "actors/say.h"
#include "actors/seat.h"
#include "proto/call.h"
#include "tools/config/config.h"
#include "tools/state.h"
#include "tools/supervise/crew.h"
#include "tools/supervise/process.h"

struct up;
struct cluster;

enum work {
	WORK_MIGRATE,
	WORK_HUB,
	WORK_NODE,
};

/* One process of the crew. */
struct worker {
	struct up *up;
	struct member *member;
	struct process *process; /* NULL: it does not run */
	const struct config_group *group;
	enum work work;
	uint32_t index; /* from 1, in its group or among the hubs */
};

/* The node that gives its calls time before its restart: drain.c. One at a time. */
struct drain {
	struct member *member; /* NULL: none */
	uint64_t until_us, say_us;
	uint32_t within_ms; /* of the latest order */
	uint32_t calls;     /* on it, as its desk last said */
	bool heeded, again; /* its desk has heard of it; this is news */
};

struct up_config {
	const struct config *config;
	const struct actor_kind *const *kinds; /* that can be hosted */
	const char *program;                   /* this binary */
	struct say say;
	/* Everything is up, the first time: what to tell whoever waits. */
	void (*ready)(void *ctx, const char *url);
	void *ctx;
};

struct up {
	struct up_config with;
	struct loop *loop;
	struct state state;
	int supervisor_lock, children_lock; /* -1: not held */
	int door;                           /* listening; -1: nobody hosts the gateway */
	char listen[128];                   /* where, its port filled in */
	char encryption_key[STATE_KEY];     /* given, or made in the state folder */
	struct crew *crew;
	struct cluster *cluster;
	struct member *database; /* NULL: somebody else's */
	struct worker *workers[CREW_MOST];
	uint32_t n_workers;
	struct cgroups *cgroups; /* NULL: no group has a limit that needs them */
	struct seat *seat;
	struct pulses *pulses; /* what the nodes last said of themselves */
	struct drain drain;
	struct actor_kind kind; /* supervisor_actor with our data */
	int64_t since_us;
	bool joined, told_ready;
	bool failed;   /* a vital one was given up */
	char why[512]; /* why it cannot start */
};

/* Everything that can be known to fail at once is tried here: ERR_CONFLICT (another supervisor on
 * this folder, or the address is taken), ERR_DENIED, ERR_IO …; up->why says it in a sentence. */
MUST enum err up_new(const struct up_config *config, struct up **ret, char *ret_why, size_t cap);
void up_run(struct up *u); /* until it is told to end, by a signal or super.down */
bool up_failed(const struct up *u);
void up_free(struct up **u);

/* In order; a second call is in haste. */
void up_down(struct up *u);
/* So many nodes of this group from now on. ERR_NOT_FOUND: no such group; ERR_FULL. */
MUST enum err up_scale(struct up *u, struct str group, uint32_t count);

/* ---- parts, each in its file ------------------------------------------------------------- */

/* worker.c */
struct worker *worker_add(struct up *u, enum work work, const struct config_group *group,
                          uint32_t index);
/* database.c */
MUST enum err database_open(struct up *u);
const char *database_url(const struct up *u, bool admin); /* of whichever database is used */
/* far.c: for other hosts, when bus.listen is set; otherwise false. */
MUST enum err far_open(struct up *u);
void far_keys(const struct up *u, char *ret, size_t cap);                /* the folder of keys */
bool far_hub(const struct up *u, uint32_t index, char *ret, size_t cap); /* its HOST:PORT */
bool far_node(const struct up *u, const char *name, char *ret_key, size_t key_cap,
              char *ret_address, size_t address_cap);
/* up.c */
void up_tell_ready(struct up *u); /* once, when all is up and orders can be taken */
/* drain.c */
void drain_begin(void *up, struct member *m); /* as crew_calls has it */
MUST enum err drain_tick(struct actor *self, struct up *u);
void drain_hear(struct up *u, const struct call_busy *said);
/* super.c */
extern const struct actor_kind supervisor_actor;
MUST enum err super_open(struct up *u);
void super_gave_up(struct up *u, const struct member *m);
