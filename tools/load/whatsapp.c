/*
 * whatsapp.c — see whatsapp.h.
 */
#include "tools/load/whatsapp.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "proto/digest.h"
#include "proto/json.h"
#include "tools/load/talk.h"

enum { CONNECTIONS_MAX = 1024, N_MAX = 10000000, PAUSE_US = 100000, TICK_US = 500000, NONE = -1 };

struct line {
	struct talk talk;
	int64_t post;              /* under way; NONE */
	uint64_t began_us, due_us; /* due: not to be begun before */
	bool repeat;
};

struct run {
	const struct load_whatsapp *config;
	struct load_whatsapp_result *ret;
	struct plan *plan;
	struct talk_peer *peer;
	struct line *lines;
	uint32_t next, done; /* posts */
	uint32_t *took_us;   /* of each post */
	struct buf body;
	uint64_t began_us, told_us;
};

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- one POST
 * ------------------------------------------------------------------------------------------ */

static enum err write_post(struct run *r, struct line *l)
{
	uint8_t mac[DIGEST_BYTES];
	char hex[DIGEST_HEX + 1];
	buf_clear(&r->body);
	plan_write(r->plan, (uint32_t)l->post, &r->body);
	enum err e = buf_err(&r->body);
	if (!e)
		e = digest_hmac_sha256(str_of(r->config->secret), buf_view(&r->body), mac);
	if (e)
		return e;
	digest_hex(mac, sizeof mac, hex);
	buf_clear(&l->talk.out);
	buf_printf(
		&l->talk.out,
		"POST /webhook/incoming HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
		"X-Connector: %" PRIu64 "\r\nX-Hub-Signature-256: sha256=%s\r\n"
		"Content-Length: %zu\r\n\r\n",
		r->config->to, r->config->connector, hex, r->body.len);
	buf_str(&l->talk.out, buf_view(&r->body));
	return buf_err(&l->talk.out);
}

static bool paced(const struct run *r)
{
	uint64_t may = (now_us() - r->began_us) * r->config->rate / 1000000;
	return !r->config->rate || (uint64_t)r->next * r->config->plan.batch <= may;
}

static void again(struct run *r, struct line *l, uint64_t pause_us)
{
	r->ret->repeats++;
	l->repeat = true;
	l->due_us = now_us() + pause_us;
}

static enum err begin(struct run *r, struct line *l)
{
	uint64_t now = now_us();
	if (l->post == NONE) {
		if (r->next == r->plan->posts || !paced(r))
			return OK;
		l->post = r->next++;
		l->began_us = now;
		l->repeat = false;
		l->due_us = 0;
		enum err e = write_post(r, l);
		if (e)
			return e;
	}
	if (l->due_us > now)
		return OK;
	if (talk_begin(&l->talk, r->peer))
		again(r, l, PAUSE_US);
	return OK;
}

/* {"success":true,"accepted":N,…} */
static enum err read_counts(struct run *r, struct str body)
{
	struct json j;
	struct str key;
	uint64_t n;
	json_init(&j, body, 0);
	json_object(&j);
	while (json_key(&j, &key)) {
		uint64_t *to = str_is(key, "accepted")     ? &r->ret->accepted
		               : str_is(key, "duplicates") ? &r->ret->duplicates
		               : str_is(key, "ignored")    ? &r->ret->ignored
		               : str_is(key, "rejected")   ? &r->ret->rejected
		                                           : NULL;
		if (!to)
			json_skip(&j);
		else if (json_u64(&j, &n))
			*to += n;
	}
	return json_end(&j);
}

static enum err answered(struct run *r, struct line *l)
{
	int status = l->talk.status;
	if (status == 200) {
		r->took_us[l->post] = (uint32_t)(now_us() - l->began_us);
		r->ret->posts++;
		r->done++;
		l->post = NONE;
		return read_counts(r, l->talk.body);
	}
	if (status == 401 || status == 403 || status == 404)
		return ERR_UNAUTHENTICATED;
	if (status < 500 && status != 429) {
		snprintf(r->ret->why, sizeof r->ret->why, "answered %d: %.*s", status,
		         l->talk.body.len > 100 ? 100 : (int)l->talk.body.len, l->talk.body.at);
		return ERR_INVALID;
	}
	again(r, l, l->talk.retry_s ? l->talk.retry_s * 1000000ULL : PAUSE_US);
	return OK;
}

static enum err step(struct run *r, struct line *l)
{
	if (talk_step(&l->talk)) {
		again(r, l, PAUSE_US);
		return OK;
	}
	if (l->talk.state != TALK_ANSWERED)
		return OK;
	l->talk.state = TALK_CLOSED; /* the request is; the connection stays */
	return answered(r, l);
}

/* ---- the flood
 * ----------------------------------------------------------------------------------------- */

static enum err turn(struct run *r, struct pollfd *polls)
{
	uint32_t n = r->config->connections;
	enum err e = OK;
	for (uint32_t i = 0; i < n && !e; i++) {
		struct line *l = &r->lines[i];
		if (l->talk.state == TALK_CLOSED)
			e = begin(r, l);
		polls[i] = (struct pollfd){ .fd = l->talk.fd, .events = talk_wants(&l->talk) };
		if (!polls[i].events)
			polls[i].fd = -1;
	}
	if (!e && poll(polls, n, 5) < 0)
		return OK; /* a signal */
	for (uint32_t i = 0; i < n && !e; i++)
		if (polls[i].fd >= 0 && polls[i].revents)
			e = step(r, &r->lines[i]);
	return e;
}

static enum err flood(struct run *r)
{
	struct pollfd *polls = calloc(r->config->connections, sizeof *polls);
	enum err e = polls ? OK : ERR_MEMORY;
	r->began_us = r->told_us = now_us();
	while (!e && r->done < r->plan->posts) {
		e = turn(r, polls);
		uint64_t now = now_us();
		if (!e && now - r->began_us > r->config->within_s * 1000000ULL)
			e = r->ret->posts ? ERR_TIMEOUT : ERR_UNAVAILABLE;
		if (r->config->progress && now - r->told_us > TICK_US) {
			r->told_us = now;
			r->config->progress(r->config->ctx, r->done * r->config->plan.batch);
		}
	}
	r->ret->seconds = (double)(now_us() - r->began_us) / 1e6;
	free(polls);
	return e;
}

/* ---- the list
 * -------------------------------------------------------------------------------------------- */

static void count_id(struct run *r, uint8_t *times, struct str id, bool hidden)
{
	uint32_t n;
	if (!plan_id_read(r->plan, id, &n))
		return; /* of somebody else */
	r->ret->stored += !times[n];
	r->ret->hidden += !times[n] && hidden;
	r->ret->twice += times[n] == 1;
	if (times[n] < 2)
		times[n]++;
}

static void read_message(struct run *r, struct json *j, uint8_t *times)
{
	struct str key, id = { 0 };
	uint64_t layer = 0;
	json_object(j);
	while (json_key(j, &key)) {
		if (str_is(key, "provider_id"))
			json_string(j, NULL, &id);
		else if (str_is(key, "dup_layer"))
			json_u64(j, &layer);
		else
			json_skip(j);
	}
	count_id(r, times, id, layer != 0);
}

static enum err read_page(struct run *r, struct str body, uint8_t *times, char cursor[128])
{
	struct json j;
	struct str key, next = { 0 };
	json_init(&j, body, 0);
	json_object(&j);
	while (json_key(&j, &key)) {
		if (str_is(key, "messages")) {
			json_array(&j);
			while (json_item(&j))
				read_message(r, &j, times);
		} else if (str_is(key, "next_cursor")) {
			json_string(&j, NULL, &next);
		} else {
			json_skip(&j);
		}
	}
	str_keep(cursor, 128, next);
	return json_end(&j);
}

/* One request, repeated until it is answered. */
static enum err get(struct run *r, struct talk *t, const char *cursor)
{
	uint64_t until = now_us() + 30000000;
	for (;;) {
		buf_clear(&t->out);
		buf_printf(&t->out,
		           "GET /api/whatsapp/messages?limit=100&duplicates=true%s%s HTTP/1.1\r\n"
		           "Host: %s\r\nAuthorization: Bearer %s\r\n\r\n",
		           *cursor ? "&cursor=" : "", cursor, r->config->to, r->config->key);
		enum err e = talk_begin(t, r->peer);
		while (!e && t->state != TALK_ANSWERED) {
			struct pollfd p = { .fd = t->fd, .events = talk_wants(t) };
			e = poll(&p, 1, 5000) > 0 ? talk_step(t) : ERR_TIMEOUT;
		}
		if (!e && t->status == 200)
			return OK;
		if (!e && (t->status == 401 || t->status == 403))
			return ERR_UNAUTHENTICATED;
		if (now_us() > until)
			return e ? e : ERR_UNAVAILABLE;
		struct timespec pause = { .tv_nsec = 200000000 };
		nanosleep(&pause, NULL);
	}
}

static enum err list(struct run *r)
{
	struct talk t;
	char cursor[128] = "";
	uint8_t *times = calloc(r->plan->config.n, 1);
	enum err e = times ? OK : ERR_MEMORY;
	talk_init(&t);
	do {
		if (!e)
			e = get(r, &t, cursor);
		if (!e)
			e = read_page(r, t.body, times, cursor);
	} while (!e && *cursor);
	uint32_t ids = r->plan->contents + r->plan->copies;
	for (uint32_t i = 0; !e && i < ids; i++)
		r->ret->missing += !times[i];
	r->ret->listed = !e;
	talk_done(&t);
	free(times);
	return e;
}

/* ---- the verdict
 * ------------------------------------------------------------------------------------------ */

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static void say(struct load_whatsapp_result *ret, const char *what, uint64_t got, uint64_t want)
{
	if (got == want || ret->why[0])
		return;
	snprintf(ret->why, sizeof ret->why, "%s: %" PRIu64 ", expected %" PRIu64, what, got, want);
}

/* What was sent twice, for want of an answer, may have been accepted the first time: then it counts
 * as a duplicate, and the answers alone say less. */
static void judge(struct run *r)
{
	struct load_whatsapp_result *ret = r->ret;
	uint32_t contents = r->plan->contents, ids = contents + r->plan->copies;
	ret->messages = r->plan->config.n;
	ret->contents = contents;
	ret->ids = ids;
	say(ret, "rows of all answers", ret->accepted + ret->duplicates, ret->messages);
	if (!ret->repeats || ret->accepted > contents)
		say(ret, "accepted", ret->accepted, contents);
	say(ret, "ignored and rejected", ret->ignored + ret->rejected, 0);
	if (ret->listed) {
		say(ret, "answered and not stored", ret->missing, 0);
		say(ret, "stored more than once", ret->twice, 0);
		say(ret, "hidden copies", ret->hidden, ids - contents);
	}
	ret->exact = !ret->why[0];
	qsort(r->took_us, r->plan->posts, sizeof *r->took_us, by_size);
	ret->per_second = ret->messages / (ret->seconds > 0 ? ret->seconds : 1);
	uint64_t half = r->plan->posts / 2, most = (uint64_t)r->plan->posts * 99 / 100;
	ret->p50_ms = r->took_us[half] / 1e3;
	ret->p99_ms = r->took_us[most] / 1e3;
	ret->worst_ms = r->took_us[r->plan->posts - 1] / 1e3;
}

static enum err prepare(struct run *r)
{
	const struct load_whatsapp *c = r->config;
	const char *why = NULL;
	if (c->plan.n > N_MAX)
		why = "at most 10000000 messages";
	else if (!c->connections || c->connections > CONNECTIONS_MAX)
		why = "1 to 1024 connections";
	else if (!c->plan.batch || c->plan.batch > 1024)
		why = "1 to 1024 messages in a POST";
	else if (talk_peer_new(c->to, &r->peer))
		why = "an address as 127.0.0.1:8080";
	else if (plan_new(&c->plan, &r->plan))
		why = "shares of duplicates that leave something to send";
	if (why) {
		snprintf(r->ret->why, sizeof r->ret->why, "expected %s", why);
		return ERR_INVALID;
	}
	if (!c->far && !talk_peer_is_loopback(r->peer))
		return ERR_DENIED;
	r->lines = calloc(c->connections, sizeof *r->lines);
	r->took_us = calloc(r->plan->posts, sizeof *r->took_us);
	for (uint32_t i = 0; r->lines && i < c->connections; i++) {
		talk_init(&r->lines[i].talk);
		r->lines[i].post = NONE;
	}
	buf_init(&r->body, 4 << 20);
	return r->lines && r->took_us ? OK : ERR_MEMORY;
}

MUST enum err load_whatsapp(const struct load_whatsapp *config, struct load_whatsapp_result *ret)
{
	struct run r = { .config = config, .ret = ret };
	*ret = (struct load_whatsapp_result){ 0 };
	enum err e = prepare(&r);
	if (!e)
		e = flood(&r);
	if (!e && config->key)
		e = list(&r);
	if (!e)
		judge(&r);
	for (uint32_t i = 0; r.lines && i < config->connections; i++)
		talk_done(&r.lines[i].talk);
	buf_done(&r.body);
	free(r.lines);
	free(r.took_us);
	plan_free(&r.plan);
	talk_peer_free(&r.peer);
	return e;
}
