/*
 * sealing.c — see sealing.h.
 */
#include "tools/switchboard/sealing.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "proto/digest.h"
#include "proto/seal.h"
#include "proto/tenant.h"
#include "tools/state.h"
#include "tools/switchboard/commands.h"

enum { ANSWER_MS = 10000, PAGE = 500 };

static const char column[] = "connector.secret";

/* ---- the key -----------------------------------------------------------------------------------
 */

static bool read_file(const char *path, char ret[STATE_KEY])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, STATE_KEY - 1);
	if (fd >= 0)
		(void)close(fd);
	ret[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static enum exit_code keys_read(const struct cli *c, struct seal_keys *ret)
{
	char text[STATE_KEY] = "";
	const char *given = getenv("ENCRYPTION_KEY"), *file = getenv("ENCRYPTION_KEY_FILE");
	struct state s;
	enum err e = OK;
	if (given)
		str_keep(text, sizeof text, str_of(given));
	else if (file)
		e = read_file(file, text) ? OK : ERR_NOT_FOUND;
	else if (cli_text(c, "bus"))
		e = ERR_NOT_FOUND;
	else
		e = state_find(cli_text(c, "state"), &s);
	if (!e && !*text)
		e = state_encryption_key(&s, false, text);
	if (!e)
		e = seal_keys_read(str_of(text), ret);
	digest_forget(text, sizeof text);
	return !e ? EXIT_DONE
	          : cli_fail(c, EXIT_BAD_CONFIG,
	                     "the key that seals secrets: %s (ENCRYPTION_KEY, ENCRYPTION_KEY_FILE, "
	                     "or "
	                     "encryption.key in the state folder)",
	                     err_info(e)->text);
}

/* ---- add ---------------------------------------------------------------------------------------
 */

static enum exit_code on_business(void *ctx, const struct cli *c, const struct msg *m)
{
	(void)c;
	*(uint64_t *)ctx = tenant_business_of(m)->id;
	return EXIT_DONE;
}

static enum exit_code on_connector(void *ctx, const struct cli *c, const struct msg *m)
{
	(void)c;
	*(uint64_t *)ctx = tenant_connector_added_of(m)->id;
	return EXIT_DONE;
}

enum exit_code sealing_connector_add(const struct cli *c, const struct sealing_connector *what,
                                     uint64_t *ret_id, uint64_t *ret_business)
{
	struct seal_keys keys;
	char sealed[SEAL_TEXT_MAX];
	enum exit_code code = keys_read(c, &keys);
	if (!code)
		code = client_ask(c, "store", ANSWER_MS, on_business, ret_business,
		                  MSG(tenant_business_add, .name = str_of(what->business)));
	enum err e = code ? OK : seal(&keys, *ret_business, column, str_of(what->secret), sealed);
	seal_keys_forget(&keys);
	if (e)
		return cli_fail(c, EXIT_PROBLEM, "the secret cannot be sealed: %s",
		                err_info(e)->text);
	return code ? code
	            : client_ask(c, "store", ANSWER_MS, on_connector, ret_id,
	                         MSG(tenant_connector_add, .name = str_of(what->business),
	                             .kind = (enum tenant_connector_kind)what->kind,
	                             .label = str_of(what->label), .secret = str_of(sealed),
	                             .account = str_of(what->account)));
}

/* ---- again, under the key of today -------------------------------------------------------------
 */

struct reseal {
	struct seal_keys keys;
	bool rotated; /* another secret, not the same one sealed anew */
	uint64_t ids[PAGE], after, business, done, kept;
	uint32_t n;
	char old[SEAL_TEXT_MAX];
};

static enum exit_code on_list(void *ctx, const struct cli *c, const struct msg *m)
{
	struct reseal *r = ctx;
	const struct tenant_connectors *list = tenant_connectors_of(m);
	(void)c;
	for (r->n = 0; r->n < list->rows.n && r->n < PAGE; r->n++)
		r->ids[r->n] = r->after = list->rows.at[r->n].id;
	return EXIT_DONE;
}

static enum exit_code on_found(void *ctx, const struct cli *c, const struct msg *m)
{
	struct reseal *r = ctx;
	(void)c;
	str_keep(r->old, sizeof r->old, tenant_connector_of(m)->secret);
	r->business = tenant_connector_of(m)->business;
	return EXIT_DONE;
}

static enum exit_code on_resealed(void *ctx, const struct cli *c, const struct msg *m)
{
	(void)c, (void)m;
	((struct reseal *)ctx)->done++;
	return EXIT_DONE;
}

/* What stands in r->old, plain. */
static enum err open_old(const struct reseal *r, char plain[SEAL_PLAIN_MAX + 1])
{
	if (seal_is(str_of(r->old)))
		return seal_open(&r->keys, r->business, column, str_of(r->old), plain);
	return str_keep(plain, SEAL_PLAIN_MAX + 1, str_of(r->old))
	               ? OK
	               : ERR_TOO_LARGE; /* older than seals */
}

static enum exit_code put_new(const struct cli *c, struct reseal *r, uint64_t id, const char *plain)
{
	char sealed[SEAL_TEXT_MAX];
	enum err e = seal(&r->keys, r->business, column, str_of(plain), sealed);
	if (e)
		return cli_fail(c, EXIT_PROBLEM, "the secret of connector %llu: %s",
		                (unsigned long long)id, err_info(e)->text);
	return client_ask(c, "store", ANSWER_MS, on_resealed, r,
	                  MSG(tenant_connector_reseal, .id = id, .old = str_of(r->old),
	                      .new = str_of(sealed), .rotated = r->rotated));
}

static enum exit_code reseal_one(const struct cli *c, struct reseal *r, uint64_t id)
{
	char plain[SEAL_PLAIN_MAX + 1];
	enum exit_code code = client_ask(c, "store", ANSWER_MS, on_found, r,
	                                 MSG(tenant_connector_find, .id = id));
	if (code)
		return code;
	if (seal_is_new(&r->keys, str_of(r->old))) {
		r->kept++;
		return EXIT_DONE;
	}
	enum err e = open_old(r, plain);
	code = e ? cli_fail(c, EXIT_PROBLEM, "the secret of connector %llu: %s",
	                    (unsigned long long)id, err_info(e)->text)
	         : put_new(c, r, id, plain);
	digest_forget(plain, sizeof plain);
	return code;
}

enum exit_code cmd_connector_reseal(struct cli *c)
{
	static struct reseal r;
	r = (struct reseal){ 0 };
	enum exit_code code = keys_read(c, &r.keys);
	do {
		if (!code)
			code = client_ask(
				c, "store", ANSWER_MS, on_list, &r,
				MSG(tenant_connector_list, .after = r.after, .limit = PAGE));
		for (uint32_t i = 0; !code && i < r.n; i++)
			code = reseal_one(c, &r, r.ids[i]);
	} while (!code && r.n == PAGE);
	seal_keys_forget(&r.keys);
	digest_forget(r.old, sizeof r.old);
	if (code == EXIT_DONE)
		(void)printf(c->json ? "{\"sealed\":%llu,\"kept\":%llu}\n"
		                     : "%llu sealed anew, %llu were under the key of today\n",
		             (unsigned long long)r.done, (unsigned long long)r.kept);
	return code;
}

enum exit_code sealing_connector_change(const struct cli *c, uint64_t id, sealing_next_fn *next,
                                        void *ctx)
{
	struct reseal r = { .rotated = true };
	char old[SEAL_PLAIN_MAX + 1], new[SEAL_PLAIN_MAX + 1];
	enum exit_code code = keys_read(c, &r.keys);
	if (!code)
		code = client_ask(c, "store", ANSWER_MS, on_found, &r,
		                  MSG(tenant_connector_find, .id = id));
	enum err e = code ? OK : open_old(&r, old);
	if (e)
		code = cli_fail(c, EXIT_PROBLEM, "the secret of connector %llu: %s",
		                (unsigned long long)id, err_info(e)->text);
	if (!code)
		code = next(ctx, c, str_of(old), new);
	if (!code)
		code = put_new(c, &r, id, new);
	seal_keys_forget(&r.keys);
	digest_forget(old, sizeof old);
	digest_forget(new, sizeof new);
	return code;
}
