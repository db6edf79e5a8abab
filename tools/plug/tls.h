/*
 * tls.h — the stand-ins' door to OpenSSL: TLS on a descriptor, and the two SHA-1 forms that
 * Twilio's signature and RFC 6455 ask for. Not proto/digest.h, for what judges shares nothing with
 * what it judges.
 */
#pragma once
#include "proto/err.h"
#include "proto/str.h"
#include <sys/types.h>

enum { PLUG_SHA1 = 20 };

struct plug_tls;  /* certificates and trust */
struct plug_safe; /* one connection under TLS */

/* PEM files. ERR_NOT_FOUND: not there, or not a pair. */
MUST enum err plug_tls_server(const char *cert, const char *key, struct plug_tls **ret);
/* `ca`: whom to trust, a PEM file; NULL is the system's list. */
MUST enum err plug_tls_client(const char *ca, struct plug_tls **ret);
void plug_tls_free(struct plug_tls **t);

/* host: the name the other end must prove; NULL when we are the server. */
MUST enum err plug_safe_new(struct plug_tls *t, int fd, const char *host, struct plug_safe **ret);
void plug_safe_free(struct plug_safe **s);

enum plug_io { PLUG_IO_DONE, PLUG_IO_WANTS_READ, PLUG_IO_WANTS_WRITE, PLUG_IO_ENDED };
enum plug_io plug_safe_handshake(struct plug_safe *s);
enum plug_io plug_safe_read(struct plug_safe *s, void *to, size_t n, size_t *ret);
enum plug_io plug_safe_write(struct plug_safe *s, const void *at, size_t n, size_t *ret);

MUST enum err plug_sha1(struct str data, uint8_t ret[PLUG_SHA1]);
MUST enum err plug_hmac_sha1(struct str key, struct str data, uint8_t ret[PLUG_SHA1]);
