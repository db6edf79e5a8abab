/*
 * each.h — the same questions to one business after the other, or to one alone.
 *
 *     --business NAME, or all ─▶ next(business 1) … next(business 1) = false ─▶ next(business 2) …
 *
 * An answer NOT_FOUND goes on with the next business; any other error ends it, and is said.
 */
#pragma once
#include "tools/switchboard/client.h"

struct each_business {
	uint64_t id;
	const char *name;
};

struct each {
	const struct cli *cli;
	/* The next question to this business; false: none is left. `to` is the store's unless set.
	 */
	bool (*next)(void *ctx, const struct each_business *b, struct client_turn *ret);
	/* Its answer, never an error; NULL for what is only said. True: this is all that was
	 * wanted. */
	bool (*answer)(void *ctx, const struct each_business *b, const struct msg *m);
	void *ctx;
};

enum exit_code each_run(const struct each *each);

/* An id among the arguments, from 1 on. */
enum exit_code each_id(const struct cli *c, const char *text, const char *what, uint64_t *ret);
