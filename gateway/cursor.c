/*
 * cursor.c — cursor.h.
 */
#include "gateway/cursor.h"
#include "proto/digest.h"
#include <endian.h>

enum err cursor_read(struct str text, struct cursor *ret)
{
	uint64_t words[2];
	if (!text.len)
		return OK;
	enum err e = digest_unhex(text, words, sizeof words);
	if (!e)
		*ret = (struct cursor){ be64toh(words[0]), be64toh(words[1]) };
	return e;
}

struct str cursor_write(struct cursor c, char room[CURSOR_TEXT])
{
	uint64_t words[2] = { htobe64(c.a), htobe64(c.b) };
	digest_hex(words, sizeof words, room);
	return str_n(room, CURSOR_TEXT - 1);
}
