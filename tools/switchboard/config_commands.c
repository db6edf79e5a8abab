/*
 * config_commands.c — config check, show and explain; and how every command loads its
 * configuration.
 */
#include "tools/switchboard/config_commands.h"
#include "actors/leash.h"
#include "proto/super.h"
#include "tools/switchboard/commands.h"
#include "tools/switchboard/kinds.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum exit_code config_of(const struct cli *c, const struct config_flag *flags, struct config **ret)
{
	struct config_faults f;
	/* A supervised process is told everything by its supervisor, who has read the layers once.
	 */
	bool told = leash_held();
	struct config_places places = { .etc = told ? NULL : "/etc/switchboard",
		                        .file = cli_text(c, "config"),
		                        .environment = told ? NULL : environ,
		                        .flags = flags,
		                        .kinds = all_kinds() };
	enum err e = config_load(&places, ret, &f);
	if (e == OK)
		return EXIT_DONE;
	enum exit_code code = EXIT_BAD_CONFIG;
	if (e == ERR_MEMORY)
		code = cli_fail(c, EXIT_TRY_LATER, "out of memory");
	for (uint32_t i = 0; i < f.n && i < CONFIG_FAULTS; i++)
		(void)cli_fail(c, code, "%s", f.text[i] ? f.text[i] : "out of memory");
	if (f.n > CONFIG_FAULTS)
		(void)cli_fail(c, code, "and %u more faults", f.n - CONFIG_FAULTS);
	config_faults_done(&f);
	return code;
}

enum exit_code cmd_config_check(struct cli *c)
{
	struct config *config;
	enum exit_code code = config_of(c, NULL, &config);
	if (code != EXIT_DONE)
		return code;
	uint32_t nodes = 0;
	for (uint32_t i = 0; i < config->n_groups; i++)
		nodes += config->groups[i].count;
	if (c->json)
		(void)printf("{\"groups\":%u,\"nodes\":%u}\n", config->n_groups, nodes);
	else
		(void)printf("sound: %u groups, %u nodes\n", config->n_groups, nodes);
	config_free(&config);
	return EXIT_DONE;
}

static int by_key(const void *a, const void *b)
{
	const struct super_setting *x = a, *y = b;
	size_t n = x->key.len < y->key.len ? x->key.len : y->key.len;
	int order = memcmp(x->key.at, y->key.at, n);
	return order ? order : (int)x->key.len - (int)y->key.len;
}

static struct super_setting setting_of(const struct config_entry *e)
{
	bool hidden = e->rule.type == VALUE_SECRET && *e->text;
	return (struct super_setting){ .key = str_of(e->path),
		                       .value = str_of(hidden ? "***" : e->text),
		                       .origin = str_of(e->origin),
		                       .doc = str_of(e->doc) };
}

enum exit_code cmd_config_show(struct cli *c)
{
	static struct super_setting rows[CONFIG_ENTRIES];
	struct config *config;
	enum exit_code code = config_of(c, NULL, &config);
	if (code != EXIT_DONE)
		return code;
	for (uint32_t i = 0; i < config->n_entries; i++)
		rows[i] = setting_of(&config->entries[i]);
	qsort(rows, config->n_entries, sizeof *rows, by_key);
	if (c->json)
		cli_print_json(
			&super_settings_desc,
			&(struct super_settings){ .rows = { .at = rows, .n = config->n_entries } });
	for (uint32_t i = 0; !c->json && i < config->n_entries; i++)
		(void)printf("%-28.*s %-28.*s # %.*s\n", STR(rows[i].key), STR(rows[i].value),
		             STR(rows[i].origin));
	config_free(&config);
	return EXIT_DONE;
}

enum exit_code cmd_config_explain(struct cli *c)
{
	struct config *config;
	enum exit_code code = config_of(c, NULL, &config);
	if (code != EXIT_DONE)
		return code;
	const struct config_entry *e = config_find(config, c->args[0]);
	const char *near = e ? NULL : config_nearest(config, c->args[0]);
	if (e) {
		struct super_setting s = setting_of(e);
		if (c->json)
			cli_print_json(&super_setting_desc, &s);
		else
			(void)printf("%.*s = %.*s\n  from: %.*s\n  %.*s\n", STR(s.key),
			             STR(s.value), STR(s.origin), STR(s.doc));
	} else if (near) {
		code = cli_fail(c, EXIT_UNKNOWN, "no key \"%s\"; did you mean \"%s\"?", c->args[0],
		                near);
	} else {
		code = cli_fail(c, EXIT_UNKNOWN,
		                "no key \"%s\"; switchboard config show lists them", c->args[0]);
	}
	config_free(&config);
	return code;
}
