/*
 * sqlstate.c — the table of sqlstate.def.
 */
#include "persistence/pg.h"
#include <string.h>

static const struct meaning {
	const char *code;
	enum err e;
	enum pg_effect effect;
} meanings[] = {
#define SQLSTATE(code, err, effect) { code, ERR_##err, PG_##effect },
#include "persistence/sqlstate.def"
#undef SQLSTATE
};

enum err pg_meaning(const char *sqlstate, enum pg_effect *ret)
{
	*ret = PG_ASK;
	for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
		if (!strncmp(sqlstate, meanings[i].code, strlen(meanings[i].code))) {
			*ret = meanings[i].effect;
			return meanings[i].e;
		}
	return ERR_STORAGE;
}
