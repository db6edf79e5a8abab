/*
 * plug.h — one end of a connection, as a stand-in holds it: TCP, TLS or not, one HTTP/1.1 exchange
 * after the other, then a WebSocket. Frames are wslay's.
 *
 *     plug_dial ──▶ CONNECTING ─▶ SECURING ─▶ HEAD ─┬─▶ OPEN ─▶ CLOSING ─▶ ENDED
 *     plug_take ───────────────▶ SECURING ─▶ HEAD ─┘    frames  both close
 *                                              └─ answered: HEAD again, for the next request
 *
 * Strict on what it takes (RFC 6455: masks, RSV bits, fragments, UTF-8, the Accept header; a client
 * that was offered what it did not ask for refuses it). What is against the rules ends the plug,
 * and `why` says it. Output is corked until the callback that runs has returned.
 */
#pragma once
#include "proto/buf.h"
#include "tools/plug/loop.h"
#include "tools/plug/tls.h"
#include <sys/socket.h>

struct plug_address {
	struct sockaddr_storage to;
	socklen_t len;
	char text[80]; /* HOST:PORT, as it was given */
};

/* Numeric HOST:PORT. */
MUST enum err plug_address_read(const char *host_port, struct plug_address *ret);
bool plug_address_is_loopback(const struct plug_address *a);
/* A listening socket; port 0 draws one. ret_text: HOST:PORT as it is. */
MUST enum err plug_listen(const struct plug_address *a, int *ret_fd, char ret_text[80]);

/* One head of HTTP and what came behind it; lent until the callback returns. */
struct plug_head {
	int status;                /* of an answer */
	struct str method, target; /* of a request */
	struct str lines;          /* the headers */
	struct str body;
};

bool plug_header(const struct plug_head *h, const char *name, struct str *ret);
/* A parameter of the target's query, percent-decoded. False: absent, or longer than cap. */
bool plug_query(struct str target, const char *name, char *ret, size_t cap);

struct plug;
struct plug_ops {
	void (*asked)(struct plug *p, const struct plug_head *h); /* answer it before returning */
	void (*answered)(struct plug *p, const struct plug_head *h); /* anything but the 101 */
	void (*opened)(struct plug *p);                              /* a WebSocket from here on */
	void (*said)(struct plug *p, bool binary, struct str what);
	void (*ended)(
		struct plug *p); /* once, and the last; may come while a call into the plug runs */
};

enum plug_state {
	PLUG_IDLE,
	PLUG_CONNECTING,
	PLUG_SECURING,
	PLUG_HEAD,
	PLUG_OPEN,
	PLUG_CLOSING,
	PLUG_ENDED,
};

enum { PLUG_OUT_MAX = 8 << 20, PLUG_SAID_MAX = 16 << 20, PLUG_HEAD_MAX = 64 << 10 };

struct plug {
	enum plug_state state;
	struct plug_loop *loop;
	const struct plug_ops *ops;
	void *ctx;
	bool client, sent_close, got_close, dry, dirty, deaf;
	uint16_t code; /* of the other end's close frame; 1005: it had none; 1006: there was none */
	char why[96];  /* how it ended, when not by a close frame */
	struct plug_watch watch;
	struct plug_alarm deadline;
	struct plug_safe *safe;
	struct wslay_frame_context *frames;
	struct buf in, out, message;
	size_t in_at, out_at;
	uint64_t frame_left; /* of the frame that is being read */
	uint8_t frame_opcode, message_opcode;
	bool frame_fin;
	uint32_t seed; /* of the masks, which need only differ here */
	char accept[32];
	uint64_t received, sent; /* messages */
	struct plug *next_dirty;
};

void plug_init(struct plug *p, struct plug_loop *l, const struct plug_ops *ops, void *ctx);
void plug_done(struct plug *p); /* from an alarm or outside the loop; ops hear nothing any more */

/* Connect. What plug_ask or plug_upgrade wrote goes out then. rcvbuf: bytes of the kernel's
 * receive buffer, 0: as it is. host: of the certificate. */
MUST enum err plug_dial(struct plug *p, const struct plug_address *to, struct plug_tls *tls,
                        const char *host, int rcvbuf);
/* An accepted connection, which is the plug's from here on, also after an error. */
MUST enum err plug_take(struct plug *p, int fd, struct plug_tls *tls);

/* A whole request of a client; headers are lines with their ends. A body brings its length. */
void plug_ask(struct plug *p, const char *method, const char *target, const char *host,
              const char *headers, struct str body);
void plug_upgrade(struct plug *p, const char *target, const char *host, const char *headers);
/* A whole answer of a server; and the 101 if the request is all that RFC 6455 4.2 asks, else a
 * refusal and false. */
void plug_answer(struct plug *p, int status, const char *headers, struct str body);
bool plug_accept(struct plug *p, const struct plug_head *h);

void plug_say(struct plug *p, struct str text); /* one text message; nothing when not open */
void plug_say_binary(struct plug *p, struct str bytes);
void plug_raw(struct plug *p, struct str bytes);  /* garbage, as it stands, into the stream */
void plug_deafen(struct plug *p, bool deaf);      /* read nothing more; read again */
void plug_close(struct plug *p, uint16_t code);   /* good-bye; 2 s for the other end's */
void plug_reset(struct plug *p, const char *why); /* RST, now; ended() is called */
void plug_end(struct plug *p, const char *why);   /* FIN, now; ended() is called */
void plug_flush(struct plug *p);
