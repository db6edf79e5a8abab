/*
 * load_command.c — switchboard load whatsapp: a flood with exact counts into the running system.
 *
 * Without --connector it makes a business of its own on the system of --state, with a connector and
 * a key: so one command on a fresh system says whether ingest counts right.
 */
#include "tools/load/whatsapp.h"

#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "proto/bench.h"
#include "proto/digest.h"
#include "proto/super.h"
#include "proto/tenant.h"
#include "tools/switchboard/client.h"
#include "tools/switchboard/commands.h"
#include "tools/switchboard/sealing.h"

enum { ANSWER_MS = 5000, KEY_BYTES = 24 };

struct target {
	char to[128], secret[TENANT_CONNECTOR_SECRET_MAX + 1], key[64], business[64];
	uint64_t connector;
};

/* ---- a business of its own
 * ------------------------------------------------------------------------------ */

static enum exit_code on_tree(void *ctx, const struct cli *c, const struct msg *m)
{
	struct target *t = ctx;
	if (!super_tree_of(m)->listen.len)
		return cli_fail(c, EXIT_NOT_RUNNING,
		                "the system has no street door: --to HOST:PORT");
	str_keep(t->to, sizeof t->to, super_tree_of(m)->listen);
	return EXIT_DONE;
}

static enum exit_code on_key(void *ctx, const struct cli *c, const struct msg *m)
{
	(void)ctx, (void)c, (void)m;
	return EXIT_DONE;
}

static enum exit_code add_key(const struct cli *c, struct target *t)
{
	uint8_t random[KEY_BYTES], hash[DIGEST_BYTES];
	struct str scopes[] = { STR_LIT("messages.read") };
	enum err e = digest_random(random, sizeof random);
	digest_hex(random, sizeof random, t->key);
	if (!e)
		e = digest_sha256(str_of(t->key), hash);
	if (e)
		return cli_fail(c, exit_of(e), "no key could be made: %s", err_info(e)->text);
	return client_ask(c, "store", ANSWER_MS, on_key, t,
	                  MSG(tenant_key_add, .name = str_of(t->business),
	                      .prefix = str_n(t->key, 8),
	                      .hash = str_n((const char *)hash, sizeof hash),
	                      .scopes = { scopes, 1 }, .label = str_of("switchboard load")));
}

static enum exit_code draw_secret(const struct cli *c, struct target *t)
{
	uint8_t random[DIGEST_BYTES];
	if (digest_random(random, sizeof random))
		return cli_fail(c, EXIT_PROBLEM, "the kernel gives no random bytes");
	digest_hex(random, sizeof random, t->secret);
	return EXIT_DONE;
}

static enum exit_code make_target(const struct cli *c, struct target *t)
{
	enum exit_code code = EXIT_DONE;
	snprintf(t->business, sizeof t->business, "load-%" PRIx64 "-%d", (uint64_t)time(NULL),
	         (int)getpid());
	if (!*t->to)
		code = client_ask(c, "supervisor", ANSWER_MS, on_tree, t, MSG(super_status));
	if (code == EXIT_DONE)
		code = draw_secret(c, t);
	uint64_t business;
	if (code == EXIT_DONE)
		code = sealing_connector_add(
			c,
			&(struct sealing_connector){ .business = t->business,
		                                     .kind = TENANT_CONNECTOR_KIND_BAILEYS,
		                                     .secret = t->secret },
			&t->connector, &business);
	return code != EXIT_DONE ? code : add_key(c, t);
}

static enum exit_code find_target(const struct cli *c, struct target *t)
{
	*t = (struct target){ .connector = (uint64_t)cli_number(c, "connector") };
	if (cli_text(c, "to"))
		str_keep(t->to, sizeof t->to, str_of(cli_text(c, "to")));
	if (!t->connector)
		return make_target(c, t);
	if (!*t->to || !cli_text(c, "secret"))
		return cli_fail(c, EXIT_USAGE, "--connector needs --to and --secret");
	str_keep(t->secret, sizeof t->secret, str_of(cli_text(c, "secret")));
	if (cli_text(c, "api-key"))
		str_keep(t->key, sizeof t->key, str_of(cli_text(c, "api-key")));
	return EXIT_DONE;
}

/* ---- what came of it
 * --------------------------------------------------------------------------------------- */

static void show_progress(void *ctx, uint32_t sent)
{
	const struct load_whatsapp *l = ctx;
	(void)fprintf(stderr, "\r%u of %u", sent, l->plan.n);
	(void)fflush(stderr);
}

static void print(const struct cli *c, const struct target *t, const struct load_whatsapp_result *r)
{
	if (c->json) {
		struct bench_flood f = {
			.exact = r->exact,
			.why = str_of(r->why),
			.messages = r->messages,
			.contents = r->contents,
			.ids = r->ids,
			.accepted = r->accepted,
			.duplicates = r->duplicates,
			.posts = r->posts,
			.repeats = r->repeats,
			.stored = r->stored,
			.hidden = r->hidden,
			.missing = r->missing,
			.twice = r->twice,
			.seconds = r->seconds,
			.per_second = r->per_second,
			.p50_ms = r->p50_ms,
			.p99_ms = r->p99_ms,
			.worst_ms = r->worst_ms,
		};
		cli_print_json(&bench_flood_desc, &f);
		return;
	}
	if (*t->business)
		(void)printf("business    %s\n", t->business);
	(void)printf("sent        %u messages in %" PRIu64 " POSTs, %" PRIu64 " repeated\n"
	             "accepted    %" PRIu64 " of %u texts\n"
	             "duplicates  %" PRIu64 "\n",
	             r->messages, r->posts, r->repeats, r->accepted, r->contents, r->duplicates);
	if (r->listed)
		(void)printf("stored      %" PRIu64 " of %u ids, %" PRIu64 " hidden, %" PRIu64
		             " missing, %" PRIu64 " twice\n",
		             r->stored, r->ids, r->hidden, r->missing, r->twice);
	(void)printf("time        %.2f s, %.0f messages/s; a POST %.1f ms, 1 in 100 above %.1f, "
	             "worst %.1f\n%s%s%s\n",
	             r->seconds, r->per_second, r->p50_ms, r->p99_ms, r->worst_ms,
	             r->exact ? "exact" : "NOT EXACT", r->exact ? "" : ": ", r->why);
}

static enum exit_code failed(const struct cli *c, const struct target *t, enum err e,
                             const char *why)
{
	switch (e) {
	case ERR_DENIED:
		return cli_fail(c, EXIT_DENIED, "%s is not loopback: --far allows it", t->to);
	case ERR_UNAUTHENTICATED:
		return cli_fail(c, EXIT_DENIED,
		                "the door refuses connector %" PRIu64 " or its secret",
		                t->connector);
	case ERR_INVALID:
		return cli_fail(c, EXIT_USAGE, "%s", why);
	case ERR_TIMEOUT:
		return cli_fail(c, EXIT_TRY_LATER, "not done within %" PRId64 " s",
		                cli_number(c, "within"));
	default:
		return cli_fail(c, exit_of(e), "%s: %s", t->to, err_info(e)->text);
	}
}

enum exit_code cmd_load_whatsapp(struct cli *c)
{
	struct target t;
	struct load_whatsapp_result r;
	enum exit_code code = find_target(c, &t);
	if (code != EXIT_DONE)
		return code;
	struct load_whatsapp l = {
		.plan = { .n = (uint32_t)cli_number(c, "n"),
		          .batch = (uint32_t)cli_number(c, "batch"),
		          .chats = (uint32_t)cli_number(c, "chats"),
		          .exact = (uint32_t)cli_number(c, "dup-exact"),
		          .concurrent = (uint32_t)cli_number(c, "dup-concurrent"),
		          .newid = (uint32_t)cli_number(c, "dup-newid"),
		          .reorder = (uint32_t)cli_number(c, "reorder"),
		          .seed = (uint64_t)cli_number(c, "seed"),
		          .now_us = (int64_t)time(NULL) * 1000000 },
		.to = t.to,
		.connector = t.connector,
		.secret = t.secret,
		.key = *t.key ? t.key : NULL,
		.connections = (uint32_t)cli_number(c, "connections"),
		.rate = (uint32_t)cli_number(c, "rate"),
		.within_s = (uint32_t)cli_number(c, "within"),
		.far = cli_flag(c, "far"),
	};
	bool shown = !c->json && isatty(STDERR_FILENO);
	l.progress = shown ? show_progress : NULL;
	l.ctx = &l;
	enum err e = load_whatsapp(&l, &r);
	if (shown)
		(void)fputs("\r\033[K", stderr);
	if (e)
		return failed(c, &t, e, r.why);
	print(c, &t, &r);
	return r.exact ? EXIT_DONE : EXIT_PROBLEM;
}
