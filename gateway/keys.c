/*
 * keys.c — keys.h.
 */
#include "gateway/keys.h"
#include "gateway/http.h"
#include <stdlib.h>

struct key_cache {
	struct key cells[KEYS_CELLS];
};

enum err key_cache_new(struct key_cache **ret)
{
	*ret = calloc(1, sizeof **ret);
	return *ret ? OK : ERR_MEMORY;
}

void key_cache_free(struct key_cache **k)
{
	free(*k);
	*k = NULL;
}

static uint32_t cell(const uint8_t hash[32])
{
	return ((uint32_t)hash[0] << 8 | hash[1]) % KEYS_CELLS;
}

const struct key *key_cache_find(const struct key_cache *k, const uint8_t hash[32], uint64_t now_us)
{
	const struct key *key = &k->cells[cell(hash)];
	return key->until_us > now_us && !memcmp(key->hash, hash, 32) ? key : NULL;
}

const struct key *key_cache_put(struct key_cache *k, const uint8_t hash[32], uint64_t id,
                                uint64_t business, const struct str *scopes, uint32_t n,
                                uint64_t now_us)
{
	struct key *key = &k->cells[cell(hash)];
	size_t used = 0;
	*key = (struct key){ .id = id,
		             .business = business,
		             .until_us = now_us + (id ? KEYS_GOOD_US : KEYS_BAD_US) };
	memcpy(key->hash, hash, sizeof key->hash);
	for (uint32_t i = 0; i < n; i++) {
		if (!scopes[i].len || scopes[i].len + 2 > sizeof key->scopes - used)
			continue;
		memcpy(key->scopes + used, scopes[i].at, scopes[i].len);
		used += scopes[i].len;
		key->scopes[used++] = ' ';
	}
	return key;
}

bool key_may(const struct key *key, const char *scope)
{
	size_t n = strlen(scope);
	for (const char *at = key->scopes; *at; at = strchr(at, ' ') + 1)
		if (!strncmp(at, scope, n) && at[n] == ' ')
			return true;
	return false;
}

struct str key_bearer(struct str authorization)
{
	struct str none = { 0 };
	if (authorization.len < 8 || !http_is(str_n(authorization.at, 7), "bearer "))
		return none;
	struct str token = str_n(authorization.at + 7, authorization.len - 7);
	while (token.len && *token.at == ' ')
		token = str_n(token.at + 1, token.len - 1);
	for (uint32_t i = 0; i < token.len; i++) {
		char c = token.at[i];
		bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		            (c >= '0' && c <= '9') || (c && strchr("-._~+/=", c));
		if (!fine)
			return none;
	}
	return token.len <= KEYS_TEXT ? token : none;
}
