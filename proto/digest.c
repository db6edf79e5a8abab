/*
 * digest.c — digest.h by OpenSSL 3.
 */
#include "proto/digest.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

enum err digest_sha256(struct str data, uint8_t ret[DIGEST_BYTES])
{
	return EVP_Digest(data.len ? data.at : "", data.len, ret, NULL, EVP_sha256(), NULL)
	               ? OK
	               : ERR_MEMORY;
}

static enum err hmac(const EVP_MD *md, struct str key, struct str data, uint8_t *ret)
{
	if (key.len > INT32_MAX)
		return ERR_TOO_LARGE;
	return HMAC(md, key.len ? key.at : "", (int)key.len,
	            (const unsigned char *)(data.len ? data.at : ""), data.len, ret, NULL)
	               ? OK
	               : ERR_MEMORY;
}

enum err digest_hmac_sha256(struct str key, struct str data, uint8_t ret[DIGEST_BYTES])
{
	return hmac(EVP_sha256(), key, data, ret);
}

enum err digest_hmac_sha1(struct str key, struct str data, uint8_t ret[DIGEST_SHA1])
{
	return hmac(EVP_sha1(), key, data, ret);
}

enum err digest_sha1(struct str data, uint8_t ret[DIGEST_SHA1])
{
	return EVP_Digest(data.len ? data.at : "", data.len, ret, NULL, EVP_sha1(), NULL)
	               ? OK
	               : ERR_MEMORY;
}

void digest_hex(const void *at, size_t n, char *ret)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *from = at;
	for (size_t i = 0; i < n; i++) {
		*ret++ = digits[from[i] >> 4];
		*ret++ = digits[from[i] & 15];
	}
	*ret = '\0';
}

/* 16: none. */
static unsigned nibble(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a' + 10);
	return c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10) : 16;
}

enum err digest_unhex(struct str hex, void *ret, size_t n)
{
	uint8_t *to = ret;
	if (hex.len != 2 * n)
		return ERR_MALFORMED;
	for (size_t i = 0; i < hex.len; i++)
		if (nibble(hex.at[i]) > 15)
			return ERR_MALFORMED;
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)(nibble(hex.at[2 * i]) << 4 | nibble(hex.at[2 * i + 1]));
	return OK;
}

bool digest_eq(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

enum err digest_random(void *ret, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t got = getrandom((char *)ret + done, n - done, 0);
		if (got < 0 && errno != EINTR)
			return ERR_IO;
		done += got > 0 ? (size_t)got : 0;
	}
	return OK;
}

void digest_forget(void *at, size_t n)
{
	OPENSSL_cleanse(at, n);
}
