/* emit_dictionary.c — messages.dict: the words of our inputs, for libFuzzer's -dict. */
#include "proto/msgc/emit.h"

static void word(FILE *to, const char *text)
{
	putc('"', to);
	for (; *text; text++) {
		if (*text >= 0x20 && *text < 0x7f && *text != '"' && *text != '\\')
			putc(*text, to);
		else
			fprintf(to, "\\x%02x", (unsigned char)*text);
	}
	fputs("\"\n", to);
}

/* The first bytes of msgpack's wide forms (spec.md, "Formats"): what a fuzzer rarely guesses. */
static void emit_heads(FILE *to)
{
	fputs("# msgpack\n", to);
	for (unsigned b = 0xc0; b <= 0xdf; b++)
		fprintf(to, "\"\\x%02x\"\n", b);
	fputs("\"\\xdd\\xff\\xff\\xff\\xff\"\n\"\\xdf\\xff\\xff\\xff\\xff\"\n"
	      "\"\\xdb\\xff\\xff\\xff\\xff\"\n\"\\xc6\\xff\\xff\\xff\\xff\"\n",
	      to);
}

/* A message's number as the envelope has it. */
static void emit_number(FILE *to, const struct decl *d)
{
	uint32_t n = d->group->number << 16 | d->number;
	fprintf(to, "\"\\xce\\x%02x\\x%02x\\x%02x\\x%02x\"\n", n >> 24, n >> 16 & 0xff,
	        n >> 8 & 0xff, n & 0xff);
}

void emit_dictionary(struct schema *s, FILE *to)
{
	fputs("# messages.dict — made by msgc from proto/schema.\n", to);
	emit_heads(to);
	for (const struct group *g = s->groups; g; g = g->next) {
		fprintf(to, "# %s\n", g->name);
		for (const struct decl *d = g->decls; d; d = d->next) {
			word(to, schema_full(s, d));
			if (d->kind == DECL_MESSAGE && !g->foreign)
				emit_number(to, d);
			for (const struct field *f = d->fields; f; f = f->next)
				word(to, f->json);
			for (const struct value *v = d->values; v; v = v->next)
				word(to, v->name);
		}
	}
}
