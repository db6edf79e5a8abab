/*
 * zap.c — the ZAP handler, on the node's own loop.
 */
#include "bus/zap.h"
#include "bus/link.h"
#include <stdlib.h>
#include <zmq.h>

enum { OPTION_ZAP_ENFORCE_DOMAIN = 93 }; /* a draft name, but live in Debian's libzmq 4.3.4 */

struct zap {
	void *socket;
	struct loop_fd *fd;
	bool (*known)(void *ctx, const char *key);
	void *ctx;
	uint64_t refused;
	bool stirred;
};

static void stir(void *ctx, int events)
{
	struct zap *z = ctx;
	(void)events;
	z->stirred = true;
}

bool zap_stirred(const struct zap *z)
{
	return z->stirred;
}

enum err zap_new(const struct zap_config *config, struct zap **ret)
{
	struct zap *z = calloc(1, sizeof *z);
	if (!z)
		return ERR_MEMORY;
	z->known = config->known;
	z->ctx = config->ctx;
	z->socket = zmq_socket(config->context, ZMQ_REP);
	int none = 0, fd = -1;
	size_t n = sizeof fd;
	if (!z->socket || zmq_setsockopt(z->socket, ZMQ_LINGER, &none, sizeof none) ||
	    zmq_bind(z->socket, "inproc://zeromq.zap.01") ||
	    zmq_getsockopt(z->socket, ZMQ_FD, &fd, &n) ||
	    loop_watch(config->loop, fd, LOOP_READ, stir, z, &z->fd)) {
		zap_free(&z);
		return ERR_IO;
	}
	*ret = z;
	return OK;
}

void zap_free(struct zap **z)
{
	if (!*z)
		return;
	loop_watch_free(&(*z)->fd);
	if ((*z)->socket)
		zmq_close((*z)->socket);
	free(*z);
	*z = NULL;
}

uint64_t zap_refused(const struct zap *z)
{
	return z ? z->refused : 0;
}

/* RFC 27: version, request id, domain, address, identity, mechanism, credentials. */
enum {
	PARTS = 7,
	PART_VERSION = 0,
	PART_ID = 1,
	PART_DOMAIN = 2,
	PART_MECHANISM = 5,
	PART_KEY = 6
};

struct part {
	char at[256];
	size_t len;
};

static bool part_is(const struct part *p, const char *text)
{
	return p->len == strlen(text) && !memcmp(p->at, text, p->len);
}

static bool take(struct zap *z, struct part parts[PARTS], int *ret_n)
{
	int n = 0, more = 1;
	while (more) {
		struct part extra, *to = n < PARTS ? &parts[n] : &extra;
		int len = zmq_recv(z->socket, to->at, sizeof to->at, ZMQ_DONTWAIT);
		if (len < 0)
			return false;
		to->len = (size_t)len < sizeof to->at ? (size_t)len : sizeof to->at;
		size_t size = sizeof more;
		zmq_getsockopt(z->socket, ZMQ_RCVMORE, &more, &size);
		n++;
	}
	*ret_n = n;
	return true;
}

static void answer(struct zap *z, const struct part *id, const char *key)
{
	const char *code = key ? "200" : "400", *text = key ? "OK" : "not known here";
	zmq_send(z->socket, "1.0", 3, ZMQ_SNDMORE | ZMQ_DONTWAIT);
	zmq_send(z->socket, id->at, id->len, ZMQ_SNDMORE | ZMQ_DONTWAIT);
	zmq_send(z->socket, code, 3, ZMQ_SNDMORE | ZMQ_DONTWAIT);
	zmq_send(z->socket, text, strlen(text), ZMQ_SNDMORE | ZMQ_DONTWAIT);
	zmq_send(z->socket, key ? key : "", key ? strlen(key) : 0, ZMQ_SNDMORE | ZMQ_DONTWAIT);
	zmq_send(z->socket, "", 0, ZMQ_DONTWAIT);
}

void zap_turn(struct zap *z)
{
	struct part parts[PARTS];
	int n;
	z->stirred = false;
	while (take(z, parts, &n)) {
		char key[LINK_KEY_BYTES + 1] = "";
		bool ok = n == PARTS && part_is(&parts[PART_VERSION], "1.0") &&
		          part_is(&parts[PART_DOMAIN], ZAP_DOMAIN) &&
		          part_is(&parts[PART_MECHANISM], "CURVE") && parts[PART_KEY].len == 32 &&
		          zmq_z85_encode(key, (uint8_t *)parts[PART_KEY].at, 32) &&
		          z->known(z->ctx, key);
		z->refused += !ok;
		answer(z, &parts[PART_ID], ok ? key : NULL);
	}
}

enum err zap_guard(void *socket, const char *secret_z85)
{
	int on = 1;
	if (zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &on, sizeof on) ||
	    zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, secret_z85, LINK_KEY_BYTES + 1) ||
	    zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, ZAP_DOMAIN, sizeof ZAP_DOMAIN - 1) ||
	    zmq_setsockopt(socket, OPTION_ZAP_ENFORCE_DOMAIN, &on, sizeof on))
		return ERR_INVALID;
	return OK;
}
