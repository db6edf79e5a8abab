#include "gateway/twilio_secret.h"
#include <stdio.h>

static bool is_token(const char *s)
{
	for (const char *at = s; *at; at++)
		if (*at <= ' ' || *at > '~')
			return false;
	return strcmp(s, "-") != 0;
}

static bool word(struct str *rest, char ret[TWILIO_TOKEN_MAX + 1])
{
	const char *space = rest->len ? memchr(rest->at, ' ', rest->len) : NULL;
	size_t n = space ? (size_t)(space - rest->at) : rest->len;
	if (!n || n > TWILIO_TOKEN_MAX)
		return false;
	str_keep(ret, TWILIO_TOKEN_MAX + 1, str_n(rest->at, n));
	*rest = str_n(rest->at + n + (space != NULL), rest->len - n - (space != NULL));
	if (!strcmp(ret, "-"))
		ret[0] = '\0';
	return true;
}

enum err twilio_secret_read(struct str text, struct twilio_secret *ret)
{
	*ret = (struct twilio_secret){ 0 };
	if (word(&text, ret->auth) && word(&text, ret->old) && word(&text, ret->stream) &&
	    !text.len && ret->auth[0])
		return OK;
	*ret = (struct twilio_secret){ 0 };
	return ERR_INVALID;
}

enum err twilio_secret_write(const struct twilio_secret *s, char ret[TWILIO_SECRET_MAX + 1])
{
	if (strlen(s->auth) < 16 || !is_token(s->auth) || !is_token(s->old) || !is_token(s->stream))
		return ERR_INVALID;
	snprintf(ret, TWILIO_SECRET_MAX + 1, "%s %s %s", s->auth, *s->old ? s->old : "-",
	         *s->stream ? s->stream : "-");
	return OK;
}
