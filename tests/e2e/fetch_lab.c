/*
 * fetch_lab — a node with the outgoing HTTP door and askers, each one an actor of its own. For
 * fetch.py, which starts it with settings of the door and writes one request a line:
 *
 *     fetch_lab NAME=VALUE …      {"asker":"a","ask":{fetch.request}}               stdin
 *                                 {"tag":"1","answer":{fetch.answer},"bytes":N,"sha256":…,"body":…}
 *                                 {"tag":"1","err":"BUSY"}                         stdout
 *
 * Headers that only the lab reads: lab-tag, lab-body (text to send), lab-bytes (so many to send),
 * lab-business, lab-exit (the asker ends), lab-tool (ask by call.tool, with these arguments).
 */
#include "actors/host.h"
#include "actors/kinds.h"
#include "proto/call.h"
#include "proto/digest.h"
#include "proto/fetch.h"
#include "proto/json.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

extern const struct actor_kind fetch_actor;

static struct loop *loop;
static struct node *node;
static struct loop_fd *input;
static char **settings;

/* ---- an asker ----------------------------------------------------------------------------- */

enum { TAGS = 512 };
static char tags[TAGS][32];
static uint32_t n_tags;

static void print_body(struct buf *b, struct str body)
{
	uint8_t sha[DIGEST_BYTES];
	char hex[DIGEST_HEX + 1];
	if (digest_sha256(body, sha))
		abort();
	digest_hex(sha, sizeof sha, hex);
	buf_printf(b, ",\"bytes\":%u,\"sha256\":\"%s\"", body.len, hex);
	if (body.len > 4096)
		return;
	buf_text(b, ",\"body\":");
	json_put_str(b, body);
}

static enum err on_answer(struct actor *self, const struct msg *m)
{
	struct buf b;
	(void)self;
	buf_init(&b, 1 << 20);
	buf_printf(&b, "{\"tag\":\"%s\"", tags[msg_tag(m) % TAGS]);
	if (msg_err(m)) {
		buf_printf(&b, ",\"err\":\"%s\"}", err_info(msg_err(m))->name);
	} else {
		buf_text(&b, ",\"answer\":");
		(void)!json_write(&b, &fetch_answer_desc, fetch_answer_of(m), 0);
		print_body(&b, msg_blob(m));
		buf_char(&b, '}');
	}
	buf_char(&b, '\n');
	if (buf_err(&b) || fwrite(b.at, 1, b.len, stdout) != b.len)
		abort();
	(void)fflush(stdout);
	buf_done(&b);
	return OK;
}

static enum err on_tool(struct actor *self, const struct msg *m)
{
	struct buf b;
	(void)self;
	buf_init(&b, 1 << 20);
	buf_printf(&b, "{\"tag\":\"%s\",\"output\":", tags[msg_tag(m) % TAGS]);
	json_put_str(&b, msg_err(m) ? str_of(err_info(msg_err(m))->name)
	                            : call_tool_done_of(m)->output);
	(void)printf("%.*s}\n", STR(buf_view(&b)));
	(void)fflush(stdout);
	buf_done(&b);
	return OK;
}

static enum err on_ask(struct actor *self, const struct msg *m)
{
	struct fetch_request q = *fetch_request_of(m);
	struct fetch_header kept[32];
	static const char zeros[2 << 20];
	struct blob *body = NULL;
	struct str tool = { 0 };
	uint64_t business = 0;
	uint32_t n = 0;
	for (uint32_t i = 0; i < q.headers.n; i++) {
		const struct fetch_header *h = &q.headers.at[i];
		if (str_is(h->name, "lab-exit"))
			actor_exit(self);
		else if (str_is(h->name, "lab-body"))
			body = blob_copy(h->value.at, h->value.len);
		else if (str_is(h->name, "lab-bytes"))
			body = blob_copy(zeros, strtoul(h->value.at, NULL, 10) % sizeof zeros);
		else if (str_is(h->name, "lab-tag"))
			(void)str_keep(tags[++n_tags % TAGS], sizeof tags[0], h->value);
		else if (str_is(h->name, "lab-business"))
			business = strtoul(h->value.at, NULL, 10);
		else if (str_is(h->name, "lab-tool"))
			tool = h->value;
		else
			kept[n++] = *h;
	}
	q.headers.at = kept;
	q.headers.n = n;
	if (!q.url.len)
		return OK;
	actor_act_for(self, business, 0, &m->trace);
	if (tool.len)
		return actor_ask_tag(self, "fetch", 10000, on_tool, n_tags,
		                     MSG(call_tool, .call = str_of("CA1"), .name = str_of("t"),
		                         .url = q.url, .arguments = tool));
	enum err e = actor_ask_to(self, TO((const char *)"fetch"), &body, 60000, on_answer, n_tags,
	                          &fetch_request_desc, &q);
	if (e)
		(void)printf("{\"tag\":\"%s\",\"err\":\"%s\"}\n", tags[n_tags % TAGS],
		             err_info(e)->name);
	return OK;
}

static const struct actor_on takes[] = { { &fetch_request_desc, on_ask }, { 0 } };
static const struct proto_desc *const sends[] = { &fetch_request_desc, &call_tool_desc, NULL };
static const struct actor_kind asker_actor = { .name = "asker",
	                                       .doc = "asks",
	                                       .takes = takes,
	                                       .sends = sends,
	                                       .sets_tenant = true,
	                                       .asks = 4096,
	                                       .place = PLACE_HERE };

/* ---- lines -------------------------------------------------------------------------------- */

static void ignore(void *ctx, const struct msg *m)
{
	(void)ctx;
	(void)m;
}

static void on_line(struct str line)
{
	char room[65536], to[64] = "asker/";
	struct arena a = ARENA_OVER(room);
	struct fetch_request q;
	struct str text;
	struct json j;
	json_init(&j, line, 0);
	if (json_find(&j, "asker") && json_string(&j, &a, &text))
		(void)str_keep(to + 6, sizeof to - 6, text);
	json_init(&j, line, 0);
	if (!json_find(&j, "ask") || json_decode_next(&j, &fetch_request_desc, &a, &q, NULL) ||
	    node_ask(node, (const char *)to, 60000, ignore, NULL, &fetch_request_desc, &q)) {
		(void)fprintf(stderr, "fetch_lab: not understood: %.*s\n", STR(line));
		exit(2);
	}
}

static void on_input(void *ctx, int events)
{
	static char at[1 << 20];
	static size_t len;
	ssize_t n = read(0, at + len, sizeof at - len);
	(void)ctx;
	(void)events;
	if (n <= 0) {
		loop_stop(loop);
		return;
	}
	len += (size_t)n;
	for (char *end; (end = memchr(at, '\n', len));) {
		on_line(str_n(at, end - at));
		len -= (size_t)(end + 1 - at);
		memmove(at, end + 1, len);
	}
}

static const char *setting(void *ctx, const char *kind, const char *name)
{
	size_t n = strlen(name);
	(void)ctx;
	(void)kind;
	for (char **s = settings; *s; s++)
		if (!strncmp(*s, name, n) && (*s)[n] == '=')
			return *s + n + 1;
	return NULL;
}

static void on_log(void *ctx, enum actor_level level, struct str line)
{
	(void)ctx;
	(void)level;
	(void)fprintf(stderr, "%.*s\n", STR(line));
}

int main(int argc, char **argv)
{
	static const struct actor_kind *const kinds[] = { &fetch_actor, &asker_actor, NULL };
	struct host *host = NULL;
	settings = argv + (argc > 0);
	if (loop_new(&loop))
		return 2;
	struct node_config config = { .name = "work.1",
		                      .epoch = 1,
		                      .seed = 1,
		                      .kinds = kinds,
		                      .now_us = loop_now_us(loop),
		                      .wall_us = loop_wall_us(loop),
		                      .loop = loop,
		                      .setting = setting,
		                      .log = on_log };
	if (node_new(&config, &node) || host_new(loop, node, NULL, &host) ||
	    loop_watch(loop, 0, LOOP_READ, on_input, NULL, &input))
		return 3;
	loop_run(loop);
	struct loop_stats s = loop_stats(loop);
	loop_watch_free(&input);
	host_free(&host);
	node_free(&node);
	(void)printf("{\"longest_us\":%llu}\n", (unsigned long long)s.longest_us);
	loop_free(&loop);
	return 0;
}
