/*
 * system.c — finds the hubs by command line or state folder.
 */
#include "tools/switchboard/system.h"
#include "tools/state.h"
#include <string.h>

static enum exit_code read_state(const struct cli *c, struct reach *r, char why[REACH_WHY])
{
	struct state s;
	enum err e = state_find(cli_text(c, "state"), &s);
	if (!e && !state_holder(&s, "supervisor"))
		e = ERR_NOT_FOUND;
	if (!e)
		e = reach_run(s.run, r, why);
	if (e == ERR_DENIED)
		return cli_fail(c, EXIT_DENIED, "the state folder %s belongs to somebody else",
		                cli_text(c, "state"));
	if (e)
		return cli_fail(c, EXIT_NOT_RUNNING,
		                "no switchboard runs on %s (--state DIR, or --bus ADDRESS)",
		                cli_text(c, "state"));
	return EXIT_DONE;
}

enum exit_code system_find(const struct cli *c, struct system_place *ret)
{
	char why[REACH_WHY] = "";
	*ret = (struct system_place){ .key = cli_text(c, "key") };
	if (!cli_text(c, "bus")) {
		enum exit_code code = read_state(c, &ret->reach, why);
		if (code != EXIT_DONE)
			return code;
	} else if (reach_bus(cli_text(c, "bus"), &ret->reach, why)) {
		return cli_fail(c, EXIT_USAGE, "--bus: %s", why);
	}
	if (reach_own(&ret->reach, cli_maybe(c, "run"), ret->key, cli_maybe(c, "address"), why))
		return cli_fail(c, EXIT_USAGE, "%s", why);
	return EXIT_DONE;
}

void system_name(const struct system_place *p, const char *tail, char *ret, size_t cap)
{
	const char *slash = p->key ? strrchr(p->key, '/') : NULL;
	const char *file = slash ? slash + 1 : p->key;
	int len = file ? (int)strcspn(file, ".") : 0;
	(void)snprintf(ret, cap, "%.*s%s%s", len, file ? file : "", len ? "." : "", tail);
	for (char *c = ret; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
		else if ((*c < 'a' || *c > 'z') && (*c < '0' || *c > '9') && !strchr("_.#-", *c))
			*c = '-';
}
