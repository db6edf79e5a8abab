/*
 * tls.c — tls.h by OpenSSL 3.
 */
#include "gateway/tls.h"
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>

/* A write that was cut short may come again from elsewhere: queues move. An idle connection gives
 * its 34 KB of buffers back. */
enum {
	MODES = SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	        SSL_MODE_RELEASE_BUFFERS
};

static SSL *ssl_of(const struct tls *t)
{
	return (SSL *)(uintptr_t)t;
}

enum err tls_trust_new(const char *ca_file, struct tls_trust **ret)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	if (!ctx)
		return ERR_MEMORY;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	if (!SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) ||
	    !(ca_file ? SSL_CTX_load_verify_file(ctx, ca_file)
	              : SSL_CTX_set_default_verify_paths(ctx))) {
		ERR_clear_error();
		SSL_CTX_free(ctx);
		return ERR_INVALID;
	}
	*ret = (struct tls_trust *)ctx;
	return OK;
}

void tls_trust_free(struct tls_trust **t)
{
	SSL_CTX_free((SSL_CTX *)*t);
	*t = NULL;
}

/* An address is looked for among the certificate's addresses, and is never sent as a name (RFC
 * 6066, 3). */
static bool expect(SSL *ssl, const char *host)
{
	struct in6_addr any;
	if (inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, host) && SSL_set_tlsext_host_name(ssl, host);
}

struct tls *tls_dial(struct tls_trust *trust, int fd, const char *host)
{
	SSL *ssl = SSL_new((SSL_CTX *)trust);
	if (!ssl || !expect(ssl, host) || !SSL_set_fd(ssl, fd)) {
		SSL_free(ssl);
		ERR_clear_error();
		return NULL;
	}
	SSL_set_mode(ssl, MODES);
	SSL_set_read_ahead(ssl, 1);
	SSL_set_connect_state(ssl);
	return (struct tls *)ssl;
}

struct tls *tls_take(void *ssl)
{
	return SSL_up_ref(ssl) ? ssl : NULL;
}

enum err tls_bind(struct tls *t, int fd)
{
	SSL *ssl = ssl_of(t);
	if (!SSL_set_fd(ssl, fd)) {
		ERR_clear_error();
		return ERR_MEMORY;
	}
	SSL_set_mode(ssl, MODES);
	SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION);
	SSL_set_read_ahead(ssl, 1);
	return OK;
}

void tls_free(struct tls **t)
{
	if (*t)
		SSL_free(ssl_of(*t));
	*t = NULL;
}

static enum tls_is outcome(struct tls *t, int rc)
{
	switch (SSL_get_error(ssl_of(t), rc)) {
	case SSL_ERROR_WANT_READ:
		return TLS_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_END;
	default:
		return TLS_BROKEN;
	}
}

/* One thread has one queue of errors: what an earlier call left there would be read as this one's.
 */
enum tls_is tls_handshake(struct tls *t)
{
	ERR_clear_error();
	int rc = SSL_do_handshake(ssl_of(t));
	return rc == 1 ? TLS_OK : outcome(t, rc);
}

enum tls_is tls_read(struct tls *t, void *to, size_t cap, size_t *ret_n)
{
	ERR_clear_error();
	*ret_n = 0;
	int rc = SSL_read_ex(ssl_of(t), to, cap, ret_n);
	return rc == 1 ? TLS_OK : outcome(t, rc);
}

enum tls_is tls_write(struct tls *t, const void *at, size_t n, size_t *ret_n)
{
	ERR_clear_error();
	*ret_n = 0;
	int rc = SSL_write_ex(ssl_of(t), at, n, ret_n);
	return rc == 1 ? TLS_OK : outcome(t, rc);
}

bool tls_has_more(const struct tls *t)
{
	return SSL_has_pending(ssl_of(t));
}

void tls_goodbye(struct tls *t)
{
	ERR_clear_error();
	if (SSL_is_init_finished(ssl_of(t)))
		(void)SSL_shutdown(ssl_of(t));
	ERR_clear_error();
}

void tls_why(struct tls *t, char *to, size_t cap)
{
	long verify = SSL_get_verify_result(ssl_of(t));
	unsigned long code = ERR_get_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;
	if (verify != X509_V_OK)
		(void)snprintf(to, cap, "certificate verify failed: %s",
		               X509_verify_cert_error_string(verify));
	else
		(void)snprintf(to, cap, "%s", reason ? reason : "the connection broke");
	ERR_clear_error();
}
