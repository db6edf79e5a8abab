/*
 * tls.c — see tls.h.
 */
#include "tools/plug/tls.h"
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>
#include <stdlib.h>

/* Both are OpenSSL's own objects under our names. */
static SSL_CTX *ctx_of(struct plug_tls *t)
{
	return (SSL_CTX *)t;
}

static SSL *ssl_of(struct plug_safe *s)
{
	return (SSL *)s;
}

static SSL_CTX *context(const SSL_METHOD *method)
{
	SSL_CTX *c = SSL_CTX_new(method);
	if (!c)
		return NULL;
	(void)SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
	(void)SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE |
	                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	                                  SSL_MODE_RELEASE_BUFFERS);
	return c;
}

MUST enum err plug_tls_server(const char *cert, const char *key, struct plug_tls **ret)
{
	SSL_CTX *c = context(TLS_server_method());
	if (!c)
		return ERR_MEMORY;
	if (SSL_CTX_use_certificate_chain_file(c, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(c) != 1) {
		SSL_CTX_free(c);
		return ERR_NOT_FOUND;
	}
	*ret = (struct plug_tls *)c;
	return OK;
}

MUST enum err plug_tls_client(const char *ca, struct plug_tls **ret)
{
	SSL_CTX *c = context(TLS_client_method());
	if (!c)
		return ERR_MEMORY;
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	if (ca ? SSL_CTX_load_verify_locations(c, ca, NULL) != 1
	       : SSL_CTX_set_default_verify_paths(c) != 1) {
		SSL_CTX_free(c);
		return ERR_NOT_FOUND;
	}
	*ret = (struct plug_tls *)c;
	return OK;
}

void plug_tls_free(struct plug_tls **t)
{
	SSL_CTX_free(ctx_of(*t));
	*t = NULL;
}

static bool is_address(const char *host)
{
	struct in6_addr any;
	return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

static bool expect_host(SSL *s, const char *host)
{
	if (is_address(host))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(s), host) == 1;
	return SSL_set_tlsext_host_name(s, host) == 1 && SSL_set1_host(s, host) == 1;
}

MUST enum err plug_safe_new(struct plug_tls *t, int fd, const char *host, struct plug_safe **ret)
{
	SSL *s = SSL_new(ctx_of(t));
	if (!s || SSL_set_fd(s, fd) != 1 || (host && !expect_host(s, host))) {
		SSL_free(s);
		return ERR_MEMORY;
	}
	if (host)
		SSL_set_connect_state(s);
	else
		SSL_set_accept_state(s);
	*ret = (struct plug_safe *)s;
	return OK;
}

void plug_safe_free(struct plug_safe **s)
{
	SSL_free(ssl_of(*s));
	*s = NULL;
}

static enum plug_io outcome(SSL *s, int n)
{
	switch (SSL_get_error(s, n)) {
	case SSL_ERROR_NONE:
		return PLUG_IO_DONE;
	case SSL_ERROR_WANT_READ:
		return PLUG_IO_WANTS_READ;
	case SSL_ERROR_WANT_WRITE:
		return PLUG_IO_WANTS_WRITE;
	default:
		ERR_clear_error();
		return PLUG_IO_ENDED;
	}
}

enum plug_io plug_safe_handshake(struct plug_safe *s)
{
	return outcome(ssl_of(s), SSL_do_handshake(ssl_of(s)));
}

enum plug_io plug_safe_read(struct plug_safe *s, void *to, size_t n, size_t *ret)
{
	return outcome(ssl_of(s), SSL_read_ex(ssl_of(s), to, n, ret));
}

enum plug_io plug_safe_write(struct plug_safe *s, const void *at, size_t n, size_t *ret)
{
	return outcome(ssl_of(s), SSL_write_ex(ssl_of(s), at, n, ret));
}

MUST enum err plug_sha1(struct str data, uint8_t ret[PLUG_SHA1])
{
	return EVP_Digest(data.len ? data.at : "", data.len, ret, NULL, EVP_sha1(), NULL)
	               ? OK
	               : ERR_MEMORY;
}

MUST enum err plug_hmac_sha1(struct str key, struct str data, uint8_t ret[PLUG_SHA1])
{
	if (key.len > INT32_MAX)
		return ERR_TOO_LARGE;
	return HMAC(EVP_sha1(), key.len ? key.at : "", (int)key.len,
	            (const unsigned char *)(data.len ? data.at : ""), data.len, ret, NULL)
	               ? OK
	               : ERR_MEMORY;
}
