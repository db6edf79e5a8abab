/*
 * bus_failure — two processes over real ZeroMQ: how soon an end, a kill, a stop and a cut cable are
 * known, that everything accepted is accounted for, and that what healed joins anew.
 *
 *     this process: hub and node "near"       the other: node "far", echoes every message
 *     as child: bus_failure far HUB DIR KEY TCP
 */
#include "bus/serve.h"
#include "proto/beat.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_US = 15000000, MS = 1000 };

static char self[256];

/* ---- the far node ---------------------------------------------------------------------------- */

struct far {
	struct loop *loop;
	struct loop_timer *timer;
	struct bus_serve_config config;
	struct bus_serve *serve;
	bool stale;
};

static void wake(void *ctx)
{
	(void)ctx;
}

static void far_deliver(void *ctx, struct msg *m)
{
	struct far *f = ctx;
	struct beat_pulse body = *beat_pulse_of(m);
	struct msg *back;
	if (msg_new(&beat_pulse_desc, &body, &back, NULL) == OK) {
		back->re = m->id;
		if (bus_send(bus_serve_bus(f->serve), m->from.node, back))
			_exit(3); /* the test sends less than a window holds */
		msg_unref(back);
	}
	msg_unref(m);
}

static void far_lost(void *ctx, const struct msg *m, enum err why)
{
	(void)ctx;
	(void)m;
	(void)why;
}

static void far_gone(void *ctx, uint32_t peer)
{
	(void)ctx;
	(void)peer;
}

static void far_stale(void *ctx)
{
	((struct far *)ctx)->stale = true;
}

static const struct bus_calls far_calls = {
	far_deliver, far_lost, far_gone, wake, far_stale, NULL
};

static bool far_in(void *ctx)
{
	struct far *f = ctx;
	return bus_drain(bus_serve_bus(f->serve), loop_now_us(f->loop));
}

/* Declared dead: a new incarnation, on a new link. */
static void far_again(struct far *f)
{
	f->config.peers_after = bus_last_peer(bus_serve_bus(f->serve));
	f->stale = false;
	bus_serve_free(&f->serve);
	if (bus_serve_new(&f->config, &f->serve))
		_exit(4);
}

static bool far_out(void *ctx)
{
	struct far *f = ctx;
	uint64_t now_us = loop_now_us(f->loop);
	if (f->stale)
		far_again(f);
	bool more = bus_flush(bus_serve_bus(f->serve), now_us, true);
	uint64_t next_us = bus_next_us(bus_serve_bus(f->serve));
	if (next_us != UINT64_MAX)
		loop_timer_set(f->timer, next_us > now_us ? next_us - now_us : 0);
	return more;
}

static void far_end(void *ctx)
{
	struct far *f = ctx;
	loop_stop(f->loop);
}

static int far_main(char **argv)
{
	struct far f = { 0 };
	const char *hubs[] = { argv[2], NULL }, *kinds[] = { "echo", NULL };
	struct loop_stage *in, *out;
	struct loop_signal *term;
	if (loop_new(&f.loop) || loop_timer_new(f.loop, wake, &f, &f.timer))
		return 5;
	f.config = (struct bus_serve_config){ .loop = f.loop,
		                              .name = "far",
		                              .kinds = kinds,
		                              .hubs = hubs,
		                              .dir = *argv[3] ? argv[3] : NULL,
		                              .key = *argv[4] ? argv[4] : NULL,
		                              .tcp = *argv[5] ? argv[5] : NULL,
		                              .calls = &far_calls,
		                              .ctx = &f };
	if (bus_serve_new(&f.config, &f.serve) ||
	    loop_on_turn(f.loop, LOOP_DRAIN, far_in, &f, &in) ||
	    loop_on_turn(f.loop, LOOP_FLUSH, far_out, &f, &out) ||
	    loop_on_signal(f.loop, SIGTERM, far_end, &f, &term))
		return 6;
	loop_run(f.loop);
	bus_serve_free(&f.serve);
	loop_free(&f.loop);
	return 0;
}

/* ---- this side ------------------------------------------------------------------------------- */

struct world {
	struct loop *loop;
	struct loop_timer *timer;
	struct loop_stage *in, *out;
	char dir[64], keys[96], near_key[128], far_key[128];
	bool tcp;
	const char *space;   /* network namespace of the far node; NULL: ours */
	const char *address; /* for tcp */
	struct hub_serve *hub;
	struct bus_serve *serve;
	struct bus *bus;
	pid_t far;
	uint32_t echoed, lost, gone, accepted, twins, last_id;
	uint64_t gone_us;
	bool seen[4096];
	bool (*until)(struct world *w);
	uint64_t deadline_us;
	bool met;
};

static void account(struct world *w, uint64_t id, uint32_t *count)
{
	assert_in_range(id, 1, 4095);
	w->twins += w->seen[id];
	w->seen[id] = true;
	++*count;
}

static void deliver(void *ctx, struct msg *m)
{
	struct world *w = ctx;
	account(w, m->re, &w->echoed);
	msg_unref(m);
}

static void lost(void *ctx, const struct msg *m, enum err why)
{
	struct world *w = ctx;
	assert_int_equal(why, ERR_GONE);
	account(w, m->id, &w->lost);
}

static void gone(void *ctx, uint32_t peer)
{
	struct world *w = ctx;
	(void)peer;
	w->gone++;
	w->gone_us = loop_now_us(w->loop);
}

static void stale(void *ctx)
{
	(void)ctx;
	fail_msg("the near node was declared dead");
}

static const struct bus_calls calls = { deliver, lost, gone, wake, stale, NULL };

static bool near_in(void *ctx)
{
	struct world *w = ctx;
	return w->bus && bus_drain(w->bus, loop_now_us(w->loop));
}

static bool near_out(void *ctx)
{
	struct world *w = ctx;
	bool more = w->bus && bus_flush(w->bus, loop_now_us(w->loop), true);
	w->met = w->until && w->until(w);
	if (w->met || loop_now_us(w->loop) > w->deadline_us)
		loop_stop(w->loop);
	return more;
}

static void tick(void *ctx)
{
	struct world *w = ctx;
	loop_timer_set(w->timer, 5 * MS);
}

static void await(struct world *w, bool (*until)(struct world *w))
{
	w->until = until;
	w->deadline_us = loop_now_us(w->loop) + PATIENCE_US;
	loop_run(w->loop);
	assert_true(w->met);
}

static void key_new(struct world *w, const char *name, char file[128])
{
	struct key_card card = { .host = "*", .send = "*" };
	str_keep(card.name, sizeof card.name, str_of(name));
	assert_int_equal(keys_new(w->keys, &card), OK);
	snprintf(file, 128, "%s/%s.cert_secret", w->keys, name);
}

static void run(const char *command)
{
	if (system(command))
		fail_msg("failed: %s", command);
}

static int enter(const char *space)
{
	char path[64];
	snprintf(path, sizeof path, "/run/netns/%s", space);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc = fd < 0 ? -1 : setns(fd, CLONE_NEWNET);
	close(fd);
	return rc;
}

static void far_start(struct world *w)
{
	char tcp[64] = "", *dir = w->tcp ? "" : w->dir, *key = w->tcp ? w->far_key : "";
	if (w->tcp)
		snprintf(tcp, sizeof tcp, "tcp://%s:0", w->space ? "10.77.0.2" : "127.0.0.1");
	const char *hub = hub_serve_endpoint(w->hub, 0);
	w->far = fork();
	if (w->far)
		return;
	if (w->space && enter(w->space))
		_exit(7);
	execl(self, self, "far", hub, dir, key, tcp, (char *)NULL);
	_exit(8);
}

static void world_start(struct world *w)
{
	char hub_ipc[96], tcp[64], hub_tcp[64];
	snprintf(hub_ipc, sizeof hub_ipc, "ipc://%s/hub", w->dir);
	snprintf(hub_tcp, sizeof hub_tcp, "tcp://%s:0", w->address);
	snprintf(tcp, sizeof tcp, "tcp://%s:0", w->address);
	struct hub_serve_config hc = { .loop = w->loop, .name = "hub" };
	if (w->tcp) {
		key_new(w, "near", w->near_key);
		key_new(w, "far", w->far_key);
		hc.tcp = hub_tcp;
		hc.keys = w->keys;
	} else {
		hc.ipc = hub_ipc;
	}
	assert_int_equal(hub_serve_new(&hc, &w->hub), OK);
	const char *hubs[] = { hub_serve_endpoint(w->hub, 0), NULL }, *kinds[] = { NULL };
	struct bus_serve_config bc = { .loop = w->loop,
		                       .name = "near",
		                       .kinds = kinds,
		                       .hubs = hubs,
		                       .dir = w->tcp ? NULL : w->dir,
		                       .key = w->tcp ? w->near_key : NULL,
		                       .tcp = w->tcp ? tcp : NULL,
		                       .calls = &calls,
		                       .ctx = w };
	assert_int_equal(bus_serve_new(&bc, &w->serve), OK);
	w->bus = bus_serve_bus(w->serve);
	far_start(w);
}

static struct world *world_new(bool tcp)
{
	struct world *w = test_calloc(1, sizeof *w);
	w->tcp = tcp;
	w->address = "127.0.0.1";
	str_keep(w->dir, sizeof w->dir, str_of("/tmp/sb-XXXXXX"));
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->keys, sizeof w->keys, "%s/keys", w->dir);
	assert_int_equal(loop_new(&w->loop), OK);
	assert_int_equal(loop_timer_new(w->loop, tick, w, &w->timer), OK);
	loop_timer_set(w->timer, 0);
	assert_int_equal(loop_on_turn(w->loop, LOOP_DRAIN, near_in, w, &w->in), OK);
	assert_int_equal(loop_on_turn(w->loop, LOOP_FLUSH, near_out, w, &w->out), OK);
	return w;
}

static int setup_ipc(void **state)
{
	struct world *w = *state = world_new(false);
	world_start(w);
	return 0;
}

static int setup_tcp(void **state)
{
	struct world *w = *state = world_new(true);
	world_start(w);
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	kill(w->far, SIGKILL);
	waitpid(w->far, NULL, 0);
	bus_serve_free(&w->serve);
	hub_serve_free(&w->hub);
	loop_free(&w->loop);
	char command[96];
	snprintf(command, sizeof command, "rm -rf %s", w->dir);
	run(command);
	test_free(w);
	return 0;
}

static uint32_t far_peer(struct world *w)
{
	struct bus_peer p;
	return bus_peer_at(w->bus, 0, &p) && p.state == BUS_PEER_UP ? p.peer : 0;
}

static bool far_up(struct world *w)
{
	return far_peer(w) != 0;
}

static bool is_gone(struct world *w)
{
	return w->gone == 1;
}

static bool all_echoed(struct world *w)
{
	return w->echoed == w->accepted;
}

static void send_some(struct world *w, uint32_t n)
{
	for (; n; n--) {
		struct beat_pulse body = { .node = str_of("near") };
		struct msg *m;
		assert_int_equal(msg_new(&beat_pulse_desc, &body, &m, NULL), OK);
		m->id = ++w->last_id;
		assert_int_equal(bus_send(w->bus, far_peer(w), m), OK);
		msg_unref(m);
		w->accepted++;
	}
}

/* Up, one round of echoes, then 200 more on their way when it happens. */
static uint64_t signal_at_work(struct world *w, int signum)
{
	await(w, far_up);
	send_some(w, 50);
	await(w, all_echoed);
	send_some(w, 200);
	kill(w->far, signum);
	return loop_now_us(w->loop);
}

/* A message that was taken but whose echo never left counts neither as echoed nor as lost: the far
 * side had it. All others are one or the other. */
static void check_books(struct world *w)
{
	assert_int_equal(w->twins, 0);
	assert_true(w->echoed + w->lost <= w->accepted);
}

static void an_end_is_known_at_once(void **state)
{
	struct world *w = *state;
	uint64_t at_us = signal_at_work(w, SIGTERM);
	await(w, is_gone);
	assert_in_range(w->gone_us - at_us, 0, 300 * MS);
	int status;
	waitpid(w->far, &status, 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	check_books(w);
}

static void a_kill_is_known_in_half_a_second(void **state)
{
	struct world *w = *state;
	uint64_t at_us = signal_at_work(w, SIGKILL);
	uint32_t peer = far_peer(w);
	await(w, is_gone);
	assert_in_range(w->gone_us - at_us, 400 * MS, 1000 * MS);
	check_books(w);
	assert_int_equal(bus_send(w->bus, peer, NULL), ERR_GONE);
}

static bool gone_and_back(struct world *w)
{
	return w->gone == 1 && far_up(w);
}

/* Nothing tells but silence. All that was sent to it is lost, and stays so when it wakes: it hears
 * that its time is over, and joins anew. */
static void a_stop_is_known_by_silence_and_a_wake_joins_anew(void **state)
{
	struct world *w = *state;
	await(w, far_up);
	send_some(w, 50);
	await(w, all_echoed);
	kill(w->far, SIGSTOP);
	uint64_t at_us = loop_now_us(w->loop);
	send_some(w, 200);
	await(w, is_gone);
	assert_in_range(w->gone_us - at_us, 1900 * MS, 3000 * MS);
	assert_int_equal(w->lost, 200);
	kill(w->far, SIGCONT);
	await(w, gone_and_back);
	assert_int_equal(w->echoed, 50);
	send_some(w, 10);
	w->accepted -= 200; /* the lost ones are accounted for */
	await(w, all_echoed);
	assert_int_equal(w->twins, 0);
}

/* ---- a cable between two network namespaces ----------------------------------------------------
 */

static char near_space[32], far_space[32];

static void spaces(const char *verb)
{
	char command[1024];
	if (!strcmp(verb, "del")) {
		snprintf(command, sizeof command,
		         "ip netns del %s 2>/dev/null; ip netns del %s 2>/dev/null; true",
		         near_space, far_space);
		run(command);
		return;
	}
	/* nsenter, for ip -n would remount /, which a chroot cannot */
	snprintf(command, sizeof command,
	         "at() { space=$1; shift; nsenter --net=/run/netns/$space ip \"$@\"; } && "
	         "ip netns add %1$s && ip netns add %2$s && "
	         "ip link add v0 netns %1$s type veth peer name v0 netns %2$s && "
	         "at %1$s addr add 10.77.0.1/24 dev v0 && at %2$s addr add 10.77.0.2/24 dev v0 && "
	         "at %1$s link set lo up && at %2$s link set lo up && "
	         "at %1$s link set v0 up && at %2$s link set v0 up",
	         near_space, far_space);
	run(command);
}

static int home_fd = -1;

static int setup_spaces(void **state)
{
	snprintf(near_space, sizeof near_space, "sb-near-%d", getpid());
	snprintf(far_space, sizeof far_space, "sb-far-%d", getpid());
	home_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	spaces("add");
	if (enter(near_space))
		fail_msg("setns: %s", strerror(errno));
	struct world *w = *state = world_new(true);
	w->space = far_space;
	w->address = "10.77.0.1";
	world_start(w);
	return 0;
}

static int teardown_spaces(void **state)
{
	teardown(state);
	setns(home_fd, CLONE_NEWNET);
	close(home_fd);
	spaces("del");
	return 0;
}

static void cable(bool up)
{
	char command[128];
	snprintf(command, sizeof command, "nsenter --net=/run/netns/%s ip link set v0 %s",
	         far_space, up ? "up" : "down");
	run(command);
}

static void a_cut_cable_is_known_and_healing_joins_anew(void **state)
{
	struct world *w = *state;
	await(w, far_up);
	send_some(w, 50);
	await(w, all_echoed);
	cable(false);
	uint64_t at_us = loop_now_us(w->loop);
	send_some(w, 200);
	await(w, is_gone);
	assert_in_range(w->gone_us - at_us, 1900 * MS, 3000 * MS);
	assert_int_equal(w->lost, 200);
	cable(true);
	at_us = loop_now_us(w->loop);
	await(w, gone_and_back);
	print_message("back %.2f s after the cable was mended\n",
	              (double)(loop_now_us(w->loop) - at_us) / 1e6);
	w->accepted -= 200;
	send_some(w, 10);
	await(w, all_echoed);
	assert_int_equal(w->twins, 0);
}

int main(int argc, char **argv)
{
	if (argc == 6 && !strcmp(argv[1], "far"))
		return far_main(argv);
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0)
		return 1;
#define IPC(f)                                                                                     \
	{                                                                                          \
#f " (ipc)", f, setup_ipc, teardown, NULL                                          \
	}
#define TCP(f)                                                                                     \
	{                                                                                          \
#f " (tcp, CURVE)", f, setup_tcp, teardown, NULL                                   \
	}
	const struct CMUnitTest tests[] = {
		IPC(an_end_is_known_at_once),
		IPC(a_kill_is_known_in_half_a_second),
		IPC(a_stop_is_known_by_silence_and_a_wake_joins_anew),
		TCP(an_end_is_known_at_once),
		TCP(a_kill_is_known_in_half_a_second),
		TCP(a_stop_is_known_by_silence_and_a_wake_joins_anew),
		{ "a_cut_cable_is_known_and_healing_joins_anew",
		  a_cut_cable_is_known_and_healing_joins_anew, setup_spaces, teardown_spaces,
		  NULL },
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
