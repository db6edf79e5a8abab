/*
 * twilio.c — signatures and forms of twilio.h (facts: Twilio's "Security" page, twilio-node's
 * webhooks.ts).
 */
#include "tools/load/twilio.h"
#include "proto/base64.h"
#include "tools/plug/tls.h"
#include <stdio.h>
#include <stdlib.h>

void twilio_sid(char ret[TWILIO_SID], const char prefix[2], uint64_t seed, uint32_t n)
{
	uint64_t x = seed * 0x9E3779B97F4A7C15u + n * 0xBF58476D1CE4E5B9u + (uint64_t)prefix[0];
	(void)snprintf(ret, TWILIO_SID, "%.2s%08x%016llx%08x", prefix, (uint32_t)seed,
	               (unsigned long long)(x ^ (x >> 29)), n);
}

static int by_name(const void *a, const void *b)
{
	const struct twilio_param *const *x = a, *const *y = b;
	return strcmp((*x)->name, (*y)->name);
}

MUST enum err twilio_sign(struct str token, struct str url, const struct twilio_param *params,
                          uint32_t n, char ret[TWILIO_SIGNATURE])
{
	enum { MOST = 32 };
	const struct twilio_param *sorted[MOST];
	struct buf b;
	uint8_t mac[PLUG_SHA1];
	if (n > MOST)
		return ERR_TOO_LARGE;
	for (uint32_t i = 0; i < n; i++)
		sorted[i] = &params[i];
	qsort(sorted, n, sizeof *sorted, by_name);
	buf_init(&b, 64 << 10);
	buf_str(&b, url);
	for (uint32_t i = 0; i < n; i++) {
		buf_text(&b, sorted[i]->name);
		buf_str(&b, sorted[i]->value);
	}
	enum err e = buf_err(&b);
	if (!e)
		e = plug_hmac_sha1(token, buf_view(&b), mac);
	buf_done(&b);
	if (e)
		return e;
	base64_write(str_n((const char *)mac, sizeof mac), ret);
	ret[TWILIO_SIGNATURE - 1] = '\0';
	return OK;
}

static void put_encoded(struct buf *b, struct str s)
{
	for (uint32_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		             (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.';
		if (plain)
			buf_char(b, (char)c);
		else
			buf_printf(b, "%%%02X", c);
	}
}

void twilio_form(struct buf *b, const struct twilio_param *params, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (i)
			buf_char(b, '&');
		put_encoded(b, str_of(params[i].name));
		buf_char(b, '=');
		put_encoded(b, params[i].value);
	}
}
