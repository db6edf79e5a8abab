/*
 * codec.c — any bytes as the body of any type: what is taken is written, and what is written is
 * taken again as the same. The first two bytes choose the type.
 */
#include "proto/codec.h"
#include "proto/msg.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

enum { ROOM = 1 << 22 };

static void must(bool held)
{
	if (!held)
		abort();
}

/* Decode with exactly the arena that was asked for, and encode what came out. */
static enum err pass(const struct proto_desc *type, struct str wire, char *to, size_t *ret_len)
{
	size_t room = 0;
	const struct proto_field *field = NULL;
	if (proto_room(type, wire, &room) || room > ROOM)
		return ERR_TOO_LARGE;
	char *memory = malloc(room ? room : 1);
	void *body = malloc(type->size ? type->size : 1);
	struct arena arena = { .at = memory, .len = (uint32_t)room };
	enum err e = proto_decode_kept(type, wire, body, &arena, &field);
	must(e == OK || e == ERR_MALFORMED || e == ERR_MISSING || e == ERR_RANGE ||
	     e == ERR_TOO_LARGE);
	must(e == OK || e == ERR_MALFORMED || field);
	if (!e)
		must(proto_encode(type, body, to, ROOM, ret_len, &field) == OK);
	free(body);
	free(memory);
	return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	static char one[ROOM], two[ROOM];
	size_t one_len = 0, two_len = 0;
	if (len < 2 || !proto_all_n)
		return 0;
	const struct proto_desc *type = proto_all[(at[0] << 8 | at[1]) % proto_all_n];
	struct str wire = str_n((const char *)at + 2, len - 2), none = { 0 };
	struct msg *m = NULL;
	enum err e = pass(type, wire, one, &one_len);
	enum err block = msg_decode(type, wire, none, none, &m, NULL);
	must(!wire.len || block == e); /* without bytes it is a bare answer */
	msg_unref(m);
	if (!e) {
		must(pass(type, str_n(one, one_len), two, &two_len) == OK);
		must(one_len == two_len && !memcmp(one, two, one_len));
	}
	must(!msg_stats().blocks);
	return 0;
}
