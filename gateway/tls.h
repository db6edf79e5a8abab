/*
 * tls.h — TLS over a descriptor of ours; with digest.c and seal.c the door to OpenSSL.
 *
 *     dialled:   tls_dial() ── tls_handshake() ×n ──▶ TLS_OK: the name and the chain are good
 *     accepted:  tls_take() what libwebsockets began ── its descriptor closed ── tls_bind() ours
 *
 * No call blocks: TLS_READ and TLS_WRITE say which readiness to wait for.
 */
#pragma once
#include "proto/err.h"
#include "proto/str.h"

struct tls;       /* one connection: OpenSSL's SSL */
struct tls_trust; /* whom we believe when dialling: OpenSSL's SSL_CTX */

enum tls_is {
	TLS_OK,
	TLS_READ,  /* nothing now: wait until the descriptor can be read */
	TLS_WRITE, /*   or written */
	TLS_END,   /* the other end said that it ends */
	TLS_BROKEN,
};

/* ca_file: certificates to believe, PEM; NULL: those of the system. ERR_INVALID: cannot be read. */
MUST enum err tls_trust_new(const char *ca_file, struct tls_trust **ret);
void tls_trust_free(struct tls_trust **t);

/* A client for a connected descriptor; the certificate must be for this host, a name or an address.
 * NULL: out of memory. */
struct tls *tls_dial(struct tls_trust *trust, int fd, const char *host);
/* Counts one user more of a connection that somebody else will give up. */
struct tls *tls_take(void *ssl);
/* From here on over this descriptor. Only when the former user has closed its own: it closes what
 * SSL_get_fd() says. */
MUST enum err tls_bind(struct tls *t, int fd);
void tls_free(struct tls **t); /* says nothing to the other end */

enum tls_is tls_handshake(struct tls *t);
enum tls_is tls_read(struct tls *t, void *to, size_t cap, size_t *ret_n);
/* May take less; what it was offered must be offered again first. */
enum tls_is tls_write(struct tls *t, const void *at, size_t n, size_t *ret_n);
bool tls_has_more(const struct tls *t); /* bytes that no poll will announce */
void tls_goodbye(struct tls *t);        /* tells the other end, if it can do so at once */

/* What broke, for a log: "certificate verify failed: hostname mismatch". */
void tls_why(struct tls *t, char *to, size_t cap);
