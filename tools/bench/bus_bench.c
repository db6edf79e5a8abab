/*
 * bus_bench.c — between processes, by the way users take: actor, runtime, bus, ZeroMQ, and back;
 * hub, beats, acknowledgements, bounds and counters on.
 *
 *     hub ── a process         far ── a process: one node, or eight that hear
 *     near ── this process: the driver, whose end is the end of the run
 *
 * Over tcp with CURVE, always; over ipc without.
 */
#include "actors/node.h"
#include "actors/seat.h"
#include "bus/serve.h"
#include "proto/bench.h"
#include "proto/port.h"
#include "tools/bench/runs.h"
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EARS = 8, AHEAD = 1500, BULK_BYTES = 1 << 20, BULK_MS = 10, PATH_BYTES = 192 };

static const char text64[65] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
static const char text72[73] =
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567";
#define USUAL(number)                                                                              \
	MSG(bench_usual, .call = { text64, 64 }, .seq = (uint32_t)(number), .at = (number),        \
	    .kind = 1, .from = { text72, 72 })

/* This process's part in the run. */
static struct {
	struct loop *loop;
	enum bus_shape shape;
	uint64_t count, sent, taken;
	struct ref far;
	double from, *trips;
	struct bench_result result;
	char dir[64], hub[128];
	bool curve;
	uint64_t *heard; /* shared: events heard by each of the eight */
	uint64_t heard_before;
	struct actor_waker *waker;
	bool pours;
} run;

static void finish(double figure)
{
	run.result =
		(struct bench_result){ .figure = figure, .seconds = bench_seconds() - run.from };
	loop_stop(run.loop);
}

/* ---- far ------------------------------------------------------------------------------------- */

static enum err far_asked(struct actor *self, const struct msg *m)
{
	run.count = bench_token_of(m)->n;
	return actor_reply(self, m, MSG(bench_token, .n = 0));
}

/* Echoes each in a round trip, the last of a flood. */
static enum err far_usual(struct actor *self, const struct msg *m)
{
	uint64_t number = bench_usual_of(m)->at;
	run.taken++;
	if (run.count && run.taken < run.count)
		return OK;
	return actor_send(self, msg_from(m), USUAL(number));
}

static enum err far_bulk(struct actor *self, const struct msg *m)
{
	(void)self;
	(void)m;
	return OK;
}

static const struct actor_on far_takes[] = { { &bench_token_desc, far_asked },
	                                     { &bench_usual_desc, far_usual },
	                                     { &port_carried_desc, far_bulk },
	                                     { 0 } };
static const struct proto_desc *const far_sends[] = { &bench_usual_desc, &bench_token_desc, NULL };
static const struct actor_kind far_kind = { .name = "bench_far",
	                                    .doc = "takes and echoes",
	                                    .takes = far_takes,
	                                    .sends = far_sends,
	                                    .mailbox = { .depth = 100000 } };

static enum err ear_usual(struct actor *self, const struct msg *m)
{
	uint64_t *heard = actor_state(self);
	(void)m;
	run.heard[strtoul(actor_node(self) + 4, NULL, 10)] = ++*heard;
	return OK;
}

static const struct actor_on ear_takes[] = { { &bench_usual_desc, ear_usual }, { 0 } };
static const struct proto_desc *const ear_hears[] = { &bench_usual_desc, NULL };
static const struct actor_kind ear_kind = { .name = "bench_ear",
	                                    .doc = "hears",
	                                    .state = sizeof(uint64_t),
	                                    .takes = ear_takes,
	                                    .hears = ear_hears,
	                                    .mailbox = { .depth = 100000 },
	                                    .at_start = true,
	                                    .place = PLACE_EVERY };

/* ---- near: the driver ------------------------------------------------------------------------ */

static enum err drive_greet(struct actor *self);
static enum err publish(struct actor *self);

static enum err trip_begin(struct actor *self)
{
	run.trips[run.sent++] = bench_seconds();
	return actor_send(self, run.far, USUAL(run.sent));
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static enum err trip_end(struct actor *self)
{
	double *trip = &run.trips[run.sent - 1];
	*trip = (bench_seconds() - *trip) * 1e6;
	if (run.sent < run.count)
		return trip_begin(self);
	qsort(run.trips, run.count, sizeof *run.trips, by_value);
	double quantile = run.shape == BUS_UNDER_BULK ? 0.999 : 0.5;
	finish(run.trips[(uint64_t)(quantile * (double)(run.count - 1))]);
	return OK;
}

static enum err on_usual(struct actor *self, const struct msg *m)
{
	(void)m;
	if (run.shape == BUS_ONE_WAY) {
		finish((double)run.count / (bench_seconds() - run.from));
		return OK;
	}
	return trip_end(self);
}

/* Until the window is closed; an acknowledgement makes the loop turn, and that wakes us again. */
static enum err pour(struct actor *self)
{
	enum err e = OK;
	while (run.pours && run.sent < run.count && !e) {
		e = actor_send(self, run.far, USUAL(run.sent));
		run.sent += !e;
	}
	return OK;
}

static bool wake_driver(void *ctx)
{
	(void)ctx;
	if (run.pours)
		actor_wake(run.waker);
	return false;
}

static enum err pour_begin(struct actor *self)
{
	static struct loop_stage *stage;
	run.pours = true;
	enum err e = actor_waker_new(self, run.shape == BUS_FAN_OUT ? publish : pour, &run.waker);
	return e ? e : loop_on_turn(run.loop, LOOP_DRAIN, wake_driver, NULL, &stage);
}

static uint64_t slowest(void)
{
	uint64_t least = UINT64_MAX;
	for (int i = 0; i < EARS; i++)
		least = run.heard[i] < least ? run.heard[i] : least;
	return least;
}

static enum err publish(struct actor *self)
{
	uint64_t heard = slowest() - run.heard_before;
	enum err e = OK;
	while (run.sent < run.count && run.sent < heard + AHEAD && !e) {
		e = actor_publish(self, USUAL(run.sent));
		run.sent += !e;
	}
	if (heard < run.count)
		actor_after(self, 1, publish); /* nobody tells us what they heard */
	else
		finish((double)run.count * EARS / (bench_seconds() - run.from));
	return OK;
}

static enum err on_met(struct actor *self, const struct msg *m)
{
	if (msg_err(m)) {
		actor_after(self, 10, drive_greet);
		return OK;
	}
	run.far = msg_from(m);
	run.from = bench_seconds();
	return run.shape == BUS_ONE_WAY ? pour_begin(self) : trip_begin(self);
}

/* The first event that all have heard is the sign that all are there. */
static enum err drive_hear(struct actor *self)
{
	if (slowest()) {
		run.from = bench_seconds();
		return publish(self);
	}
	actor_after(self, 100, drive_hear);
	return actor_publish(self, USUAL(0));
}

static enum err drive_greet(struct actor *self)
{
	uint64_t flood = run.shape == BUS_ONE_WAY ? run.count : 0;
	if (run.shape == BUS_FAN_OUT)
		return drive_hear(self);
	enum err e = actor_ask(self, "bench_far", 1000, on_met, MSG(bench_token, .n = flood));
	if (e)
		actor_after(self, 10, drive_greet);
	return OK;
}

static const struct actor_on driver_takes[] = { { &bench_usual_desc, on_usual }, { 0 } };
static const struct proto_desc *const driver_sends[] = { &bench_usual_desc, &bench_token_desc,
	                                                 NULL };
static const struct actor_kind driver_kind = { .name = "bench_driver",
	                                       .doc = "drives the run",
	                                       .start = drive_greet,
	                                       .takes = driver_takes,
	                                       .sends = driver_sends,
	                                       .at_start = true };

/* 100 MB a second beside the trips. */
static enum err bulk_send(struct actor *self)
{
	static char bytes[BULK_BYTES];
	actor_after(self, BULK_MS, bulk_send);
	if (!run.far.node)
		return OK;
	struct blob *b = blob_copy(bytes, sizeof bytes);
	return actor_send_move(self, run.far, &b, MSG(port_carried, .type = 1));
}

static const struct proto_desc *const bulk_sends[] = { &port_carried_desc, NULL };
static const struct actor_on bulk_takes[] = { { 0 } };
static const struct actor_kind bulk_kind = { .name = "bench_bulk",
	                                     .doc = "sends much beside the trips",
	                                     .start = bulk_send,
	                                     .takes = bulk_takes,
	                                     .sends = bulk_sends,
	                                     .at_start = true };

/* ---- processes ------------------------------------------------------------------------------- */

static const struct actor_kind *const all_kinds[] = { &far_kind, &ear_kind, &driver_kind,
	                                              &bulk_kind, NULL };

static void on_broken(void *ctx, const char *why)
{
	(void)ctx;
	(void)why;
	finish(NAN);
}

static bool key_file(char path[PATH_BYTES], const char *name)
{
	char keys[PATH_BYTES / 2];
	struct key_card card = { .host = "*", .send = "*" };
	str_keep(card.name, sizeof card.name, str_of(name));
	(void)snprintf(keys, sizeof keys, "%s/keys", run.dir);
	(void)snprintf(path, PATH_BYTES, "%s/%s.cert_secret", keys, name);
	return !access(path, R_OK) || keys_new(keys, &card) == OK;
}

static enum err seat_begin(const char *name, const char *key, const struct actor_kind *const *kinds,
                           struct seat **ret)
{
	char path[PATH_BYTES];
	const char *hubs[] = { run.hub, NULL };
	(void)snprintf(path, sizeof path, "%s/keys/%s.cert_secret", run.dir, key);
	struct seat_config config = { .loop = run.loop,
		                      .name = name,
		                      .kinds = kinds,
		                      .known = all_kinds,
		                      .hubs = hubs,
		                      .dir = run.curve ? NULL : run.dir,
		                      .tcp = run.curve ? "tcp://127.0.0.1:0" : NULL,
		                      .key = run.curve ? path : NULL,
		                      .broken = on_broken };
	return seat_new(&config, ret);
}

/* Tells its endpoint, then serves until it is killed. */
static void hub_process(int tell)
{
	char ipc[PATH_BYTES], keys[PATH_BYTES], endpoint[sizeof run.hub] = "";
	struct hub_serve *serve;
	(void)snprintf(ipc, sizeof ipc, "ipc://%s/hub", run.dir);
	(void)snprintf(keys, sizeof keys, "%s/keys", run.dir);
	if (loop_new(&run.loop))
		_exit(1);
	struct hub_serve_config config = { .loop = run.loop,
		                           .name = "hub",
		                           .ipc = run.curve ? NULL : ipc,
		                           .tcp = run.curve ? "tcp://127.0.0.1:0" : NULL,
		                           .keys = run.curve ? keys : NULL };
	if (hub_serve_new(&config, &serve))
		_exit(1);
	str_keep(endpoint, sizeof endpoint, str_of(hub_serve_endpoint(serve, 0)));
	if (write(tell, endpoint, sizeof endpoint) != sizeof endpoint)
		_exit(1);
	loop_run(run.loop);
	_exit(0);
}

static void far_process(void)
{
	static const struct actor_kind *const far_kinds[] = { &far_kind, NULL };
	static const struct actor_kind *const ear_kinds[] = { &ear_kind, NULL };
	struct seat *seat;
	enum err e = loop_new(&run.loop);
	if (run.shape != BUS_FAN_OUT && !e)
		e = seat_begin("far", "far", far_kinds, &seat);
	for (int i = 0; run.shape == BUS_FAN_OUT && i < EARS && !e; i++) {
		char name[16];
		(void)snprintf(name, sizeof name, "far#%d", i);
		e = seat_begin(name, "far", ear_kinds, &seat);
	}
	if (e)
		_exit(1);
	loop_run(run.loop);
	_exit(0);
}

static pid_t apart(void (*process)(void), void (*telling)(int), int tell)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (telling)
		telling(tell);
	process();
	_exit(0);
}

static void end_of(pid_t pid)
{
	if (pid <= 0)
		return;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

static void near_run(void)
{
	static const struct actor_kind *const kinds[] = { &driver_kind, NULL };
	static const struct actor_kind *const bulk_kinds[] = { &driver_kind, &bulk_kind, NULL };
	struct seat *seat;
	if (loop_new(&run.loop))
		return;
	if (seat_begin("near", "near", run.shape == BUS_UNDER_BULK ? bulk_kinds : kinds, &seat))
		return;
	loop_run(run.loop);
	seat_free(&seat);
	loop_free(&run.loop);
}

struct bench_result bench_bus(const struct bench_source *s, uint64_t count)
{
	char path[PATH_BYTES], command[96];
	int tell[2];
	run.result.figure = NAN;
	run.shape = (enum bus_shape)s->a;
	run.curve = s->b == BUS_CURVE;
	run.count = count;
	run.trips = calloc(count + 1, sizeof *run.trips);
	run.heard = mmap(NULL, EARS * sizeof *run.heard, PROT_READ | PROT_WRITE,
	                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	str_keep(run.dir, sizeof run.dir, str_of("/tmp/switchboard-bench-XXXXXX"));
	if (!run.trips || run.heard == MAP_FAILED || !mkdtemp(run.dir) || pipe(tell))
		return run.result;
	if (!run.curve || (key_file(path, "near") && key_file(path, "far"))) {
		pid_t hub = apart(NULL, hub_process, tell[1]);
		(void)close(tell[1]);
		if (read(tell[0], run.hub, sizeof run.hub) == sizeof run.hub) {
			pid_t far = apart(far_process, NULL, 0);
			near_run();
			end_of(far);
		}
		end_of(hub);
	}
	(void)snprintf(command, sizeof command, "/bin/rm -rf %s", run.dir);
	if (system(command))
		run.result.figure = NAN;
	return run.result;
}
