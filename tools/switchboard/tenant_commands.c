/*
 * tenant_commands.c — businesses, their connectors and their API keys: each command is one ask of
 * the store.
 */
#include "gateway/twilio_secret.h"
#include "proto/digest.h"
#include "proto/field.h"
#include "proto/json.h"
#include "proto/tenant.h"
#include "tools/nearest.h"
#include "tools/switchboard/client.h"
#include "tools/switchboard/commands.h"
#include "tools/switchboard/rows.h"
#include "tools/switchboard/sealing.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { ANSWER_MS = 10000, PAGE = 500, SCOPES = 32 };

static enum exit_code word_of(const struct cli *c, const char *option, const struct proto_enum *e,
                              uint32_t *ret)
{
	const char *word = cli_text(c, option);
	if (field_enum_number(e, str_of(word), ret))
		return EXIT_DONE;
	struct nearest near = nearest_of(str_of(word));
	for (uint32_t i = 0; i < e->n_values; i++)
		(void)nearest_try(&near, e->values[i].name);
	return cli_fail(c, EXIT_USAGE, "--%s %s: not one it can be%s%s", option, word,
	                near.best ? "; did you mean " : "", near.best ? near.best : "");
}

static enum exit_code number_of(const struct cli *c, const char *text, uint64_t *ret)
{
	char *end;
	*ret = strtoull(text, &end, 10);
	return *text >= '1' && *text <= '9' && !*end
	               ? EXIT_DONE
	               : cli_fail(c, EXIT_USAGE, "\"%s\" is no id", text);
}

static enum exit_code needs(const struct cli *c, const char *option)
{
	return cli_text(c, option)
	               ? EXIT_DONE
	               : cli_fail(c, EXIT_USAGE, "%s needs --%s", c->command->name, option);
}

/* ---- businesses ------------------------------------------------------------------------------ */

static enum exit_code on_business(void *ctx, const struct cli *c, const struct msg *m)
{
	(void)ctx;
	const struct tenant_business *b = tenant_business_of(m);
	if (c->json)
		cli_print_json(m->type, b);
	else
		(void)printf("%s business %llu: %.*s\n", b->fresh ? "added" : "there is already",
		             (unsigned long long)b->id, STR(b->name));
	return EXIT_DONE;
}

enum exit_code cmd_business_add(struct cli *c)
{
	uint32_t dedupe;
	enum exit_code code = word_of(c, "dedupe", &tenant_dedupe_enum, &dedupe);
	return code ? code
	            : client_ask(c, "store", ANSWER_MS, on_business, NULL,
	                         MSG(tenant_business_add, .name = str_of(c->args[0]),
	                             .dedupe = (enum tenant_dedupe)dedupe,
	                             .timezone = str_of(cli_text(c, "timezone"))));
}

static bool next_businesses(uint64_t after, struct rows_ask *ret)
{
	static struct tenant_business_list list;
	list = (struct tenant_business_list){ .after = after, .limit = PAGE };
	*ret = (struct rows_ask){ &tenant_business_list_desc, &list };
	return true;
}

enum exit_code cmd_business_list(struct cli *c)
{
	return rows_print(c, next_businesses, PAGE);
}

/* ---- connectors --------------------------------------------------------------------------------
 */

static void print_connector(const struct cli *c, const struct tenant_connector_added *a)
{
	if (c->json)
		cli_print_json(&tenant_connector_added_desc, a);
	else
		(void)printf("connector %llu of business %llu\n", (unsigned long long)a->id,
		             (unsigned long long)a->business);
	if (!c->json && a->secret.len)
		(void)printf("secret    %.*s\n\nThe secret is not shown again.\n", STR(a->secret));
}

/* 32 random bytes as hex, unless the operator brings his own on stdin. */
static enum exit_code secret_of(const struct cli *c, char secret[201])
{
	uint8_t bytes[32];
	if (cli_flag(c, "secret-stdin")) {
		if (!fgets(secret, 201, stdin))
			*secret = '\0';
		secret[strcspn(secret, "\r\n")] = '\0';
		return strlen(secret) >= 32
		               ? EXIT_DONE
		               : cli_fail(c, EXIT_USAGE, "a secret has 32 bytes or more");
	}
	if (digest_random(bytes, sizeof bytes))
		return cli_fail(c, EXIT_PROBLEM, "the kernel gives no random bytes");
	digest_hex(bytes, sizeof bytes, secret);
	return EXIT_DONE;
}

/* A telephone line's secrets are the carrier's: its auth token comes from a file, never from the
 * command line, which every process can read. */
static enum exit_code token_of(const struct cli *c, char ret[TWILIO_TOKEN_MAX + 1])
{
	const char *path = cli_text(c, "auth-token-file");
	char line[TWILIO_TOKEN_MAX + 2] = "";
	if (!path)
		return cli_fail(c, EXIT_USAGE, "give the auth token: --auth-token-file FILE");
	FILE *f = fopen(path, "re");
	if (!f)
		return cli_fail(c, EXIT_USAGE, "%s: %s", path, strerror(errno));
	bool read = fgets(line, sizeof line, f);
	(void)fclose(f);
	line[strcspn(line, "\r\n")] = '\0';
	if (!read || strlen(line) < 16 || strlen(line) > TWILIO_TOKEN_MAX)
		return cli_fail(c, EXIT_USAGE, "%s: an auth token has 16 to %d characters", path,
		                TWILIO_TOKEN_MAX);
	str_keep(ret, TWILIO_TOKEN_MAX + 1, str_of(line));
	return EXIT_DONE;
}

static enum exit_code line_secret(const struct cli *c, char secret[201])
{
	struct twilio_secret s = { 0 };
	const char *stream = cli_text(c, "stream-token");
	if (!cli_text(c, "account"))
		return cli_fail(c, EXIT_USAGE, "name the carrier's account: --account AC…");
	if (stream && !str_keep(s.stream, sizeof s.stream, str_of(stream)))
		return cli_fail(c, EXIT_USAGE, "a stream token has %d characters at the most",
		                TWILIO_TOKEN_MAX);
	enum exit_code code = token_of(c, s.auth);
	if (!code && twilio_secret_write(&s, secret))
		code = cli_fail(c, EXIT_USAGE, "a token is printable ASCII without spaces");
	digest_forget(&s, sizeof s);
	return code;
}

enum exit_code cmd_connector_add(struct cli *c)
{
	uint32_t kind = 0;
	char secret[201];
	enum exit_code code = needs(c, "business");
	if (!code)
		code = word_of(c, "kind", &tenant_connector_kind_enum, &kind);
	bool line = kind == TENANT_CONNECTOR_KIND_TWILIO;
	if (!code)
		code = line ? line_secret(c, secret) : secret_of(c, secret);
	/* What the carrier gave is not shown again; what was drawn here is, once. */
	struct tenant_connector_added added = { .secret = str_of(line ? "" : secret) };
	if (!code)
		code = sealing_connector_add(
			c,
			&(struct sealing_connector){ .business = cli_text(c, "business"),
		                                     .kind = kind,
		                                     .label = cli_text(c, "label"),
		                                     .secret = secret,
		                                     .account = cli_text(c, "account") },
			&added.id, &added.business);
	if (!code)
		print_connector(c, &added);
	digest_forget(secret, sizeof secret);
	return code;
}

static enum exit_code next_token(void *ctx, const struct cli *c, struct str old,
                                 char ret[SEAL_PLAIN_MAX + 1])
{
	struct twilio_secret s;
	if (twilio_secret_read(old, &s))
		return cli_fail(c, EXIT_USAGE, "this connector is no telephone line");
	str_keep(s.old, sizeof s.old, str_of(s.auth));
	str_keep(s.auth, sizeof s.auth, str_of(ctx));
	enum err e = twilio_secret_write(&s, ret);
	digest_forget(&s, sizeof s);
	return e ? cli_fail(c, EXIT_USAGE, "a token is printable ASCII without spaces") : EXIT_DONE;
}

enum exit_code cmd_connector_rotate(struct cli *c)
{
	uint64_t id;
	char token[TWILIO_TOKEN_MAX + 1];
	enum exit_code code = number_of(c, c->args[0], &id);
	if (!code)
		code = token_of(c, token);
	if (!code)
		code = sealing_connector_change(c, id, next_token, token);
	digest_forget(token, sizeof token);
	if (!code)
		(void)printf(c->json ? "{\"id\":%llu}\n"
		                     : "connector %llu takes the new token and the one before it\n",
		             (unsigned long long)id);
	return code;
}

static enum exit_code on_closed(void *ctx, const struct cli *c, const struct msg *m)
{
	(void)ctx;
	if (c->json)
		cli_print_json(m->type, msg_body(m));
	else
		(void)printf("connector %llu is closed\n",
		             (unsigned long long)tenant_connector_closed_of(m)->id);
	return EXIT_DONE;
}

enum exit_code cmd_connector_remove(struct cli *c)
{
	uint64_t id;
	enum exit_code code = number_of(c, c->args[0], &id);
	return code ? code
	            : client_ask(c, "store", ANSWER_MS, on_closed, NULL,
	                         MSG(tenant_connector_close, .id = id));
}

static bool next_connectors(uint64_t after, struct rows_ask *ret)
{
	static struct tenant_connector_list list;
	list = (struct tenant_connector_list){ .after = after, .limit = PAGE };
	*ret = (struct rows_ask){ &tenant_connector_list_desc, &list };
	return true;
}

enum exit_code cmd_connector_list(struct cli *c)
{
	return rows_print(c, next_connectors, PAGE);
}

/* ---- keys
 * ---------------------------------------------------------------------------------------- */

/* "sb_" and 32 random bytes as hex: easy to find where it has leaked. */
struct new_key {
	char text[3 + 64 + 1];
	uint8_t hash[DIGEST_BYTES];
};

static enum exit_code draw_key(const struct cli *c, struct new_key *k)
{
	uint8_t bytes[32];
	(void)snprintf(k->text, sizeof k->text, "sb_");
	if (digest_random(bytes, sizeof bytes))
		return cli_fail(c, EXIT_PROBLEM, "the kernel gives no random bytes");
	digest_hex(bytes, sizeof bytes, k->text + 3);
	if (digest_sha256(str_of(k->text), k->hash))
		return cli_fail(c, EXIT_PROBLEM, "no digest");
	return EXIT_DONE;
}

static enum exit_code on_key(void *ctx, const struct cli *c, const struct msg *m)
{
	const struct new_key *k = ctx;
	const struct tenant_key_added *a = tenant_key_added_of(m);
	if (c->json)
		(void)printf("{\"id\":%llu,\"key\":\"%s\",\"business\":%llu}\n",
		             (unsigned long long)a->id, k->text, (unsigned long long)a->business);
	else
		(void)printf("key %llu of business %llu\n%s\n\nIt is not shown again.\n",
		             (unsigned long long)a->id, (unsigned long long)a->business, k->text);
	return EXIT_DONE;
}

enum exit_code cmd_key_add(struct cli *c)
{
	struct new_key k;
	struct str scopes[SCOPES];
	uint32_t n = 0;
	enum exit_code code = needs(c, "business");
	if (!code)
		code = needs(c, "scope");
	for (const char *scope; n < SCOPES && (scope = cli_nth(c, "scope", n)); n++)
		scopes[n] = str_of(scope);
	if (!code)
		code = draw_key(c, &k);
	if (!code)
		code = client_ask(c, "store", ANSWER_MS, on_key, &k,
		                  MSG(tenant_key_add, .name = str_of(cli_text(c, "business")),
		                      .prefix = str_n(k.text, 11),
		                      .hash = str_n((const char *)k.hash, sizeof k.hash),
		                      .scopes = { .at = scopes, .n = n },
		                      .label = str_of(cli_text(c, "label"))));
	digest_forget(&k, sizeof k);
	return code;
}

static bool next_keys(uint64_t after, struct rows_ask *ret)
{
	static struct tenant_key_list list;
	list = (struct tenant_key_list){ .after = after, .limit = PAGE };
	*ret = (struct rows_ask){ &tenant_key_list_desc, &list };
	return true;
}

enum exit_code cmd_key_list(struct cli *c)
{
	return rows_print(c, next_keys, PAGE);
}

static enum exit_code on_revoked(void *ctx, const struct cli *c, const struct msg *m)
{
	(void)ctx;
	if (c->json)
		cli_print_json(m->type, msg_body(m));
	else
		(void)printf("key %llu opens nothing any more\n",
		             (unsigned long long)tenant_key_revoked_of(m)->id);
	return EXIT_DONE;
}

enum exit_code cmd_key_revoke(struct cli *c)
{
	uint64_t id;
	enum exit_code code = number_of(c, c->args[0], &id);
	return code ? code
	            : client_ask(c, "store", ANSWER_MS, on_revoked, NULL,
	                         MSG(tenant_key_revoke, .id = id));
}
