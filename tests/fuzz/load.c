/*
 * load.c — any text as a schema that a running program reads, and what stands behind a form feed as
 * the body of each of its messages: tables made in memory are as safe as those compiled.
 */
#include "proto/msgc/load.h"
#include "proto/codec.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

enum { ROOM = 1 << 16, TYPES = 16 };

static void must(bool held)
{
	if (!held)
		abort();
}

/* What is taken is written, and taken again. */
static void try_body(const struct proto_desc *d, struct str body)
{
	static char one[ROOM] __attribute__((aligned(8))), two[ROOM] __attribute__((aligned(8)));
	static char wire[ROOM];
	struct arena a = ARENA_OVER(one), b = ARENA_OVER(two);
	void *first = arena_take(&a, d->size, 8), *again = arena_take(&b, d->size, 8);
	size_t n = 0;
	if (!first || !again || proto_decode(d, body, first, &a, NULL))
		return;
	must(proto_encode(d, first, wire, sizeof wire, &n, NULL) == OK);
	must(proto_decode(d, str_n(wire, n), again, &b, NULL) == OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	const uint8_t *feed = len ? memchr(at, '\f', len) : NULL;
	size_t n = feed ? (size_t)(feed - at) : len;
	struct str body = feed ? str_n((const char *)feed + 1, len - n - 1) : (struct str){ 0 };
	char *text = malloc(n + 1);
	struct schema s;
	must(text != NULL);
	memcpy(text, at, n);
	text[n] = '\0';
	schema_init(&s);
	schema_parse(&s, "g.msg", text, n, false);
	schema_check(&s);
	uint32_t types = 0;
	for (const struct group *g = s.n_errors ? NULL : s.groups; g; g = g->next)
		for (const struct decl *d = g->decls; d && types < TYPES; d = d->next)
			if (d->kind == DECL_MESSAGE && ++types)
				try_body(schema_desc(&s, d), body);
	schema_done(&s);
	free(text);
	return 0;
}
