/*
 * trace.c — trace.h.
 */
#include "gateway/trace.h"
#include "proto/digest.h"

static bool all_zero(const uint8_t *at, size_t n)
{
	while (n && !*at)
		at++, n--;
	return !n;
}

/* Upper case is malformed (2.2.2). */
static bool lower_hex(struct str text)
{
	for (uint32_t i = 0; i < text.len; i++)
		if (text.at[i] >= 'A' && text.at[i] <= 'F')
			return false;
	return true;
}

enum err trace_read(struct str text, struct trace *ret)
{
	uint8_t version, flags, id[16], span[8];
	if (text.len < 55 || !lower_hex(str_n(text.at, 55)) || text.at[2] != '-' ||
	    text.at[35] != '-' || text.at[52] != '-')
		return ERR_MALFORMED;
	if (digest_unhex(str_n(text.at, 2), &version, 1) ||
	    digest_unhex(str_n(text.at + 3, 32), id, 16) ||
	    digest_unhex(str_n(text.at + 36, 16), span, 8) ||
	    digest_unhex(str_n(text.at + 53, 2), &flags, 1))
		return ERR_MALFORMED;
	bool longer = text.len > 55;
	if (version == 0xff || (longer && (version == 0 || text.at[55] != '-')))
		return ERR_MALFORMED;
	if (all_zero(id, 16) || all_zero(span, 8))
		return ERR_MALFORMED;
	*ret = (struct trace){ .sampled = flags & 1 };
	memcpy(ret->id, id, sizeof ret->id);
	for (unsigned i = 0; i < 8; i++)
		ret->span = ret->span << 8 | span[i];
	return OK;
}

void trace_id(const struct trace *t, char to[TRACE_ID_TEXT])
{
	digest_hex(t->id, sizeof t->id, to);
}

void trace_write(const struct trace *t, char to[TRACE_TEXT])
{
	uint8_t span[8];
	for (unsigned i = 0; i < 8; i++)
		span[i] = (uint8_t)(t->span >> (56 - 8 * i));
	digest_hex(t->id, 16, to + 3); /* each leaves a NUL, for the next dash */
	digest_hex(span, 8, to + 36);
	to[0] = to[1] = '0';
	to[2] = to[35] = to[52] = '-';
	to[53] = '0';
	to[54] = t->sampled ? '1' : '0';
	to[55] = '\0';
}
