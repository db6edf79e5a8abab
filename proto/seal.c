/*
 * seal.c — seal.h by OpenSSL 3.
 */
#include "proto/seal.h"
#include "proto/base64.h"
#include "proto/digest.h"
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>

enum { AAD_MAX = 128, RAW_MAX = SEAL_NONCE_BYTES + SEAL_PLAIN_MAX + SEAL_TAG_BYTES };

#define PREFIX "v1:"
enum { PREFIX_LEN = 3, HEAD_LEN = PREFIX_LEN + SEAL_ID_HEX + 1 };

/* ---- keys --------------------------------------------------------------------------------------
 */

static struct str trimmed(struct str s)
{
	while (s.len && (s.at[0] == ' ' || s.at[0] == '\n'))
		s = str_n(s.at + 1, s.len - 1);
	while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\n'))
		s.len--;
	return s;
}

static enum err add_key(struct seal_keys *k, struct str hex)
{
	uint8_t digest[DIGEST_BYTES];
	char text[DIGEST_HEX + 1];
	if (k->n == SEAL_KEYS || digest_unhex(hex, k->key[k->n], SEAL_KEY_BYTES))
		return ERR_INVALID;
	enum err e = digest_sha256(str_n((const char *)k->key[k->n], SEAL_KEY_BYTES), digest);
	if (e)
		return e;
	digest_hex(digest, sizeof digest, text);
	str_keep(k->id[k->n], sizeof k->id[0], str_n(text, SEAL_ID_HEX));
	k->n++;
	return OK;
}

enum err seal_keys_read(struct str text, struct seal_keys *ret)
{
	struct seal_keys k = { 0 };
	enum err e = text.len ? OK : ERR_INVALID;
	while (!e && text.len) {
		const char *comma = memchr(text.at, ',', text.len);
		uint32_t len = comma ? (uint32_t)(comma - text.at) : text.len;
		e = add_key(&k, trimmed(str_n(text.at, len)));
		text = str_n(text.at + len + !!comma, text.len - len - !!comma);
	}
	if (!e)
		*ret = k;
	seal_keys_forget(&k);
	return e;
}

void seal_keys_forget(struct seal_keys *k)
{
	digest_forget(k, sizeof *k);
}

/* ---- the cipher --------------------------------------------------------------------------------
 */

static const uint8_t *bytes(struct str s)
{
	return (const uint8_t *)(s.len ? s.at : "");
}

enum err seal_gcm(const uint8_t key[SEAL_KEY_BYTES], const uint8_t nonce[SEAL_NONCE_BYTES],
                  struct str aad, struct str plain, uint8_t *ret)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n, last;
	bool ok = c && EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
	          EVP_EncryptUpdate(c, NULL, &n, bytes(aad), (int)aad.len) == 1 &&
	          EVP_EncryptUpdate(c, ret, &n, bytes(plain), (int)plain.len) == 1 &&
	          EVP_EncryptFinal_ex(c, ret + n, &last) == 1 &&
	          EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, SEAL_TAG_BYTES, ret + n) == 1;
	EVP_CIPHER_CTX_free(c);
	return ok ? OK : ERR_MEMORY;
}

/* ERR_DENIED: the tag does not fit. */
static enum err open_gcm(const uint8_t key[SEAL_KEY_BYTES], const uint8_t *nonce, struct str aad,
                         struct str box, uint8_t *ret)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t tag[SEAL_TAG_BYTES];
	int n, last, len = (int)(box.len - SEAL_TAG_BYTES);
	memcpy(tag, box.at + len, sizeof tag);
	bool made = c && EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
	            EVP_DecryptUpdate(c, NULL, &n, bytes(aad), (int)aad.len) == 1 &&
	            EVP_DecryptUpdate(c, ret, &n, bytes(box), len) == 1 &&
	            EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, SEAL_TAG_BYTES, tag) == 1;
	bool fits = made && EVP_DecryptFinal_ex(c, ret + n, &last) == 1;
	EVP_CIPHER_CTX_free(c);
	if (!fits)
		digest_forget(ret, (size_t)len);
	return fits ? OK : made ? ERR_DENIED : ERR_MEMORY;
}

/* ---- sealed texts ------------------------------------------------------------------------------
 */

static struct str aad_of(uint64_t business, const char *what, const char *id, char room[AAD_MAX])
{
	int n = snprintf(room, AAD_MAX, "%" PRIu64 "|%s|%s", business, what, id);
	return str_n(room, (size_t)(n < AAD_MAX ? n : AAD_MAX - 1));
}

enum err seal(const struct seal_keys *k, uint64_t business, const char *what, struct str plain,
              char ret[SEAL_TEXT_MAX])
{
	uint8_t raw[RAW_MAX];
	char room[AAD_MAX];
	if (!k->n)
		return ERR_MISSING;
	if (plain.len > SEAL_PLAIN_MAX)
		return ERR_TOO_LARGE;
	enum err e = digest_random(raw, SEAL_NONCE_BYTES);
	if (!e)
		e = seal_gcm(k->key[0], raw, aad_of(business, what, k->id[0], room), plain,
		             raw + SEAL_NONCE_BYTES);
	if (e)
		return e;
	struct str all = str_n((const char *)raw, SEAL_NONCE_BYTES + plain.len + SEAL_TAG_BYTES);
	int n = snprintf(ret, SEAL_TEXT_MAX, PREFIX "%s:", k->id[0]);
	base64_write(all, ret + n);
	ret[(size_t)n + base64_text_len(all.len)] = '\0';
	return OK;
}

bool seal_is(struct str text)
{
	return text.len > HEAD_LEN && str_starts(text, PREFIX) && text.at[HEAD_LEN - 1] == ':';
}

/* The place of its key; k->n: none of ours. */
static uint32_t key_of(const struct seal_keys *k, struct str sealed)
{
	uint32_t i = 0;
	while (i < k->n && !str_is(str_n(sealed.at + PREFIX_LEN, SEAL_ID_HEX), k->id[i]))
		i++;
	return i;
}

bool seal_is_new(const struct seal_keys *k, struct str sealed)
{
	return k->n && seal_is(sealed) && key_of(k, sealed) == 0;
}

enum err seal_open(const struct seal_keys *k, uint64_t business, const char *what,
                   struct str sealed, char ret[SEAL_PLAIN_MAX + 1])
{
	char raw[SEAL_TEXT_MAX], room[AAD_MAX];
	size_t n;
	if (!seal_is(sealed) || sealed.len >= SEAL_TEXT_MAX)
		return ERR_MALFORMED;
	uint32_t i = key_of(k, sealed);
	if (i == k->n)
		return ERR_MISSING;
	if (!base64_read(str_n(sealed.at + HEAD_LEN, sealed.len - HEAD_LEN), raw, &n) ||
	    n < SEAL_NONCE_BYTES + SEAL_TAG_BYTES || n > RAW_MAX)
		return ERR_MALFORMED;
	struct str box = str_n(raw + SEAL_NONCE_BYTES, n - SEAL_NONCE_BYTES);
	enum err e = open_gcm(k->key[i], (const uint8_t *)raw,
	                      aad_of(business, what, k->id[i], room), box, (uint8_t *)ret);
	if (!e)
		ret[box.len - SEAL_TAG_BYTES] = '\0';
	return e;
}
