/*
 * keys_commands.c — which keys may join the bus over tcp: files in STATE/keys, read by the hubs
 * again each second, so these commands work whether a system runs or not.
 */
#include "bus/keys.h"
#include "proto/buf.h"
#include "proto/json.h"
#include "tools/audit/deeds.h"
#include "tools/config/value.h"
#include "tools/state.h"
#include "tools/switchboard/commands.h"
#include "tools/switchboard/kinds.h"
#include <pwd.h>
#include <unistd.h>

static enum exit_code folder_of(const struct cli *c, char dir[PATH_MAX + 8])
{
	struct state s;
	enum err e = state_open(cli_text(c, "state"), &s);
	if (e)
		return cli_fail(c, exit_of(e), "the state folder %s: %s", cli_text(c, "state"),
		                err_info(e)->text);
	(void)snprintf(dir, PATH_MAX + 8, "%s/keys", s.dir);
	return EXIT_DONE;
}

/* Into the trail, by way of the supervisor: of the one that runs, or of the next that is started.
 */
static enum exit_code note(const struct cli *c, const char *dir, const char *action,
                           const char *name, const char *more)
{
	char state[PATH_MAX + 8], by[80];
	const struct passwd *user = getpwuid(getuid());
	(void)snprintf(state, sizeof state, "%.*s", (int)(strlen(dir) - strlen("/keys")), dir);
	(void)snprintf(by, sizeof by, "%.60s", user ? user->pw_name : "-");
	enum err e = deeds_put(state, action, str_of(name), by, more);
	return e ? cli_fail(c, exit_of(e), "it is done, but cannot be noted in %s/audit: %s", state,
	                    err_info(e)->text)
	         : EXIT_DONE;
}

static enum exit_code note_new(const struct cli *c, const char *dir, const struct key_card *card)
{
	char room[2048];
	struct buf more;
	buf_over(&more, room, sizeof room - 1);
	buf_text(&more, ",\"public\":");
	json_put_text(&more, card->open);
	buf_text(&more, ",\"host\":");
	json_put_text(&more, card->host);
	buf_text(&more, ",\"send\":");
	json_put_text(&more, card->send);
	room[buf_err(&more) ? 0 : more.len] = '\0';
	return note(c, dir, "bus_key.new", card->name, room);
}

/* Cards are printed without a table of the schema: they never travel. */
static void print_card(const struct cli *c, const struct key_card *card)
{
	(void)printf(
		c->json ? "{\"name\":\"%s\",\"public\":\"%s\",\"host\":\"%s\",\"send\":\"%s\"}\n"
			: "%-20s %s  host: %s  send: %s\n",
		card->name, card->open, card->host, card->send);
}

/* Several --host or --send, commas or blanks: words with one blank between. */
static void join_words(const struct cli *c, const char *option, char *ret, size_t cap)
{
	size_t len = 0;
	const char *text = cli_nth(c, option, 0) ? cli_nth(c, option, 0) : cli_text(c, option);
	for (uint32_t i = 1; text; text = cli_nth(c, option, i++)) {
		struct str list = str_of(text), word;
		while (value_next(&list, &word))
			len += len < cap ? (size_t)snprintf(ret + len, cap - len, "%s%.*s",
			                                    len ? " " : "", STR(word))
			                 : 0;
	}
}

/* The kinds that live on every node come with any leave to host. */
static void add_everywhere(char *list, size_t cap)
{
	size_t len = strlen(list);
	for (const struct actor_kind *const *k = all_kinds(); *k; k++)
		if ((*k)->place == PLACE_EVERY && strcmp(list, "*") != 0 && len < cap)
			len += (size_t)snprintf(list + len, cap - len, " %s", (*k)->name);
}

enum exit_code cmd_keys_new(struct cli *c)
{
	char dir[PATH_MAX + 8];
	struct key_pair hub;
	struct key_card card = { 0 };
	enum exit_code code = folder_of(c, dir);
	if (code)
		return code;
	if (!str_keep(card.name, sizeof card.name, str_of(c->args[0])))
		return cli_fail(c, EXIT_USAGE, "a name has %d letters at the most", KEY_NAME_BYTES);
	join_words(c, "host", card.host, sizeof card.host);
	add_everywhere(card.host, sizeof card.host);
	join_words(c, "send", card.send, sizeof card.send);
	enum err e = keys_hub(dir, &hub); /* made with the first key */
	explicit_bzero(&hub, sizeof hub);
	if (!e)
		e = keys_new(dir, &card);
	if (e == ERR_CONFLICT)
		return cli_fail(c, EXIT_PROBLEM, "there is a key %s already", card.name);
	if (e == ERR_RANGE)
		return cli_fail(c, EXIT_USAGE, "\"%s\" is no name for a key", c->args[0]);
	if (e)
		return cli_fail(c, exit_of(e), "%s: %s", dir, err_info(e)->text);
	code = note_new(c, dir, &card);
	print_card(c, &card);
	if (!c->json)
		(void)printf(
			"\nTake %s/%s.cert_secret to its host, and there only:\n"
			"switchboard node --bus tcp://HOST:PORT --key %s.cert_secret --host …\n",
			dir, card.name, card.name);
	return code;
}

enum exit_code cmd_keys_list(struct cli *c)
{
	char dir[PATH_MAX + 8];
	struct keys *keys;
	enum exit_code code = folder_of(c, dir);
	if (code)
		return code;
	enum err e = keys_open(dir, &keys);
	if (e == ERR_NOT_FOUND)
		return EXIT_DONE; /* no key was ever made */
	if (e)
		return cli_fail(c, exit_of(e), "%s: %s", dir, err_info(e)->text);
	const struct key_card *card;
	for (uint32_t i = 0; (card = keys_at(keys, i)); i++)
		print_card(c, card);
	keys_close(&keys);
	return EXIT_DONE;
}

enum exit_code cmd_keys_revoke(struct cli *c)
{
	char dir[PATH_MAX + 8];
	enum exit_code code = folder_of(c, dir);
	if (code)
		return code;
	enum err e = keys_revoke(dir, c->args[0]);
	if (e == ERR_NOT_FOUND)
		return cli_fail(c, EXIT_UNKNOWN, "there is no key %s", c->args[0]);
	return e ? cli_fail(c, exit_of(e), "%s: %s", dir, err_info(e)->text)
	         : note(c, dir, "bus_key.revoke", c->args[0], "");
}
