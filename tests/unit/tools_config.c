/*
 * tools_config — every kind of mistake in a configuration has its sentence, with line and
 * suggestion; of two layers the later one wins, and the loader knows which it was.
 */
#include "tools/config/config.h"
#include "tools/config/zpl.h"
#include "tools/nearest.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const struct actor_setting gateway_settings[] = {
	{ "body_bytes", "largest body taken", "1048576", 1024, 16777216 },
	{ "server_name", "what it calls itself", "switchboard", 0, 0 },
	{ 0 },
};
static const struct actor_setting sealer_settings[] = {
	{ "secret_id", "must be told", NULL, 0, 0 },
	{ 0 },
};
static const struct actor_kind gateway = { .name = "gateway", .settings = gateway_settings };
static const struct actor_kind store = { .name = "store" };
static const struct actor_kind dedupe = { .name = "dedupe" };
static const struct actor_kind heartbeat = { .name = "heartbeat" };
static const struct actor_kind call_desk = { .name = "call_desk" };
static const struct actor_setting session_settings[] = {
	{ "openai_api_key", "a key of the system", "", 0, 0 },
	{ "realtime_url", "a key of the system", "", 0, 0 },
	{ 0 },
};
static const struct actor_kind call_session = { .name = "call_session",
	                                        .settings = session_settings };
static const struct actor_kind fetch = { .name = "fetch" };
static const struct actor_kind sealer = { .name = "sealer", .settings = sealer_settings };
static const struct actor_kind *const kinds[] = { &gateway,   &store,        &dedupe,
	                                          &heartbeat, &fetch,        &sealer,
	                                          &call_desk, &call_session, NULL };

struct dir {
	char path[64];
};

static int make_dir(void **state)
{
	static struct dir d;
	memcpy(d.path, "/tmp/config-XXXXXX", sizeof "/tmp/config-XXXXXX");
	*state = &d;
	return mkdtemp(d.path) ? 0 : -1;
}

static int drop_dir(void **state)
{
	struct dir *d = *state;
	char command[96];
	(void)snprintf(command, sizeof command, "rm -r %s", d->path);
	return system(command); /* NOLINT(cert-env33-c): a path of our own making */
}

static void write_file(const struct dir *d, const char *name, const char *text)
{
	assert_int_equal(chdir(d->path), 0);
	FILE *f = fopen(name, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* ---- mistakes ---------------------------------------------------------------------------- */

struct mistake {
	const char *text;
	const char *said; /* all faults, one a line */
};

static const struct mistake mistakes[] = {
	/* keys */
	{ "lisen = 1:1\n", "my.cfg:1: unknown key \"lisen\"; did you mean \"listen\"?" },
	{ "\n\nwhatever = 1\n", "my.cfg:3: unknown key \"whatever\"" },
	{ "log\n    levle = info\n",
	  "my.cfg:2: unknown key \"levle\" in log; did you mean \"level\"?" },
	{ "groups\n    a\n        hosts = store\n        conut = 2\n",
	  "my.cfg:4: unknown key \"conut\" in groups.a; did you mean \"count\"?" },
	{ "kinds\n    gatewya\n        x = 1\n",
	  "my.cfg:2: unknown key \"gatewya\" in kinds; did you mean \"gateway\"?" },
	{ "kinds\n    gateway\n        body_byte = 1\n",
	  "my.cfg:3: unknown key \"body_byte\" in kinds.gateway; did you mean \"body_bytes\"?" },
	{ "groups\n    Big_One\n        hosts = store\n",
	  "my.cfg:2: \"Big_One\" is no name for a group: a-z, 0-9 and -, 32 at the most" },
	{ "listen = 1:1\nlisten = 1:2\n",
	  "my.cfg:2: \"listen\" stands here twice, first on line 1" },
	{ "listen\n", "my.cfg:1: listen needs a value: listen = …" },
	{ "log = info\n", "my.cfg:1: log is a section and takes no value" },
	/* values */
	{ "listen = here\n",
	  "my.cfg:1: listen = \"here\" is not an address such as 127.0.0.1:8080 or [::1]:8080" },
	{ "listen = 127.0.0.1:70000\n", "my.cfg:1: listen = \"127.0.0.1:70000\" is not an address "
	                                "such as 127.0.0.1:8080 or [::1]:8080" },
	{ "listen = ::1:8080\n", "my.cfg:1: listen = \"::1:8080\" is not an address such as "
	                         "127.0.0.1:8080 or [::1]:8080" },
	{ "bus\n    hubs = 5\n", "my.cfg:2: bus.hubs = \"5\" is not a number from 1 to 4" },
	{ "bus\n    hubs = two\n", "my.cfg:2: bus.hubs = \"two\" is not a number" },
	{ "bus\n    hubs = 99999999999999999999\n",
	  "my.cfg:2: bus.hubs = \"99999999999999999999\" is not a number" },
	{ "log\n    level = loud\n",
	  "my.cfg:2: log.level = \"loud\" is not one of error|warn|info|debug" },
	{ "supervise\n    drain = 30\n",
	  "my.cfg:2: supervise.drain = \"30\" is not a duration such as 500ms, 30s, 10m or 1h" },
	{ "supervise\n    ready = 10ms\n", "my.cfg:2: supervise.ready = \"10ms\" is not a duration "
	                                   "such as 500ms, 30s, 10m or 1h from 1000 "
	                                   "to 3600000 ms" },
	{ "groups\n    a\n        hosts = store\n        memory = 1T\n",
	  "my.cfg:4: groups.a.memory = \"1T\" is not a size such as 64K, 512M or 2G" },
	{ "kinds\n    gateway\n        body_bytes = 12\n",
	  "my.cfg:3: kinds.gateway.body_bytes = \"12\" is not a number from 1024 to 16777216" },
	/* groups */
	{ "groups\n    a\n        hosts = gatway\n",
	  "my.cfg:3: group a hosts an unknown kind \"gatway\"; did you mean \"gateway\"?" },
	{ "groups\n    a\n        count = 2\n", "group a hosts nothing: set groups.a.hosts" },
	{ "groups\n    a\n        hosts = ,\n",
	  "my.cfg:3: groups.a.hosts = \",\" is not a list such as gateway, store" },
	{ "groups\n    a\n        hosts = store\n        gateway\n            body_bytes = 2048\n",
	  "my.cfg:5: group a does not host gateway" },
	{ "groups\n    a\n        hosts = sealer\n",
	  "group a hosts sealer, which needs kinds.sealer.secret_id: must be told" },
	/* the language */
	{ "log\n  level = info\n",
	  "my.cfg:2: indented by something else than four blanks a level" },
	{ "log\n\tlevel = info\n", "my.cfg:2: indented with a tab: ZPL takes four blanks a level" },
	{ "log\n        level = info\n",
	  "my.cfg:2: indented deeper than the section it could belong to" },
	{ "listen = 1:1\n    more = 2\n", "my.cfg:2: indented below a property that has a value" },
	{ "listen = \"1:1\n", "my.cfg:1: the quote is not closed" },
	{ "listen = \"1:1\" 2\n", "my.cfg:1: something stands after the closing quote" },
	{ "listen 1:1\n", "my.cfg:1: a name is followed by \"=\" or by nothing" },
	{ "= 3\n", "my.cfg:1: no name: a line is \"name\" or \"name = value\"" },
	/* two at once, in order */
	{ "lisen = 1\nbus\n    hubs = 0\n",
	  "my.cfg:1: unknown key \"lisen\"; did you mean \"listen\"?\n"
	  "my.cfg:3: bus.hubs = \"0\" is not a number from 1 to 4" },
};

static void each_mistake_has_its_sentence(void **state)
{
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		write_file(*state, "my.cfg", mistakes[i].text);
		struct config *c = NULL;
		struct config_faults f;
		struct config_places places = { .file = "my.cfg", .kinds = kinds };
		assert_int_equal(config_load(&places, &c, &f), ERR_INVALID);
		assert_null(c);
		char said[1024] = "";
		for (uint32_t n = 0; n < f.n && n < CONFIG_FAULTS; n++) {
			(void)strncat(said, n ? "\n" : "", 2);
			(void)strncat(said, f.text[n], sizeof said - strlen(said) - 1);
		}
		assert_string_equal(said, mistakes[i].said);
		config_faults_done(&f);
	}
}

static void a_missing_file_is_said(void **state)
{
	(void)state;
	struct config *c;
	struct config_faults f;
	struct config_places places = { .file = "/nowhere/my.cfg", .kinds = kinds };
	assert_int_equal(config_load(&places, &c, &f), ERR_INVALID);
	assert_string_equal(f.text[0],
	                    "/nowhere/my.cfg: cannot be read: No such file or directory");
	config_faults_done(&f);
}

static void faults_are_bounded(void **state)
{
	char text[4096] = "";
	for (int i = 0; i < 100; i++)
		(void)strcat(text, "nonsense = 1\n"); /* NOLINT: bounded by its loop */
	write_file(*state, "my.cfg", text);
	struct config *c;
	struct config_faults f;
	struct config_places places = { .file = "my.cfg", .kinds = kinds };
	assert_int_equal(config_load(&places, &c, &f), ERR_INVALID);
	assert_int_equal(f.n, 100);
	config_faults_done(&f);
}

/* ---- what is right ----------------------------------------------------------------------- */

static struct config *load(const struct config_places *places)
{
	struct config *c = NULL;
	struct config_faults f;
	enum err e = config_load(places, &c, &f);
	if (f.n)
		print_error("%s\n", f.text[0]);
	assert_int_equal(e, OK);
	return c;
}

static void nothing_said_means_defaults(void **state)
{
	(void)state;
	struct config *c = load(&(struct config_places){ .kinds = kinds });
	assert_string_equal(c->listen, "127.0.0.1:8080");
	assert_string_equal(c->state, "state");
	assert_string_equal(c->database_url, "");
	assert_int_equal(c->hubs, 1);
	assert_int_equal(c->drain_ms, 30000);
	assert_string_equal(config_find(c, "listen")->origin, "default");
	config_free(&c);
}

static void the_later_layer_wins_and_is_known(void **state)
{
	struct dir *d = *state;
	assert_int_equal(chdir(d->path), 0);
	assert_int_equal(system("mkdir -p etc/switchboard.d"), 0); /* NOLINT(cert-env33-c) */
	write_file(d, "etc/switchboard.cfg",
	           "listen = 1.1.1.1:1\nlog\n    level = warn\nbus\n    hubs = 2\n");
	write_file(d, "etc/switchboard.d/10-a.cfg", "listen = 2.2.2.2:2\n");
	write_file(d, "etc/switchboard.d/20-b.cfg", "# later\nlisten = 3.3.3.3:3\n");
	write_file(d, "etc/switchboard.d/30-c.cfg~", "no = 1\n");
	write_file(d, "my.cfg", "state = \"/srv/a b\" # quoted\nlog\n    level = debug\n");
	write_file(d, "url", "postgres://u:p@h/db\n");
	char *const environment[] = { "SWITCHBOARD_LISTEN=4.4.4.4:4", "DATABASE_URL_FILE=url",
		                      NULL };
	const struct config_flag flags[] = { { "listen", "5.5.5.5:5" }, { "other", "x" }, { 0 } };
	struct config *c = load(&(struct config_places){
		.etc = "etc", .file = "my.cfg", .environment = environment, .kinds = kinds });
	assert_string_equal(c->listen, "4.4.4.4:4");
	assert_string_equal(config_find(c, "listen")->origin, "environment SWITCHBOARD_LISTEN");
	assert_string_equal(c->log_level, "debug");
	assert_string_equal(config_find(c, "log.level")->origin, "my.cfg:3");
	assert_string_equal(c->state, "/srv/a b");
	assert_int_equal(c->hubs, 2);
	assert_string_equal(config_find(c, "bus.hubs")->origin, "etc/switchboard.cfg:5");
	assert_string_equal(c->database_url, "postgres://u:p@h/db");
	assert_string_equal(config_find(c, "database.url")->origin,
	                    "environment DATABASE_URL_FILE, url");
	config_free(&c);

	c = load(&(struct config_places){ .etc = "etc", .kinds = kinds });
	assert_string_equal(c->listen, "3.3.3.3:3");
	assert_string_equal(config_find(c, "listen")->origin, "etc/switchboard.d/20-b.cfg:2");
	config_free(&c);

	c = load(&(struct config_places){
		.etc = "etc", .environment = environment, .flags = flags, .kinds = kinds });
	assert_string_equal(c->listen, "5.5.5.5:5");
	assert_string_equal(config_find(c, "listen")->origin, "--listen");
	config_free(&c);
}

static void groups_are_read(void **state)
{
	write_file(*state, "my.cfg",
	           "kinds\n    gateway\n        body_bytes = 2048\n        server_name = a\n"
	           "groups\n"
	           "    street\n        hosts = gateway, dedupe,gateway\n        count = 2\n       "
	           " memory = 512M\n"
	           "        gateway\n            body_bytes = 4096\n"
	           "    rest\n        hosts = store\n        files = 100\n        nice = 5\n");
	struct config *c = load(&(struct config_places){ .file = "my.cfg", .kinds = kinds });
	assert_int_equal(c->n_groups, 2); /* the built-in ones are gone */
	const struct config_group *g = &c->groups[0];
	assert_string_equal(g->name, "street");
	assert_ptr_equal(g->hosts[0], gateway.name);
	assert_ptr_equal(g->hosts[1], dedupe.name);
	assert_null(g->hosts[2]);
	assert_int_equal(g->count, 2);
	assert_int_equal(g->memory_bytes, 512 << 20);
	assert_int_equal(c->groups[1].files, 100);
	assert_int_equal(c->groups[1].nice, 5);
	assert_int_equal(c->groups[1].count, 1);
	assert_string_equal(config_setting(c, "street", "gateway", &gateway_settings[0]), "4096");
	assert_string_equal(config_setting(c, "street", "gateway", &gateway_settings[1]), "a");
	assert_string_equal(config_setting(c, "rest", "gateway", &gateway_settings[0]), "2048");
	assert_string_equal(config_nearest(c, "groups.street.conut"), "groups.street.count");
	config_free(&c);
}

static void near_words_are_found(void **state)
{
	(void)state;
	static const char *const words[] = { "listen", "state", "config", "json" };
	static const struct {
		const char *said, *meant;
	} cases[] = { { "lsiten", "listen" }, { "stat", "state" },    { "jsno", "json" },
		      { "x", NULL },          { "zzzzzz", NULL },     { "confgi", "config" },
		      { "listening", NULL },  { "configg", "config" } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct nearest n = nearest_of(str_of(cases[i].said));
		for (size_t w = 0; w < 4; w++)
			(void)nearest_try(&n, words[w]);
		if (cases[i].meant)
			assert_string_equal(n.best, cases[i].meant);
		else
			assert_null(n.best);
	}
}

/* The reader keeps its bounds whatever it is given. */
static void zpl_is_bounded(void **state)
{
	(void)state;
	struct zpl *z;
	struct zpl_fault f;
	char many[ZPL_LINES + 1];
	memset(many, '\n', sizeof many);
	assert_int_equal(zpl_parse(str_n(many, sizeof many), &z, &f), ERR_TOO_LARGE);
	assert_int_equal(zpl_parse(str_n("a\0b", 3), &z, &f), ERR_MALFORMED);
	char deep[1024] = "";
	size_t at = 0;
	for (int i = 0; i <= ZPL_DEPTH; i++)
		at += (size_t)snprintf(deep + at, sizeof deep - at, "%*sx\n", i * 4, "");
	assert_int_equal(zpl_parse(str_n(deep, at), &z, &f), ERR_MALFORMED);
	assert_int_equal(f.line, ZPL_DEPTH + 1);
	assert_int_equal(zpl_parse(str_of("a = '#1' # x\nb = x#y\r\nc ="), &z, &f), OK);
	assert_true(str_is(z->child->value, "#1"));
	assert_true(str_is(z->child->next->value, "x#y"));
	assert_true(z->child->next->next->has_value);
	free(z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_mistake_has_its_sentence, make_dir, drop_dir),
		cmocka_unit_test(a_missing_file_is_said),
		cmocka_unit_test_setup_teardown(faults_are_bounded, make_dir, drop_dir),
		cmocka_unit_test(nothing_said_means_defaults),
		cmocka_unit_test_setup_teardown(the_later_layer_wins_and_is_known, make_dir,
		                                drop_dir),
		cmocka_unit_test_setup_teardown(groups_are_read, make_dir, drop_dir),
		cmocka_unit_test(near_words_are_found),
		cmocka_unit_test(zpl_is_bounded),
	};
	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
